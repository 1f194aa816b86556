#include "store/row_check.hpp"

#include <charconv>
#include <cmath>

#include "core/portfolio/ranges.hpp"

namespace pb::store {

namespace {

constexpr const char* null = "NULL";

std::string as_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace

double RowCheck::number(int at, const char* column, double least, double greatest) {
  if (row_.is_null(at)) refuse(column, null);
  return number_or_null(at, column, least, greatest).value_or(0);
}

std::optional<double> RowCheck::number_or_null(int at, const char* column, double least, double greatest) {
  if (row_.is_null(at)) return std::nullopt;
  const double value = row_.float8(at);
  if (!(value >= least && value <= greatest)) refuse(column, as_text(value));
  return value;
}

std::optional<core::Date> RowCheck::day(int at, const char* column) {
  if (row_.is_null(at)) refuse(column, null);
  return day_or_null(at, column);
}

std::optional<core::Date> RowCheck::day_or_null(int at, const char* column) {
  const auto day = row_.date_or_null(at);
  if (!day || core::is_input_day(*day)) return day;
  refuse(column, core::to_iso(*day) + (*day > core::last_input_day ? " or later" : " or earlier"));
  return std::nullopt;
}

std::string RowCheck::name(int at, const char* column, std::size_t longest) {
  if (row_.is_null(at))
    refuse(column, null);
  else if (row_.text(at).empty())
    refuse(column, "''");
  return name_or_empty(at, column, longest);
}

std::string RowCheck::name_or_empty(int at, const char* column, std::size_t longest) {
  if (row_.text(at).size() > longest) refuse(column, "a text of " + std::to_string(row_.text(at).size()) + " bytes");
  return row_.text_or_empty(at);
}

core::Money RowCheck::money(int at, const char* column) {
  if (row_.is_null(at) && row_.is_null(at + 1)) refuse(column, null);
  return money_or_null(at, column).value_or(core::Money{});
}

std::optional<core::Money> RowCheck::money_or_null(int at, const char* column) {
  if (!row_.is_null(at + 1)) refuse(column, row_.text_or_empty(at + 1));
  return row_.money_or_null(at);
}

std::string finite_date(const std::string& column) {
  return "CASE WHEN " + column + " IS NOT NULL THEN least(greatest(" + column +
         ", '0001-01-01'::date), '9999-12-31'::date) END";
}

std::string safe_money(const std::string& amount) {
  // NaN compares as greater than every number.
  const std::string fits = "abs(" + amount + ") < " + as_text(core::greatest_money);
  return "CASE WHEN " + fits + " THEN (" + amount + " * 10000)::bigint END, CASE WHEN " + fits + " THEN NULL ELSE (" +
         amount + ")::text END";
}

std::string in_range(const std::string& column, double least, double greatest) {
  return column + " BETWEEN " + as_text(least) + " AND " + as_text(greatest);
}

std::string is_name(const std::string& column) {
  return "octet_length(" + column + ") <= " + std::to_string(core::longest_name);
}

std::string usable_price(const std::string& alias) {
  return in_range(alias + "close", core::least_price, core::greatest_price) + " AND (" + alias +
         "adj_close IS NULL OR " + in_range(alias + "adj_close", core::least_price, core::greatest_price) + ")";
}

std::string shortened(std::string_view text) {
  constexpr std::size_t longest = 60;
  if (text.size() <= longest) return std::string(text);
  std::size_t end = longest;
  // Not in the middle of a character of UTF-8.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace pb::store
