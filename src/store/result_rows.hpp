#pragma once
#include "core/no_postgres.hpp"

#include <algorithm>
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

// What all rows have in common, as a condition over a stored row t and $2 …. Empty: nothing.
struct Scope {
  std::string condition = {};
  pg::Args args{};
  bool is_replaced = true;  // the new rows take the place of all that is stored of it, not only of those of their keys
};

// What every table of results takes: the run that writes, and the time, both no change themselves.
pg::Target result_target(const Store& store, const char* table, std::vector<std::string> keys, const Scope& scope);

// Makes a table of results hold these rows; returns how many were inserted, changed or deleted.
template <class Row>
std::int64_t write_results(const Store& store, const char* table, std::vector<std::string> keys, Columns<Row> columns,
                           std::span<const Row> rows, const Scope& scope = {}) {
  const auto run_id = store.stamp().run_id;
  columns.push_back(pg::column<Row>("run_id", [run_id](const Row&) { return run_id; }));
  return pg::upsert(result_target(store, table, std::move(keys), scope), pg::as_rows(columns, rows), scope.args);
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

// The scope of the portfolios and days of some rows, beside which others are stored, which stay.
template <class Row>
Scope of_rows(std::span<const Row> rows, const std::string& date_column) {
  std::vector<core::Uuid> portfolio_ids;
  core::Date first = rows.empty() ? core::Date{} : rows.front().date;
  core::Date last = first;
  for (const Row& row : rows) {
    portfolio_ids.push_back(row.portfolio_id);
    first = std::min(first, row.date);
    last = std::max(last, row.date);
  }
  Scope scope{.condition = "t.portfolio_id = ANY ($2) AND t." + date_column + " BETWEEN $3 AND $4",
              .args{pg::Type::uuid_array, pg::Type::date, pg::Type::date},
              .is_replaced = false};
  scope.args.add(std::span<const core::Uuid>(portfolio_ids)).add(first).add(last);
  return scope;
}

// The scope of a day, of which other sessions and earlier runs may have rows of other keys, which stay.
Scope on_day(core::Date day);

}  // namespace pb::store
