#include "engine/holdings.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/portfolio/lot_results.hpp"
#include "engine/lot_exposures.hpp"
#include "pg/interrupts.hpp"

namespace pb::engine {

using core::Date;

namespace {

// Puts together the row of one portfolio and day.
class HoldingsBuilder {
 public:
  HoldingsBuilder(Context& context, const store::Portfolio& portfolio, Date day, const core::PeriodResult& period,
                  const LotExposures& exposures)
      : portfolio_(portfolio),
        market_(context.market()),
        day_(day),
        period_(period),
        today_(context.levels(day, portfolio)) {
    if (period.previous_date) before_ = &context.levels(*period.previous_date, portfolio);
    for (const LotExposure& lot : exposures.lots) exposures_.emplace(lot.lot, lot);
    row_.portfolio_id = portfolio.id;
    row_.date = day;
  }

  store::HoldingsRow build() {
    std::vector<long double> earned;
    for (std::size_t i = 0; i < portfolio_.lots.size(); ++i)
      if (belongs(i)) {
        add(i);
        earned.push_back(pnl(i));
      }
    const core::Money before = before_ ? pnl_of_lots(before_->levels) : core::Money{};
    const core::Money of_lots = pnl_of_lots(today_.levels) - before;
    const core::Allocation allocation = core::allocate(earned, of_lots);
    for (const core::Money amount : allocation.amounts) row_.daily_pnl.push_back(amount.units);
    row_.unallocated_pnl = period_.daily_pnl - of_lots + allocation.rest;
    return std::move(row_);
  }

 private:
  static core::Money pnl_of_lots(const core::PortfolioLevels& levels) {
    return levels.cumulative_pnl() - levels.unallocated_to_date;
  }

  // Of the position: of the lot, and of those that corporate actions made it of.
  long double pnl(std::size_t i) const {
    long double sum = 0;
    for (std::optional<std::size_t> j = i; j; j = portfolio_.lots[*j].previous)
      sum += today_.lots[*j].cumulative_pnl - (before_ ? before_->lots[*j].cumulative_pnl : 0);
    return sum;
  }

  core::Money realized(std::size_t i) const {
    core::Money sum;
    for (std::optional<std::size_t> j = i; j; j = portfolio_.lots[*j].previous)
      sum += today_.lots[*j].realized_to_date - (before_ ? before_->lots[*j].realized_to_date : core::Money{});
    return sum;
  }

  bool was_open_before(std::size_t i) const {
    for (std::optional<std::size_t> j = before_ ? std::optional(i) : std::nullopt; j; j = portfolio_.lots[*j].previous)
      if (before_->lots[*j].value.quantity != 0) return true;
    return false;
  }

  // What is to be said of the price of a lot; none when it is that of the day, for good.
  core::Reason price_reason(const core::Lot& lot, const core::LotValue& value) const {
    if (value.quality == core::MarkQuality::unpriced) return core::Reason::unpriced;
    if (value.quality == core::MarkQuality::stale) return core::Reason::stale_price;
    const auto column = market_.panel.column(lot.symbol);
    return column && market_.provisional.contains({*column, day_}) ? core::Reason::provisional_price
                                                                   : core::Reason::none;
  }

  // Whether the lot was open at the end of the day or of the snapshot before, or has done something in between. A
  // position is what it has become by the day.
  bool belongs(std::size_t i) const {
    const core::Lot& lot = portfolio_.lots[i];
    if (lot.entry_date > day_ || (lot.next && portfolio_.lots[*lot.next].entry_date <= day_)) return false;
    return today_.lots[i].value.quantity != 0 || was_open_before(i) || pnl(i) != 0 || !period_.previous_date ||
           lot.entry_date > *period_.previous_date;
  }

  void add(std::size_t i) {
    const core::Lot& lot = portfolio_.lots[i];
    const core::LotValue& value = today_.lots[i].value;
    const bool is_open = value.quantity != 0;
    row_.position_ids.push_back(lot.id);
    row_.quantities.values.push_back(value.quantity);
    row_.prices.values.push_back(is_open ? value.price : std::numeric_limits<double>::quiet_NaN());
    row_.price_dates.push_back(is_open ? std::optional(value.price_date) : std::nullopt);
    row_.market_values.push_back(core::to_money(value.market_value).units);
    row_.realized_pnl.push_back(realized(i).units);
    const auto exposure = exposures_.find(&lot);
    if (!is_open || exposure == exposures_.end()) {
      row_.symbols.emplace_back();
      row_.exposures.push_back(is_open ? std::numeric_limits<double>::quiet_NaN() : 0);
      row_.reasons.push_back(is_open ? core::Reason::none : core::Reason::closed);
      return;
    }
    const LotExposure& own = exposure->second;
    row_.symbols.push_back(own.symbol.empty() ? std::nullopt : std::optional<std::string>(own.symbol));
    row_.exposures.push_back(own.exposure);
    row_.reasons.push_back(own.reason != core::Reason::none ? own.reason : price_reason(lot, value));
  }

  const store::Portfolio& portfolio_;
  const store::Market& market_;
  Date day_;
  const core::PeriodResult& period_;
  const DayLevels& today_;
  const DayLevels* before_ = nullptr;
  std::map<const core::Lot*, LotExposure> exposures_;
  store::HoldingsRow row_;
};

}  // namespace

store::HoldingsRow holdings_of(Context& context, const store::Portfolio& portfolio, Date day,
                               const core::PeriodResult& period, const LotExposures& exposures) {
  return HoldingsBuilder(context, portfolio, day, period, exposures).build();
}

Report write_holdings(Context& context, Date day, std::span<const core::Uuid> portfolio_ids) {
  Report report;
  std::vector<store::HoldingsRow> rows;
  for (const core::Uuid& id : portfolio_ids) {
    pg::poll();
    const store::Portfolio* portfolio = store::find_portfolio(context.book(), id);
    if (portfolio == nullptr || context.has_holdings(day, id)) continue;
    try {
      const DayLevels& today = context.levels(day, *portfolio);
      const core::Ledger& ledger = context.ledgers()[id];
      store::HoldingsRow row =
          holdings_of(context, *portfolio, day, core::period_result(day, today.levels, portfolio->flows, ledger),
                      lot_exposures(context, day, id));
      if (!row.position_ids.empty() || ledger.contains(day)) rows.push_back(std::move(row));
    } catch (const core::Error&) {
      report.issues.push_back({id, failure_of(*portfolio)});
    }
  }
  report.processed = static_cast<std::int64_t>(rows.size());
  report.failed = static_cast<std::int64_t>(report.issues.size());
  report.rows_written = store::write_holdings(context.store(), rows);
  for (const store::HoldingsRow& row : rows) context.note_holdings(day, row.portfolio_id);
  report.detail = counted(report.processed, "portfolio");
  return report;
}

}  // namespace pb::engine
