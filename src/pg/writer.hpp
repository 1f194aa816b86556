#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "pg/query.hpp"
#include "pg/rows.hpp"

namespace pb::pg {

struct WriteSpan;

// The run that writes. It and the time are stamped on every row that changes but are no change themselves, so that an
// unchanged rerun writes nothing; unless it is to rewrite, which stamps every row.
struct Stamp {
  std::optional<std::int64_t> run_id = {};
  bool rewrite = false;
  std::shared_ptr<WriteSpan> span = {};  // none: a run of one date
};

// Where and how rows are written.
struct Target {
  std::string table;              // qualified and quoted
  std::vector<std::string> keys;  // the primary key
  Stamp stamp = {};
  // What the rows replace: existing rows that satisfy this condition over $1 … and are not among the new ones are
  // deleted. Empty: nothing is deleted. The date stands in it as "t.calculation_date = $n".
  std::string replaced_scope = {};
  // A further assignment, over t (the stored row) and excluded (the new one), made whenever a row changes.
  std::string also_on_change = {};
};

// Several dates that a run writes in one transaction, each at most once. Where the tables hold nothing of a scope on
// any of them, that is asked once for all, and the rows can be kept until they go out together.
struct WriteSpan {
  core::Date first;
  core::Date last;
  std::vector<std::string> symbols = {};  // whose models are written, of all dates, sorted
  std::set<std::string> empty = {};       // scopes without rows, and tables without any of these dates
  std::set<std::string> filled = {};      // wide scopes with rows

  struct Write {
    Target target;
    RowBuffer rows;
    Args scope;
    std::string statement = {};  // to run over the rows, where they are not simply the target's
  };
  std::vector<Write> deferred = {};
  std::size_t deferred_bytes = 0;
  std::size_t max_deferred_bytes = 0;  // beyond this, rows are written at once

  // Forgets the writes after the first so many: those of an engine that was rolled back.
  void drop_after(std::size_t writes);
};

// Writes what has been deferred: for each table at once, as far as it can be appended to, and each statement once.
void write_deferred(WriteSpan& span);

// Whether the span has kept the rows, to run the statement over them as "new_rows" together with those of other dates.
bool defer_statement(const Stamp& stamp, const std::string& statement, RowBuffer& rows);

// Writes all rows with one INSERT … SELECT … ON CONFLICT DO UPDATE … WHERE … IS DISTINCT FROM from an ephemeral
// relation (and one DELETE when a scope is given), so that privileges, row-level security, partition routing and
// constraints hold as for any statement. Returns the number of rows inserted, changed or deleted, or that will be.
// wide: arguments with which the scope contains those of all dates of the run, where they differ by more than the date.
std::int64_t upsert(const Target& target, RowBuffer rows, const Args& scope = {}, const Args* wide = nullptr);

// Runs a statement in which the rows are visible as the relation "new_rows"; returns the number of rows processed.
std::int64_t execute_with_rows(const std::string& sql, const RowBuffer& rows, const Args& args = {});

}  // namespace pb::pg
