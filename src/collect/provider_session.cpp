#include "collect/provider_session.hpp"

#include <algorithm>
#include <set>

#include "collect/network.hpp"
#include "collect/provider/registry.hpp"
#include "store/collection_store.hpp"

namespace pb::collect {

struct ProviderSession::Known {
  std::unique_ptr<Provider> provider;
  std::string refusal;
  Limits limits;
  http::ProviderState state;
  std::map<std::string, std::string> aliases;
  bool was_asked = false;
};

ProviderSession::ProviderSession(const store::Store& store) : settings_(store.settings()) {}
ProviderSession::~ProviderSession() = default;

ProviderSession::Known& ProviderSession::known(const std::string& name) const { return *known_.at(name); }

void ProviderSession::prepare(const store::Store& store, const std::string& name, core::Date day) {
  if (known_.contains(name)) return;
  auto known = std::make_unique<Known>();
  const Configuration configuration = configuration_of(settings_, name);
  known->provider = make_provider(name, configuration);
  if (!known->provider)
    known->refusal = "there is no provider of this name";
  else if (known->provider->needs_key() && configuration.key.empty())
    known->refusal = "it needs a key, and portfolio_batch.provider_keys_file has none";
  if (known->refusal.empty()) {
    known->limits = known->provider->limits();
    const store::StoredLimits stored = store::load_limits(store, name);
    if (stored.requests_per_second) known->limits.requests_per_second = *stored.requests_per_second;
    if (stored.burst) known->limits.burst = *stored.burst;
    if (stored.concurrent) known->limits.concurrent = *stored.concurrent;
    if (stored.requests_per_day) known->limits.requests_per_day = stored.requests_per_day;
    const store::StoredProviderState state = store::load_provider_state(store, name);
    known->state = {state.quota_day,    state.requests_sent, state.failures_in_a_row,
                    state.times_opened, state.closed_until,  state.reason};
    known->aliases = store::load_aliases(store, name, day);
  }
  known_[name] = std::move(known);
}

const std::string& ProviderSession::refusal(const std::string& name) const { return known(name).refusal; }

bool ProviderSession::serves(const std::string& name, Kind kind, const std::string& symbol) const {
  const Known& k = known(name);
  if (!k.refusal.empty()) return false;
  const auto alias = k.aliases.find(symbol);
  return k.provider->serves(kind, {symbol, alias == k.aliases.end() ? "" : alias->second});
}

std::vector<ProviderSession::Reply> ProviderSession::ask(const std::string& name, Kind kind,
                                                         const std::vector<Wish>& wishes, std::int64_t deadline) {
  Known& k = known(name);
  const std::size_t most = std::max<std::size_t>(1, k.provider->instruments_per_query(kind));
  // Symbols of which the same sessions are wanted share a query where the provider has one for many.
  std::map<std::pair<core::Date, core::Date>, std::vector<Instrument>> by_span;
  for (const Wish& wish : wishes) {
    const auto alias = k.aliases.find(wish.symbol);
    by_span[{wish.first, wish.last}].push_back({wish.symbol, alias == k.aliases.end() ? "" : alias->second});
  }
  std::vector<Query> queries;
  for (auto& [span, instruments] : by_span)
    for (std::size_t i = 0; i < instruments.size(); i += most) {
      const auto begin = instruments.begin() + static_cast<std::ptrdiff_t>(i);
      const auto end = begin + static_cast<std::ptrdiff_t>(std::min(most, instruments.size() - i));
      queries.push_back({kind, {begin, end}, span.first, span.second});
    }
  if (!descriptor_) descriptor_.emplace();
  if (!dispatcher_) dispatcher_ = std::make_unique<http::Dispatcher>(network_of(settings_), surroundings());
  k.was_asked = true;
  std::vector<Reply> replies;
  for (http::Asked& asked : dispatcher_->ask(*k.provider, k.limits, k.state, std::move(queries), deadline)) {
    std::set<std::string> answered;
    for (SymbolAnswer& answer : asked.answer.symbols) {
      if (!answered.insert(answer.symbol).second) continue;
      replies.push_back({std::move(answer), asked.answer.http_status, asked.answer.requests, asked.seconds,
                         asked.query.from, asked.query.to});
    }
    for (const Instrument& instrument : asked.query.instruments)
      if (!answered.contains(instrument.symbol)) {
        SymbolAnswer nothing{.symbol = instrument.symbol, .outcome = Outcome::malformed};
        nothing.text = "the answer does not name the symbol";
        replies.push_back({std::move(nothing), asked.answer.http_status, asked.answer.requests, asked.seconds,
                           asked.query.from, asked.query.to});
      }
  }
  return replies;
}

void ProviderSession::save(const store::Store& store) {
  for (auto& [name, k] : known_) {
    if (!k->was_asked) continue;
    const http::ProviderState& s = k->state;
    store::save_provider_state(
        store, name, {s.quota_day, s.requests_sent, s.failures_in_a_row, s.times_opened, s.closed_until, s.reason});
  }
}

}  // namespace pb::collect
