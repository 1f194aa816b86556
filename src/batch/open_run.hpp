#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "batch/run.hpp"
#include "core/calendar/date.hpp"
#include "core/text/uuid.hpp"
#include "pg/rows.hpp"
#include "store/store.hpp"

namespace pb::batch {

// The portfolios that a transaction is to run: those whose locks it has taken, and those that another session runs.
struct Claim {
  std::vector<core::Uuid> locked;
  std::vector<core::Uuid> busy;
};

// Takes the locks of the requested portfolios, or of all active ones, until the end of the transaction.
Claim claim_portfolios(const store::Store& store, const std::optional<std::vector<core::Uuid>>& requested);

// One date of a run. The portfolios are not locked yet.
struct SessionOfRun {
  std::int64_t run_id = 0;
  core::Date day = {};
  std::vector<core::Uuid> portfolio_ids = {};
  bool newest = false;  // the last date of the run, which alone writes what has no history
  Progress progress = {};
};

// A run in the transaction at hand, for the portfolios of a claim.
struct OpenRun {
  OpenRun(const store::Store& store, const store::Stamp& stamp, Claim claim, std::vector<std::string> phases = {});

  // Runs a date, later snapshots of its portfolios included, and writes its log.
  void run_date(core::Date day, bool newest, const Progress& progress, pg::RowBuffer& result);

  store::Store store;  // which writes for the run
  std::vector<core::Uuid> portfolio_ids;
  std::int64_t busy;  // how many portfolios another session runs
  Run run;
};

// Opens a run for a date in the transaction at hand. None when every portfolio is run by another session. Throws 22023
// unless the date is a closed session.
std::optional<OpenRun> open_session(const store::Store& store, const SessionOfRun& session);

}  // namespace pb::batch
