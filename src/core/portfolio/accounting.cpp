#include "core/portfolio/accounting.hpp"

#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include "core/error.hpp"
#include "core/text/uuid.hpp"

namespace pb::core {

namespace {

// Cash that a lot has brought up to the day: what it cost, what its closings returned, and dividends on shares held
// on the day before they went ex.
long double cash_of_lot(const Lot& lot, Date day, const std::vector<Closing>& closings,
                        const CorporateActions& actions) {
  if (lot.entry_date > day) return 0;
  long double cash = -static_cast<long double>(lot.quantity) * lot.entry_price * lot.multiplier;
  for (const Closing& closing : closings)
    cash += static_cast<long double>(std::copysign(closing.quantity, lot.quantity)) * closing.price * lot.multiplier;
  const auto& dividends = actions.dividends(lot.symbol);
  if (lot.is_option() || dividends.empty()) return cash;
  const OpenQuantity open(lot, actions);
  for (const auto& dividend : dividends)
    if (dividend.ex_date > lot.entry_date && dividend.ex_date <= day)
      cash += static_cast<long double>(open.asof(dividend.ex_date - std::chrono::days(1))) * dividend.amount *
              lot.multiplier;
  return cash;
}

// Counts distinct instruments; a handful of positions per portfolio, so ordered sets are cheap.
struct Instruments {
  std::set<std::pair<std::string_view, bool>> held;
  std::set<std::string_view> options, manual, stale, unpriced;

  void add(const Lot& lot, const LotValue& value) {
    held.emplace(lot.symbol, value.quantity > 0);
    if (lot.is_option()) options.insert(lot.symbol);
    if (value.quality == MarkQuality::manual) manual.insert(lot.symbol);
    if (value.quality == MarkQuality::stale) stale.insert(lot.symbol);
    if (value.quality == MarkQuality::unpriced) unpriced.insert(lot.symbol);
  }

  void count_into(PortfolioLevels& levels) const {
    for (const auto& [symbol, is_long] : held) ++(is_long ? levels.long_count : levels.short_count);
    levels.option_count = static_cast<int>(options.size());
    levels.private_positions = static_cast<int>(manual.size());
    levels.stale_prices = static_cast<int>(stale.size());
    levels.unpriced_positions = static_cast<int>(unpriced.size());
  }
};

// Closing trades of more than was opened would book cash for shares that nobody held. Quantities have six decimals on
// the day of the trade, so each may be off in the last one.
void require_enough_opened(const Lot& lot, const std::vector<Closing>& closings, const CorporateActions& actions) {
  constexpr double last_decimal = 1e-6;
  double closed = 0;
  double rounding = 0;
  const auto& splits = actions.splits(lot.symbol);
  for (const Closing& closing : closings) {
    const SplitRatio since = CorporateActions::split_ratio(splits, lot.entry_date, closing.trade_date);
    closed += since.to_old_shares(closing.quantity);
    rounding += since.to_old_shares(last_decimal);
  }
  if (closed <= std::fabs(lot.quantity) + rounding) return;
  throw Error(sqlstate::data_exception,
              "more of position " + to_string(lot.id) + " (" + lot.symbol + ") is closed than was opened",
              std::to_string(std::fabs(lot.quantity)) + " were opened; in those shares " + std::to_string(closed) +
                  " are closed.",
              "Correct its closing trades in position_realized_events.");
}

Money cumulative_before(const Ledger& ledger, Date day) {
  const auto next = ledger.lower_bound(day);
  return next == ledger.begin() ? Money{} : std::prev(next)->second.cumulative_pnl;
}

// What was paid in after a date and up to the day. What was booked since for earlier dates counts as paid in now, for
// the equity before does not hold it.
Money contributions_since(std::optional<Date> date, Date day, std::span<const CapitalFlow> flows, Money net_flow) {
  Money contributions;
  Money booked_late = net_flow;
  for (const CapitalFlow& flow : flows) {
    if (flow.date > day || (date && flow.date <= *date)) continue;
    booked_late = booked_late - flow.amount;
    if (flow.amount.units > 0) contributions += flow.amount;
  }
  if (booked_late.units > 0) contributions += booked_late;
  return contributions;
}

}  // namespace

PortfolioLevels levels_on(Date day, const Holdings& holdings, const ValuationInputs& inputs,
                          std::vector<LotLevel>* lots) {
  PortfolioLevels levels;
  levels.initial_equity = holdings.initial_equity;
  for (const CapitalFlow& flow : holdings.flows)
    if (flow.date <= day) levels.flows_to_date += flow.amount;

  long double trade_cash = 0;
  long double long_value = 0;
  long double short_value = 0;
  Instruments instruments;
  for (const Lot& lot : holdings.lots) {
    const std::vector<Closing> closings = closings_through(lot, day, *inputs.actions);
    require_enough_opened(lot, closings, *inputs.actions);
    LotLevel level{
        .cumulative_pnl = cash_of_lot(lot, day, closings, *inputs.actions), .realized_to_date = {}, .value = {}};
    trade_cash += level.cumulative_pnl;
    for (const Closing& closing : closings) level.realized_to_date += realized_pnl(lot, closing, *inputs.actions);
    levels.realized_to_date += level.realized_to_date;
    if (quantity_asof(lot, day, *inputs.actions) != 0) {
      level.value = value_lot(lot, day, inputs);
      level.cumulative_pnl += level.value.market_value;
      (level.value.market_value >= 0 ? long_value : short_value) += level.value.market_value;
      instruments.add(lot, level.value);
    }
    if (lots != nullptr) lots->push_back(level);
  }
  levels.cash = holdings.initial_equity + levels.flows_to_date + to_money(trade_cash);
  levels.long_value = to_money(long_value);
  levels.short_value = to_money(short_value);
  instruments.count_into(levels);
  return levels;
}

LedgerEntry ledger_entry(const PortfolioLevels& levels) {
  return {levels.equity(), levels.cumulative_pnl(), levels.flows_to_date, levels.realized_to_date};
}

PeriodResult period_result(Date day, const PortfolioLevels& levels, std::span<const CapitalFlow> flows,
                           const Ledger& ledger) {
  PeriodResult result;
  LedgerEntry before;
  before.equity = levels.initial_equity;
  if (const auto next = ledger.lower_bound(day); next != ledger.begin()) {
    result.previous_date = std::prev(next)->first;
    before = std::prev(next)->second;
  }
  const std::chrono::year_month_day ymd{day};
  const Date month_start{ymd.year() / ymd.month() / 1};
  const Date year_start{ymd.year() / std::chrono::January / 1};
  result.daily_pnl = levels.cumulative_pnl() - before.cumulative_pnl;
  result.mtd_pnl = levels.cumulative_pnl() - cumulative_before(ledger, month_start);
  result.ytd_pnl = levels.cumulative_pnl() - cumulative_before(ledger, year_start);
  result.daily_flow = levels.flows_to_date - before.flows_to_date;
  result.daily_realized = levels.realized_to_date - before.realized_to_date;
  result.return_base = before.equity + contributions_since(result.previous_date, day, flows, result.daily_flow);
  if (result.return_base.units > 0) result.daily_return = to_double(result.daily_pnl) / to_double(result.return_base);
  return result;
}

}  // namespace pb::core
