#include "pg/writer.hpp"

#include <algorithm>

#include "pg/compat.hpp"
#include "pg/datum.hpp"
#include "pg/guard.hpp"
#include "pg/row_array.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "utils/acl.h"
}

namespace pb::pg {

namespace {

using Names = std::vector<std::string>;

// Rows and bytes that travel at once.
constexpr std::size_t chunk_rows = 20000;
constexpr std::size_t chunk_bytes = std::size_t{16} << 20;

// With this many, one search of an index for each is a good plan whatever the tables hold.
constexpr std::size_t few_rows = 500;

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "t.a, t.b" for the prefix "t.".
std::string list(const Names& names, const std::string& prefix = {}) {
  std::string text;
  for (const std::string& name : names) text.append(text.empty() ? "" : ", ").append(prefix).append(name);
  return text;
}

// The columns that tell whether a row has changed.
Names compared(const Target& target, const RowBuffer& rows) {
  Names names;
  for (const ColumnDef& column : rows.columns())
    if (!contains(target.keys, column.name) && !contains(target.stamped, column.name)) names.push_back(column.name);
  return names;
}

Names all_columns(const RowBuffer& rows) {
  Names names;
  for (const ColumnDef& column : rows.columns()) names.push_back(column.name);
  return names;
}

std::string distinct(const Names& names, const std::string& stored, const std::string& wanted) {
  return "(" + list(names, stored) + ") IS DISTINCT FROM (" + list(names, wanted) + ")";
}

// The new rows that are not stored as they are.
std::string changed_rows(const Target& target, const Names& compared) {
  const std::string scope = target.scope.empty() ? "" : " WHERE " + target.scope;
  const std::string missing = "s." + target.keys.front() + " IS NULL";
  return "{rows} n LEFT JOIN (SELECT t.* FROM " + target.table + " AS t" + scope + ") s USING (" + list(target.keys) +
         ") WHERE " + (compared.empty() ? missing : "(" + missing + " OR " + distinct(compared, "s.", "n.") + ")");
}

// Which of the new rows are inserted.
enum class Inserted { all, changed };

std::string insert_statement(const Target& target, const RowBuffer& rows, Inserted inserted) {
  const Names columns = all_columns(rows);
  const Names figures = compared(target, rows);
  std::string sql = "INSERT INTO " + target.table + " AS t (" + list(columns) + ") SELECT " + list(columns, "n.") +
                    " FROM " + (inserted == Inserted::all ? "{rows} n" : changed_rows(target, figures)) +
                    " ON CONFLICT (" + list(target.keys) + ") DO ";
  if (figures.empty()) return sql + "NOTHING";
  sql += "UPDATE SET ";
  for (const std::string& column : columns)
    if (!contains(target.keys, column)) sql.append(column).append(" = excluded.").append(column).append(", ");
  sql.resize(sql.size() - 2);
  if (!target.also_on_change.empty()) sql += ", " + target.also_on_change;
  return target.rewrite ? sql : sql + " WHERE " + distinct(figures, "t.", "excluded.");
}

// NOT IN, not NOT EXISTS: a hashed set whatever the planner believes. It takes a scope that statistics have not seen
// yet for one row, and would then go through all new rows for each stored one. Keys are never NULL.
std::string delete_statement(const Target& target) {
  return "DELETE FROM " + target.table + " AS t WHERE (" + target.scope + ") AND (" + list(target.keys, "t.") +
         ") NOT IN (SELECT " + list(target.keys, "n.") + " FROM {rows} n)";
}

std::string with_rows_named(std::string sql, const std::string& table) {
  constexpr std::string_view name = "{rows}";
  const auto at = sql.find(name);
  return at == std::string::npos ? sql : sql.replace(at, name.size(), "unnest($1::" + table + "[])");
}

ParamListInfo with_rows_param(Datum rows, Oid rows_type, const Args& args) {
  const ParamListInfo others = make_params(args);
  const int count = others == nullptr ? 0 : others->numParams;
  ParamListInfo params = makeParamList(count + 1);
  params->params[0] = {rows, false, PARAM_FLAG_CONST, rows_type};
  for (int i = 0; i < count; ++i) params->params[i + 1] = others->params[i];
  return params;
}

struct RowTypes {
  Oid row;
  Oid array;
};

RowTypes row_types(const std::string& table) {
  return pg_call([&] {
    const Oid type = row_type(table.c_str());
    return RowTypes{type, get_array_type(type)};
  });
}

std::int64_t execute_chunk(const std::string& sql, const std::string& table, const RowBuffer& rows, std::size_t first,
                           std::size_t count, const Args& args) {
  const RowTypes types = row_types(table);
  std::vector<Oid> parameters{types.array};
  for (const ColumnDef& column : args.row().columns()) parameters.push_back(type_oid(column.type));
  SPIPlanPtr plan = prepared(sql, parameters, count <= few_rows ? Planning::seldom : Planning::each_time);
  return pg_call([&]() -> std::int64_t {
    connect_spi();
    SPIExecuteOptions options{};
    options.params = with_rows_param(row_array(rows, first, count, types.row), types.array, args);
    check_spi(SPI_execute_plan_extended(plan, &options), "SPI_execute_plan_extended");
    const auto processed = static_cast<std::int64_t>(SPI_processed);
    SPI_finish();
    return processed;
  });
}

// Whether a row of the scope is stored; where there is no scope, one may be.
bool holds_any(const Target& target, const Args& scope) {
  if (target.scope.empty()) return true;
  const std::string sql = "SELECT FROM " + target.table + " AS t WHERE " + target.scope + " LIMIT 1";
  return execute_chunk(sql, target.table, RowBuffer({}), 0, 0, scope) > 0;
}

// Who may not delete learns it from the first rows that would be replaced another time, not from the second.
void require_right_to_delete(const std::string& table) {
  pg_call([&] {
    const RangeVar* name = makeRangeVarFromNameList(parts_of_qualified_name(table.c_str()));
    const AclResult result = pg_class_aclcheck(RangeVarGetRelid(name, NoLock, false), GetUserId(), ACL_DELETE);
    if (result != ACLCHECK_OK) aclcheck_error(result, OBJECT_TABLE, name->relname);
  });
}

// How many of the rows from the first on travel together; at least one.
std::size_t rows_of_chunk(const RowBuffer& rows, std::size_t first) {
  const std::size_t columns = rows.columns().size();
  std::size_t bytes = 0;
  std::size_t row = first;
  for (; row < rows.size() && row - first < chunk_rows && bytes < chunk_bytes; ++row)
    for (std::size_t column = 0; column < columns; ++column)
      bytes += sizeof(RowBuffer::Cell) + rows.cell(row, column).length;
  return row - first;
}

}  // namespace

std::int64_t execute_with_rows(const std::string& sql, const std::string& table, const RowBuffer& rows,
                               const Args& args) {
  const std::string statement = with_rows_named(sql, table);
  std::int64_t processed = 0;
  for (std::size_t first = 0; first < rows.size();) {
    const std::size_t count = rows_of_chunk(rows, first);
    processed += execute_chunk(statement, table, rows, first, count, args);
    first += count;
  }
  return processed;
}

std::int64_t upsert(const Target& target, const RowBuffer& rows, const Args& scope) {
  const auto insert = [&](Inserted inserted) {
    return execute_with_rows(insert_statement(target, rows, inserted), target.table, rows, scope);
  };
  if (!holds_any(target, scope)) {
    if (target.replaces_scope) require_right_to_delete(target.table);
    return insert(Inserted::all);
  }
  std::int64_t written = 0;
  if (target.replaces_scope) {
    const RowBuffer keys = rows.with_columns(target.keys);
    written += execute_chunk(with_rows_named(delete_statement(target), target.table), target.table, keys, 0,
                             keys.size(), scope);
  }
  return written + insert(target.rewrite ? Inserted::all : Inserted::changed);
}

}  // namespace pb::pg
