#include "collect/fundamentals_plan.hpp"

#include <algorithm>

#include "pg/session.hpp"
#include "store/calendar_store.hpp"

namespace pb::collect {

Moment fundamental_moment(const store::Store& store, const std::optional<core::Date>& as_of) {
  if (!as_of) return {store::latest_session(store), pg::clock_usecs()};
  const core::Instant end = *as_of + std::chrono::days{1};
  const bool is_to_come = store::latest_closed_session(store) < as_of;
  return {*as_of, is_to_come ? std::max(pg::clock_usecs(), end.time_since_epoch().count()) : pg::clock_usecs()};
}

core::Sessions fundamental_sessions(const store::Store& store, const Moment& moment) {
  constexpr std::chrono::days before{500}, after{200};
  return store::load_sessions(store, store.settings().calendar, moment.as_of - before, moment.as_of + after);
}

DueDecision decide_symbol(const store::FundamentalSymbol& symbol, market::Kind kind, const Moment& moment,
                          const core::Sessions& sessions) {
  FundamentalFacts facts{.instrument = symbol.instrument, .earnings = symbol.earnings()};
  if (const auto found = symbol.states.find(kind); found != symbol.states.end()) facts.state = found->second;
  return decide_due(kind, facts, moment, sessions);
}

}  // namespace pb::collect
