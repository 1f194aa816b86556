#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/date.hpp"
#include "pg/query.hpp"
#include "pg/rows.hpp"

namespace pb::pg {

// Scopes of which a run over several dates has found that the tables hold nothing for any of them: as it writes each
// date once, it need not ask again for each.
struct EmptySpan {
  core::Date first;
  core::Date last;
  std::vector<std::string> symbols = {};  // those of all dates, sorted
  std::set<std::string> scopes = {};
  std::set<std::string> filled = {};  // wide scopes that hold rows
};

// The run that writes. It and the time are stamped on every row that changes but are no change themselves, so that an
// unchanged rerun writes nothing; unless it is to rewrite, which stamps every row.
struct Stamp {
  std::optional<std::int64_t> run_id = {};
  bool rewrite = false;
  std::shared_ptr<EmptySpan> span = {};  // none: a run of one date
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

// Writes all rows with one INSERT … SELECT … ON CONFLICT DO UPDATE … WHERE … IS DISTINCT FROM from an ephemeral
// relation (and one DELETE when a scope is given), so that privileges, row-level security, partition routing and
// constraints hold as for any statement. Returns the number of rows inserted, changed or deleted.
// wide: arguments with which the scope contains those of all dates of the run, where they differ by more than the date.
std::int64_t upsert(const Target& target, const RowBuffer& rows, const Args& scope = {}, const Args* wide = nullptr);

// Runs a statement in which the rows are visible as the relation "new_rows"; returns the number of rows processed.
std::int64_t execute_with_rows(const std::string& sql, const RowBuffer& rows, const Args& args = {});

}  // namespace pb::pg
