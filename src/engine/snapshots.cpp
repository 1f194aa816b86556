#include "engine/snapshots.hpp"

#include <algorithm>
#include <set>

#include "core/error.hpp"
#include "core/portfolio/accounting.hpp"
#include "core/text/json.hpp"
#include "engine/holdings.hpp"
#include "engine/lot_exposures.hpp"
#include "engine/price_completeness.hpp"
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

void add_delta_exposures(const LotExposures& exposures, store::SnapshotRow& row) {
  if (!exposures.countable) return;
  long double gross = 0;
  long double net = 0;
  for (const LotExposure& lot : exposures.lots) {
    gross += lot.size();
    net += lot.symbol.empty() ? lot.value : lot.exposure;
  }
  row.gross_delta_exposure = core::to_money(gross);
  row.net_delta_exposure = core::to_money(net);
}

// The rows of one portfolio: of a day, and of those after it.
struct Rolled {
  std::vector<store::SnapshotRow> snapshots;
  std::vector<store::HoldingsRow> holdings;
};

Rolled roll(Context& context, const store::Portfolio& portfolio, core::Ledger& ledger, std::span<const Date> days) {
  Rolled rolled;
  for (const Date day : days) {
    pg::poll();
    const core::PortfolioLevels levels = context.levels(day, portfolio).levels;
    const core::PeriodResult period = core::period_result(day, levels, portfolio.flows, ledger);
    const bool is_provisional = price_completeness(context, portfolio, day).provisional;
    store::SnapshotRow& row = rolled.snapshots.emplace_back();
    row = {.portfolio_id = portfolio.id,
           .date = day,
           .levels = levels,
           .period = period,
           .greeks = greek_totals(context, day, portfolio.id),
           .is_provisional = is_provisional};
    const LotExposures exposures = lot_exposures(context, day, portfolio.id);
    add_delta_exposures(exposures, row);
    rolled.holdings.push_back(holdings_of(context, portfolio, day, period, exposures));
    ledger[day] = core::ledger_entry(levels);
  }
  return rolled;
}

std::int64_t write_rolled(Context& context, std::span<const Rolled> portfolios) {
  std::vector<store::SnapshotRow> snapshots;
  std::vector<store::HoldingsRow> holdings;
  for (const Rolled& rolled : portfolios) {
    snapshots.insert(snapshots.end(), rolled.snapshots.begin(), rolled.snapshots.end());
    holdings.insert(holdings.end(), rolled.holdings.begin(), rolled.holdings.end());
  }
  return store::write_snapshots(context.store(), snapshots) + store::write_holdings(context.store(), holdings);
}

void note_written(Context& context, const Rolled& rolled) {
  for (const store::HoldingsRow& row : rolled.holdings) context.note_holdings(row.date, row.portfolio_id);
}

// Writes all portfolios at once; when that fails, one by one, so that only the portfolio at fault is left out.
std::int64_t write_isolated(Context& context, const std::vector<Rolled>& portfolios, Report& report) {
  std::int64_t written = 0;
  if (!pg::isolate([&] { written = write_rolled(context, portfolios); })) {
    report.processed += static_cast<std::int64_t>(portfolios.size());
    for (const Rolled& rolled : portfolios) note_written(context, rolled);
    return written;
  }
  written = 0;
  for (const Rolled& rolled : portfolios) {
    std::int64_t rows_of_one = 0;
    if (const auto failure = pg::isolate([&] { rows_of_one = write_rolled(context, {&rolled, 1}); })) {
      report.issues.push_back({rolled.snapshots.front().portfolio_id, *failure});
      continue;
    }
    written += rows_of_one;
    note_written(context, rolled);
    ++report.processed;
  }
  return written;
}

}  // namespace

Report create_portfolio_snapshots(Context& context, Date day, std::span<const Uuid> portfolio_ids) {
  Report report;
  store::Ledgers& ledgers = context.ledgers();
  std::vector<Rolled> computed;
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
    if (!ledgers[id].contains(day)) {
      const PriceCompleteness prices = price_completeness(context, *portfolio, day);
      if (waits_for_prices(context, prices, day)) {
        report.notes.push_back({id, 1, core::JsonObject().add("text", prices.text()).str(), "waiting"});
        continue;
      }
    }
    try {
      require_equity(context.store(), *portfolio);
      const auto days = days_to_roll(day, ledgers[id]);
      computed.push_back(roll(context, *portfolio, ledgers[id], days));
      const core::PortfolioLevels& today = computed.back().snapshots.front().levels;
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
  if (const auto waiting = static_cast<std::int64_t>(report.notes.size()); waiting > 0)
    report.detail += ", " + counted(waiting, "portfolio") + " waiting for prices";
  if (report.skipped > 0) report.detail += ", " + std::to_string(report.skipped) + " not begun";
  if (rolled > 0) report.detail += ", " + counted(rolled, "later snapshot") + " rolled again";
  if (stale > 0) report.detail += ", " + counted(stale, "stale price");
  if (unpriced > 0) report.detail += ", " + counted(unpriced, "unpriced position");
  report.skipped += static_cast<std::int64_t>(report.notes.size());
  return report;
}

}  // namespace pb::engine
