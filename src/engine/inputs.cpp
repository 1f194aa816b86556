#include "engine/inputs.hpp"

#include <algorithm>
#include <limits>

#include "core/error.hpp"
#include "core/stats/rate_beta.hpp"
#include "core/stats/volatility.hpp"
#include "core/stats/window.hpp"
#include "pg/subtransaction.hpp"
#include "store/calendar_store.hpp"

namespace pb::engine {

using core::Date;

Inputs::Inputs(const store::Store& store, std::vector<core::Uuid> portfolio_ids, Date first, Date last, Reach reach)
    : store_(store), portfolio_ids_(std::move(portfolio_ids)), first_(first), last_(last), reach_(reach) {}

namespace {

// A fixed span before the first date, whatever the portfolios hold: an estimate must not depend on its company.
int lookback(const store::Settings& settings, Reach reach) {
  if (reach == Reach::values) return settings.max_stale_sessions + 1;
  if (reach == Reach::correlations) return std::max(settings.correlation_window, settings.max_stale_sessions + 1);
  // An interval of yields may begin before the sessions in which it is looked for.
  return std::max(
      {core::search_span(std::max(settings.beta_window, settings.factor_window)) + core::longest_rate_interval,
       core::VolatilityEstimator().sessions_needed(), settings.correlation_window, settings.covariance_window,
       settings.max_stale_sessions + 1});
}

constexpr const char* null_not_allowed = "22004";

std::string named(const store::Portfolio& portfolio) {
  return "portfolio " + to_string(portfolio.id) + " (" + store::shortened(portfolio.name) + ")";
}

pg::Failure unusable(const store::Store& store, const store::Portfolio& portfolio, const char* table,
                     const std::string& row, const std::string& column, const std::string& value) {
  const bool is_missing = value == "NULL";
  const std::string shown = store::shortened(value);
  return {is_missing ? null_not_allowed : core::sqlstate::out_of_range,
          named(portfolio) + " has a value that cannot be used: " + table + "." + column + " is " + shown,
          "The row of " + store.table(table) + " with " + row + " has " + column + " = " + shown + ".",
          "Correct or delete this row and run again. docs/operations.md lists what each column may hold."};
}

}  // namespace

pg::Failure failure_of(const store::Portfolio& portfolio) {
  pg::Failure failure = pg::describe_current_exception();
  if (failure.message.find(to_string(portfolio.id)) == std::string::npos)
    failure.message = named(portfolio) + ": " + failure.message;
  return failure;
}

std::optional<pg::Failure> Inputs::problem(const store::Portfolio& portfolio, Date day) {
  for (const store::RowProblem& problem : portfolio.problems)
    if (!problem.since || *problem.since <= day)
      return unusable(store_, portfolio, problem.table.c_str(), problem.row, problem.column, problem.value);
  const core::CorporateActions& actions = market().actions;
  for (const core::Lot& lot : portfolio.lots) {
    if (lot.entry_date > day) continue;
    const Date until = lot.exit_date ? std::min(*lot.exit_date, day) : day;
    if (const auto* action = actions.problem(lot.symbol, lot.entry_date, until))
      return unusable(store_, portfolio, "corporate_actions", action->row, action->column, action->value);
  }
  return std::nullopt;
}

const store::Book& Inputs::book() {
  if (!book_) book_ = std::make_unique<store::Book>(store::load_book(store_, portfolio_ids_, last_));
  return *book_;
}

// A lot that was closed before needs no prices any more, but its splits and dividends are part of its cash for good.
// Accounting reads the same prices and must not depend on the definitions of factors: where these cannot be read, the
// risk engines will say so when they ask for them.
store::MarketRequest Inputs::request() {
  store::MarketRequest request{.valued_from = std::min(valued_from(), first_),
                               .valued_until = last_,
                               .symbols = {store_.settings().market_symbol}};
  for (const store::Portfolio& portfolio : book())
    for (const core::Lot& lot : portfolio.lots) request_lot(portfolio, lot, request);
  if (!pg::isolate([&] { factors(); }))
    for (std::string& symbol : factor_symbols()) request.symbols.push_back(std::move(symbol));
  for (auto* list : {&request.symbols, &request.closed_symbols}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  std::sort(request.options.begin(), request.options.end());
  request.options.erase(std::unique(request.options.begin(), request.options.end(),
                                    [](const auto& a, const auto& b) { return a.first == b.first; }),
                        request.options.end());
  return request;
}

std::vector<std::string> Inputs::factor_symbols() {
  std::vector<std::string> symbols{store_.settings().market_symbol};
  for (const store::FactorDefinition& factor : factors()) {
    symbols.push_back(factor.long_symbol);
    if (!factor.short_symbol.empty()) symbols.push_back(factor.short_symbol);
  }
  return symbols;
}

void Inputs::request_lot(const store::Portfolio& portfolio, const core::Lot& lot, store::MarketRequest& request) {
  // What a lot of before the inception was worth then is part of its P&L for good.
  const bool is_carried_in =
      lot.is_from_before(portfolio.opening) && (!lot.exit_date || *lot.exit_date > *portfolio.opening);
  const bool is_priced = !lot.exit_date || *lot.exit_date > valued_from() || is_carried_in;
  (is_priced ? request.symbols : request.closed_symbols).push_back(lot.symbol);
  if (is_carried_in) request.earlier.emplace_back(lot.symbol, *portfolio.opening);
  if (lot.is_spun_off() && is_priced) request.earlier.emplace_back(lot.symbol, lot.entry_date);
  if (!lot.is_option() || lot.underlying_symbol.empty()) return;
  request.options.emplace_back(lot.symbol, lot.underlying_symbol);
  if (!is_priced) return;
  request.symbols.push_back(lot.underlying_symbol);
  if (lot.is_expired(last_)) request.earlier.emplace_back(lot.underlying_symbol, *lot.expiration_date);
}

const store::Market& Inputs::market() {
  if (market_) return *market_;
  const store::Settings& settings = store_.settings();
  store::MarketRequest needed = request();
  core::Sessions sessions = store::load_sessions_with_lookback(store_, first_, last_, lookback(settings, reach_));
  if (!sessions.empty() && valued_from() < sessions.dates().front())
    sessions = store::load_sessions_with_lookback(store_, valued_from(), last_, 1);
  pg::MemoryBudget budget(settings.max_memory_bytes);
  market_ = std::make_unique<store::Market>(store::load_market(store_, std::move(sessions), std::move(needed), budget));
  return *market_;
}

Date Inputs::valued_from() {
  if (valued_from_) return *valued_from_;
  Date from = first_;
  for (const auto& [id, ledger] : ledgers())
    if (const auto next = ledger.lower_bound(first_); next != ledger.begin())
      from = std::min(from, std::prev(next)->first);
  return valued_from_.emplace(from);
}

const DayLevels& Inputs::levels(Date day, const store::Portfolio& portfolio) {
  std::map<Date, DayLevels>& days = levels_[portfolio.id];
  if (const auto found = days.find(day); found != days.end()) return found->second;
  DayLevels computed;
  const core::Holdings holdings{.initial_equity = portfolio.initial_equity.value_or(core::Money{}),
                                .lots = portfolio.lots,
                                .flows = portfolio.flows,
                                .events = portfolio.events,
                                .opening = portfolio.opening};
  computed.levels = core::levels_on(day, holdings, valuation(), &computed.lots);
  constexpr std::size_t kept = 3;
  if (days.size() >= kept) {
    const bool first_is_farther = day - days.begin()->first > days.rbegin()->first - day;
    days.erase(first_is_farther ? days.begin() : std::prev(days.end()));
  }
  return days.emplace(day, std::move(computed)).first->second;
}

int Inputs::lookback_sessions() const { return lookback(store_.settings(), reach_); }

const store::GreeksOfLots& Inputs::greeks(Date day) {
  if (!greeks_ || greeks_->first != day) greeks_.emplace(day, store::load_greeks(store_, day, portfolio_ids_));
  return greeks_->second;
}

int Inputs::sessions_that_fit() {
  const std::size_t per_session = store::bytes_per_price * request().symbols.size();
  const auto fit = static_cast<std::int64_t>(store_.settings().max_memory_bytes / per_session) -
                   (lookback(store_.settings(), reach_) + 1);
  return static_cast<int>(std::clamp<std::int64_t>(fit, 1, std::numeric_limits<int>::max()));
}

core::ValuationInputs Inputs::valuation() {
  return {&market().panel, &market().actions, store_.settings().max_stale_sessions};
}

const std::vector<Held>& Inputs::held(Date day, const core::Uuid& portfolio_id) {
  if (held_day_ != day) {
    held_.clear();
    held_day_ = day;
  }
  if (const auto found = held_.find(portfolio_id); found != held_.end()) return found->second;
  std::vector<Held> open;
  const store::Portfolio* portfolio = store::find_portfolio(book(), portfolio_id);
  const core::ValuationInputs inputs = valuation();
  const auto days = levels_.find(portfolio_id);
  const auto known = days == levels_.end() ? std::map<Date, DayLevels>::iterator{} : days->second.find(day);
  const bool is_known = days != levels_.end() && known != days->second.end();
  if (portfolio != nullptr)
    for (std::size_t i = 0; i < portfolio->lots.size(); ++i) {
      const core::Lot& lot = portfolio->lots[i];
      const core::LotValue value = is_known ? known->second.lots[i].value : core::value_lot(lot, day, inputs);
      if (value.quantity != 0) open.push_back({&lot, value});
    }
  return held_[portfolio_id] = std::move(open);
}

const std::vector<store::FactorDefinition>& Inputs::factors() {
  if (!factors_) {
    left_out_factors_.clear();
    factors_ = store::load_factors(store_, &left_out_factors_);
  }
  return *factors_;
}

const store::FactorDefinition* Inputs::rate_factor() {
  for (const store::FactorDefinition& factor : factors())
    if (factor.model == "rate") return &factor;
  return nullptr;
}

const std::vector<core::YieldQuote>& Inputs::yields() {
  if (yields_) return *yields_;
  const std::vector<Date>& sessions = market().panel.sessions().dates();
  if (sessions.empty()) return yields_.emplace();
  return yields_.emplace(store::load_yields(store_, store_.settings().rate_series, sessions.front(), sessions.back()));
}

const std::vector<core::YieldQuote>& Inputs::risk_free_yields() {
  if (risk_free_yields_) return *risk_free_yields_;
  const std::vector<Date>& sessions = market().panel.sessions().dates();
  if (sessions.empty()) return risk_free_yields_.emplace();
  return risk_free_yields_.emplace(
      store::load_yields(store_, store_.settings().risk_free_series, sessions.front(), sessions.back()));
}

const store::PriceSources& Inputs::price_sources() {
  if (!price_sources_) price_sources_.emplace(store::load_price_sources(store_, market().panel, first_, last_));
  return *price_sources_;
}

store::Ledgers& Inputs::ledgers() {
  if (!ledgers_) ledgers_.emplace(store::load_ledgers(store_, portfolio_ids_, first_));
  return *ledgers_;
}

const std::map<std::string, store::SectorProfile>& Inputs::sector_profiles() {
  if (!sector_profiles_) sector_profiles_.emplace(store::load_sector_profiles(store_, request().symbols));
  return *sector_profiles_;
}

const std::vector<store::ScenarioDefinition>& Inputs::scenarios() {
  if (!scenarios_) scenarios_.emplace(store::load_scenarios(store_, std::nullopt));
  return *scenarios_;
}

std::optional<Date> Inputs::first_price() {
  if (!first_price_) first_price_.emplace(store::first_price_date(store_, store_.settings().market_symbol));
  return *first_price_;
}

const Inputs::FactorPast* Inputs::factor_past() {
  if (factor_past_) return factor_past_->get();
  factor_past_.emplace();
  const auto from = first_price();
  if (!from || *from > last_) return nullptr;
  core::Sessions sessions = store::load_sessions_with_lookback(store_, *from, last_, 0);
  pg::MemoryBudget budget(store_.settings().max_memory_bytes);
  store::Market past = store::load_market(
      store_, std::move(sessions), {.valued_from = last_, .valued_until = last_, .symbols = factor_symbols()}, budget);
  *factor_past_ = std::make_unique<FactorPast>(
      FactorPast{std::move(past), store::load_yields(store_, store_.settings().rate_series, *from, last_)});
  return factor_past_->get();
}

const store::Market* Inputs::history(Date from, Date to) {
  const store::Settings& settings = store_.settings();
  if (!first_price() || *first_price() > from) return nullptr;
  if (const auto found = histories_.find({from, to}); found != histories_.end()) return &found->second;
  core::Sessions sessions = store::load_sessions_with_lookback(store_, from, to, 1);
  pg::MemoryBudget budget(settings.max_memory_bytes);
  store::Market loaded =
      store::load_market(store_, std::move(sessions),
                         {.valued_from = from, .valued_until = to, .symbols = market().panel.symbols()}, budget);
  return &histories_.emplace(std::pair(from, to), std::move(loaded)).first->second;
}

std::vector<core::Uuid> not_superseded(const store::Store& store, Date day, std::span<const core::Uuid> portfolio_ids) {
  const auto newest = store::newest_snapshots(store, portfolio_ids);
  std::vector<core::Uuid> current;
  for (const core::Uuid& id : portfolio_ids) {
    const auto at = newest.find(id);
    if (at == newest.end() || at->second <= day) current.push_back(id);
  }
  return current;
}

}  // namespace pb::engine
