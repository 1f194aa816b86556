#pragma once
#include "core/no_postgres.hpp"

#include <cmath>
#include <cstddef>

#include "core/calendar/date.hpp"

namespace pb::core {

// What an input may be. A value outside is a slip of whoever wrote it, and is left out where it is read: within these
// ranges no product of quantity, price and multiplier, and no sum of squares of returns leaves the range of a double.
// The constraints of the tables (sql/parts/155_value_ranges.sql) say the same.
inline constexpr double least_price = 1e-9;
inline constexpr double greatest_price = 1e12;
inline constexpr double greatest_quantity = 1e12;
inline constexpr double greatest_multiplier = 1e9;
inline constexpr double least_split_ratio = 1e-6;
inline constexpr double greatest_split_ratio = 1e6;
inline constexpr double least_rate = -100;
inline constexpr double greatest_rate = 1000;

// Consecutive prices that differ by a larger factor are not of one instrument on one basis.
inline constexpr double greatest_price_change = 1e6;

// Money is counted in 64-bit ten-thousandths; beyond, an amount is one that cannot be booked.
inline constexpr double greatest_money = 9e14;

// Names that are keys of results: a longer one fits into no index.
inline constexpr std::size_t longest_symbol = 64;
inline constexpr std::size_t longest_name = 256;

inline constexpr Date first_input_day{std::chrono::year(1900) / std::chrono::January / 1};
inline constexpr Date last_input_day{std::chrono::year(2199) / std::chrono::December / 31};

inline bool is_price(double value) { return value >= least_price && value <= greatest_price; }
inline bool is_split_ratio(double value) { return value >= least_split_ratio && value <= greatest_split_ratio; }
inline bool is_input_day(Date day) { return day >= first_input_day && day <= last_input_day; }
inline bool is_money(double value) { return std::fabs(value) < greatest_money; }
inline bool is_price_change(double ratio) {
  return ratio >= 1 / greatest_price_change && ratio <= greatest_price_change;
}

}  // namespace pb::core
