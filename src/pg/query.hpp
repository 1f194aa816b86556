#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/calendar/date.hpp"
#include "core/portfolio/money.hpp"
#include "core/text/uuid.hpp"
#include "pg/args.hpp"
#include "pg/rows.hpp"

namespace pb::pg {

// A column of a result as it is declared where it is read: its type, and whether it may be NULL. The name, such as
// "portfolios.id", is for the error that a NULL raises where none is allowed.
struct ResultColumn {
  Type type;
  const char* required = nullptr;  // the name; nullptr: may be NULL
};

constexpr ResultColumn required(Type type, const char* name) { return {type, name}; }
constexpr ResultColumn nullable(Type type) { return {type}; }

// One result row while it passes by; texts are valid only during the callback. The statement must produce exactly
// the types that are read: they are checked when it starts, not per row. A value of a nullable column is read through
// an accessor that has an answer for NULL.
class RowView {
 public:
  explicit RowView(const void* slot) noexcept : slot_(slot) {}

  bool is_null(int column) const;
  bool boolean(int column) const;
  std::int32_t int4(int column) const;
  std::int64_t int8(int column) const;
  double float8(int column) const;  // NaN when NULL
  core::Date date(int column) const;
  std::int64_t timestamptz(int column) const;  // microseconds since the Unix epoch
  core::Uuid uuid(int column) const;
  std::string_view text(int column) const;  // empty when NULL
  core::Money money(int column) const;      // from bigint ten-thousandths

  std::optional<core::Date> date_or_null(int column) const;
  std::optional<core::Uuid> uuid_or_null(int column) const;
  std::optional<core::Money> money_or_null(int column) const;
  std::string text_or_empty(int column) const;

 private:
  const void* slot_;
};

// Runs a statement and hands each row to the callback as it is produced, without materializing the result. Money is
// read as bigint ten-thousandths (`(amount * 10000)::bigint`). Returns the number of rows. 22004 for a NULL in a column
// that may have none, 22008 for an infinite date or time, both with the name of the column; 42804 for other types.
std::int64_t each_row(const std::string& sql, const Args& args, std::span<const ResultColumn> result,
                      const std::function<void(const RowView&)>& callback);
inline std::int64_t each_row(const std::string& sql, const Args& args, std::initializer_list<ResultColumn> result,
                             const std::function<void(const RowView&)>& callback) {
  return each_row(sql, args, std::span(result.begin(), result.size()), callback);
}

// Runs a statement that writes, or whose rows nobody reads; returns the number of rows it processed.
std::int64_t execute(const std::string& sql, const Args& args = {});

// An SQL identifier, quoted where it must be.
std::string quote_identifier(const std::string& name);

// An SQL literal, for statements that another process has to parse.
std::string quote_literal(const std::string& text);

}  // namespace pb::pg
