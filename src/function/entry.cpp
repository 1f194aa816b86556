#include "function/entry.hpp"

#include "core/error.hpp"
#include "pg/subtransaction.hpp"
#include "store/calendar_store.hpp"
#include "store/snapshot_store.hpp"

namespace pb::function {

using core::Date;
using engine::Context;
using engine::Engine;
using engine::Reach;
using engine::Report;

Date session_argument(const pg::Call& call, int index, const store::Store& store) {
  if (const auto day = call.date(index)) {
    store::require_closed_session(store, *day);
    return *day;
  }
  return store::latest_session(store);
}

std::optional<std::vector<core::Uuid>> portfolios_argument(const pg::Call& call, int index) {
  const auto several = call.uuids(index);
  const auto one = call.uuid(call.argument_count() - 1);
  if (several && one)
    throw core::Error(core::sqlstate::invalid_parameter, "portfolio_ids and portfolio_id are both given", "",
                      "Pass one of them, or neither for every active portfolio.");
  return one ? std::vector{*one} : several;
}

void run_engine_by_hand(pg::Call& call, Engine engine, Reach reach) {
  run_engine_by_hand(call, engine, store::Store(call), reach);
}

void run_engine_by_hand(pg::Call& call, Engine engine, const store::Store& store, Reach reach) {
  const Date day = session_argument(call, 0, store);
  const auto ids = store::resolve_portfolios(store, portfolios_argument(call, 1));
  Context context(store, ids, day, day, reach);
  return_report(call, store, day, engine::run_for_usable(context, engine, day, ids));
}

void return_report(pg::Call& call, const store::Store& store, Date day, const Report& report) {
  // Who may write these rows and no snapshots cannot say so; a forced run of the date computes what follows from them.
  if (report.rows_written > 0)
    if (const auto failure = pg::isolate([&] { store::forget_digests(store, day); });
        failure && failure->sqlstate != "42501")
      throw core::Error(failure->sqlstate, failure->message, failure->detail, failure->hint);
  return_report(call, report);
}

void return_report(pg::Call& call, const Report& report) {
  if (report.processed == 0 && report.failed > 0 && !report.issues.empty()) {
    const pg::Failure& failure = report.issues.front().failure;
    throw core::Error(failure.sqlstate, failure.message, failure.detail, failure.hint);
  }
  using pg::Type;
  pg::RowBuffer rows({{"processed", Type::int8},
                      {"skipped", Type::int8},
                      {"failed", Type::int8},
                      {"rows_written", Type::int8},
                      {"detail", Type::text}});
  rows.add(report.processed).add(report.skipped).add(report.failed).add(report.rows_written).add(report.detail);
  call.return_rows(rows);
}

}  // namespace pb::function
