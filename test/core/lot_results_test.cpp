#include "core/portfolio/lot_results.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "support.hpp"

namespace lot_results_test {
namespace {

using pb::core::allocate;
using pb::core::Allocation;
using pb::core::Money;
using pb::core::to_money;

// What the total may be off its parts beside a unit for each of them: two dates of two amounts, each rounded apart.
constexpr std::int64_t rounding_of_totals = 2;

std::vector<std::int64_t> units(const std::vector<Money>& amounts) {
  std::vector<std::int64_t> result;
  for (const Money amount : amounts) result.push_back(amount.units);
  return result;
}

Money sum(const std::vector<Money>& amounts) { return std::accumulate(amounts.begin(), amounts.end(), Money{}); }

Money rounded_sum(const std::vector<long double>& parts) {
  return to_money(std::accumulate(parts.begin(), parts.end(), 0.0L));
}

long double error_in_units(Money amount, long double part) {
  return static_cast<long double>(amount.units) - part * Money::scale;
}

// ---- properties on random amounts ----------------------------------------------------------------------------------

// Up to sixty amounts of any size up to a million, gains and losses, with all digits of a product of price and
// quantity.
class RandomParts : public ::testing::TestWithParam<unsigned> {
 protected:
  RandomParts() : random_(GetParam()) {
    const auto count = 1 + random_() % 60;
    std::uniform_real_distribution<double> exponent(-6, 6);
    std::uniform_real_distribution<double> size(-1, 1);
    for (std::uint64_t i = 0; i < count; ++i) parts_.push_back(size(random_) * std::pow(10, exponent(random_)));
  }

  std::mt19937_64 random_;
  std::vector<long double> parts_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, RandomParts, ::testing::Range(1u, 201u));

TEST_P(RandomParts, AddUpAndAreWithinOneUnit) {
  const Money total = rounded_sum(parts_);
  const Allocation allocation = allocate(parts_, total);
  ASSERT_EQ(allocation.amounts.size(), parts_.size());
  EXPECT_EQ(allocation.rest, Money{});
  EXPECT_EQ(sum(allocation.amounts), total);
  for (std::size_t i = 0; i < parts_.size(); ++i)
    EXPECT_LT(std::fabs(error_in_units(allocation.amounts[i], parts_[i])), 1.001L) << i;
}

TEST_P(RandomParts, AddUpToATotalThatWasRoundedApart) {
  for (std::int64_t off = -rounding_of_totals; off <= rounding_of_totals; ++off) {
    const Money total = rounded_sum(parts_) + Money{off};
    const Allocation allocation = allocate(parts_, total);
    EXPECT_EQ(allocation.rest, Money{});
    EXPECT_EQ(sum(allocation.amounts), total);
    const auto most = 1.501L + std::ceil(static_cast<long double>(std::abs(off)) / parts_.size());
    for (std::size_t i = 0; i < parts_.size(); ++i)
      EXPECT_LT(std::fabs(error_in_units(allocation.amounts[i], parts_[i])), most) << i;
  }
}

TEST_P(RandomParts, ChangeThoseThatWereRoundedTheFarthest) {
  const Allocation allocation = allocate(parts_, rounded_sum(parts_));
  std::vector<long double> changed, left;  // how far up they were rounded
  std::int64_t direction = 0;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Money nearest = to_money(parts_[i]);
    const std::int64_t change = (allocation.amounts[i] - nearest).units;
    EXPECT_LE(std::abs(change), 1);
    if (change != 0) direction = change;
    (change != 0 ? changed : left).push_back(error_in_units(nearest, parts_[i]));
  }
  for (const long double of_changed : changed)
    for (const long double of_left : left) EXPECT_LE(direction * of_changed, direction * of_left);
}

TEST_P(RandomParts, OrderChangesNothing) {
  const Money total = rounded_sum(parts_);
  const Allocation before = allocate(parts_, total);
  std::vector<std::size_t> order(parts_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), random_);
  std::vector<long double> shuffled;
  for (const std::size_t i : order) shuffled.push_back(parts_[i]);
  const Allocation after = allocate(shuffled, total);
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(after.amounts[i], before.amounts[order[i]]);
}

TEST_P(RandomParts, LossesAreGainsWithTheSignTurned) {
  const Money total = rounded_sum(parts_) + Money{2};
  std::vector<long double> turned;
  for (const long double part : parts_) turned.push_back(-part);
  const Allocation gains = allocate(parts_, total);
  const Allocation losses = allocate(turned, -total);
  for (std::size_t i = 0; i < parts_.size(); ++i) EXPECT_EQ(losses.amounts[i], -gains.amounts[i]);
}

TEST_P(RandomParts, WhatDoesNotBelongToThemIsTheRest) {
  const std::int64_t beyond = 2 * static_cast<std::int64_t>(parts_.size()) + rounding_of_totals + 1;
  for (const Money other : {Money{beyond}, Money{-beyond}, to_money(2500)}) {
    const Money total = rounded_sum(parts_) + other;
    const Allocation allocation = allocate(parts_, total);
    EXPECT_EQ(sum(allocation.amounts) + allocation.rest, total);
    for (std::size_t i = 0; i < parts_.size(); ++i) EXPECT_EQ(allocation.amounts[i], to_money(parts_[i]));
  }
}

// ---- single rules --------------------------------------------------------------------------------------------------

TEST(Allocate, NothingToAllocateIsAllRest) {
  const Allocation allocation = allocate({}, to_money(12.5));
  EXPECT_TRUE(allocation.amounts.empty());
  EXPECT_EQ(allocation.rest, to_money(12.5));
  for (const std::int64_t total : {-3, 0, 1}) EXPECT_EQ(allocate({}, Money{total}).rest, Money{total});
}

TEST(Allocate, LotsThatEarnNothingStayAtZero) {
  const Allocation allocation = allocate(std::vector<long double>{0, 0, 0}, Money{});
  EXPECT_EQ(units(allocation.amounts), (std::vector<std::int64_t>{0, 0, 0}));
  EXPECT_EQ(allocation.rest, Money{});
}

// Thirds of a unit: each is rounded to none, and the unit goes to the first of them.
TEST(Allocate, TiesGoToTheFirst) {
  const std::vector<long double> thirds(3, 0.0001L / 3);
  EXPECT_EQ(units(allocate(thirds, Money{1}).amounts), (std::vector<std::int64_t>{1, 0, 0}));
  EXPECT_EQ(units(allocate(thirds, Money{2}).amounts), (std::vector<std::int64_t>{1, 1, 0}));
  // Of many as of few.
  const Allocation many = allocate(std::vector<long double>(60, 0.0001L / 3), Money{20});
  for (std::size_t i = 0; i < 60; ++i) EXPECT_EQ(many.amounts[i], Money{i < 20 ? 1 : 0}) << i;
}

// 3.3, 1.41 and 2.4 units make 7.11, and are 6 rounded: 1.41 lost the most. 3.7, 1.59 and 2.7 make 7.99, and are 9
// rounded: 1.59 gained the most.
TEST(Allocate, TheFarthestRoundedGivesWay) {
  EXPECT_EQ(units(allocate(std::vector<long double>{3.3e-4L, 1.41e-4L, 2.4e-4L}, Money{7}).amounts),
            (std::vector<std::int64_t>{3, 2, 2}));
  EXPECT_EQ(units(allocate(std::vector<long double>{3.7e-4L, 1.59e-4L, 2.7e-4L}, Money{8}).amounts),
            (std::vector<std::int64_t>{4, 1, 3}));
}

// A unit for each part, and two that the rounding of totals explains; one more is something else.
TEST(Allocate, OnlyRoundingIsSpread) {
  const std::vector<long double> parts{1, 2};
  for (const std::int64_t sign : {1, -1}) {
    const Allocation most = allocate(parts, to_money(3) + Money{sign * 4});
    EXPECT_EQ(units(most.amounts), (std::vector<std::int64_t>{10'000 + sign * 2, 20'000 + sign * 2}));
    EXPECT_EQ(most.rest, Money{});
    const Allocation more = allocate(parts, to_money(3) + Money{sign * 5});
    EXPECT_EQ(units(more.amounts), (std::vector<std::int64_t>{10'000, 20'000}));
    EXPECT_EQ(more.rest, Money{sign * 5});
  }
}

TEST(Allocate, AmountsThatMoneyCannotHoldAreRefused) {
  EXPECT_EQ(pb::test::sqlstate_of([] { allocate(std::vector<long double>{1e15L}, Money{}); }), "22003");
  EXPECT_EQ(pb::test::sqlstate_of([] { allocate(std::vector<long double>{9e14L, 9e14L}, Money{}); }), "22003");
}

}  // namespace
}  // namespace lot_results_test
