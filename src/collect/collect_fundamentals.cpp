#include "collect/collect_fundamentals.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "collect/fundamentals_accept.hpp"
#include "collect/fundamentals_plan.hpp"
#include "collect/provider_session.hpp"
#include "collect/table_sources.hpp"
#include "core/error.hpp"
#include "core/text/json.hpp"
#include "pg/session.hpp"
#include "pg/subtransaction.hpp"
#include "pg/transaction.hpp"
#include "store/calendar_store.hpp"
#include "store/collection_store.hpp"
#include "store/commit.hpp"

namespace pb::collect {

namespace {

using market::FundamentalState;
using store::CollectionResult;
using store::FundamentalSymbol;
using store::OrderedSource;

// A symbol while a kind of it is asked for.
struct Asked {
  FundamentalSymbol symbol;
  std::vector<std::string> order;  // of the sources that may be asked
  std::vector<Outcome> outcomes = {};
  std::string error = {};  // of the last failure
  // The answer with data, and whose it is.
  std::optional<SymbolAnswer> answer = {};
  std::string provider = {};
  std::vector<CollectionResult> results = {};

  bool may_ask(const std::string& source) const {
    return !answer && std::find(order.begin(), order.end(), source) != order.end();
  }
};

// What an answer is worth before it is stored: one that holds nothing is one without data.
bool has_rows(const SymbolAnswer& answer, Kind kind) {
  if (answer.outcome != Outcome::ok && answer.outcome != Outcome::pending) return false;
  switch (kind) {
    case Kind::statements:
      return !answer.statements.empty();
    case Kind::profiles:
      return answer.profile && !answer.profile->columns.empty();
    case Kind::estimates:
      return !answer.estimates.empty();
    default:
      return !answer.earnings_dates.empty();
  }
}

bool is_failure(Outcome outcome) {
  switch (outcome) {
    case Outcome::rate_limit:
    case Outcome::auth:
    case Outcome::blocked:
    case Outcome::transient:
    case Outcome::malformed:
      return true;
    default:
      return false;
  }
}

// What has come of a collection so far.
struct Tally {
  std::set<std::string> due, fetched, failed;
  std::map<std::string, std::int64_t> due_by_kind, fetched_by_kind, by_provider, by_outcome;
  std::int64_t rows_written = 0;
  std::vector<std::string> notes;
};

core::JsonObject counts(const std::map<std::string, std::int64_t>& by_name) {
  core::JsonObject object;
  for (const auto& [name, count] : by_name) object.add(name, count);
  return object;
}

class FundamentalsCollection {
 public:
  FundamentalsCollection(const pg::Call& call, const FundamentalsRequest& request) : call_(call), request_(request) {}

  void run() {
    bool is_open = false;
    work([&](const store::Store& store) { is_open = open(store); });
    if (!is_open) {
      pg::notice("portfolio_batch: another session is collecting fundamentals");
      return;
    }
    try {
      for (const Kind kind : fundamental_kinds) collect(kind, Choice::due);
      for (const Kind kind : fundamental_kinds) collect(kind, Choice::carried);
      work([&](const store::Store& store) { close(store, tally_.failed.empty() ? "success" : "partial", ""); });
    } catch (const core::Error& error) {
      close_failed(error.message());
      throw;
    } catch (const pg::ServerError& error) {
      if (!error.is_interruption()) close_failed(error.message());
      throw;
    }
    pg::notice("portfolio_batch: " + summary());
  }

 private:
  // Of a kind: symbols of which it is due, or then those of which the answer to another question had it as well.
  enum class Choice { due, carried };

  void work(const std::function<void(const store::Store&)>& piece) {
    if (const auto failure = store::commit_work(call_, piece))
      throw core::Error(failure->sqlstate, failure->message, failure->detail, failure->hint);
  }

  bool open(const store::Store& store) {
    store.require({"fundamental_state", "company_profiles", "income_statements", "balance_sheets", "cash_flows",
                   "analyst_estimates"});
    store::require_primary(store);
    if (request_.as_of) store::require_closed_session(store, *request_.as_of);
    moment_ = fundamental_moment(store, request_.as_of);
    const auto id = store::begin_collection(store, "fundamentals", moment_.as_of);
    if (!id) return false;
    collection_id_ = *id;
    const auto& settings = store.settings();
    chunk_ = static_cast<std::size_t>(std::max(settings.collect_chunk, 1));
    deadline_ = pg::clock_usecs() + std::int64_t{settings.collect_deadline_minutes} * 60'000'000;
    session_ = std::make_unique<ProviderSession>(store);
    for (const Kind kind : fundamental_kinds) {
      orders_[kind] = store::load_order(store, kind);
      for (const OrderedSource& source : orders_[kind])
        if (source.is_provider) session_->prepare(store, source.name, moment_.as_of);
    }
    return true;
  }

  // The symbols of which the kind is due, those of the largest value that were answered longest ago first. The kinds
  // before this one may have changed what a symbol is and when it reports.
  std::vector<Asked> due(const store::Store& store, Kind kind, Choice choice) const {
    std::vector<std::string> names;
    for (const OrderedSource& source : orders_.at(kind)) names.push_back(source.name);
    const core::Sessions sessions = fundamental_sessions(store, moment_);
    std::vector<std::pair<double, Asked>> ranked;
    for (auto& symbol : store::load_fundamental_symbols(store, moment_.as_of, request_.symbols)) {
      const DueDecision decision = decide_symbol(symbol, kind, moment_, sessions);
      if (choice == Choice::carried) {
        const auto carrier = decision.next_due ? carrier_of(symbol.symbol, kind) : std::nullopt;
        if (carrier && !asked_.contains({symbol.symbol, kind}))
          ranked.emplace_back(0, Asked{std::move(symbol), {*carrier}});
        continue;
      }
      if (!decision.is_due && !(request_.force && decision.next_due)) continue;
      const FundamentalState& state = symbol.states[kind];
      const double days = state.answered_for ? static_cast<double>((moment_.as_of - *state.answered_for).count()) : 1e4;
      auto order = providers_in_order(state, kind, names);
      const double rank = (symbol.value + 1) * (days + 1);
      ranked.emplace_back(rank, Asked{std::move(symbol), std::move(order)});
    }
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<Asked> asked;
    asked.reserve(ranked.size());
    for (auto& [rank, symbol] : ranked) asked.push_back(std::move(symbol));
    return asked;
  }

  // Whose answer to another question has rows of the kind: the first in order, among those that may be asked for it.
  std::optional<std::string> carrier_of(const std::string& symbol, Kind kind) const {
    for (const OrderedSource& source : orders_.at(kind)) {
      const auto found = carried_.find({source.name, symbol});
      if (found != carried_.end() && has_rows(found->second, kind)) return source.name;
    }
    return std::nullopt;
  }

  void collect(Kind kind, Choice choice) {
    if (choice == Choice::carried && carried_.empty()) return;
    std::vector<Asked> asked;
    work([&](const store::Store& store) { asked = due(store, kind, choice); });
    for (const Asked& one : asked) asked_.insert({one.symbol.symbol, kind});
    if (choice == Choice::due) {
      tally_.due_by_kind[market::to_word(kind)] = static_cast<std::int64_t>(asked.size());
      for (const Asked& one : asked) tally_.due.insert(one.symbol.symbol);
    }
    if (orders_[kind].empty()) {
      if (!asked.empty())
        tally_.notes.push_back("no source or provider of " + std::string(market::to_word(kind)) + " is switched on");
      return;
    }
    for (std::size_t first = 0; first < asked.size(); first += chunk_) {
      const std::size_t count = std::min(chunk_, asked.size() - first);
      const std::span<Asked> chunk(asked.data() + first, count);
      for (const OrderedSource& source : orders_[kind]) ask(source, kind, chunk);
      std::vector<Asked> before(chunk.begin(), chunk.end());
      work([&](const store::Store& store) {
        // A second attempt begins from where the first began.
        std::copy(before.begin(), before.end(), chunk.begin());
        keep(store, kind, chunk);
      });
      for (const Asked& one : chunk) count_results(one, kind);
    }
  }

  void ask(const OrderedSource& source, Kind kind, std::span<Asked> chunk) {
    std::vector<Asked*> wanting;
    for (Asked& one : chunk)
      if (one.may_ask(source.name) && !take_carried(one, source.name, kind) &&
          (!source.is_provider || is_served(source.name, kind, one)))
        wanting.push_back(&one);
    if (wanting.empty()) return;
    constexpr std::chrono::days years{5 * 366};
    std::vector<ProviderSession::Wish> wishes;
    wishes.reserve(wanting.size());
    for (const Asked* one : wanting) wishes.push_back({one->symbol.symbol, moment_.as_of - years, moment_.as_of});
    std::vector<ProviderSession::Reply> replies;
    if (source.is_provider)
      replies = session_->ask(source.name, kind, wishes, deadline_);
    else
      work([&](const store::Store& store) { replies = ask_table(store, source.name, kind, wishes); });
    for (ProviderSession::Reply& reply : replies)
      for (Asked* one : wanting)
        if (one->symbol.symbol == reply.answer.symbol) {
          if (source.is_provider) remember(source.name, kind, reply.answer);
          take(*one, source.name, kind, std::move(reply));
          break;
        }
  }

  // An answer that has rows of other kinds is kept until their turn.
  void remember(const std::string& provider, Kind kind, const SymbolAnswer& answer) {
    for (const Kind other : fundamental_kinds)
      if (other != kind && other != Kind::statements && has_rows(answer, other))
        carried_[{provider, answer.symbol}] = answer;
  }

  bool take_carried(Asked& one, const std::string& provider, Kind kind) const {
    const auto found = carried_.find({provider, one.symbol.symbol});
    if (found == carried_.end() || !has_rows(found->second, kind)) return false;
    ProviderSession::Reply reply{};
    reply.answer = found->second;
    take(one, provider, kind, std::move(reply));
    return true;
  }

  // A provider that cannot be asked is named with its reason, unless that is the kind of symbol.
  bool is_served(const std::string& provider, Kind kind, Asked& one) const {
    const std::string& refusal = session_->refusal(provider);
    if (refusal.empty()) return session_->serves(provider, kind, one.symbol.symbol);
    ProviderSession::Reply reply{};
    reply.answer.symbol = one.symbol.symbol;
    reply.answer.outcome = Outcome::skipped;
    reply.answer.text = refusal;
    take(one, provider, kind, std::move(reply));
    return false;
  }

  static void take(Asked& one, const std::string& source, Kind kind, ProviderSession::Reply reply) {
    SymbolAnswer& answer = reply.answer;
    const bool is_answer = answer.outcome == Outcome::ok || answer.outcome == Outcome::pending;
    if (is_answer && !has_rows(answer, kind)) answer.outcome = Outcome::no_data;
    if (is_failure(answer.outcome))
      one.error = std::string(market::to_word(answer.outcome)) + " of " + source + ": " + answer.text;
    CollectionResult result{};
    result.symbol = one.symbol.symbol;
    result.kind = kind;
    result.provider = source;
    result.outcome = answer.outcome;
    result.http_status = reply.http_status;
    result.requests = reply.requests;
    if (answer.outcome != Outcome::skipped) result.seconds = reply.seconds;
    result.message = answer.text;
    one.outcomes.push_back(answer.outcome);
    one.results.push_back(std::move(result));
    if (!has_rows(answer, kind)) return;
    one.answer = std::move(answer);
    one.provider = source;
  }

  // Stores what a chunk brought.
  void keep(const store::Store& store, Kind kind, std::span<Asked> chunk) {
    std::vector<CollectionResult> results;
    for (Asked& one : chunk) {
      keep_one(store, kind, one);
      results.insert(results.end(), one.results.begin(), one.results.end());
    }
    store::write_collection_results(store, collection_id_, results);
    session_->save(store);
  }

  void keep_one(const store::Store& store, Kind kind, Asked& one) {
    FundamentalState state = one.symbol.states[kind];
    Accepted accepted;
    if (one.answer) {
      CollectionResult& result = one.results.back();
      const FundamentalState before = state;
      const auto failure = pg::isolate(
          [&] { accepted = accept_answer(store, one.symbol, kind, one.provider, *one.answer, moment_.as_of, state); });
      if (failure) {
        accepted = {};
        state = before;
        result.outcome = one.outcomes.back() = Outcome::malformed;
        result.message = one.error = failure->message;
      } else {
        result.rows_received = accepted.rows_received;
        result.rows_written = accepted.rows_written;
        if (!accepted.message.empty()) result.message = accepted.message;
      }
    }
    const Outcome joint = joint_outcome(one.outcomes);
    if (joint == Outcome::skipped || joint == Outcome::deadline) return;
    store::write_attempt(store, {.symbol = one.symbol.symbol,
                                 .kind = kind,
                                 .state = after_attempt(state, joint, moment_),
                                 .has_new_data = accepted.rows_written > 0,
                                 .error = is_failure(joint) ? one.error : ""});
  }

  void count_results(const Asked& one, Kind kind) {
    for (const CollectionResult& result : one.results) {
      tally_.rows_written += result.rows_written;
      ++tally_.by_outcome[market::to_word(result.outcome)];
    }
    const Outcome joint = joint_outcome(one.outcomes);
    if (joint == Outcome::ok || joint == Outcome::pending) {
      tally_.fetched.insert(one.symbol.symbol);
      ++tally_.fetched_by_kind[market::to_word(kind)];
      ++tally_.by_provider[one.provider];
    } else if (is_failure(joint) || joint == Outcome::deadline) {
      tally_.failed.insert(one.symbol.symbol);
    }
  }

  std::string summary() const {
    const auto symbols = [](std::size_t count) {
      return std::to_string(count) + (count == 1 ? " symbol" : " symbols");
    };
    std::string text = "fundamentals of " + symbols(tally_.due.size()) + " were due, of " +
                       std::to_string(tally_.fetched.size()) + " some were fetched";
    for (const std::string& note : tally_.notes) text += "; " + note;
    return text;
  }

  void close(const store::Store& store, const std::string& status, const std::string& error) {
    core::JsonObject detail;
    detail.add("due", counts(tally_.due_by_kind))
        .add("fetched", counts(tally_.fetched_by_kind))
        .add("outcomes", counts(tally_.by_outcome))
        .add("providers", counts(tally_.by_provider))
        .raw("notes", core::json_array(tally_.notes));
    store::finish_collection(store, collection_id_,
                             {.status = status,
                              .symbols_requested = static_cast<int>(tally_.due.size()),
                              .symbols_fetched = static_cast<int>(tally_.fetched.size()),
                              .symbols_with_data = static_cast<int>(tally_.fetched.size()),
                              .symbols_wanted = static_cast<int>(tally_.due.size()),
                              .rows_written = tally_.rows_written,
                              .detail_json = detail.str(),
                              .error = error});
  }

  // Closes the record as far as the server still can; the error is what counts.
  void close_failed(const std::string& error) noexcept {
    try {
      pg::rollback();
      work([&](const store::Store& store) { close(store, "failed", error); });
    } catch (...) {
      // The next collection finds the record of a session that no longer runs, and marks it as lost.
    }
  }

  const pg::Call& call_;
  const FundamentalsRequest& request_;
  Moment moment_ = {};
  std::int64_t collection_id_ = 0;
  std::size_t chunk_ = 50;
  std::int64_t deadline_ = 0;
  std::map<Kind, std::vector<OrderedSource>> orders_ = {};
  std::unique_ptr<ProviderSession> session_ = nullptr;
  std::map<std::pair<std::string, std::string>, SymbolAnswer> carried_ = {};  // by provider and symbol
  std::set<std::pair<std::string, Kind>> asked_ = {};
  Tally tally_ = {};
};

}  // namespace

void collect_fundamentals(const pg::Call& call, const FundamentalsRequest& request) {
  if (!call.may_commit())
    throw core::Error("2D000", "collect_fundamentals cannot run inside a transaction block",
                      "It commits chunk by chunk, so that a crash keeps what has come.",
                      "CALL it outside of BEGIN and COMMIT, functions and procedures with settings of their own.");
  FundamentalsCollection(call, request).run();
}

void collect_fundamentals_for_batch(const pg::Call& call, const std::optional<core::Date>& target) {
  FundamentalsRequest request;
  {
    const store::EndOfWork end(call);
    const store::Store store(call);
    if (!store::has_fundamental_sources(store)) return;
    if (target) request.as_of = store::session_before(store, store.settings().calendar, *target + std::chrono::days{1});
  }
  collect_fundamentals(call, request);
}

}  // namespace pb::collect
