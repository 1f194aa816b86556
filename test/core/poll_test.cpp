#include "core/poll.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "core/stats/linear_algebra.hpp"
#include "core/stats/polled_algebra.hpp"
#include "polls.hpp"
#include "returns.hpp"
#include "support.hpp"

namespace poll_test {
namespace {

using pb::core::Matrix;
using pb::core::no_poll;
using pb::core::Vector;
using pb::core::work_between_polls;
using pb::test::count_polls;
using pb::test::expect_to_end_by_poll;
using pb::test::generated_returns;
using pb::test::relative_error;

TEST(Steps, CoverEachItemOnceWithAPollBeforeEachStep) {
  for (const std::ptrdiff_t items : {0, 1, 7, 1000})
    for (const std::ptrdiff_t work :
         {std::ptrdiff_t{0}, std::ptrdiff_t{1}, work_between_polls / 10, work_between_polls, 3 * work_between_polls}) {
      std::vector<int> covered(static_cast<std::size_t>(items));
      long steps = 0;
      const long polls = count_polls([&](pb::core::Poll poll) {
        pb::core::in_steps(items, work, poll, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
          ++steps;
          EXPECT_LE((count - 1) * work, work_between_polls);
          for (std::ptrdiff_t i = first; i < first + count; ++i) ++covered[static_cast<std::size_t>(i)];
        });
      });
      EXPECT_EQ(covered, std::vector<int>(covered.size(), 1)) << items << " " << work;
      EXPECT_EQ(polls, steps);
      EXPECT_TRUE(steps <= 1 || work * items > work_between_polls);
    }
}

TEST(PolledSort, SortsAndPolls) {
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> values(20000);
  for (std::uint64_t& value : values) value = random();
  std::vector<std::uint64_t> expected = values;
  std::sort(expected.begin(), expected.end());
  std::vector<std::uint64_t> sorted;
  expect_to_end_by_poll(3, [&](pb::core::Poll poll) {
    sorted = values;
    pb::core::polled_sort(sorted.begin(), sorted.end(), std::less<>(), poll);
  });
  sorted = values;
  pb::core::polled_sort(sorted.begin(), sorted.end(), std::less<>(), no_poll);
  EXPECT_EQ(sorted, expected);
}

// As one operation up to the work of a step, in tiles beyond it.
TEST(PolledAlgebra, ProductsAreThoseOfEigen) {
  const Matrix small_left = generated_returns(30, 20, 1);
  const Matrix small_right = generated_returns(20, 10, 2);
  EXPECT_EQ(pb::core::product(small_left, small_right, no_poll), Matrix(small_left * small_right));
  for (const auto [rows, inner, columns] : {std::array{700, 300, 290}, {3, 900000, 2}, {1500000, 2, 1}, {5, 0, 4}}) {
    const Matrix left = generated_returns(rows, inner, 3);
    const Matrix right = generated_returns(inner, columns, 4);
    const Matrix expected = left * right;
    Matrix result = pb::core::product(left, right, no_poll);
    EXPECT_LE((result - expected).norm(), 1e-12 * expected.norm()) << rows << " x " << inner << " x " << columns;
    pb::core::add_product(result, left, -right, no_poll);
    EXPECT_LE(result.norm(), 1e-12 * expected.norm());
    const Vector column = right.col(0);
    EXPECT_LE((pb::core::product(left, column, no_poll) - expected.col(0)).norm(), 1e-12 * expected.norm());
  }
}

TEST(PolledAlgebra, ProductsPollByTheirWork) {
  const Matrix left = generated_returns(640, 640, 5);
  const auto least = static_cast<long>(640 * 640 * 640 / work_between_polls);
  expect_to_end_by_poll(least, [&](pb::core::Poll poll) { pb::core::product(left, left, poll); });
}

TEST(PolledAlgebra, PassesAreThoseOfEigen) {
  Matrix x = generated_returns(3000, 1100, 6);
  ASSERT_GT(x.size(), work_between_polls);
  EXPECT_EQ(pb::core::copied(x.transpose(), no_poll), x.transpose());
  EXPECT_LE(relative_error(pb::core::squared_norm(x, no_poll), x.squaredNorm()), 1e-13);
  EXPECT_TRUE(pb::core::all_finite(x, no_poll));
  x(2999, 1099) = pb::test::nan;
  EXPECT_FALSE(pb::core::all_finite(x, no_poll));
  Matrix square = generated_returns(1600, 1600, 7);
  const Matrix lower = square.triangularView<Eigen::Lower>();
  pb::core::mirror_lower(square, no_poll);
  EXPECT_EQ(square, Matrix(lower.selfadjointView<Eigen::Lower>()));
}

}  // namespace
}  // namespace poll_test
