#include "engine/snapshots.hpp"

#include <algorithm>
#include <set>

#include "core/error.hpp"
#include "core/portfolio/accounting.hpp"
#include "pg/interrupts.hpp"
#include "pg/subtransaction.hpp"
#include "store/calendar_store.hpp"
#include "store/snapshot_store.hpp"

namespace pb::engine {

using core::Date;
using core::Uuid;

namespace {

void require_equity(const store::Store& store, const store::Portfolio& portfolio) {
  if (portfolio.initial_equity) return;
  throw core::Error(core::sqlstate::object_not_ready,
                    "portfolio " + to_string(portfolio.id) + " (" + portfolio.name + ") has no initial equity",
                    "Without the net asset value before the first trade there is no equity to roll forward.",
                    "Set initial_equity in " + store.table("portfolios") + " and run again.");
}

// A portfolio is measured from its inception on, else from its first trade: the rule of the work list.
bool has_begun(const store::Portfolio& portfolio, Date day) {
  if (portfolio.inception_date) return *portfolio.inception_date <= day;
  return std::any_of(portfolio.lots.begin(), portfolio.lots.end(),
                     [day](const core::Lot& lot) { return lot.entry_date <= day; });
}

// The day itself and every snapshot after it: what is measured from the day changes with it.
std::vector<Date> days_to_roll(Date day, const core::Ledger& ledger) {
  std::vector<Date> days{day};
  for (auto later = ledger.upper_bound(day); later != ledger.end(); ++later) days.push_back(later->first);
  return days;
}

std::vector<store::SnapshotRow> roll(Context& context, const store::Portfolio& portfolio, core::Ledger& ledger,
                                     std::span<const Date> days) {
  const core::ValuationInputs valuation = context.valuation();
  const core::Holdings holdings{*portfolio.initial_equity, portfolio.lots, portfolio.flows};
  std::vector<store::SnapshotRow> rows;
  for (const Date day : days) {
    pg::poll();
    const core::PortfolioLevels levels = core::levels_on(day, holdings, valuation);
    rows.push_back({portfolio.id, day, levels, core::period_result(day, levels, ledger)});
    ledger[day] = core::ledger_entry(levels);
  }
  return rows;
}

// Writes all portfolios at once; when that fails, one by one, so that only the portfolio at fault is left out.
std::int64_t write_isolated(Context& context, const std::vector<std::vector<store::SnapshotRow>>& by_portfolio,
                            Report& report) {
  std::vector<store::SnapshotRow> all;
  for (const auto& rows : by_portfolio) all.insert(all.end(), rows.begin(), rows.end());
  std::int64_t written = 0;
  if (!pg::isolate([&] { written = store::write_snapshots(context.store(), all); })) {
    report.processed += static_cast<std::int64_t>(by_portfolio.size());
    return written;
  }
  written = 0;
  for (const auto& rows : by_portfolio) {
    std::int64_t rows_of_one = 0;
    const auto failure = pg::isolate([&] { rows_of_one = store::write_snapshots(context.store(), rows); });
    written += failure ? 0 : rows_of_one;
    if (failure)
      report.issues.push_back({rows.front().portfolio_id, *failure});
    else
      ++report.processed;
  }
  return written;
}

}  // namespace

Report create_portfolio_snapshots(Context& context, Date day, std::span<const Uuid> portfolio_ids) {
  Report report;
  store::Ledgers& ledgers = context.ledgers();
  std::vector<std::vector<store::SnapshotRow>> computed;
  std::int64_t stale = 0;
  std::int64_t unpriced = 0;
  std::int64_t rolled = 0;
  for (const Uuid& id : portfolio_ids) {
    const store::Portfolio* portfolio = store::find_portfolio(context.book(), id);
    if (portfolio == nullptr) continue;
    if (!has_begun(*portfolio, day)) {
      ++report.skipped;
      continue;
    }
    try {
      require_equity(context.store(), *portfolio);
      const auto days = days_to_roll(day, ledgers[id]);
      computed.push_back(roll(context, *portfolio, ledgers[id], days));
      const core::PortfolioLevels& today = computed.back().front().levels;
      stale += today.stale_prices;
      unpriced += today.unpriced_positions;
      rolled += static_cast<std::int64_t>(days.size()) - 1;
    } catch (const core::Error&) {
      report.issues.push_back({id, failure_of(*portfolio)});
    }
  }
  if (!computed.empty()) {
    report.rows_written += write_isolated(context, computed, report);
    report.rows_written += store::refresh_equity_balances(context.store(), portfolio_ids);
  }
  report.failed = static_cast<std::int64_t>(report.issues.size());
  if (report.failed > 0 || !context.covers_several_days()) context.forget_ledgers();
  report.detail = counted(report.processed, "portfolio");
  if (report.skipped > 0) report.detail += ", " + std::to_string(report.skipped) + " not begun";
  if (rolled > 0) report.detail += ", " + counted(rolled, "later snapshot") + " rolled again";
  if (stale > 0) report.detail += ", " + counted(stale, "stale price");
  if (unpriced > 0) report.detail += ", " + counted(unpriced, "unpriced position");
  return report;
}

}  // namespace pb::engine
