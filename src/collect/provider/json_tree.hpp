// A JSON text as a tree in which numbers keep their digits. simdjson stays behind this file.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/calendar/date.hpp"

namespace pb::collect {

class JsonTree {
 public:
  enum class Type { null, boolean, number, string, array, object };

  // None where the text is not wholly one array or object of valid JSON in UTF-8 of at most 64 levels, or where a NUL
  // is in it, which no text of the database can hold. NaN, Infinity and -Infinity, which some providers write though
  // JSON has none, are read as null.
  static std::optional<JsonTree> read(std::string_view text);

  Type type() const noexcept { return type_; }
  bool is_array() const noexcept { return type_ == Type::array; }
  bool is_object() const noexcept { return type_ == Type::object; }
  // Null where there is no such member.
  const JsonTree& operator[](std::string_view name) const;
  const std::vector<JsonTree>& elements() const noexcept { return elements_; }
  // What an object holds, whatever its names.
  std::vector<const JsonTree*> values() const;
  // Of an object, in their order.
  const std::vector<std::pair<std::string, JsonTree>>& members() const noexcept { return members_; }
  // An array or object without anything in it.
  bool is_empty() const noexcept { return elements_.empty() && members_.empty(); }

  // What follows looks into {"raw": 1, "fmt": "1.00"}, as which some providers write numbers and days.

  // A text that says something: the string or the digits of a number; none for null, {}, "", "-", "N/A", "None", "Data
  // not available" and the like.
  std::optional<std::string> text() const;
  // The digits of a number, or of a string that is one, with the exponent where it has one.
  std::optional<std::string> digits() const;
  // Finite.
  std::optional<double> number() const;
  // A number without a fraction, such as 5, 5.0 and 5E9.
  std::optional<std::int64_t> integer() const;
  std::optional<bool> truth() const;
  // The day at the beginning of an ISO date or time.
  std::optional<core::Date> day() const;

 private:
  // The value under "raw" of such an object, else itself.
  const JsonTree& plain() const;

  friend class JsonTreeReader;

  Type type_ = Type::null;
  bool truth_ = false;
  std::string text_;
  std::vector<JsonTree> elements_;
  std::vector<std::pair<std::string, JsonTree>> members_;
};

}  // namespace pb::collect
