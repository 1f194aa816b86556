#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/text/uuid.hpp"
#include "pg/server_error.hpp"
#include "store/store.hpp"

namespace pb::store {

// What a run was asked to do.
struct RunRequest {
  std::string kind;  // daily, backfill, procedure
  std::optional<core::Date> target_date;
  std::optional<std::vector<core::Uuid>> portfolio_ids;
  std::vector<std::string> phases;  // empty: all
  bool force = false;
};

// One row of the job log.
struct Job {
  std::string name;
  std::string type;  // phase, engine, portfolio
  std::string phase;
  std::optional<core::Uuid> portfolio_id;
  std::optional<core::Date> calculation_date;
  std::string status;
  std::int64_t processed = 0;
  std::int64_t skipped = 0;
  std::int64_t failed = 0;
  std::int64_t rows_written = 0;
  pg::Failure failure = {};  // message empty: none
  std::int64_t started_at = 0;
  std::int64_t completed_at = 0;
  std::string detail_json = {};
};

// Opens a run's record, with its settings and its backend, and returns its id. Runs whose backend has gone without
// finishing are marked lost first.
std::int64_t begin_run(const Store& store, const RunRequest& request);

void write_jobs(const Store& store, std::int64_t run_id, std::span<const Job> jobs);

// Closes a run's record with what its jobs say. snapshot_phase: the key of the phase that computes portfolios.
void finish_run(const Store& store, std::int64_t run_id, const std::string& snapshot_phase);

// Portfolios that have failed earlier in this run, in the phase of their snapshots; their later dates are blocked.
std::vector<core::Uuid> failed_portfolios(const Store& store, std::int64_t run_id, const std::string& snapshot_phase);

// Dates on which something of a run did not end well or waits; of one portfolio, or of all where there is none.
std::vector<std::pair<core::Date, std::optional<core::Uuid>>> unfinished_dates(const Store& store, std::int64_t run_id);

// Takes each portfolio's lock until the end of the transaction, without waiting; returns those that were free.
std::vector<core::Uuid> lock_portfolios(const Store& store, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::store
