#pragma once
#include "core/no_postgres.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/portfolio/accounting.hpp"
#include "core/reason.hpp"
#include "core/text/uuid.hpp"
#include "store/position_store.hpp"
#include "store/result_rows.hpp"
#include "store/store.hpp"

namespace pb::store {

using Ledgers = std::map<core::Uuid, core::Ledger>;

// The stored snapshots from the last one before the year of `first` on: what period results of `first` and later
// days are measured against.
Ledgers load_ledgers(const Store& store, std::span<const core::Uuid> portfolio_ids, core::Date first);

// The newest snapshot of each portfolio that has one.
std::map<core::Uuid, core::Date> newest_snapshots(const Store& store, std::span<const core::Uuid> portfolio_ids);

struct SnapshotRow {
  core::Uuid portfolio_id;
  core::Date date;
  core::PortfolioLevels levels;
  core::PeriodResult period;
  GreekTotals greeks = {};
  // Exposures by delta: of what follows no symbol the market value. None where they cannot be counted.
  std::optional<core::Money> gross_delta_exposure = std::nullopt;
  std::optional<core::Money> net_delta_exposure = std::nullopt;
  bool is_provisional = false;  // valued without a price that was expected, or by one that may still change
};

// Writes the accounting columns of the snapshots; the risk columns stay. Where the value of a portfolio changed, its
// analytics count as outstanding again, because every weight did.
std::int64_t write_snapshots(const Store& store, std::span<const SnapshotRow> rows);

// Brings portfolios.equity_balance up to each portfolio's newest snapshot.
std::int64_t refresh_equity_balances(const Store& store, std::span<const core::Uuid> portfolio_ids);

// Net asset value of each portfolio that has a snapshot of the day.
std::map<core::Uuid, core::Money> net_asset_values(const Store& store, core::Date day,
                                                   std::span<const core::Uuid> portfolio_ids);

// Writes columns that an engine adds to snapshots of a day. Only rows that differ are written, and a portfolio without
// a snapshot of the day gets none.
std::int64_t update_snapshots(const Store& store, core::Date day, const pg::RowBuffer& rows);

template <class Row>
std::int64_t update_snapshots(const Store& store, core::Date day, const Columns<Row>& columns,
                              std::span<const Row> rows) {
  return update_snapshots(store, day, pg::as_rows(columns, rows));
}

struct SnapshotBeta {
  core::Uuid portfolio_id;
  std::optional<double> beta;
  std::optional<double> std_error;  // of beta
  std::optional<double> r_squared;
  std::optional<int> observations;
  double coverage;  // share of gross exposure that has a beta; NaN without exposure
  core::Reason reason = core::Reason::none;
};

std::int64_t write_snapshot_betas(const Store& store, core::Date day, std::span<const SnapshotBeta> rows);

// What a portfolio's date was computed from: the digest of everything, and of each part. None where it is not known.
struct SnapshotDigest {
  core::Uuid portfolio_id;
  std::optional<std::int64_t> whole;
  std::optional<std::vector<std::int64_t>> parts;
};

// Marks the analytics of the day as complete for these portfolios, computed by the store's run from these inputs.
void mark_analytics_complete(const Store& store, core::Date day, std::span<const SnapshotDigest> digests);

// The digests of those snapshots of the day of which no row is missing.
std::map<core::Uuid, std::int64_t> digests_of_complete(const Store& store, core::Date day,
                                                       std::span<const core::Uuid> portfolio_ids);

// Forgets what the snapshots of a day were computed from, because an engine that was called by hand has changed rows.
void forget_digests(const Store& store, core::Date day);

// One (portfolio, session) that the batch owes, and what of it: the snapshot; analytics, none of which ran to its end
// or of which rows are gone; or prices, where one has come that a provisional snapshot lacked.
struct MissingSession {
  core::Uuid portfolio_id;
  core::Date date;
  std::string missing;
};

// The work list, from the data alone: sessions each portfolio should have since its inception (or its first trade),
// up to the target, minus those it has; oldest first.
std::vector<MissingSession> missing_sessions(const Store& store, std::span<const core::Uuid> portfolio_ids,
                                             core::Date target);

// The sessions from one day to another on which the portfolios have snapshots.
std::map<core::Date, std::vector<core::Uuid>> sessions_with_snapshots(const Store& store,
                                                                      std::span<const core::Uuid> portfolio_ids,
                                                                      core::Date from, core::Date to);

}  // namespace pb::store
