#include "core/portfolio/money.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>

#include "support.hpp"

namespace money_test {
namespace {

using pb::core::Money;
using pb::core::to_double;
using pb::core::to_money;
using pb::test::sqlstate_of;

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();

TEST(Money, AddsWithoutError) {
  Money sum;
  for (int i = 0; i < 1'000'000; ++i) sum += to_money(0.1);
  EXPECT_EQ(sum, to_money(100'000));
  EXPECT_EQ(sum - to_money(99'999.9999), Money{1});
  EXPECT_EQ(-sum + sum, Money{});
  EXPECT_LT(Money{-1}, Money{});
}

TEST(Money, ConvertsBackToTheNearestDouble) {
  for (const double amount : {0.0, 0.0001, -0.1, 12.345, -999'999'999.9999}) {
    EXPECT_EQ(to_double(to_money(amount)), amount);
  }
}

TEST(Money, RoundsHalfAwayFromZero) {
  // Multiples of 1/32 are ties that binary numbers represent: 312.5 and 937.5 units.
  EXPECT_EQ(to_money(0.03125).units, 313);
  EXPECT_EQ(to_money(-0.03125).units, -313);
  EXPECT_EQ(to_money(0.09375).units, 938);
  EXPECT_EQ(to_money(-0.09375).units, -938);
  EXPECT_EQ(to_money(0.00004999).units, 0);
  EXPECT_EQ(to_money(-0.00004999).units, 0);
}

// 1.00005 is 1.0000499999… as a double; numeric(20,4) makes 1.0001 of it, and so do we.
TEST(Money, RoundsDecimalTiesAsNumericWould) {
  EXPECT_EQ(to_money(1.00005).units, 10'001);
  EXPECT_EQ(to_money(-1.00005).units, -10'001);
  EXPECT_EQ(to_money(1.0000499).units, 10'000);
  std::mt19937_64 random(20240229);
  for (int i = 0; i < 100'000; ++i) {
    // Quantity x price with up to six decimals, in integers: millionths of the currency unit.
    const auto quantity = static_cast<std::int64_t>(random() % 1000 + 1);
    const auto price = static_cast<std::int64_t>(random() % 500'000'000);
    const std::int64_t exact = (quantity * price + 50) / 100;
    const auto amount = static_cast<long double>(quantity) * (static_cast<double>(price) / 1e6);
    ASSERT_EQ(to_money(amount).units, exact) << quantity << " x " << price << "e-6";
    ASSERT_EQ(to_money(-amount).units, -exact) << quantity << " x " << price << "e-6";
  }
}

TEST(Money, KeepsLargeAmountsExact) {
  EXPECT_EQ(to_money(123'456'789'012'345.6789L).units, 1'234'567'890'123'456'789);
  EXPECT_EQ(to_money(-900'000'000'000'000.0L).units, -9'000'000'000'000'000'000);
}

TEST(Money, RefusesWhatDoesNotFit) {
  EXPECT_EQ(sqlstate_of([] { return Money{largest} + Money{1}; }), "22003");
  EXPECT_EQ(sqlstate_of([] { return Money{smallest} + Money{-1}; }), "22003");
  EXPECT_EQ(sqlstate_of([] { return Money{smallest} - Money{1}; }), "22003");
  EXPECT_EQ(sqlstate_of([] { return Money{} - Money{smallest}; }), "22003");
  EXPECT_EQ(sqlstate_of([] { return -Money{smallest}; }), "22003");
  EXPECT_EQ(Money{-1} - Money{smallest}, Money{largest});
  for (const long double amount : {9.3e14L, -9.3e14L, 1e300L}) {
    EXPECT_EQ(sqlstate_of([amount] { return to_money(amount); }), "22003") << amount;
  }
  const auto infinity = std::numeric_limits<long double>::infinity();
  for (const long double amount : {infinity, -infinity, std::numeric_limits<long double>::quiet_NaN()}) {
    EXPECT_EQ(sqlstate_of([amount] { return to_money(amount); }), "22003") << amount;
  }
}

}  // namespace
}  // namespace money_test
