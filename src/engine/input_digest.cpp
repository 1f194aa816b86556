#include "engine/input_digest.hpp"

#include <algorithm>

#include "core/calendar/sessions_per_year.hpp"
#include "core/text/digest.hpp"
#include "pg/interrupts.hpp"
#include "store/sector_store.hpp"

namespace pb::engine {

using core::Date;
using core::Digest;

namespace {

// To be raised whenever an estimator or a rule of accounting changes what it makes of the same inputs.
constexpr std::int64_t method_version = 4;

std::span<const double> segment(const double* values, int first, int last) {
  return {values + first, static_cast<std::size_t>(last - first + 1)};
}

void add_lot(Digest& digest, const core::Lot& lot, Date day) {
  digest.add(lot.id).add(lot.symbol).add(lot.position_type).add(static_cast<std::int64_t>(lot.investment_class));
  digest.add(lot.quantity).add(lot.entry_price).add(lot.entry_date).add(lot.multiplier).add(lot.underlying_symbol);
  const bool has_exited = lot.exit_date && *lot.exit_date <= day;
  digest.add_optional(has_exited ? lot.exit_date : std::nullopt);
  digest.add_optional(has_exited ? lot.exit_price : std::nullopt);
  if (lot.is_option()) digest.add(lot.strike_price).add_optional(lot.expiration_date);
  for (const core::HandMark& mark : lot.marks)
    if (mark.date <= day) digest.add(mark.date).add(mark.price);
  for (const core::Closing& closing : lot.closings) {
    if (closing.trade_date > day && !has_exited) continue;
    digest.add(closing.trade_date).add(closing.quantity).add(closing.price);
  }
}

// Values of days that the prices in reach may not cover: what the lot was worth at the opening, and at its expiration.
void add_fixed_values(Digest& digest, const core::Lot& lot, std::optional<Date> opening, Date day,
                      const core::ValuationInputs& inputs) {
  if (lot.is_from_before(opening)) digest.add(core::value_lot(lot, *opening, inputs).market_value);
  // Of a lot that was closed nobody asks the prices, and whether they are there depends on who else holds its
  // underlying.
  const bool is_closed = lot.exit_date && *lot.exit_date <= day;
  if (lot.is_spun_off() && !is_closed) digest.add(core::value_lot(lot, lot.entry_date, inputs).price);
  if (lot.is_expired(day) && !is_closed) digest.add(core::value_lot(lot, *lot.expiration_date, inputs).price);
}

void add_event(Digest& digest, const core::CashEvent& event) {
  digest.add(event.date).add(static_cast<std::int64_t>(event.kind)).add(event.amount.units).add(event.symbol);
  digest.add_optional(event.position_id).add_optional(event.ex_date);
}

void add_actions(Digest& digest, const core::Lot& lot, const core::CorporateActions& actions, Date day) {
  if (!actions.has_any(lot.symbol)) return;
  for (const auto& split : actions.splits(lot.symbol))
    if (split.ex_date <= day) {
      digest.add(split.ex_date).add(split.ratio.new_shares).add(split.ratio.old_shares);
    }
  for (const auto& dividend : actions.dividends(lot.symbol))
    if (dividend.ex_date <= day) digest.add(dividend.ex_date).add(dividend.amount);
}

void add_entry(Digest& digest, const core::Ledger& ledger, Date before) {
  const auto next = ledger.lower_bound(before);
  digest.add(next != ledger.begin());
  if (next == ledger.begin()) return;
  const auto& [date, entry] = *std::prev(next);
  digest.add(date).add(entry.equity.units).add(entry.cumulative_pnl.units).add(entry.flows_to_date.units);
  digest.add(entry.realized_to_date.units);
}

// The snapshots that the day's results are measured against.
void add_ledger(Digest& digest, const core::Ledger& ledger, Date day) {
  const std::chrono::year_month_day date{day};
  add_entry(digest, ledger, day);
  add_entry(digest, ledger, Date{date.year() / date.month() / 1});
  add_entry(digest, ledger, Date{date.year() / std::chrono::January / 1});
}

}  // namespace

store::Settings settings_of_results(store::Settings settings) {
  settings.workers = 1;
  settings.max_memory_bytes = 0;
  settings.settle_delay_minutes = 0;
  settings.min_coverage = 0;
  return settings;
}

void InputDigests::begin_day(Date day) {
  if (day_ == day) return;
  day_ = day;
  of_day_.reset();
  factor_prices_.reset();
  yields_.reset();
  risk_free_.reset();
  prices_.clear();
}

std::int64_t InputDigests::of_prices(Date day, int column) {
  begin_day(day);
  if (const auto found = prices_.find(column); found != prices_.end()) return found->second;
  const store::Market& market = inputs_.market();
  const int last = market.panel.sessions().count_through(day) - 1;
  Digest digest;
  if (last >= 0) {
    const int first = std::max(0, last - inputs_.lookback_sessions());
    digest.add(segment(market.panel.closes(column).data(), first, last));
    // The first session of the panel, which may be this one, has no return.
    digest.add(segment(market.panel.returns(column).data(), std::min(first + 1, last), last));
  }
  if (const auto mark = market.panel.mark_asof(column, day, market.actions)) digest.add(mark->date).add(mark->price);
  digest.add(market.panel.newest_left_out(column, day).has_value());
  digest.add(market.panel.newest_split_jump(column, day) != nullptr);
  digest.add(market.provisional.contains({column, day}));
  return prices_.emplace(column, digest.value()).first->second;
}

std::int64_t InputDigests::of_settings(const store::Settings& settings) {
  return Digest().add(method_version).add(store::settings_as_json(settings_of_results(settings))).value();
}

std::int64_t InputDigests::of_factors() {
  Digest digest;
  for (const store::FactorDefinition& factor : inputs_.factors())
    digest.add(factor.name).add(factor.model).add(factor.long_symbol).add(factor.short_symbol);
  return digest.value();
}

std::int64_t InputDigests::of_scenarios() {
  Digest digest;
  for (const store::ScenarioDefinition& scenario : inputs_.scenarios()) {
    digest.add(scenario.id).add(scenario.name).add(scenario.category).add(scenario.severity).add(scenario.unit);
    digest.add(scenario.basis).add(scenario.flaw).add(scenario.window_start).add(scenario.window_end);
    for (const auto& shock : scenario.shocks) digest.add(shock.factor).add(shock.size).add(shock.basis);
  }
  return digest.value();
}

std::int64_t InputDigests::of_sessions(Date day) {
  const core::Sessions& sessions = inputs_.market().panel.sessions();
  const int last = sessions.count_through(day) - 1;
  Digest digest;
  for (int i = std::max(0, last - inputs_.lookback_sessions()); i <= last; ++i) digest.add(sessions[i]);
  if (last >= 0) digest.add(std::int64_t{core::sessions_per_year(sessions, last)});
  return digest.value();
}

Digest InputDigests::quotes_in_reach(Date day, std::span<const core::YieldQuote> quotes) {
  const core::Sessions& sessions = inputs_.market().panel.sessions();
  Digest digest;
  const int last = sessions.count_through(day) - 1;
  if (last < 0) return digest;
  const Date first = sessions[std::max(0, last - inputs_.lookback_sessions())];
  for (const core::YieldQuote& quote : quotes)
    if (quote.date >= first && quote.date <= day) digest.add(quote.date).add(quote.percent);
  return digest;
}

std::int64_t InputDigests::of_yields(Date day) {
  begin_day(day);
  if (!yields_) yields_ = quotes_in_reach(day, inputs_.yields()).value();
  return *yields_;
}

std::int64_t InputDigests::of_risk_free(Date day) {
  begin_day(day);
  if (!risk_free_) risk_free_ = quotes_in_reach(day, inputs_.risk_free_yields()).value();
  return *risk_free_;
}

std::int64_t InputDigests::of_benchmark(Date day) {
  Digest digest;
  if (const auto benchmark = store::load_benchmark(inputs_.store(), day)) {
    digest.add(benchmark->asof_date);
    for (const auto& [sector, weight] : benchmark->weights) digest.add(sector).add(weight);
  }
  return digest.value();
}

std::int64_t InputDigests::of_factor_prices(Date day) {
  begin_day(day);
  if (!factor_prices_) factor_prices_ = of_prices(day, factor_symbols());
  return *factor_prices_;
}

// The factors' returns as far back as stress tests look.
std::int64_t InputDigests::of_past_factors(Date day) {
  Digest digest;
  const auto* past = inputs_.factor_past();
  if (past == nullptr) return digest.value();
  const core::PricePanel& panel = past->market.panel;
  const int count = panel.sessions().count_through(day);
  if (count == 0) return digest.value();
  for (int column = 0; column < static_cast<int>(panel.symbols().size()); ++column)
    digest.add(segment(panel.returns(column).data(), 0, count - 1));
  return digest.value();
}

// And the yields.
std::int64_t InputDigests::of_past_yields(Date day) {
  Digest digest;
  if (const auto* past = inputs_.factor_past())
    for (const core::YieldQuote& quote : past->yields)
      if (quote.date <= day) digest.add(quote.date).add(quote.percent);
  return digest.value();
}

// The returns of the windows that scenarios replay.
std::int64_t InputDigests::of_past(const std::string& symbol) {
  if (const auto found = past_.find(symbol); found != past_.end()) return found->second;
  Digest digest;
  for (const store::ScenarioDefinition& scenario : inputs_.scenarios()) {
    const auto start = core::from_iso(scenario.window_start);
    const auto end = core::from_iso(scenario.window_end);
    if (!start || !end || *start >= *end) continue;
    const store::Market* past = inputs_.history(*start, *end);
    digest.add(past != nullptr);
    if (past == nullptr) continue;
    if (const auto column = past->panel.column(symbol))
      digest.add(segment(past->panel.returns(*column).data(), 0, past->panel.sessions().size() - 1));
  }
  return past_.emplace(symbol, digest.value()).first->second;
}

std::int64_t InputDigests::of_fit(Date day, const std::string& symbol, const std::string& model,
                                  const std::string& parameters) {
  const auto column = inputs_.market().panel.column(symbol);
  Digest digest;
  digest.add(method_version).add(model).add(parameters).add(of_factor_prices(day));
  if (column) digest.add(of_prices(day, *column));
  if (model == "rate") digest.add(of_yields(day));
  if (model == "market") digest.add(of_risk_free(day));
  return digest.value();
}

const PartDigests& InputDigests::of_day(Date day) {
  begin_day(day);
  if (of_day_) return *of_day_;
  PartDigests parts;
  parts[InputPart::settings] = of_settings(inputs_.store().settings());
  parts[InputPart::factors] = of_factors();
  parts[InputPart::scenarios] = of_scenarios();
  parts[InputPart::calendar] = of_sessions(day);
  parts[InputPart::yields] = Digest().add(of_yields(day)).add(of_past_yields(day)).add(of_risk_free(day)).value();
  parts[InputPart::benchmark] = of_benchmark(day);
  parts[InputPart::factor_prices] = Digest().add(of_factor_prices(day)).add(of_past_factors(day)).value();
  return of_day_.emplace(parts);
}

std::set<std::string> InputDigests::factor_symbols() {
  const core::PricePanel& panel = inputs_.market().panel;
  std::set<std::string> symbols{inputs_.store().settings().market_symbol};
  for (const store::FactorDefinition& factor : inputs_.factors())
    for (const std::string& symbol : {factor.long_symbol, factor.short_symbol})
      if (panel.column(symbol)) symbols.insert(symbol);
  return symbols;
}

std::set<std::string> InputDigests::held_symbols(Date day, const store::Portfolio& portfolio) {
  const core::PricePanel& panel = inputs_.market().panel;
  const core::Ledger& ledger = inputs_.ledgers()[portfolio.id];
  const auto next = ledger.lower_bound(day);
  const Date since = next == ledger.begin() ? day : std::prev(next)->first;
  std::set<std::string> symbols;
  for (const core::Lot& lot : portfolio.lots) {
    // What was closed by the snapshot before needs no price any more, and may have none here.
    if (lot.entry_date > day || (lot.exit_date && *lot.exit_date <= since)) continue;
    if (panel.column(lot.symbol)) symbols.insert(lot.symbol);
    // Of other lots the panel has it only where another portfolio holds it.
    if (lot.is_option() && panel.column(lot.underlying_symbol)) symbols.insert(lot.underlying_symbol);
  }
  return symbols;
}

std::int64_t InputDigests::of_book(Date day, const store::Portfolio& portfolio) {
  Digest digest;
  digest.add(portfolio.initial_equity.has_value()).add(portfolio.initial_equity.value_or(core::Money{}).units);
  digest.add_optional(portfolio.inception_date);
  for (const core::CapitalFlow& flow : portfolio.flows)
    if (flow.date <= day) digest.add(flow.date).add(flow.amount.units);
  for (const core::CashEvent& event : portfolio.events)
    if (event.date <= day) add_event(digest, event);
  digest.add_optional(portfolio.opening);
  const core::ValuationInputs inputs = inputs_.valuation();
  for (const core::Lot& lot : portfolio.lots) {
    if (lot.entry_date > day) continue;
    add_lot(digest, lot, day);
    add_fixed_values(digest, lot, portfolio.opening, day, inputs);
  }
  return digest.value();
}

std::int64_t InputDigests::of_actions(Date day, const store::Portfolio& portfolio) {
  Digest digest;
  for (const core::Lot& lot : portfolio.lots)
    if (lot.entry_date <= day) add_actions(digest, lot, inputs_.market().actions, day);
  return digest.value();
}

std::int64_t InputDigests::of_deltas(Date day, const store::Portfolio& portfolio) {
  Digest digest;
  for (const core::Lot& lot : portfolio.lots) {
    if (lot.entry_date > day || !lot.is_option()) continue;
    const store::GreeksOfLots& all = inputs_.greeks(day);
    const auto found = all.find({portfolio.id, lot.id});
    if (found == all.end()) continue;
    const store::Greeks& greeks = found->second;
    digest.add(lot.id).add(greeks.delta).add(greeks.gamma).add(greeks.theta).add(greeks.vega);
    digest.add(greeks.underlying_price);
  }
  return digest.value();
}

std::int64_t InputDigests::of_prices(Date day, const std::set<std::string>& symbols) {
  const core::PricePanel& panel = inputs_.market().panel;
  Digest digest;
  for (const std::string& symbol : symbols) digest.add(symbol).add(of_prices(day, panel.column(symbol).value()));
  return digest.value();
}

std::int64_t InputDigests::of_replays(const std::set<std::string>& symbols) {
  Digest digest;
  for (const std::string& symbol : symbols) digest.add(of_past(symbol));
  for (const std::string& symbol : factor_symbols()) digest.add(of_past(symbol));
  return digest.value();
}

std::int64_t InputDigests::of_profiles(const std::set<std::string>& symbols) {
  const auto& profiles = inputs_.sector_profiles();
  Digest digest;
  for (const std::string& symbol : symbols)
    if (const auto profile = profiles.find(symbol); profile != profiles.end())
      digest.add(symbol).add(profile->second.sector).add(profile->second.is_fund);
  return digest.value();
}

std::int64_t InputDigests::of_tags(const core::Uuid& portfolio_id) {
  if (!tags_) tags_ = store::load_user_tags(inputs_.store(), inputs_.portfolio_ids());
  Digest digest;
  for (auto tag = tags_->lower_bound({portfolio_id, core::Uuid{}}); tag != tags_->end(); ++tag) {
    if (tag->first.first != portfolio_id) break;
    digest.add(tag->first.second);
    for (const std::string& name : tag->second) digest.add(name);
  }
  return digest.value();
}

PortfolioDigest InputDigests::of_portfolio(Date day, const store::Portfolio& portfolio) {
  pg::poll();
  PortfolioDigest result{.parts = of_day(day)};
  PartDigests& parts = result.parts;
  const std::set<std::string> symbols = held_symbols(day, portfolio);
  parts[InputPart::prices] = of_prices(day, symbols);
  parts[InputPart::replays] = of_replays(symbols);
  parts[InputPart::book] = of_book(day, portfolio);
  parts[InputPart::actions] = of_actions(day, portfolio);
  parts[InputPart::deltas] = of_deltas(day, portfolio);
  parts[InputPart::profiles] = of_profiles(symbols);
  parts[InputPart::tags] = of_tags(portfolio.id);
  Digest before;
  add_ledger(before, inputs_.ledgers()[portfolio.id], day);
  parts[InputPart::snapshots] = before.value();
  Digest whole;
  whole.add(day).add(portfolio.id);
  for (const std::int64_t part : parts) whole.add(part);
  result.whole = whole.value();
  return result;
}

}  // namespace pb::engine
