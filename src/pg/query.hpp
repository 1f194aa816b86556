#pragma once
#include "core/no_postgres.hpp"

#include <bit>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/calendar/date.hpp"
#include "core/portfolio/money.hpp"
#include "core/text/uuid.hpp"
#include "pg/args.hpp"
#include "pg/planning.hpp"
#include "pg/rows.hpp"

namespace pb::pg {

// A column of a result as it is declared where it is read: its type, and whether it may be NULL. The name, such as
// "portfolios.id", is for the error that a NULL raises where none is allowed.
struct ResultColumn {
  Type type;
  const char* required = nullptr;  // the name; nullptr: may be NULL
  bool infinite_is_null = false;   // an infinite date or time is read as NULL, and does not raise an error
};

constexpr ResultColumn required(Type type, const char* name) { return {type, name}; }
constexpr ResultColumn nullable(Type type) { return {type}; }

// One result row while it passes by; texts are valid only during the callback. The statement must produce exactly
// the types that are read: they are checked when it starts, not per row. A value of a nullable column is read through
// an accessor that has an answer for NULL.
class RowView {
 public:
  // The values of the columns as the server holds them, a word each.
  RowView(const std::uintptr_t* values, const bool* nulls) noexcept : values_(values), nulls_(nulls) {}

  bool is_null(int column) const { return nulls_[column]; }
  bool boolean(int column) const { return !is_null(column) && static_cast<bool>(values_[column]); }
  std::int32_t int4(int column) const { return is_null(column) ? 0 : static_cast<std::int32_t>(values_[column]); }
  std::int64_t int8(int column) const { return is_null(column) ? 0 : static_cast<std::int64_t>(values_[column]); }
  // NaN when NULL.
  double float8(int column) const {
    return is_null(column) ? std::numeric_limits<double>::quiet_NaN() : std::bit_cast<double>(values_[column]);
  }
  core::Date date(int column) const {
    require_value(column);
    return core::Date(std::chrono::days(static_cast<std::int32_t>(values_[column]) + epoch_offset_days));
  }
  // Microseconds since the Unix epoch.
  std::int64_t timestamptz(int column) const {
    require_value(column);
    return static_cast<std::int64_t>(values_[column]) + epoch_offset_usecs;
  }
  core::Uuid uuid(int column) const;
  std::string_view text(int column) const;  // empty when NULL
  core::Money money(int column) const;      // from bigint ten-thousandths

  std::optional<core::Date> date_or_null(int column) const;
  std::optional<core::Uuid> uuid_or_null(int column) const;
  std::optional<core::Money> money_or_null(int column) const;
  std::string text_or_empty(int column) const;

 private:
  // A NULL where the code expects a value is a slip of the declaration, not of the data.
  void require_value(int column) const {
    if (is_null(column)) refuse_unexpected_null(column);
  }
  [[noreturn]] static void refuse_unexpected_null(int column);

  const std::uintptr_t* values_;
  const bool* nulls_;
};

// Runs a statement and hands each row to the callback as it is produced, without materializing the result. Money is
// read as bigint ten-thousandths (`(amount * 10000)::bigint`). Returns the number of rows. 22004 for a NULL in a column
// that may have none, 22008 for an infinite date or time, both with the name of the column; 42804 for other types.
std::int64_t each_row(const std::string& sql, const Args& args, std::span<const ResultColumn> result,
                      const std::function<void(const RowView&)>& callback, Planning planning = Planning::each_time);
inline std::int64_t each_row(const std::string& sql, const Args& args, std::initializer_list<ResultColumn> result,
                             const std::function<void(const RowView&)>& callback) {
  return each_row(sql, args, std::span(result.begin(), result.size()), callback);
}

// The same for a statement whose columns are known only while it runs, each of them a text; NULL is an empty one. Texts
// are valid only during the callback.
std::int64_t each_row_of_texts(const std::string& sql, const Args& args, std::size_t columns,
                               const std::function<void(std::span<const std::string_view>)>& callback);

// Runs a statement that writes, or whose rows nobody reads; returns the number of rows it processed.
std::int64_t execute(const std::string& sql, const Args& args = {}, Planning planning = Planning::each_time);

// An SQL identifier, quoted where it must be.
std::string quote_identifier(const std::string& name);

// An SQL literal, for statements that another process has to parse.
std::string quote_literal(const std::string& text);

}  // namespace pb::pg
