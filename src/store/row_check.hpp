#pragma once
#include "core/no_postgres.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/calendar/date.hpp"
#include "core/portfolio/money.hpp"
#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// What makes a row unusable: its first column that holds what it may not. NULL is a value like any other here.
struct RowProblem {
  std::string table;
  std::string row;  // the key of the row
  std::string column;
  std::string value;
  std::optional<core::Date> since;  // from which day on the row counts; none: on every day
};

// Takes the values of one row and notes the first that cannot be used, so that it is a problem of its owner and not an
// error of the whole statement.
class RowCheck {
 public:
  struct Problem {
    std::string column;
    std::string value;
  };

  // The number, if it is there and in [least, greatest].
  double number(std::optional<double> value, const char* column, double least, double greatest);
  // The same where there may be none.
  std::optional<double> number_or_null(std::optional<double> value, const char* column, double least, double greatest);
  // A date that was read through finite_date, if it is there and a day that an input may name.
  std::optional<core::Date> day(std::optional<core::Date> value, const char* column);
  std::optional<core::Date> day_or_null(std::optional<core::Date> value, const char* column);
  // A text, if it is there, not empty and not longer.
  std::string name(std::optional<std::string_view> value, const char* column, std::size_t longest);
  std::string name_or_empty(std::optional<std::string_view> value, const char* column, std::size_t longest);
  // One of some words, if it is there.
  std::string word(std::optional<std::string_view> value, const char* column,
                   std::initializer_list<std::string_view> words);
  // An id, if it is there.
  core::Uuid id(const std::optional<core::Uuid>& value, const char* column);
  // An amount that was read through countable and uncountable.
  core::Money money(std::optional<core::Money> amount, const std::optional<std::string_view>& uncountable,
                    const char* column);
  std::optional<core::Money> money_or_null(std::optional<core::Money> amount,
                                           const std::optional<std::string_view>& uncountable, const char* column);

  void refuse(const char* column, std::string value) {
    if (!problem_) problem_ = Problem{column, std::move(value)};
  }
  const std::optional<Problem>& problem() const noexcept { return problem_; }

 private:
  std::optional<Problem> problem_;
};

// A date as it can be read: infinities become days far outside of what inputs may name.
std::string finite_date(const std::string& column);

// The two columns for RowCheck::money: the amount, NULL where it cannot be counted, and the text of one that cannot.
std::string countable(const std::string& amount);
std::string uncountable(const std::string& amount);

// The condition that a row of prices can be used, as the panel decides it: a close of 0 only of a symbol of options.
// The alias is that of market_data_cache.
std::string usable_price(const Store& store, const std::string& alias);

// A condition that a number is in a range; not true for NULL and NaN.
std::string in_range(const std::string& column, double least, double greatest);

// The condition that a text is short enough for a name that people give.
std::string is_name(const std::string& column);

// A text for a message: cut where it is long.
std::string shortened(std::string_view text);

}  // namespace pb::store
