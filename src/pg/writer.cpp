#include "pg/writer.hpp"

#include <algorithm>

#include "pg/bulk_insert.hpp"
#include "pg/datum.hpp"
#include "pg/guard.hpp"
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

std::string insert_statement(const Target& target, const RowBuffer& rows) {
  std::vector<std::string> columns;
  std::vector<std::string> values;
  std::vector<std::string> assignments;
  std::vector<std::string> stored;
  std::vector<std::string> excluded;
  for (const ColumnDef& column : rows.columns()) {
    columns.push_back(column.name);
    values.push_back("n." + column.name);
    if (std::find(target.keys.begin(), target.keys.end(), column.name) != target.keys.end()) continue;
    assignments.push_back(column.name + " = excluded." + column.name);
    stored.push_back("t." + column.name);
    excluded.push_back("excluded." + column.name);
  }
  columns.emplace_back("run_id");
  values.push_back(target.stamp.run_id ? std::to_string(*target.stamp.run_id) + "::bigint" : "NULL::bigint");
  assignments.emplace_back("run_id = excluded.run_id");
  assignments.emplace_back("created_at = excluded.created_at");
  if (!target.also_on_change.empty()) assignments.push_back(target.also_on_change);
  std::string sql = "INSERT INTO " + target.table + " AS t (" + join(columns, ", ") + ") SELECT " + join(values, ", ") +
                    " FROM new_rows n ON CONFLICT (" + join(target.keys, ", ") + ") DO ";
  if (stored.empty()) return sql + "NOTHING";
  if (target.stamp.rewrite) return sql + "UPDATE SET " + join(assignments, ", ");
  return sql + "UPDATE SET " + join(assignments, ", ") + " WHERE (" + join(stored, ", ") + ") IS DISTINCT FROM (" +
         join(excluded, ", ") + ")";
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

// Whether the table holds rows that the new ones replace, as far as the user may see them.
bool holds_rows(const Target& target, const Args& scope) {
  return execute("SELECT FROM " + target.table + " AS t WHERE " + target.replaced_scope + " LIMIT 1", scope) > 0;
}

// Rows of a scope that is empty, as on the first run of a date. Should the table hold them nevertheless, hidden from
// the user or from another session since, the INSERT that follows says what is to be said.
std::optional<std::int64_t> insert_new(const Target& target, const RowBuffer& rows) {
  std::optional<std::int64_t> inserted;
  if (isolate([&] { inserted = bulk_insert(target, rows); })) return std::nullopt;
  return inserted;
}

}  // namespace

std::int64_t execute_with_rows(const std::string& sql, const RowBuffer& rows, const Args& args) {
  return pg_call([&]() -> std::int64_t {
    connect_spi();
    // The relation lives in SPI's own context, so that it goes away with the connection whatever happens.
    TupleDesc descriptor = make_descriptor(rows);
    Tuplestorestate* store = tuplestore_begin_heap(false, false, work_mem);
    put_rows(store, descriptor, rows);
    auto* relation = static_cast<EphemeralNamedRelation>(palloc0(sizeof(EphemeralNamedRelationData)));
    relation->md.name = pstrdup("new_rows");
    relation->md.reliddesc = InvalidOid;
    relation->md.tupdesc = descriptor;
    relation->md.enrtype = ENR_NAMED_TUPLESTORE;
    relation->md.enrtuples = static_cast<double>(rows.size());
    relation->reldata = store;
    check_spi(SPI_register_relation(relation), "SPI_register_relation");
    SPIExecuteOptions options{};
    options.params = make_params(args);
    check_spi(SPI_execute_extended(sql.c_str(), &options), "SPI_execute_extended");
    const auto processed = static_cast<std::int64_t>(SPI_processed);
    SPI_unregister_relation("new_rows");
    tuplestore_end(store);
    SPI_finish();
    return processed;
  });
}

std::int64_t upsert(const Target& target, const RowBuffer& rows, const Args& scope) {
  if (!target.replaced_scope.empty() && !rows.empty() && !holds_rows(target, scope))
    if (const auto inserted = insert_new(target, rows)) return *inserted;
  std::int64_t written = 0;
  if (!target.replaced_scope.empty()) written += execute_with_rows(delete_statement(target), rows, scope);
  if (!rows.empty()) written += execute_with_rows(insert_statement(target, rows), rows);
  return written;
}

}  // namespace pb::pg
