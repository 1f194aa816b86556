#include "core/portfolio/ranges.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace ranges_test {
namespace {

using pb::test::day;

// Each range holds its two ends, as the constraints of the tables do, and neither what is beyond nor NaN.
TEST(Ranges, HoldTheirEnds) {
  EXPECT_TRUE(pb::core::is_price(1e-9) && pb::core::is_price(1e12));
  EXPECT_FALSE(pb::core::is_price(9.99e-10) || pb::core::is_price(1.01e12) || pb::core::is_price(pb::test::nan));
  EXPECT_TRUE(pb::core::is_split_ratio(1e-6) && pb::core::is_split_ratio(1e6));
  EXPECT_FALSE(pb::core::is_split_ratio(9.99e-7) || pb::core::is_split_ratio(1.01e6));
  EXPECT_TRUE(pb::core::is_price_change(1 / 1e6) && pb::core::is_price_change(1e6));
  EXPECT_FALSE(pb::core::is_price_change(9.99e-7) || pb::core::is_price_change(1.01e6));
  EXPECT_TRUE(pb::core::is_input_day(day("1900-01-01")) && pb::core::is_input_day(day("2199-12-31")));
  EXPECT_FALSE(pb::core::is_input_day(day("1899-12-31")) || pb::core::is_input_day(day("2200-01-01")));
}

// Of either sign, and without its end: nine hundred trillion cannot be booked.
TEST(Ranges, MoneyIsBelowItsBound) {
  EXPECT_TRUE(pb::core::is_money(8.99e14) && pb::core::is_money(-8.99e14));
  EXPECT_FALSE(pb::core::is_money(9e14) || pb::core::is_money(-9e14) || pb::core::is_money(pb::test::nan));
}

}  // namespace
}  // namespace ranges_test
