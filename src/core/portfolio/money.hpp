#pragma once
#include "core/no_postgres.hpp"

#include <algorithm>
#include <cmath>
#include <compare>
#include <cstdint>
#include <limits>
#include <string>

#include "core/error.hpp"

namespace pb::core {

// An amount in ten-thousandths of the currency unit, the scale of numeric(20,4). Sums and differences are exact, so
// that a chain of daily amounts adds up to the cent whatever its length.
struct Money {
  std::int64_t units = 0;

  static constexpr std::int64_t scale = 10000;

  auto operator<=>(const Money&) const = default;
};

[[noreturn]] inline void money_overflow(const char* what, Money a, Money b) {
  throw Error(sqlstate::out_of_range, "amount of money out of range",
              std::string("The ") + what + " of " + std::to_string(a.units / Money::scale) + " and " +
                  std::to_string(b.units / Money::scale) + " exceeds 922 trillion.");
}

// Exact addition; an amount beyond 922 trillion is an error, never a wrap-around.
inline Money operator+(Money a, Money b) {
  Money sum;
  if (__builtin_add_overflow(a.units, b.units, &sum.units)) money_overflow("sum", a, b);
  return sum;
}

inline Money operator-(Money a, Money b) {
  Money difference;
  if (__builtin_sub_overflow(a.units, b.units, &difference.units)) money_overflow("difference", a, b);
  return difference;
}

inline Money operator-(Money a) { return Money{} - a; }
inline Money& operator+=(Money& a, Money b) { return a = a + b; }

// Rounds an amount once, half away from zero, as numeric(20,4) would. The product of a decimal quantity and price is
// often a tie that binary numbers miss by the error of a double; what is that near below a tie counts as one, so that
// neither the binary form of a price nor the order of a sum decides. The size of a sum, where it is given, is that of
// its terms, whose binary errors it has.
inline Money to_money(long double amount, long double size = 0) {
  const long double scaled = amount * Money::scale;
  const long double largest = std::max(std::fabs(scaled), std::fabs(size) * Money::scale);
  const long double binary_error = std::min(4 * std::numeric_limits<double>::epsilon() * largest, 0.001L);
  const long double units = std::round(scaled + std::copysign(binary_error, scaled));
  if (!(std::fabs(units) < 9.2e18L))
    throw Error(sqlstate::out_of_range, "amount of money out of range",
                "The amount " + std::to_string(static_cast<double>(amount)) + " exceeds 922 trillion.",
                "Check quantities and prices of the portfolio for misplaced decimals.");
  return {static_cast<std::int64_t>(units)};
}

inline long double to_amount(Money amount) { return static_cast<long double>(amount.units) / Money::scale; }
inline double to_double(Money amount) { return static_cast<double>(amount.units) / Money::scale; }

}  // namespace pb::core
