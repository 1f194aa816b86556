#include "pg/writer.hpp"

#include <algorithm>
#include <map>

#include "pg/bulk_insert.hpp"
#include "pg/datum.hpp"
#include "pg/guard.hpp"
#include "pg/stored_rows.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "utils/queryenvironment.h"
}

namespace pb::pg {

namespace {

std::string join(const std::vector<std::string>& parts, const std::string& separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += separator;
    text += part;
  }
  return text;
}

// The columns that the rows bring beside the key, each with the prefix.
std::string compared(const Target& target, const RowBuffer& rows, const char* prefix) {
  std::vector<std::string> names;
  for (const ColumnDef& column : rows.columns())
    if (std::find(target.keys.begin(), target.keys.end(), column.name) == target.keys.end())
      names.push_back(prefix + column.name);
  return join(names, ", ");
}

// The stored rows of the scope beside the new ones. Hashed, because the key decides alone.
std::string stored_rows(const Target& target) {
  return "(SELECT t.* FROM " + target.table + " AS t WHERE " + target.replaced_scope + ") s USING (" +
         join(target.keys, ", ") + ")";
}

std::string differs(const Target& target, const RowBuffer& rows) {
  const std::string missing = "s." + target.keys.front() + " IS NULL";
  const std::string columns = compared(target, rows, "s.");
  if (columns.empty()) return missing;
  return "(" + missing + " OR (" + columns + ") IS DISTINCT FROM (" + compared(target, rows, "n.") + "))";
}

// How many new rows are not stored as they are, and how many stored ones are not among the new.
std::string difference_statement(const Target& target, const RowBuffer& rows) {
  const std::string key = target.keys.front();
  return "SELECT count(*) FILTER (WHERE n." + key + " IS NOT NULL AND " + differs(target, rows) +
         "), count(*) FILTER (WHERE n." + key + " IS NULL) FROM new_rows n FULL JOIN " + stored_rows(target);
}

// All new rows, or those of the scope that are not stored as they are: a row that conflicts is locked, and so written
// to, even where nothing about it changes.
std::string insert_statement(const Target& target, const RowBuffer& rows, bool changed_only) {
  std::vector<std::string> columns;
  std::vector<std::string> values;
  std::vector<std::string> assignments;
  for (const ColumnDef& column : rows.columns()) {
    columns.push_back(column.name);
    values.push_back("n." + column.name);
    if (std::find(target.keys.begin(), target.keys.end(), column.name) == target.keys.end())
      assignments.push_back(column.name + " = excluded." + column.name);
  }
  const std::string compared_columns = compared(target, rows, "t.");
  columns.emplace_back("run_id");
  values.push_back(target.stamp.run_id ? std::to_string(*target.stamp.run_id) + "::bigint" : "NULL::bigint");
  assignments.emplace_back("run_id = excluded.run_id");
  assignments.emplace_back("created_at = excluded.created_at");
  if (!target.also_on_change.empty()) assignments.push_back(target.also_on_change);
  std::string sql = "INSERT INTO " + target.table + " AS t (" + join(columns, ", ") + ") SELECT " + join(values, ", ") +
                    " FROM new_rows n";
  if (changed_only) sql += " LEFT JOIN " + stored_rows(target) + " WHERE " + differs(target, rows);
  sql += " ON CONFLICT (" + join(target.keys, ", ") + ") DO ";
  if (compared_columns.empty()) return sql + "NOTHING";
  sql += "UPDATE SET " + join(assignments, ", ");
  if (target.stamp.rewrite) return sql;
  return sql + " WHERE (" + compared_columns + ") IS DISTINCT FROM (" + compared(target, rows, "excluded.") + ")";
}

// NOT IN, not NOT EXISTS: a hashed set whatever the planner believes. It takes a scope that statistics have not seen
// yet for one row, and would then go through all new rows for each stored one. Keys are never NULL.
std::string delete_statement(const Target& target) {
  std::vector<std::string> stored;
  std::vector<std::string> wanted;
  for (const std::string& key : target.keys) {
    stored.push_back("t." + key);
    wanted.push_back("n." + key);
  }
  return "DELETE FROM " + target.table + " AS t WHERE (" + target.replaced_scope + ") AND (" + join(stored, ", ") +
         ") NOT IN (SELECT " + join(wanted, ", ") + " FROM new_rows n)";
}

// Runs a statement in which the rows, of the same columns, are visible as "new_rows", and reads what it is to give
// before SPI ends.
template <class Read>
auto with_rows(const std::string& sql, const std::vector<const RowBuffer*>& all_rows, const Args& args, Read read) {
  return pg_call([&] {
    connect_spi();
    // The relation lives in SPI's own context, so that it goes away with the connection whatever happens.
    TupleDesc descriptor = make_descriptor(*all_rows.front());
    Tuplestorestate* store = tuplestore_begin_heap(false, false, work_mem);
    std::size_t count = 0;
    for (const RowBuffer* rows : all_rows) {
      put_rows(store, descriptor, *rows);
      count += rows->size();
    }
    auto* relation = static_cast<EphemeralNamedRelation>(palloc0(sizeof(EphemeralNamedRelationData)));
    relation->md.name = pstrdup("new_rows");
    relation->md.reliddesc = InvalidOid;
    relation->md.tupdesc = descriptor;
    relation->md.enrtype = ENR_NAMED_TUPLESTORE;
    relation->md.enrtuples = static_cast<double>(count);
    relation->reldata = store;
    check_spi(SPI_register_relation(relation), "SPI_register_relation");
    SPIExecuteOptions options{};
    options.params = make_params(args);
    check_spi(SPI_execute_extended(sql.c_str(), &options), "SPI_execute_extended");
    const auto result = read();
    SPI_unregister_relation("new_rows");
    tuplestore_end(store);
    SPI_finish();
    return result;
  });
}

struct Differences {
  std::int64_t changed;
  std::int64_t stale;
};

Differences find_differences(const Target& target, const RowBuffer& rows, const Args& scope) {
  return with_rows(difference_statement(target, rows), {&rows}, scope, [] {
    const auto number = [](int column) {
      bool is_null = false;
      return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &is_null));
    };
    return Differences{number(1), number(2)};
  });
}

// Whether the table holds rows that the new ones replace, as far as the user may see them.
bool holds_rows(const Target& target, const Args& scope) {
  return execute("SELECT FROM " + target.table + " AS t WHERE " + target.replaced_scope + " LIMIT 1", scope) > 0;
}

// What tells the scope of a write from those of others of the run: all but the date.
std::string scope_key(const Target& target, const Args& scope) {
  std::string key = target.table + "\n" + target.replaced_scope;
  const RowBuffer& row = scope.row();
  for (std::size_t i = 0; i < row.columns().size(); ++i) {
    const RowBuffer::Cell& cell = row.cell(0, i);
    if (row.columns()[i].type == Type::date) continue;
    key += "\n";
    if (cell.length > 0)
      key.append(row.bytes_at(cell), cell.length);
    else
      key += std::to_string(cell.bits);
  }
  return key;
}

// Whether the table holds rows of the scope on a date of the span, or on another one than the scope's.
bool holds_rows_of_span(Target target, Args scope, const WriteSpan& span, bool on_others) {
  const std::size_t count = scope.row().columns().size();
  scope.append(Type::date, span.first).append(Type::date, span.last);
  const std::string equal = "t.calculation_date = $";
  const std::string between = "t.calculation_date BETWEEN $" + std::to_string(count + 1) + " AND $" +
                              std::to_string(count + 2) + " AND t.calculation_date " + (on_others ? "<>" : ">=") + " $";
  const auto at = target.replaced_scope.find(equal);
  target.replaced_scope.replace(at, equal.size(), between);
  return holds_rows(target, scope);
}

// Whether nothing is to be replaced on any date of the run, asked at most once.
bool is_wholly_empty(const Target& target, const Args& wide, WriteSpan& span) {
  const std::string key = scope_key(target, wide);
  if (span.empty.contains(key)) return true;
  if (span.filled.contains(key)) return false;
  const bool filled = holds_rows_of_span(target, wide, span, false);
  (filled ? span.filled : span.empty).insert(key);
  return !filled;
}

// Whether nothing is to be replaced, asked once for all dates of a run where that is so.
bool is_empty(const Target& target, const Args& scope, const Args* wide) {
  WriteSpan* span = target.stamp.span.get();
  if (span == nullptr) return !holds_rows(target, scope);
  if (wide != nullptr && is_wholly_empty(target, *wide, *span)) return true;
  const std::string key = scope_key(target, scope);
  if (span->empty.contains(key)) return true;
  if (holds_rows(target, scope)) return false;
  if (!holds_rows_of_span(target, scope, *span, true)) span->empty.insert(key);
  return true;
}

// Rows of a scope that is empty, as on the first run of a date. Should the table hold them nevertheless, hidden from
// the user or from another session since, the INSERT that follows says what is to be said.
std::optional<std::int64_t> insert_new(const Target& target, const RowBuffer& rows) {
  std::optional<std::int64_t> inserted;
  if (isolate([&] { inserted = bulk_insert(target, {&rows}); })) return std::nullopt;
  return inserted;
}

// Whatever the table holds of the scope is replaced row by row.
std::int64_t replace(const Target& target, const RowBuffer& rows, const Args& scope) {
  std::int64_t written = 0;
  if (!target.replaced_scope.empty()) written += execute_with_rows(delete_statement(target), rows, scope);
  if (!rows.empty()) written += execute_with_rows(insert_statement(target, rows, false), rows);
  return written;
}

bool defers(const Stamp& stamp, const RowBuffer& rows) {
  const WriteSpan* span = stamp.span.get();
  return span != nullptr && span->deferred_bytes + rows.bytes() <= span->max_deferred_bytes;
}

std::int64_t defer(const Target& target, RowBuffer rows, const Args& scope) {
  WriteSpan& span = *target.stamp.span;
  const auto count = static_cast<std::int64_t>(rows.size());
  span.deferred_bytes += rows.bytes();
  span.deferred.push_back({.target = target, .rows = std::move(rows), .scope = scope});
  // The span must not own itself.
  span.deferred.back().target.stamp.span.reset();
  return count;
}

std::string columns_key(const RowBuffer& rows) {
  std::string key;
  for (const ColumnDef& column : rows.columns()) key += "\n" + column.name;
  return key;
}

}  // namespace

std::int64_t execute_with_rows(const std::string& sql, const RowBuffer& rows, const Args& args) {
  return with_rows(sql, {&rows}, args, [] { return static_cast<std::int64_t>(SPI_processed); });
}

bool defer_statement(const Stamp& stamp, const std::string& statement, RowBuffer& rows) {
  if (!defers(stamp, rows)) return false;
  stamp.span->deferred_bytes += rows.bytes();
  stamp.span->deferred.push_back({.target = {}, .rows = std::move(rows), .scope = {}, .statement = statement});
  return true;
}

void WriteSpan::drop_after(std::size_t writes) {
  while (deferred.size() > writes) {
    deferred_bytes -= deferred.back().rows.bytes();
    deferred.pop_back();
  }
}

void write_deferred(WriteSpan& span) {
  std::map<std::string, std::vector<WriteSpan::Write*>> alike;
  for (WriteSpan::Write& write : span.deferred)
    alike[write.statement + write.target.table + columns_key(write.rows)].push_back(&write);
  for (const auto& [key, writes] : alike) {
    std::vector<const RowBuffer*> rows;
    for (const WriteSpan::Write* write : writes) rows.push_back(&write->rows);
    if (const std::string& statement = writes.front()->statement; !statement.empty()) {
      with_rows(statement, rows, {}, [] { return true; });
      continue;
    }
    if (bulk_insert(writes.front()->target, rows)) continue;
    for (const WriteSpan::Write* write : writes) replace(write->target, write->rows, write->scope);
  }
  span.drop_after(0);
}

std::int64_t upsert(const Target& target, RowBuffer rows, const Args& scope, const Args* wide) {
  const bool scoped = !target.replaced_scope.empty();
  if (!scoped || target.stamp.rewrite) return replace(target, rows, scope);
  if (is_empty(target, scope, wide)) {
    if (rows.empty()) return 0;
    if (defers(target.stamp, rows)) return defer(target, std::move(rows), scope);
    const auto inserted = insert_new(target, rows);
    return inserted ? *inserted : replace(target, rows, scope);
  }
  if (rows.empty()) return replace(target, rows, scope);
  if (holds_exactly(target, rows, scope)) return 0;
  const Differences found = find_differences(target, rows, scope);
  std::int64_t written = 0;
  if (found.stale > 0) written += execute_with_rows(delete_statement(target), rows, scope);
  if (found.changed > 0) written += execute_with_rows(insert_statement(target, rows, true), rows, scope);
  return written;
}

}  // namespace pb::pg
