#include "store/run_store.hpp"

#include "core/text/json.hpp"
#include "pg/select.hpp"
#include "pg/session.hpp"
#include "pg/writer.hpp"

namespace pb::store {

using core::Uuid;
using pg::Args;
using pg::field;
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
  args.add(request.force).add(settings_as_json(store.settings())).add(PB_VERSION);
  struct Row {
    std::int64_t run_id;
  };
  static const auto columns = pg::select("batch_runs", field("run_id", &Row::run_id));
  return columns
      .only_row("INSERT INTO " + store.table("batch_runs") +
                    " (run_kind, target_date, portfolio_ids, phases, force, status, started_at, settings,"
                    " extension_version, requested_by, backend_pid, backend_start)"
                    " SELECT $1, $2, $3, $4, $5, 'running', clock_timestamp(), $6, $7, session_user, pg_backend_pid(),"
                    " (SELECT backend_start FROM pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid())"
                    " RETURNING " +
                    columns.list(),
                args)
      .run_id;
}

namespace {

struct NumberedJob {
  std::int64_t run_id;
  std::int32_t ordinal;
  const Job* job;
};

std::vector<pg::Column<NumberedJob>> job_columns() {
  using Row = NumberedJob;
  const auto of_job = [](auto member) { return [member](const Row& row) { return std::invoke(member, *row.job); }; };
  const auto of_failure = [](auto member) {
    return [member](const Row& row) {
      const bool failed = !row.job->failure.message.empty();
      return failed ? std::string_view(std::invoke(member, row.job->failure)) : std::string_view();
    };
  };
  return {
      pg::column<Row>("run_id", &Row::run_id),
      pg::column<Row>("job_no", &Row::ordinal),
      pg::column<Row>("job_name", of_job(&Job::name)),
      pg::column<Row>("job_type", of_job(&Job::type)),
      pg::text_or_null<Row>("phase", of_job(&Job::phase)),
      pg::column<Row>("portfolio_id", of_job(&Job::portfolio_id)),
      pg::column<Row>("calculation_date", of_job(&Job::calculation_date)),
      pg::column<Row>("status", of_job(&Job::status)),
      pg::column<Row>("processed", of_job(&Job::processed)),
      pg::column<Row>("skipped", of_job(&Job::skipped)),
      pg::column<Row>("failed", of_job(&Job::failed)),
      pg::column<Row>("rows_written", of_job(&Job::rows_written)),
      pg::text_or_null<Row>("error_message", of_failure(&pg::Failure::message)),
      pg::text_or_null<Row>("sqlstate", of_failure(&pg::Failure::sqlstate)),
      pg::text_or_null<Row>("error_detail", of_failure(&pg::Failure::detail)),
      pg::text_or_null<Row>("error_hint", of_failure(&pg::Failure::hint)),
      pg::column<Row>("started_at", [](const Row& row) { return pg::Timestamp{row.job->started_at}; }),
      pg::column<Row>("completed_at", [](const Row& row) { return pg::Timestamp{row.job->completed_at}; }),
      pg::column<Row>(
          "duration_seconds",
          [](const Row& row) { return static_cast<double>(row.job->completed_at - row.job->started_at) / 1e6; }),
      pg::column<Row>("detail", [](const Row& row) { return pg::Json{row.job->detail_json}; }),
  };
}

}  // namespace

void write_jobs(const Store& store, std::int64_t run_id, std::span<const Job> jobs) {
  static const std::vector<pg::Column<NumberedJob>> columns = job_columns();
  std::vector<NumberedJob> numbered;
  for (const Job& job : jobs) numbered.push_back({run_id, static_cast<std::int32_t>(numbered.size() + 1), &job});
  const pg::RowBuffer rows = pg::as_rows<NumberedJob>(columns, numbered);
  std::string names;
  std::string values;
  for (const auto& column : columns) {
    names += (names.empty() ? "" : ", ") + column.name;
    values += (values.empty() ? "n." : ", n.") + column.name;
    if (column.name == "job_no") values += " + $2";
  }
  const std::string table = store.table("batch_jobs");
  struct Last {
    std::int32_t job_no;
  };
  static const auto last = pg::select("batch_jobs", field("coalesce(max(job_no), 0)", &Last::job_no, "job_no"));
  std::int32_t last_no = 0;
  last.from(table + " WHERE run_id = $1", Args{Type::int8}.add(run_id), [&](const Last& row) { last_no = row.job_no; });
  pg::execute_with_rows("INSERT INTO " + table + " (" + names + ") SELECT " + values + " FROM {rows} n", table, rows,
                        Args{Type::int4}.add(last_no));
}

void finish_run(const Store& store, std::int64_t run_id, const std::string& snapshot_phase) {
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
                  " coalesce(sum(processed) FILTER (WHERE phase = $2 AND job_type = 'phase'), 0) AS portfolio_dates,"
                  " coalesce(sum(rows_written) FILTER (WHERE job_type = 'phase'), 0) AS rows_written FROM " +
                  store.table("batch_jobs") + " WHERE run_id = $1) j WHERE r.run_id = $1",
              Args{Type::int8, Type::text}.add(run_id).add(snapshot_phase));
}

std::vector<Uuid> failed_portfolios(const Store& store, std::int64_t run_id, const std::string& snapshot_phase) {
  struct Row {
    Uuid portfolio_id;
  };
  static const auto columns = pg::select("batch_jobs", field("DISTINCT portfolio_id", &Row::portfolio_id));
  std::vector<Uuid> failed;
  columns.from(store.table("batch_jobs") +
                   " WHERE run_id = $1 AND job_type = 'portfolio' AND phase = $2 AND status IN ('failed', 'blocked')"
                   " AND portfolio_id IS NOT NULL ORDER BY portfolio_id",
               Args{Type::int8, Type::text}.add(run_id).add(snapshot_phase),
               [&](const Row& row) { failed.push_back(row.portfolio_id); });
  return failed;
}

std::vector<std::pair<core::Date, std::optional<Uuid>>> unfinished_dates(const Store& store, std::int64_t run_id) {
  struct Row {
    core::Date date;
    std::optional<Uuid> portfolio_id;
  };
  static const auto columns = pg::select("batch_jobs", field("DISTINCT calculation_date", &Row::date),
                                         field("portfolio_id", &Row::portfolio_id));
  std::vector<std::pair<core::Date, std::optional<Uuid>>> dates;
  columns.from(
      store.table("batch_jobs") +
          " WHERE run_id = $1 AND status IN ('failed', 'partial', 'blocked', 'waiting') AND job_type <> 'phase'"
          " AND calculation_date IS NOT NULL",
      Args{Type::int8}.add(run_id), [&](const Row& row) { dates.emplace_back(row.date, row.portfolio_id); });
  return dates;
}

std::vector<Uuid> lock_portfolios(const Store& store, std::span<const Uuid> portfolio_ids) {
  struct Row {
    Uuid id;
    bool is_locked;
  };
  static const auto columns = pg::select(
      "portfolios", field("id", &Row::id),
      field("pg_try_advisory_xact_lock(hashtextextended('portfolio_batch ' || $2 || ' ' || id, 0))", &Row::is_locked));
  std::vector<Uuid> locked;
  columns.from("unnest($1) wanted (id)", Args{Type::uuid_array, Type::text}.add(portfolio_ids).add(store.schema()),
               [&](const Row& row) {
                 if (row.is_locked) locked.push_back(row.id);
               });
  return locked;
}

}  // namespace pb::store
