// The one way in which rows reach a table: statements of the server, so that privileges, row-level security, triggers,
// partitions, constraints and whatever other extensions make of a table hold as for any statement.
//
// Rows travel as a parameter, an array of the table's own row type, in chunks: INSERT … SELECT FROM
// unnest($1::schema.table[]). That is no slower than from a table, and every planner takes it, also those of extensions
// that know no relation of the session alone. A value whose type is not that of its column is converted as text.
//
// upsert first asks whether anything of the scope is stored. Mostly nothing is, and the rows are inserted. Otherwise it
// deletes what the scope holds beside the new rows, and inserts those that are not stored as they are: a row that
// conflicts is locked, and so written to, even where nothing about it changes. ON CONFLICT DO UPDATE … WHERE … IS
// DISTINCT FROM remains for rows that neither look sees: those of another scope, of another session, or hidden from the
// user by row-level security.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "pg/query.hpp"
#include "pg/rows.hpp"

namespace pb::pg {

// Where and how rows are written.
struct Target {
  std::string table;              // qualified and quoted
  std::vector<std::string> keys;  // a unique index: which stored row a new one takes the place of
  // What all rows have in common: a condition over t, a stored row, and $2 …. Empty: nothing.
  std::string scope = {};
  bool replaces_scope = false;  // deletes stored rows of the scope that are not among the new ones
  // Columns of the rows that are written but are no change themselves, as the run that writes.
  std::vector<std::string> stamped = {};
  // Further assignments over t (the stored row) and excluded (the new one), made whenever a row changes.
  std::string also_on_change = {};
  bool rewrite = false;  // writes every row, changed or not
};

// Makes the table hold these rows of the scope. Returns the number of rows inserted, changed or deleted.
std::int64_t upsert(const Target& target, const RowBuffer& rows, const Args& scope = {});

// Runs a statement over the rows, which it names {rows}, chunk by chunk: a FROM item of the columns of the table.
// Other arguments are $2 …. Returns the number of rows processed.
std::int64_t execute_with_rows(const std::string& sql, const std::string& table, const RowBuffer& rows,
                               const Args& args = {});

}  // namespace pb::pg
