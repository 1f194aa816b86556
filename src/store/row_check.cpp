#include "store/row_check.hpp"

#include <algorithm>
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

double RowCheck::number(std::optional<double> value, const char* column, double least, double greatest) {
  if (!value) refuse(column, null);
  return number_or_null(value, column, least, greatest).value_or(0);
}

std::optional<double> RowCheck::number_or_null(std::optional<double> value, const char* column, double least,
                                               double greatest) {
  if (value && !(*value >= least && *value <= greatest)) refuse(column, as_text(*value));
  return value;
}

std::optional<core::Date> RowCheck::day(std::optional<core::Date> value, const char* column) {
  if (!value) refuse(column, null);
  return day_or_null(value, column);
}

std::optional<core::Date> RowCheck::day_or_null(std::optional<core::Date> value, const char* column) {
  if (!value || core::is_input_day(*value)) return value;
  refuse(column, core::to_iso(*value) + (*value > core::last_input_day ? " or later" : " or earlier"));
  return std::nullopt;
}

std::string RowCheck::name(std::optional<std::string_view> value, const char* column, std::size_t longest) {
  if (!value)
    refuse(column, null);
  else if (value->empty())
    refuse(column, "''");
  return name_or_empty(value, column, longest);
}

std::string RowCheck::name_or_empty(std::optional<std::string_view> value, const char* column, std::size_t longest) {
  if (!value) return {};
  if (value->size() > longest) refuse(column, "a text of " + std::to_string(value->size()) + " bytes");
  return std::string(*value);
}

std::string RowCheck::word(std::optional<std::string_view> value, const char* column,
                           std::initializer_list<std::string_view> words) {
  if (!value)
    refuse(column, null);
  else if (std::find(words.begin(), words.end(), *value) == words.end())
    refuse(column, shortened(*value));
  return std::string(value.value_or(""));
}

core::Uuid RowCheck::id(const std::optional<core::Uuid>& value, const char* column) {
  if (!value) refuse(column, null);
  return value.value_or(core::Uuid{});
}

core::Money RowCheck::money(std::optional<core::Money> amount, const std::optional<std::string_view>& uncountable,
                            const char* column) {
  if (!amount && !uncountable) refuse(column, null);
  return money_or_null(amount, uncountable, column).value_or(core::Money{});
}

std::optional<core::Money> RowCheck::money_or_null(std::optional<core::Money> amount,
                                                   const std::optional<std::string_view>& uncountable,
                                                   const char* column) {
  if (uncountable) refuse(column, std::string(*uncountable));
  return amount;
}

std::string finite_date(const std::string& column) {
  return "CASE WHEN " + column + " IS NOT NULL THEN least(greatest(" + column +
         ", '0001-01-01'::date), '9999-12-31'::date) END";
}

// NaN compares as greater than every number.
static std::string can_be_counted(const std::string& amount) {
  return "abs(" + amount + ") < " + as_text(core::greatest_money);
}

std::string countable(const std::string& amount) {
  return "CASE WHEN " + can_be_counted(amount) + " THEN " + amount + " END";
}

std::string uncountable(const std::string& amount) {
  return "CASE WHEN " + can_be_counted(amount) + " THEN NULL ELSE (" + amount + ")::text END";
}

std::string in_range(const std::string& column, double least, double greatest) {
  return column + " BETWEEN " + as_text(least) + " AND " + as_text(greatest);
}

std::string is_name(const std::string& column) {
  return "octet_length(" + column + ") <= " + std::to_string(core::longest_name);
}

std::string usable_price(const Store& store, const std::string& alias) {
  const auto in_range_of_prices = [&](const char* column) {
    return in_range(alias + "." + column, core::least_price, core::greatest_price);
  };
  const std::string is_option = "EXISTS (SELECT FROM " + store.table("positions") + " o WHERE o.symbol = " + alias +
                                ".symbol AND length(o.position_type) = 2)";
  return "((" + in_range_of_prices("close") + " AND (" + alias + ".adj_close IS NULL OR " +
         in_range_of_prices("adj_close") + ")) OR (" + alias + ".close = 0 AND coalesce(" + alias +
         ".adj_close, 0) = 0 AND " + is_option + "))";
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
