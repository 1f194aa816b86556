#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/reason.hpp"
#include "pg/columns.hpp"
#include "pg/writer.hpp"
#include "store/store.hpp"

namespace pb::store {

template <class Row>
using Columns = std::vector<pg::Column<Row>>;

// Which stored rows t the new ones take the place of, over $2 …. Empty: none but those of the same key.
struct Scope {
  std::string condition = {};
  pg::Args args{};
};

// What every table of results takes: the run that writes, and the time, both no change themselves.
pg::Target result_target(const Store& store, const char* table, std::vector<std::string> keys,
                         std::string scope_condition);

// Makes a table of results hold these rows; returns how many were inserted, changed or deleted.
template <class Row>
std::int64_t write_results(const Store& store, const char* table, std::vector<std::string> keys, Columns<Row> columns,
                           std::span<const Row> rows, const Scope& scope = {}) {
  const auto run_id = store.stamp().run_id;
  columns.push_back(pg::column<Row>("run_id", [run_id](const Row&) { return run_id; }));
  return pg::upsert(result_target(store, table, std::move(keys), scope.condition), pg::as_rows(columns, rows),
                    scope.args);
}

// A column that has the same value in every row.
template <class Row, class Value>
pg::Column<Row> constant(std::string name, Value value) {
  return pg::column<Row>(std::move(name), [value](const Row&) { return value; });
}

// Reasons as an array of words, each NULL for none; NULL where there is nothing to say at all.
std::optional<std::vector<std::optional<std::string>>> words_or_null(std::span<const core::Reason> reasons);

// The scope of some portfolios on a day.
Scope of_portfolios(std::span<const core::Uuid> portfolio_ids, core::Date day);

}  // namespace pb::store
