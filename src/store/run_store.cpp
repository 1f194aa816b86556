#include "store/run_store.hpp"

#include "core/text/json.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/writer.hpp"

namespace pb::store {

using core::Uuid;
using pg::Args;
using pg::required;
using pg::RowView;
using pg::Type;

namespace {

// What monitoring shows as lost is recorded as lost.
void mark_lost_runs(const Store& store) {
  // A record that another session is marking just now needs no second one, and that session may take long to commit.
  pg::execute("UPDATE " + store.table("batch_runs") +
              " SET status = 'lost', completed_at = now() WHERE run_id IN (SELECT run_id FROM " +
              store.table("batch_runs") + " WHERE status = 'running' AND " + store.function("run_state") +
              "(status, backend_pid, backend_start, started_at) = 'lost' FOR UPDATE SKIP LOCKED)");
}

}  // namespace

std::int64_t begin_run(const Store& store, const RunRequest& request) {
  store.require({"batch_runs", "batch_jobs"});
  mark_lost_runs(store);
  Args args{Type::text, Type::date, Type::uuid_array, Type::text_array, Type::boolean, Type::jsonb, Type::text};
  args.add(request.kind).add(request.target_date);
  if (request.portfolio_ids)
    args.add(std::span<const Uuid>(*request.portfolio_ids));
  else
    args.null();
  if (request.phases.empty())
    args.null();
  else
    args.add(std::span<const std::string>(request.phases));
  args.add(request.force).add(pg::settings_as_json(store.settings())).add(PB_VERSION);
  std::int64_t run_id = 0;
  pg::each_row("INSERT INTO " + store.table("batch_runs") +
                   " (run_kind, target_date, portfolio_ids, phases, force, status, started_at, settings,"
                   " extension_version, requested_by, backend_pid, backend_start)"
                   " SELECT $1, $2, $3, $4, $5, 'running', clock_timestamp(), $6, $7, session_user, pg_backend_pid(),"
                   " (SELECT backend_start FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid())"
                   " RETURNING run_id",
               args, {required(Type::int8, "batch_runs.run_id")}, [&](const RowView& row) { run_id = row.int8(0); });
  return run_id;
}

void write_jobs(const Store& store, std::int64_t run_id, std::span<const Job> jobs) {
  pg::RowBuffer out({{"ordinal", Type::int4},
                     {"job_name", Type::text},
                     {"job_type", Type::text},
                     {"phase", Type::text},
                     {"portfolio_id", Type::uuid},
                     {"calculation_date", Type::date},
                     {"status", Type::text},
                     {"processed", Type::int8},
                     {"skipped", Type::int8},
                     {"failed", Type::int8},
                     {"rows_written", Type::int8},
                     {"error_message", Type::text},
                     {"sqlstate", Type::text},
                     {"error_detail", Type::text},
                     {"error_hint", Type::text},
                     {"started_at", Type::timestamptz},
                     {"completed_at", Type::timestamptz},
                     {"duration_seconds", Type::float8},
                     {"detail", Type::jsonb}});
  std::int32_t ordinal = 0;
  for (const Job& job : jobs)
    out.add(++ordinal)
        .add(job.name)
        .add(job.type)
        .add_text_or_null(job.phase)
        .add(job.portfolio_id)
        .add(job.calculation_date)
        .add(job.status)
        .add(job.processed)
        .add(job.skipped)
        .add(job.failed)
        .add(job.rows_written)
        .add_text_or_null(job.failure.message)
        .add_text_or_null(job.failure.message.empty() ? "" : job.failure.sqlstate)
        .add_text_or_null(job.failure.detail)
        .add_text_or_null(job.failure.hint)
        .add(job.started_at)
        .add(job.completed_at)
        .add(static_cast<double>(job.completed_at - job.started_at) / 1e6)
        .add_text_or_null(job.detail_json);
  pg::execute_with_rows(
      "INSERT INTO " + store.table("batch_jobs") +
          " (run_id, job_no, job_name, job_type, phase, portfolio_id, calculation_date, status, processed, skipped,"
          " failed, rows_written, error_message, sqlstate, error_detail, error_hint, started_at, completed_at,"
          " duration_seconds, detail) SELECT $1, n.ordinal + (SELECT coalesce(max(job_no), 0) FROM " +
          store.table("batch_jobs") +
          " WHERE run_id = $1), n.job_name, n.job_type, n.phase, n.portfolio_id, n.calculation_date, n.status,"
          " n.processed, n.skipped, n.failed, n.rows_written, n.error_message, n.sqlstate, n.error_detail,"
          " n.error_hint, n.started_at, n.completed_at, n.duration_seconds, n.detail FROM new_rows n",
      out, Args{Type::int8}.add(run_id));
}

void finish_run(const Store& store, std::int64_t run_id) {
  pg::execute("UPDATE " + store.table("batch_runs") +
                  " r SET status = CASE WHEN j.jobs = 0 THEN 'skipped' WHEN j.bad = 0 THEN 'success' WHEN j.good = 0 "
                  "THEN 'failed' ELSE 'partial' END,"
                  " completed_at = clock_timestamp(),"
                  " duration_seconds = extract(epoch FROM clock_timestamp() - r.started_at),"
                  " dates_processed = j.dates, portfolio_dates = j.portfolio_dates, rows_written = j.rows_written,"
                  " error_count = j.bad FROM (SELECT count(*) AS jobs,"
                  " count(*) FILTER (WHERE status = 'success' AND job_type = 'phase') AS good,"
                  " count(*) FILTER (WHERE status IN ('failed', 'partial', 'blocked') AND job_type <> 'phase') +"
                  " count(*) FILTER (WHERE status = 'failed' AND job_type = 'phase') AS bad,"
                  " count(DISTINCT calculation_date) AS dates,"
                  " coalesce(sum(processed) FILTER (WHERE phase = '2' AND job_type = 'phase'), 0) AS portfolio_dates,"
                  " coalesce(sum(rows_written) FILTER (WHERE job_type = 'phase'), 0) AS rows_written FROM " +
                  store.table("batch_jobs") + " WHERE run_id = $1) j WHERE r.run_id = $1",
              Args{Type::int8}.add(run_id));
}

std::vector<Uuid> failed_portfolios(const Store& store, std::int64_t run_id) {
  std::vector<Uuid> failed;
  pg::each_row("SELECT DISTINCT portfolio_id FROM " + store.table("batch_jobs") +
                   " WHERE run_id = $1 AND job_type = 'portfolio' AND phase = '2' AND status IN ('failed', 'blocked')"
                   " AND portfolio_id IS NOT NULL ORDER BY portfolio_id",
               Args{Type::int8}.add(run_id), {required(Type::uuid, "batch_jobs.portfolio_id")},
               [&](const RowView& row) { failed.push_back(row.uuid(0)); });
  return failed;
}

std::vector<Uuid> lock_portfolios(const Store& store, std::span<const Uuid> portfolio_ids) {
  std::vector<Uuid> locked;
  pg::each_row(
      "SELECT id, pg_try_advisory_xact_lock(hashtextextended('portfolio_batch ' || $2 || ' ' || id, 0))"
      " FROM unnest($1) wanted (id)",
      Args{Type::uuid_array, Type::text}.add(portfolio_ids).add(store.schema()),
      {required(Type::uuid, "portfolios.id"), required(Type::boolean, "portfolios.lock")}, [&](const RowView& row) {
        if (row.boolean(1)) locked.push_back(row.uuid(0));
      });
  return locked;
}

}  // namespace pb::store
