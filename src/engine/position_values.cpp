#include "engine/position_values.hpp"

#include <cmath>

#include "core/error.hpp"
#include "core/portfolio/valuation.hpp"
#include "pg/interrupts.hpp"
#include "store/position_store.hpp"

namespace pb::engine {

using core::Date;
using core::Lot;
using core::LotValue;

namespace {

// Of the position: of the lot, and of those that corporate actions made it of.
core::Money realized_to_date(const std::vector<Lot>& lots, const Lot& lot, Date day,
                             const core::CorporateActions& actions) {
  core::Money sum;
  for (const core::Closing& closing : core::closings_through(lot, day, actions))
    sum += core::realized_pnl(lot, closing, actions);
  return lot.previous ? sum + realized_to_date(lots, lots[*lot.previous], day, actions) : sum;
}

// Whether a lot that is carried at an old mark ever had a price since its trade.
bool was_priced(const Lot& lot, Date day, const core::ValuationInputs& inputs) {
  const auto column = inputs.panel->column(lot.symbol);
  const auto mark = column ? inputs.panel->mark_asof(*column, day, *inputs.actions) : std::nullopt;
  return mark && mark->date >= lot.acquired();
}

store::PositionValue position_value(const std::vector<Lot>& lots, const Lot& lot, const LotValue& value, Date day,
                                    const core::ValuationInputs& inputs) {
  const core::CorporateActions& actions = *inputs.actions;
  const double entry = actions.split_ratio(lot.symbol, lot.entry_date, day).to_new_price(lot.entry_price);
  store::PositionValue row{.portfolio_id = lot.portfolio_id,
                           .position_id = lot.id,
                           .last_price = std::nullopt,
                           .last_price_date = std::nullopt,
                           .market_value = core::to_money(value.market_value),
                           .unrealized_pnl = core::to_money(static_cast<long double>(value.price - entry) *
                                                            value.quantity * value.multiplier),
                           .realized_pnl = realized_to_date(lots, lot, day, actions)};
  if (value.quantity != 0) {
    row.last_price = value.price;
    const bool is_priced = value.quality != core::MarkQuality::unpriced || was_priced(lot, day, inputs);
    if (is_priced) row.last_price_date = value.price_date;
  }
  return row;
}

void value_portfolio(const store::Portfolio& portfolio, Date day, const core::ValuationInputs& inputs,
                     std::vector<store::PositionValue>& rows, Report& report) {
  for (const Lot& lot : portfolio.lots) {
    // A position is what it has become by the day; shares that were spun off have no row of their own.
    const bool is_past = lot.next && portfolio.lots[*lot.next].entry_date <= day;
    if (lot.entry_date > day || is_past || (lot.origin && lot.origin->opened_as != lot.id)) continue;
    const LotValue value = core::value_lot(lot, day, inputs);
    if (value.quantity != 0 && value.quality == core::MarkQuality::unpriced) ++report.skipped;
    // An old mark is that of the snapshot: what is left of a lot after a sale is worth it still.
    rows.push_back(position_value(portfolio.lots, lot, value, day, inputs));
  }
}

}  // namespace

Report update_position_values(Context& context, Date day, std::span<const core::Uuid> portfolio_ids) {
  Report report;
  const std::vector<core::Uuid> current = not_superseded(context.store(), day, portfolio_ids);
  const core::ValuationInputs inputs = context.valuation();
  std::vector<store::PositionValue> rows;
  for (const core::Uuid& id : current) {
    pg::poll();
    const store::Portfolio* portfolio = store::find_portfolio(context.book(), id);
    if (portfolio == nullptr) continue;
    const std::size_t before = rows.size();
    const std::int64_t skipped = report.skipped;
    try {
      value_portfolio(*portfolio, day, inputs, rows, report);
    } catch (const core::Error&) {
      rows.resize(before);
      report.skipped = skipped;
      report.issues.push_back({id, failure_of(*portfolio)});
    }
  }
  report.processed = static_cast<std::int64_t>(rows.size()) - report.skipped;
  report.failed = static_cast<std::int64_t>(report.issues.size());
  if (!rows.empty()) report.rows_written = store::write_position_values(context.store(), rows);
  report.detail =
      counted(report.processed, "position") + " valued, " + std::to_string(report.skipped) + " without price";
  if (const auto superseded = portfolio_ids.size() - current.size(); superseded > 0)
    report.detail += ", " + counted(static_cast<std::int64_t>(superseded), "portfolio") + " valued on a newer date";
  return report;
}

}  // namespace pb::engine
