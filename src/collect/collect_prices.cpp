#include "collect/collect_prices.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "collect/plan/finality.hpp"
#include "collect/plan/gates.hpp"
#include "collect/plan/missing.hpp"
#include "collect/plan/restatement.hpp"
#include "collect/provider/symbols.hpp"
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
#include "store/price_intake.hpp"

namespace pb::collect {

using core::Date;
using store::CollectionResult;
using store::IntakeAction;
using store::IntakePrice;
using store::IntakeReason;
using store::OrderedSource;
using store::QuarantinedPrice;
using store::Store;
using Wish = ProviderSession::Wish;
using Reply = ProviderSession::Reply;

namespace {

constexpr std::array all_kinds{Kind::corporate_actions, Kind::prices, Kind::options, Kind::yields};
constexpr std::int64_t notice_interval_usecs = 1'000'000;
// A yield may come days after its day, and be revised for some.
constexpr std::chrono::days yield_overlap{14};
// An action may be announced after its ex-date.
constexpr std::chrono::days action_overlap{10};

void do_work(const pg::Call& call, const std::function<void(const Store&)>& work) {
  if (const auto failure = store::commit_work(call, work))
    throw core::Error(failure->sqlstate, failure->message, failure->detail, failure->hint);
}

// A symbol in its chunk.
struct Task {
  std::string symbol;
  Span wanted;
  std::vector<IntakePrice> stored = {};
  std::vector<StoredBar> stored_bars = {};
  std::vector<market::Action> known_actions = {};
  std::string currency = {};                    // expected; empty: not known
  std::vector<QuarantinedPrice> suspects = {};  // of the sources before, which the next may confirm
  std::optional<Span> answered = {};
  Missing missing = {};
  Restatement::Kind restated = Restatement::Kind::none;  // why all of the history is asked for
  bool is_answered = false;

  // Whether another source can say that the price is right: of each session the first one's counts.
  bool may_confirm(const QuarantinedPrice& suspect) const {
    const std::string& gate = suspect.gate;
    if (gate != "jump" && gate != "inconsistent_range") return false;
    return std::none_of(suspects.begin(), suspects.end(), [&](const QuarantinedPrice& earlier) {
      return earlier.price.bar.date == suspect.price.bar.date;
    });
  }
};

// What is written of one answer.
struct Intake {
  Task* task = nullptr;
  CollectionResult result;
  std::vector<IntakePrice> prices = {};
  std::vector<QuarantinedPrice> suspects = {};
  std::vector<QuarantinedPrice> confirmed = {};  // of another source
  std::vector<IntakeAction> actions = {};
  IntakeReason reason = IntakeReason::correction;
};

struct Totals {
  std::set<std::string> requested, fetched;
  std::map<std::string, std::set<std::string>> by_source;
  std::int64_t rows_written = 0;
  std::set<std::string> failed;
};

class Collector {
 public:
  Collector(const pg::Call& call, const MarketDataRequest& request);
  void run();

 private:
  struct Part {
    Kind kind;
    std::vector<OrderedSource> order;
  };

  void plan(const Store& store);
  bool wants(Kind kind) const;
  void collect();
  void collect_part(const Part& part);
  void collect_chunk(const Part& part, std::span<const store::WantedSeries> series);
  std::vector<Task> read_tasks(const Store& store, Kind kind, std::span<const store::WantedSeries> series) const;
  std::vector<Reply> ask(const OrderedSource& source, Kind kind, const std::vector<Wish>& wishes);
  std::vector<Wish> wishes_of(const OrderedSource& source, Kind kind, std::span<Task*> tasks,
                              std::vector<CollectionResult>& left_out) const;
  Intake take_in(Task& task, const OrderedSource& source, Kind kind, Reply& reply, bool is_whole, bool& is_restated);
  void write(std::vector<Intake>& intakes, std::span<const CollectionResult> left_out);
  void write_intakes(const Store& store, std::span<Intake> intakes) const;
  void collect_actions(const Part& part);
  void collect_yields(const Part& part);
  void finish(const char* status, const std::string& error);
  void tell_progress(Kind kind, std::size_t done, std::size_t all);
  static CollectionResult result_of(const OrderedSource& source, Kind kind, const Reply& reply);

  const pg::Call& call_;
  MarketDataRequest request_;
  store::Settings settings_ = {};
  Date target_ = {};
  core::Sessions sessions_;
  SettledSession newest_ = {};
  std::vector<store::WantedSeries> wanted_;
  std::vector<Part> parts_;
  std::optional<ProviderSession> providers_;
  std::int64_t collection_id_ = 0;
  std::int64_t started_ = pg::clock_usecs(), last_told_ = started_, deadline_ = 0;
  Totals totals_;
};

// The longest window of the engines, with the session before it, whose price the first return takes.
int longest_window(const store::Settings& s) {
  return std::max({s.beta_window, s.factor_window, s.covariance_window, s.correlation_window, 504}) + 22;
}

Collector::Collector(const pg::Call& call, const MarketDataRequest& request) : call_(call), request_(request) {
  const store::EndOfWork end(call);
  plan(Store(call));
}

bool Collector::wants(Kind kind) const {
  if (!request_.kinds) return true;
  return std::find(request_.kinds->begin(), request_.kinds->end(), market::to_word(kind)) != request_.kinds->end();
}

void require_known_kinds(const std::vector<std::string>& kinds) {
  for (const std::string& kind : kinds)
    if (std::none_of(all_kinds.begin(), all_kinds.end(), [&](Kind k) { return kind == market::to_word(k); }))
      throw core::Error(core::sqlstate::invalid_parameter, "unknown kind of market data \"" + kind + "\"",
                        "The kinds are prices, options, corporate_actions and yields.",
                        "Leave kinds out for all; collect_fundamentals collects the others.");
}

void Collector::plan(const Store& store) {
  store::require_primary(store);
  settings_ = store.settings();
  if (request_.kinds) require_known_kinds(*request_.kinds);
  const Date newest = store::latest_session(store);
  target_ = request_.target.value_or(newest);
  if (target_ > newest)
    throw core::Error(
        core::sqlstate::invalid_parameter, "session " + core::to_iso(target_) + " has not closed and settled",
        "The newest session that has is " + core::to_iso(newest) + ".", "Leave target_date out for that one.");
  if (const auto before = store::session_before(store, settings_.calendar, target_ + std::chrono::days{1}))
    target_ = *before;
  newest_ = {newest, store::close_of_session(store, newest)};
  wanted_ = store::load_wanted_series(store, target_);
  std::erase_if(wanted_, [](const store::WantedSeries& w) { return !w.has_class && looks_private(w.symbol); });
  if (request_.symbols) {
    const std::set<std::string> chosen(request_.symbols->begin(), request_.symbols->end());
    std::erase_if(wanted_, [&](const store::WantedSeries& w) { return !chosen.contains(w.symbol); });
    // A symbol that nobody holds is collected as far as windows reach.
    std::set<std::string> found;
    for (const auto& w : wanted_) found.insert(w.symbol);
    for (const std::string& symbol : chosen)
      if (!found.contains(symbol) && !symbol.empty()) wanted_.push_back({symbol, false, target_, target_, false});
  }
  Date first = target_;
  for (const auto& w : wanted_) first = std::min(first, w.since);
  sessions_ = store::load_sessions_with_lookback(store, first, target_, longest_window(settings_));
  for (auto& w : wanted_)
    if (w.is_of_models) {
      w.since = std::min(first, w.since);
      w.until = target_;
    }
  for (const Kind kind : all_kinds)
    if (wants(kind)) {
      Part part{kind, store::load_order(store, kind)};
      if (!part.order.empty()) parts_.push_back(std::move(part));
    }
  providers_.emplace(store);
  for (const Part& part : parts_)
    for (const OrderedSource& source : part.order)
      if (source.is_provider) providers_->prepare(store, source.name, target_);
  deadline_ =
      started_ + std::int64_t{request_.deadline_minutes.value_or(settings_.collect_deadline_minutes)} * 60'000'000;
}

void Collector::run() {
  std::optional<std::int64_t> id;
  do_work(call_, [&](const Store& store) { id = store::begin_collection(store, "market_data", target_); });
  if (!id) return pg::notice("portfolio_batch: another session is collecting market data, so this one does not");
  collection_id_ = *id;
  const auto fail = [&](const pg::Failure& failure) noexcept {
    try {
      pg::rollback();
      finish("failed", failure.message);
    } catch (...) {
      // The next collection finds the record of a statement that no longer runs, and marks it as lost.
    }
  };
  try {
    collect();
    finish(totals_.failed.empty() ? "success" : "partial", "");
  } catch (const pg::ServerError& error) {
    if (!error.is_interruption()) fail({error.sqlstate(), error.message(), error.detail(), {}});
    throw;
  } catch (const core::Error& error) {
    fail({error.sqlstate(), error.what(), error.detail(), error.hint()});
    throw;
  }
}

void Collector::collect() {
  if (parts_.empty() && request_.tells_of_nothing)
    pg::notice("portfolio_batch: no source of market data is switched on",
               "register_price_source() takes a table; provider_priority.is_enabled switches a provider on.");
  for (const Part& part : parts_) {
    if (part.kind == Kind::yields)
      collect_yields(part);
    else if (part.kind == Kind::corporate_actions)
      collect_actions(part);
    else
      collect_part(part);
  }
}

void Collector::collect_part(const Part& part) {
  std::vector<store::WantedSeries> series;
  for (const auto& w : wanted_)
    if (w.is_option == (part.kind == Kind::options)) series.push_back(w);
  const auto size = static_cast<std::size_t>(settings_.collect_chunk);
  for (std::size_t i = 0; i < series.size(); i += size) {
    collect_chunk(part, std::span(series).subspan(i, std::min(size, series.size() - i)));
    tell_progress(part.kind, std::min(i + size, series.size()), series.size());
  }
}

StoredBar as_stored_bar(const IntakePrice& price) {
  return {price.bar, price.is_split_adjusted, price.is_final, price.source};
}

std::vector<Task> Collector::read_tasks(const Store& store, Kind kind,
                                        std::span<const store::WantedSeries> series) const {
  std::vector<std::string> symbols;
  for (const auto& w : series) symbols.push_back(w.symbol);
  auto stored = store::load_stored_prices(store, symbols, target_);
  auto actions = store::load_known_actions(store, symbols);
  // Who names symbols has them asked for whatever was answered before.
  const auto answered = request_.symbols ? decltype(store::load_answered(store, kind, symbols)){}
                                         : store::load_answered(store, kind, symbols);
  std::vector<Task> tasks;
  for (const auto& w : series) {
    // Sessions of the window before the first day, of options the session before it alone.
    const int window = w.is_option ? 1 : longest_window(settings_);
    const int first = std::max(0, sessions_.count_through(w.since) - 1 - window);
    if (sessions_.empty()) continue;
    Task task{.symbol = w.symbol, .wanted = {sessions_[first], std::min(w.until, target_)}};
    task.currency = w.currency;
    task.stored = std::move(stored[w.symbol]);
    task.known_actions = std::move(actions[w.symbol]);
    if (const auto found = answered.find(w.symbol); found != answered.end())
      task.answered = Span{found->second.first, found->second.second};
    std::vector<StoredDate> dates;
    for (const IntakePrice& price : task.stored) dates.push_back({price.bar.date, price.is_final});
    task.missing = find_missing(sessions_, {task.wanted, dates, task.answered}, settings_.collect_overlap);
    if (task.missing.sessions.empty()) continue;
    for (const IntakePrice& price : task.stored) task.stored_bars.push_back(as_stored_bar(price));
    tasks.push_back(std::move(task));
  }
  return tasks;
}

// What is asked of the source: for the first that answers with an overlap, for those after it what is still missing.
std::vector<Wish> Collector::wishes_of(const OrderedSource& source, Kind kind, std::span<Task*> tasks,
                                       std::vector<CollectionResult>& left_out) const {
  std::vector<Wish> wishes;
  for (const Task* task : tasks) {
    const Span span =
        task->is_answered ? Span{task->missing.sessions.front(), task->missing.sessions.back()} : task->missing.asked;
    if (!source.is_provider || providers_->serves(source.name, kind, task->symbol)) {
      wishes.push_back({task->symbol, span.first, span.last});
      continue;
    }
    const std::string& refusal = providers_->refusal(source.name);
    left_out.push_back({.symbol = task->symbol,
                        .kind = kind,
                        .provider = source.name,
                        .outcome = Outcome::skipped,
                        .message = refusal.empty() ? "the provider does not have symbols of this form" : refusal});
  }
  return wishes;
}

std::vector<Reply> Collector::ask(const OrderedSource& source, Kind kind, const std::vector<Wish>& wishes) {
  if (wishes.empty()) return {};
  if (source.is_provider) return providers_->ask(source.name, kind, wishes, deadline_);
  std::vector<Reply> replies;
  do_work(call_, [&](const Store& store) { replies = ask_table(store, source.name, kind, wishes); });
  return replies;
}

// What was written is what the source that is asked next is compared with.
void take_as_stored(Task& task, const std::vector<IntakePrice>& written) {
  if (task.missing.sessions.empty() || written.empty()) return;
  std::map<Date, IntakePrice> by_day;
  for (IntakePrice& price : task.stored) by_day.emplace(price.bar.date, std::move(price));
  for (const IntakePrice& price : written) by_day.insert_or_assign(price.bar.date, price);
  task.stored.clear();
  task.stored_bars.clear();
  for (auto& [day, price] : by_day) {
    task.stored_bars.push_back(as_stored_bar(price));
    task.stored.push_back(std::move(price));
  }
}

void Collector::collect_chunk(const Part& part, std::span<const store::WantedSeries> series) {
  std::vector<Task> tasks;
  do_work(call_, [&](const Store& store) { tasks = read_tasks(store, part.kind, series); });
  std::map<std::string, Task*> by_symbol;
  for (Task& task : tasks) {
    totals_.requested.insert(task.symbol);
    by_symbol[task.symbol] = &task;
  }
  for (const OrderedSource& source : part.order) {
    std::vector<Task*> left;
    for (Task& task : tasks)
      if (!task.missing.sessions.empty()) left.push_back(&task);
    if (left.empty()) break;
    std::vector<CollectionResult> left_out;
    std::vector<Intake> intakes;
    std::vector<Wish> whole;
    for (Reply& reply : ask(source, part.kind, wishes_of(source, part.kind, left, left_out))) {
      const auto found = by_symbol.find(reply.answer.symbol);
      if (found == by_symbol.end()) continue;
      bool is_restated = false;
      Intake intake = take_in(*found->second, source, part.kind, reply, false, is_restated);
      if (is_restated) {
        const Task& task = *found->second;
        std::vector<StoredDate> dates{{task.stored.front().bar.date}, {task.stored.back().bar.date}};
        const Span all = whole_history({task.wanted, dates});
        whole.push_back({task.symbol, all.first, std::min(all.last, target_)});
      } else {
        intakes.push_back(std::move(intake));
      }
    }
    // Stored and delivered prices of these are of different bases: all of the history, or nothing.
    for (Reply& reply : ask(source, part.kind, whole)) {
      const auto found = by_symbol.find(reply.answer.symbol);
      bool is_restated = false;
      if (found != by_symbol.end())
        intakes.push_back(take_in(*found->second, source, part.kind, reply, true, is_restated));
    }
    write(intakes, left_out);
    for (const Intake& intake : intakes) take_as_stored(*intake.task, intake.prices);
  }
  for (const Task& task : tasks)
    if (!task.is_answered) totals_.failed.insert(task.symbol);
}

CollectionResult Collector::result_of(const OrderedSource& source, Kind kind, const Reply& reply) {
  CollectionResult result{.symbol = reply.answer.symbol, .kind = kind, .provider = source.name};
  result.outcome = reply.answer.outcome;
  result.http_status = reply.http_status;
  result.requests = reply.requests;
  result.seconds = reply.seconds;
  result.message = reply.answer.text;
  result.asked_first = reply.first;
  result.asked_last = reply.last;
  return result;
}

bool has_answer(Outcome outcome) {
  return outcome == Outcome::ok || outcome == Outcome::no_data || outcome == Outcome::pending;
}

// Whether the answer has nearly all that is stored of the source: else a rebased history would be left in two bases.
bool covers(const market::PriceSeries& series, const std::vector<IntakePrice>& stored, const std::string& source) {
  std::set<Date> delivered;
  for (const market::Bar& bar : series.bars)
    if (bar.close) delivered.insert(bar.date);
  std::size_t all = 0, found = 0;
  for (const IntakePrice& price : stored)
    if (price.source == source && price.is_split_adjusted == series.is_split_adjusted) {
      ++all;
      found += delivered.contains(price.bar.date) ? 1 : 0;
    }
  return found * 10 >= all * 9;
}

// What an answer gives: gated prices with their finality, and actions. is_restated: all of the history must be asked
// for, and nothing of this answer is taken in.
Intake Collector::take_in(Task& task, const OrderedSource& source, Kind kind, Reply& reply, bool is_whole,
                          bool& is_restated) {
  Intake intake{.task = &task, .result = result_of(source, kind, reply)};
  SymbolAnswer& answer = reply.answer;
  std::erase_if(answer.prices.bars,
                [&](const market::Bar& bar) { return bar.date < reply.first || bar.date > reply.last; });
  intake.result.rows_received = static_cast<std::int64_t>(answer.prices.bars.size() + answer.actions.size());
  if (!has_answer(answer.outcome)) return intake;
  const Restatement restatement =
      is_whole ? Restatement{}
               : find_restatement(answer.prices, answer.actions, source.name, task.stored_bars, task.known_actions);
  if (restatement.kind != Restatement::Kind::none && restatement.kind != Restatement::Kind::suspect) {
    is_restated = true;
    task.restated = restatement.kind;
    return intake;
  }
  if (is_whole) {
    if (!covers(answer.prices, task.stored, source.name)) {
      intake.result.outcome = Outcome::malformed;
      intake.result.message =
          "the history is on a new basis, and the provider does not have all of it; nothing changed";
      return intake;
    }
    const bool is_by_split = task.restated == Restatement::Kind::split;
    intake.reason = is_by_split ? IntakeReason::split : IntakeReason::restated;
  }
  task.is_answered = true;
  std::vector<market::Action> actions = task.known_actions;
  actions.insert(actions.end(), answer.actions.begin(), answer.actions.end());
  std::vector<market::Bar> second;
  for (const QuarantinedPrice& suspect : task.suspects) second.push_back(suspect.price.bar);
  GateFacts facts{.source = source.name, .currency = task.currency, .actions = actions, .second = second};
  const auto symbol_class = class_of(task.symbol);
  facts.trades_on_weekends = symbol_class == SymbolClass::crypto || symbol_class == SymbolClass::fx;
  if (!is_whole) facts.stored = task.stored_bars;
  Gated gated = pass_gates(answer.prices, facts, sessions_, std::nullopt);
  const auto as_price = [&](market::Bar& bar) {
    const bool final = is_final(bar.date, newest_, answer.prices.market_time);
    return IntakePrice{task.symbol, bar, answer.prices.is_split_adjusted, final, source.name};
  };
  if (restatement.kind == Restatement::Kind::suspect) {
    core::JsonObject json;
    json.add("ratio", restatement.ratio)
        .add("reason", "all closes differ from the stored ones by the ratio of a split");
    for (market::Bar& bar : gated.accepted)
      if (bar.close && bar.date > task.stored.back().bar.date)
        intake.suspects.push_back({as_price(bar), "disagreement", json.str()});
    intake.result.message = "all closes differ from the stored ones by the ratio of a split that is not announced";
    gated.accepted.clear();
  }
  std::erase_if(task.suspects, [&](const QuarantinedPrice& suspect) {
    const bool is_confirmed = std::any_of(gated.accepted.begin(), gated.accepted.end(), [&](const market::Bar& bar) {
      return bar.close && bar.date == suspect.price.bar.date;
    });
    if (is_confirmed) intake.confirmed.push_back(suspect);
    return is_confirmed;
  });
  for (Suspect& suspect : gated.suspects) {
    intake.suspects.push_back({as_price(suspect.bar), suspect.gate, suspect.facts});
    if (task.may_confirm(intake.suspects.back())) task.suspects.push_back(intake.suspects.back());
  }
  std::vector<Date> settled;
  auto stored = task.stored.begin();
  for (market::Bar& bar : gated.accepted) {
    if (!bar.close) continue;
    while (stored != task.stored.end() && stored->bar.date < bar.date) ++stored;
    IntakePrice price = as_price(bar);
    const bool is_stored = stored != task.stored.end() && stored->bar.date == bar.date;
    price.is_new = !is_stored;
    if (price.is_final) settled.push_back(bar.date);
    if (is_whole || !is_stored || takes_the_place(price, *stored)) intake.prices.push_back(std::move(price));
  }
  std::erase_if(task.missing.sessions,
                [&](Date day) { return std::binary_search(settled.begin(), settled.end(), day); });
  if (is_whole) {
    answer.prices.bars = std::move(gated.accepted);
    for (const StoredBar& old : rebase_missing(answer.prices, source.name, task.stored_bars))
      intake.prices.push_back({task.symbol, old.bar, old.is_split_adjusted, old.is_final, source.name});
  }
  for (market::Action& action : answer.actions) intake.actions.push_back({task.symbol, std::move(action), source.name});
  const bool lacks_newest = !task.missing.sessions.empty() && task.missing.sessions.back() == task.wanted.last;
  if (intake.result.outcome == Outcome::ok && lacks_newest) intake.result.outcome = Outcome::pending;
  return intake;
}

void Collector::write_intakes(const Store& store, std::span<Intake> intakes) const {
  for (const IntakeReason reason : {IntakeReason::correction, IntakeReason::split, IntakeReason::restated}) {
    std::vector<IntakePrice> prices;
    for (const Intake& intake : intakes)
      if (intake.reason == reason) prices.insert(prices.end(), intake.prices.begin(), intake.prices.end());
    if (!prices.empty()) store::write_prices(store, std::move(prices), reason);
  }
  std::vector<QuarantinedPrice> suspects, confirmed;
  std::vector<IntakeAction> actions;
  for (const Intake& intake : intakes) {
    confirmed.insert(confirmed.end(), intake.confirmed.begin(), intake.confirmed.end());
    suspects.insert(suspects.end(), intake.suspects.begin(), intake.suspects.end());
    actions.insert(actions.end(), intake.actions.begin(), intake.actions.end());
  }
  if (!suspects.empty()) store::write_quarantine(store, suspects);
  if (!confirmed.empty()) store::confirm_quarantined(store, confirmed);
  if (!actions.empty()) store::write_actions(store, actions);
}

// The chunk at once; where that fails symbol by symbol, so that one bad symbol fails alone.
void Collector::write(std::vector<Intake>& intakes, std::span<const CollectionResult> left_out) {
  do_work(call_, [&](const Store& store) {
    for (Intake& intake : intakes) {
      intake.result.rows_written = static_cast<std::int64_t>(intake.prices.size());
      intake.result.rows_quarantined = static_cast<std::int64_t>(intake.suspects.size());
    }
    if (pg::isolate([&] { write_intakes(store, intakes); }))
      for (Intake& intake : intakes)
        if (const auto failure = pg::isolate([&] { write_intakes(store, {&intake, 1}); })) {
          intake.result.outcome = Outcome::malformed;
          intake.result.rows_written = intake.result.rows_quarantined = 0;
          intake.result.message = "could not be stored: " + failure->message;
          intake.task->is_answered = false;
        }
    std::vector<CollectionResult> results(left_out.begin(), left_out.end());
    for (const Intake& intake : intakes) results.push_back(intake.result);
    store::write_collection_results(store, collection_id_, results);
    providers_->save(store);
  });
  for (const Intake& intake : intakes) {
    totals_.rows_written += intake.result.rows_written;
    if (!has_answer(intake.result.outcome) || intake.result.rows_received == 0) continue;
    totals_.fetched.insert(intake.result.symbol);
    totals_.by_source[intake.result.provider].insert(intake.result.symbol);
  }
}

// Actions of sources that have them apart from prices, before the prices: a split explains what they show.
void Collector::collect_actions(const Part& part) {
  std::vector<Task> tasks;
  std::vector<std::string> symbols;
  for (const auto& w : wanted_)
    if (!w.is_option) symbols.push_back(w.symbol);
  do_work(call_, [&](const Store& store) {
    const auto answered = store::load_answered(store, part.kind, symbols);
    for (const auto& w : wanted_) {
      if (w.is_option) continue;
      const auto before = answered.find(w.symbol);
      if (before != answered.end() && before->second.second >= std::min(w.until, target_)) continue;
      Task task{.symbol = w.symbol, .wanted = {w.since, std::min(w.until, target_)}};
      if (before != answered.end()) task.wanted.first = before->second.second - action_overlap;
      tasks.push_back(std::move(task));
    }
  });
  std::map<std::string, Task*> by_symbol;
  for (Task& task : tasks) by_symbol[task.symbol] = &task;
  const auto size = static_cast<std::size_t>(settings_.collect_chunk);
  for (std::size_t i = 0; i < tasks.size(); i += size) {
    for (const OrderedSource& source : part.order) {
      std::vector<Wish> wishes;
      for (std::size_t k = i; k < std::min(i + size, tasks.size()); ++k) {
        const Task& task = tasks[k];
        if (task.is_answered) continue;
        if (!source.is_provider || providers_->serves(source.name, part.kind, task.symbol))
          wishes.push_back({task.symbol, task.wanted.first, task.wanted.last});
      }
      std::vector<Intake> intakes;
      for (Reply& reply : ask(source, part.kind, wishes)) {
        const auto found = by_symbol.find(reply.answer.symbol);
        if (found == by_symbol.end()) continue;
        Intake intake{.task = found->second, .result = result_of(source, part.kind, reply)};
        intake.result.rows_received = static_cast<std::int64_t>(reply.answer.actions.size());
        found->second->is_answered = found->second->is_answered || has_answer(reply.answer.outcome);
        for (market::Action& action : reply.answer.actions)
          intake.actions.push_back({reply.answer.symbol, std::move(action), source.name});
        intakes.push_back(std::move(intake));
      }
      write(intakes, {});
    }
    tell_progress(part.kind, std::min(i + size, tasks.size()), tasks.size());
  }
}

void Collector::collect_yields(const Part& part) {
  std::set<std::string> names{settings_.rate_series, settings_.risk_free_series};
  names.erase("");
  const std::vector<std::string> series(names.begin(), names.end());
  std::map<std::string, Date> newest;
  do_work(call_, [&](const Store& store) { newest = store::newest_yields(store, series); });
  std::set<std::string> left(series.begin(), series.end());
  for (const OrderedSource& source : part.order) {
    std::vector<Wish> wishes;
    for (const std::string& name : left) {
      const auto known = newest.find(name);
      if (known != newest.end() && known->second >= target_) continue;
      if (source.is_provider && !providers_->serves(source.name, part.kind, name)) continue;
      const Date first = sessions_.empty() ? target_ : sessions_[0];
      wishes.push_back({name, known == newest.end() ? first : known->second - yield_overlap, target_});
    }
    auto replies = ask(source, part.kind, wishes);
    if (replies.empty()) continue;
    do_work(call_, [&](const Store& store) {
      std::vector<CollectionResult> results;
      for (Reply& reply : replies) {
        CollectionResult result = result_of(source, part.kind, reply);
        result.rows_received = static_cast<std::int64_t>(reply.answer.yields.size());
        if (!reply.answer.yields.empty())
          result.rows_written = store::write_yields(store, reply.answer.yields, source.name);
        if (has_answer(result.outcome)) left.erase(reply.answer.symbol);
        totals_.rows_written += result.rows_written;
        results.push_back(std::move(result));
      }
      store::write_collection_results(store, collection_id_, results);
      providers_->save(store);
    });
  }
}

void Collector::tell_progress(Kind kind, std::size_t done, std::size_t all) {
  const std::int64_t now = pg::clock_usecs();
  if (!settings_.progress || done == all || now - last_told_ < notice_interval_usecs) return;
  last_told_ = now;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s", static_cast<double>(now - started_) / 1e6);
  pg::notice(std::string("portfolio_batch: ") + market::to_word(kind) + " of " + std::to_string(done) + " of " +
             std::to_string(all) + " symbols collected, " + seconds + " so far");
}

void Collector::finish(const char* status, const std::string& error) {
  store::CollectionEnd end{.status = status};
  std::vector<std::string> wanted, missing;
  for (const auto& w : wanted_)
    if (w.until >= target_) wanted.push_back(w.symbol);
  do_work(call_, [&](const Store& store) {
    std::set<std::string> have;
    for (std::string& symbol : store::symbols_with_price(store, wanted, target_)) have.insert(std::move(symbol));
    missing.clear();
    for (const std::string& symbol : wanted)
      if (!have.contains(symbol)) missing.push_back(symbol);
    core::JsonObject providers;
    for (const auto& [source, symbols] : totals_.by_source)
      providers.add(source, static_cast<std::int64_t>(symbols.size()));
    end.symbols_requested = static_cast<int>(totals_.requested.size());
    end.symbols_fetched = static_cast<int>(totals_.fetched.size());
    end.symbols_wanted = static_cast<int>(wanted.size());
    end.symbols_with_data = static_cast<int>(have.size());
    end.rows_written = totals_.rows_written;
    const double coverage =
        wanted.empty() ? 100 : 100 * static_cast<double>(have.size()) / static_cast<double>(wanted.size());
    end.detail_json = core::JsonObject()
                          .add("coverage", coverage)
                          .raw("providers", providers.str())
                          .raw("missing", core::json_array(missing))
                          .str();
    end.error = error;
    store::finish_collection(store, collection_id_, end);
  });
  if (!settings_.progress) return;
  pg::notice("portfolio_batch: market data of " + core::to_iso(target_) + ": " + std::to_string(end.symbols_with_data) +
             " of " + std::to_string(end.symbols_wanted) + " symbols have a price, " +
             std::to_string(end.symbols_requested) + " were asked for, " + std::to_string(end.symbols_fetched) +
             " delivered, " + std::to_string(end.rows_written) + " rows written");
}

}  // namespace

void collect_market_data(const pg::Call& call, const MarketDataRequest& request) {
  if (!call.may_commit())
    throw core::Error("2D000", "collect_market_data cannot run inside a transaction block",
                      "It commits what it has collected piece by piece, and waits for the network in between.",
                      "CALL it outside of BEGIN and COMMIT, functions and procedures with settings of their own.");
  const pg::ActivityScope activity;
  Collector(call, request).run();
}

}  // namespace pb::collect
