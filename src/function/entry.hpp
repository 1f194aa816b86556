// What the SQL functions share: the arguments that most of them take, and the result of an engine that is called alone.
#pragma once
#include "core/no_postgres.hpp"

#include "engine/context.hpp"
#include "pg/function.hpp"

namespace pb::function {

// Arguments (date, portfolio_ids) as every engine takes them from SQL: NULL means the latest closed session and every
// active portfolio. The date must be a closed session of the calendar.
core::Date session_argument(const pg::Call& call, int index, const store::Store& store);

// Whom a function is asked for: its argument portfolio_ids, at the index, or portfolio_id, which is the last of each
// function that has the other one. Nothing when neither is given. 22023 when both are.
std::optional<std::vector<core::Uuid>> portfolios_argument(const pg::Call& call, int index);

// An SQL function (calculation_date, portfolio_ids, …) that is one engine: resolves the arguments, runs it for the
// day, and returns its report. With a store of its own where further arguments change the settings.
void run_engine_by_hand(pg::Call& call, engine::Engine engine, engine::Reach reach = engine::Reach::estimates);
void run_engine_by_hand(pg::Call& call, engine::Engine engine, const store::Store& store,
                        engine::Reach reach = engine::Reach::estimates);

// The result of an engine that was called by hand: one row (processed, skipped, failed, rows_written, detail). Raises
// the first issue as an error when nothing at all could be processed.
void return_report(pg::Call& call, const engine::Report& report);
// The same of an engine that writes results of a day: what these were computed from is not known any more.
void return_report(pg::Call& call, const store::Store& store, core::Date day, const engine::Report& report);

}  // namespace pb::function
