// Columns of tables, each declared once with the member of a row that fills it: the type of the column follows from
// the member, so that a value can neither get into another column nor into one of another type.
#pragma once
#include "core/no_postgres.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "pg/rows.hpp"

namespace pb::pg {

namespace detail {

template <class T>
struct ColumnType;

// Enumerations are stored as words.
template <class T>
requires std::is_enum_v<T>
struct ColumnType<T> {
  static constexpr Type value = Type::text;
};

template <Type type>
struct Is {
  static constexpr Type value = type;
};

// clang-format off
template <> struct ColumnType<bool> : Is<Type::boolean> {};
template <> struct ColumnType<std::int32_t> : Is<Type::int4> {};
template <> struct ColumnType<std::int64_t> : Is<Type::int8> {};
template <> struct ColumnType<double> : Is<Type::float8> {};
template <> struct ColumnType<core::Money> : Is<Type::money> {};
template <> struct ColumnType<core::Date> : Is<Type::date> {};
template <> struct ColumnType<Timestamp> : Is<Type::timestamptz> {};
template <> struct ColumnType<std::string> : Is<Type::text> {};
template <> struct ColumnType<std::string_view> : Is<Type::text> {};
template <> struct ColumnType<const char*> : Is<Type::text> {};
template <> struct ColumnType<Json> : Is<Type::jsonb> {};
template <> struct ColumnType<core::Uuid> : Is<Type::uuid> {};
template <> struct ColumnType<Numerics> : Is<Type::numeric_array> {};
template <> struct ColumnType<std::vector<double>> : Is<Type::float8_array> {};
template <> struct ColumnType<std::vector<std::int32_t>> : Is<Type::int4_array> {};
template <> struct ColumnType<std::vector<std::int64_t>> : Is<Type::int8_array> {};
template <> struct ColumnType<std::vector<std::optional<core::Money>>> : Is<Type::int8_array> {};
template <> struct ColumnType<std::vector<std::optional<core::Date>>> : Is<Type::date_array> {};
template <> struct ColumnType<std::vector<std::string>> : Is<Type::text_array> {};
template <> struct ColumnType<std::vector<std::optional<std::string>>> : Is<Type::text_array> {};
template <> struct ColumnType<std::vector<core::Uuid>> : Is<Type::uuid_array> {};
template <class T> struct ColumnType<std::optional<T>> : ColumnType<T> {};
// clang-format on

template <class T>
void append(RowBuffer& rows, const T& value) {
  if constexpr (std::is_enum_v<T>)
    rows.add_text_or_null(to_word(value));
  else
    rows.add(value);
}
template <class T>
void append(RowBuffer& rows, const std::vector<T>& values) {
  rows.add(std::span<const T>(values));
}
template <class T>
void append(RowBuffer& rows, const std::optional<T>& value) {
  value ? append(rows, *value) : static_cast<void>(rows.null());
}

}  // namespace detail

template <class Row>
struct Column {
  std::string name;
  Type type;
  std::function<void(const Row&, RowBuffer&)> append;
};

// A column that a member of the row fills, or a function of the row. No value, a number that is not finite, a text that
// is nullptr and an enumerator without a word become NULL.
template <class Row, class Get>
Column<Row> column(std::string name, Get get) {
  using Value = std::remove_cvref_t<std::invoke_result_t<Get, const Row&>>;
  return {std::move(name), detail::ColumnType<Value>::value,
          [get](const Row& row, RowBuffer& rows) { detail::append(rows, std::invoke(get, row)); }};
}

// A text that is NULL where it is empty.
template <class Row, class Get>
Column<Row> text_or_null(std::string name, Get get) {
  return {std::move(name), Type::text,
          [get](const Row& row, RowBuffer& rows) { rows.add_text_or_null(std::invoke(get, row)); }};
}

// The rows as a table of these columns.
template <class Row>
RowBuffer as_rows(const std::vector<Column<Row>>& columns, std::span<const Row> rows) {
  std::vector<ColumnDef> definitions;
  definitions.reserve(columns.size());
  for (const Column<Row>& column : columns) definitions.push_back({column.name, column.type});
  RowBuffer buffer(std::move(definitions));
  buffer.reserve(rows.size());
  for (const Row& row : rows)
    for (const Column<Row>& column : columns) column.append(row, buffer);
  return buffer;
}

}  // namespace pb::pg
