#include "core/portfolio/accounting.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "core/error.hpp"
#include "core/portfolio/lot_results.hpp"
#include "core/text/uuid.hpp"

namespace pb::core {

namespace {

// What a lot has brought up to a day.
struct LotCash {
  long double trades = 0;     // what its closings returned, less what it cost
  long double dividends = 0;  // on shares held on the day before they went ex
};

// Since its entry, or since the opening if it was held by then: it then enters at what it was worth.
LotCash cash_of_lot(const Lot& lot, Date day, std::optional<Date> opening, const std::vector<Closing>& closings,
                    const ValuationInputs& inputs) {
  const CorporateActions& actions = *inputs.actions;
  LotCash cash;
  if (lot.entry_date > day) return cash;
  cash.trades = opening ? -static_cast<long double>(value_lot(lot, *opening, inputs).market_value)
                        : -static_cast<long double>(lot.quantity) * lot.entry_price * lot.multiplier;
  for (const Closing& closing : closings)
    cash.trades += static_cast<long double>(std::copysign(closing.quantity, lot.quantity)) * closing.price *
                   multiplier_asof(lot, closing.trade_date, actions);
  const auto& dividends = actions.dividends(lot.symbol);
  if (lot.is_option() || dividends.empty()) return cash;
  const OpenQuantity open(lot, actions);
  const Date since = opening.value_or(lot.entry_date);
  std::set<Date> ex_dates;
  for (const auto& dividend : dividends)
    if (dividend.ex_date > since && dividend.ex_date <= day) ex_dates.insert(dividend.ex_date);
  for (const Date ex_date : ex_dates) cash.dividends += dividend_of_lot(lot, ex_date, open, actions);
  return cash;
}

void count_lot(const Lot& lot, const LotValue& value, PortfolioLevels& levels) {
  ++(value.quantity > 0 ? levels.long_count : levels.short_count);
  if (lot.is_option()) ++levels.option_count;
  if (value.quality == MarkQuality::manual) ++levels.private_positions;
  if (value.quality == MarkQuality::stale) ++levels.stale_prices;
  if (value.quality == MarkQuality::unpriced) ++levels.unpriced_positions;
}

// Closing trades of more than was opened would book cash for shares that nobody held.
void require_enough_opened(const Lot& lot, const std::vector<Closing>& closings, const CorporateActions& actions) {
  double closed = 0;
  double rounding = 0;
  const auto& splits = actions.splits(lot.symbol);
  for (const Closing& closing : closings) {
    const SplitRatio since = CorporateActions::quantity_ratio(splits, lot.entry_date, closing.trade_date);
    closed += since.to_old_shares(closing.quantity);
    rounding += 2 * since.to_old_shares(rounding_of(closing, since, lot));
  }
  if (closed <= std::fabs(lot.quantity) + rounding) return;
  throw Error(sqlstate::data_exception,
              "more of position " + to_string(lot.id) + " (" + lot.symbol + ") is closed than was opened",
              std::to_string(std::fabs(lot.quantity)) + " were opened; in those shares " + std::to_string(closed) +
                  " are closed.",
              "Correct its closing trades in position_realized_events.");
}

// Cash by where it comes from; each sum is rounded once.
struct CashTotals {
  long double all = 0;
  long double dividends = 0;
  long double fees = 0;
  long double cash_pnl = 0;
  long double unallocated = 0;

  void add(const BookedCash& booked) {
    all += booked.amount;
    (booked.event->kind == CashKind::dividend ? dividends : cash_pnl) += booked.amount;
    if (booked.event->kind == CashKind::fee) fees += booked.amount;
    if (!booked.lot) unallocated += booked.amount;
  }

  void add(const LotCash& of_lot) {
    all += of_lot.trades + of_lot.dividends;
    dividends += of_lot.dividends;
  }

  void count_into(PortfolioLevels& levels) const {
    levels.dividends_to_date = to_money(dividends);
    levels.fees_to_date = to_money(fees);
    levels.cash_pnl_to_date = to_money(cash_pnl);
    levels.unallocated_to_date = to_money(unallocated);
  }
};

// A ten-millionth: ties between amounts are not for the last bits of a sum to decide.
long double without_last_bits(long double amount) {
  constexpr long double scale = 1e7L;
  return std::round(amount * scale) / scale;
}

// Equity is rounded once. Cash and the long and the short value are rounded such that they add up to it.
void round_into(PortfolioLevels& levels, long double booked, long double long_value, long double short_value) {
  const Money paid_in = levels.initial_equity + levels.flows_to_date;
  const long double equity = to_amount(paid_in) + booked + long_value + short_value;
  const long double size = std::fabs(to_amount(paid_in)) + std::fabs(booked) + long_value - short_value;
  const std::array parts{without_last_bits(booked), without_last_bits(long_value), without_last_bits(short_value)};
  const std::vector<Money> rounded = allocate(parts, to_money(equity, size) - paid_in).amounts;
  levels.cash = paid_in + rounded[0];
  levels.long_value = rounded[1];
  levels.short_value = rounded[2];
}

// Adds to a lot what its trades and dividends have come to since its entry or the opening, and its value.
LotCash add_trades(const Lot& lot, Date day, std::optional<Date> opening, const ValuationInputs& inputs,
                   LotLevel& level) {
  std::vector<Closing> closings = closings_through(lot, day, *inputs.actions);
  require_enough_opened(lot, closings, *inputs.actions);
  if (!lot.is_from_before(opening)) opening.reset();
  if (opening) std::erase_if(closings, [&](const Closing& closing) { return closing.trade_date <= *opening; });
  const LotCash cash = cash_of_lot(lot, day, opening, closings, inputs);
  level.cumulative_pnl += cash.trades + cash.dividends;
  for (const Closing& closing : closings) level.realized_to_date += realized_pnl(lot, closing, *inputs.actions);
  if (quantity_asof(lot, day, *inputs.actions) != 0) {
    level.value = value_lot(lot, day, inputs);
    level.cumulative_pnl += level.value.market_value;
  }
  return cash;
}

// What shares that were spun off are worth beyond their cost at the close of their first day was earned by the lot that
// they come from. Those of before the opening enter at what they were worth then.
void attribute_spin_offs(const Holdings& holdings, Date day, const ValuationInputs& inputs,
                         std::vector<LotLevel>& of_lots) {
  const std::span<const Lot> lots = holdings.lots;
  if (std::none_of(lots.begin(), lots.end(), [](const Lot& lot) { return lot.is_spun_off(); })) return;
  std::map<Uuid, std::size_t> places;
  for (std::size_t i = 0; i < lots.size(); ++i) places.emplace(lots[i].id, i);
  for (std::size_t i = 0; i < lots.size(); ++i) {
    const Lot& lot = lots[i];
    if (!lot.is_spun_off() || lot.entry_date > day || lot.is_from_before(holdings.opening)) continue;
    const long double price = value_lot(lot, lot.entry_date, inputs).price;
    const long double gain = (price - lot.entry_price) * lot.quantity * lot.multiplier;
    of_lots[i].cumulative_pnl -= gain;
    of_lots[places.at(lot.origin->from)].cumulative_pnl += gain;
  }
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

void leave_out_until(Date opening, std::vector<CapitalFlow>& flows, std::vector<CashEvent>& events) {
  const auto is_before = [&](const auto& booking) { return booking.date <= opening; };
  std::erase_if(flows, is_before);
  std::erase_if(events, is_before);
}

PortfolioLevels levels_on(Date day, const Holdings& holdings, const ValuationInputs& inputs,
                          std::vector<LotLevel>* lots) {
  PortfolioLevels levels;
  levels.initial_equity = holdings.initial_equity;
  for (const CapitalFlow& flow : holdings.flows)
    if (flow.date <= day) levels.flows_to_date += flow.amount;

  CashTotals cash;
  std::vector<LotLevel> of_lots(holdings.lots.size());
  for (const BookedCash& booked : booked_cash(holdings.events, holdings.lots, day, holdings.opening, *inputs.actions)) {
    cash.add(booked);
    if (booked.lot) of_lots[*booked.lot].cumulative_pnl += booked.amount;
  }
  long double long_value = 0;
  long double short_value = 0;
  std::set<std::string_view> symbols;
  for (std::size_t i = 0; i < holdings.lots.size(); ++i) {
    const Lot& lot = holdings.lots[i];
    LotLevel& level = of_lots[i];
    cash.add(add_trades(lot, day, holdings.opening, inputs, level));
    levels.realized_to_date += level.realized_to_date;
    if (level.value.quantity == 0) continue;
    (level.value.market_value >= 0 ? long_value : short_value) += level.value.market_value;
    count_lot(lot, level.value, levels);
    symbols.insert(lot.symbol);
  }
  attribute_spin_offs(holdings, day, inputs, of_lots);
  cash.count_into(levels);
  round_into(levels, cash.all, long_value, short_value);
  levels.symbol_count = static_cast<int>(symbols.size());
  if (lots != nullptr) *lots = std::move(of_lots);
  return levels;
}

LedgerEntry ledger_entry(const PortfolioLevels& levels) {
  return {levels.equity(), levels.cumulative_pnl(), levels.flows_to_date, levels.realized_to_date, levels.fees_to_date};
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
  if (result.return_base.units <= 0) return result;
  const double base = to_double(result.return_base);
  result.daily_return = to_double(result.daily_pnl) / base;
  result.gross_return = to_double(result.daily_pnl - (levels.fees_to_date - before.fees_to_date)) / base;
  return result;
}

}  // namespace pb::core
