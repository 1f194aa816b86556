// What a statement reads: each column is declared once, by the expression that the server evaluates and the member that
// takes its value. The type follows from the member. std::optional says that NULL is allowed; in any other member it
// raises 22004 with the name of the column.
#pragma once
#include "core/no_postgres.hpp"

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pg/columns.hpp"
#include "pg/query.hpp"

namespace pb::pg {

namespace detail {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

// Money comes as a bigint of ten-thousandths: a numeric takes longer to read.
template <class T>
inline constexpr Type read_type = ColumnType<T>::value == Type::money ? Type::int8 : ColumnType<T>::value;

template <class T>
T value_of(const RowView& row, int at) {
  if constexpr (IsOptional<T>::value)
    return row.is_null(at) ? T{} : T{value_of<typename T::value_type>(row, at)};
  else if constexpr (std::is_same_v<T, bool>)
    return row.boolean(at);
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return row.int4(at);
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return row.int8(at);
  else if constexpr (std::is_same_v<T, double>)
    return row.float8(at);
  else if constexpr (std::is_same_v<T, core::Money>)
    return row.money(at);
  else if constexpr (std::is_same_v<T, core::Date>)
    return row.date(at);
  else if constexpr (std::is_same_v<T, Timestamp>)
    return {row.timestamptz(at)};
  else if constexpr (std::is_same_v<T, core::Uuid>)
    return row.uuid(at);
  else
    return T(row.text(at));
}

// The column at the end of an expression: "date" of "newest.date" and of "newest.date::date". All of an expression that
// ends otherwise.
inline std::string last_name(std::string_view expression) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789_";
  const std::string_view column = expression.substr(0, expression.rfind("::"));
  const auto before = column.find_last_not_of(letters);
  const std::string_view name = before == std::string_view::npos ? column : column.substr(before + 1);
  return std::string(name.empty() ? expression : name);
}

}  // namespace detail

template <class Row, class Member>
struct Field {
  std::string expression;
  Member Row::*member;
  std::string name;  // for errors
  bool infinite_is_null = false;
};

// A column of the result. Its name in errors is that of the column at the end of the expression, unless given.
template <class Row, class Member>
Field<Row, Member> field(std::string expression, Member Row::*member, std::string name = {}) {
  if (name.empty()) name = detail::last_name(expression);
  if constexpr (detail::ColumnType<Member>::value == Type::money) expression = "((" + expression + ") * 10000)::bigint";
  return {std::move(expression), member, std::move(name)};
}

// The same column, of which an infinite date or time is read as NULL.
template <class Row, class Member>
Field<Row, Member> finite_or_null(Field<Row, Member> field) {
  field.infinite_is_null = true;
  return field;
}

// The columns of a statement that reads rows of one kind. Texts as std::string_view are valid only during the callback.
template <class Row, class... Members>
class Select {
 public:
  // The table is that of the columns' names in errors.
  explicit Select(const std::string& table, Field<Row, Members>... fields) : fields_(std::move(fields)...) {
    std::apply([&](auto&... field) { ((field.name = table + "." + field.name), ...); }, fields_);
  }

  // The expressions, for a statement that does not begin with SELECT.
  std::string list() const {
    std::string joined;
    std::apply([&](const auto&... field) { ((joined += (joined.empty() ? "" : ", ") + field.expression), ...); },
               fields_);
    return joined;
  }

  // Runs SELECT … FROM the source, which is all that follows; hands each row to the callback.
  template <class Callback>
  std::int64_t from(const std::string& source, const Args& args, const Callback& callback,
                    Planning planning = Planning::each_time) const {
    return run("SELECT " + list() + " FROM " + source, args, callback, planning);
  }

  // Runs a statement whose result is list().
  template <class Callback>
  std::int64_t run(const std::string& sql, const Args& args, const Callback& callback,
                   Planning planning = Planning::each_time) const {
    return each_row(
        sql, args, result_columns(),
        [&](const RowView& view) {
          Row row{};
          fill(row, view, std::index_sequence_for<Members...>{});
          callback(row);
        },
        planning);
  }

  // The row of a statement that has exactly one.
  Row only_row(const std::string& sql, const Args& args) const {
    Row found{};
    run(sql, args, [&](Row& row) { found = std::move(row); });
    return found;
  }

 private:
  std::array<ResultColumn, sizeof...(Members)> result_columns() const {
    return std::apply(
        [](const auto&... field) {
          return std::array{ResultColumn{detail::read_type<Members>,
                                         detail::IsOptional<Members>::value ? nullptr : field.name.c_str(),
                                         field.infinite_is_null}...};
        },
        fields_);
  }

  template <std::size_t... At>
  void fill(Row& row, const RowView& view, std::index_sequence<At...>) const {
    ((row.*std::get<At>(fields_).member = detail::value_of<Members>(view, static_cast<int>(At))), ...);
  }

  std::tuple<Field<Row, Members>...> fields_;
};

template <class Row, class... Members>
Select<Row, Members...> select(const std::string& table, Field<Row, Members>... fields) {
  return Select<Row, Members...>(table, std::move(fields)...);
}

}  // namespace pb::pg
