#include "core/stats/har.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "support.hpp"

namespace har_test {
namespace {

using pb::core::fit_har;
using pb::core::har_observations;
using pb::core::HarFit;
using pb::core::Matrix;
using pb::core::rolling_sums;
using pb::core::Vector;
using pb::test::relative_error;

constexpr int horizon = 21;

// Variance that persists, so that there is something to forecast.
Vector clustered_squares(Eigen::Index n, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  Vector squares(n);
  double variance = 1e-4;
  for (double& square : squares) {
    const double z = normal(random);
    square = variance * z * z;
    variance = 3e-6 + 0.85 * variance + 0.12 * square;
  }
  return squares;
}

struct Sample {
  Matrix design;
  Vector target;
};

// The rows of the model written out one by one.
Sample rows_of(const Vector& squares, int max_rows) {
  const Eigen::Index n = squares.size();
  const Eigen::Index rows = std::min<Eigen::Index>(max_rows, n - 42);
  Sample sample{Matrix(rows, 4), Vector(rows)};
  for (Eigen::Index i = 0; i < rows; ++i) {
    const Eigen::Index t = n - 1 - horizon - (rows - 1 - i);
    sample.design.row(i) << 1, squares(t), squares.segment(t - 4, 5).mean(), squares.segment(t - 21, 22).mean();
    sample.target(i) = squares.segment(t + 1, horizon).mean();
  }
  return sample;
}

Vector coefficients_of(const HarFit& fit) {
  Vector coefficients(4);
  coefficients << fit.intercept, fit.daily, fit.weekly, fit.monthly;
  return coefficients;
}

TEST(RollingSums, AreThoseOfEachWindow) {
  const Vector values = clustered_squares(60, 1);
  const Vector sums = rolling_sums(values, 7);
  ASSERT_EQ(sums.size(), 54);
  for (Eigen::Index i = 0; i < sums.size(); ++i)
    EXPECT_LE(relative_error(sums(i), values.segment(i, 7).sum()), 1e-15) << i;
  EXPECT_EQ(rolling_sums(values, 60).size(), 1);
  EXPECT_EQ(rolling_sums(values, 61).size(), 0);
}

// One huge value must not leave its rounding in the windows after it.
TEST(RollingSums, ForgetWhatLeftTheWindow) {
  Vector values = Vector::Constant(50, 1e-10);
  values(3) = 1e10;
  EXPECT_LE(relative_error(rolling_sums(values, 5)(20), 5e-10), 1e-15);
}

TEST(Har, UsesTheNewestRows) {
  EXPECT_EQ(har_observations(504, horizon), 546);
  const Vector squares = clustered_squares(700, 2);
  const auto fit = fit_har(squares, horizon, 504);
  ASSERT_TRUE(fit.has_value());
  EXPECT_EQ(fit->rows, 504);
  const auto of_newest = fit_har(squares.tail(546), horizon, 504);
  EXPECT_EQ(coefficients_of(*fit), coefficients_of(*of_newest));
  EXPECT_EQ(fit->forecast, of_newest->forecast);
  EXPECT_EQ(fit_har(squares.tail(545), horizon, 504)->rows, 503);
  EXPECT_NE(coefficients_of(*fit), coefficients_of(*fit_har(squares, horizon, 503)));
}

// The conditions of Karush, Kuhn and Tucker prove the minimum: no gradient where a coefficient is free, none that
// would raise one which is 0.
TEST(Har, IsTheNonNegativeMinimum) {
  int bound = 0;
  int all_free = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    const Vector squares = clustered_squares(300 + 5 * seed, seed);
    const auto fit = fit_har(squares, horizon, 504);
    ASSERT_TRUE(fit.has_value());
    const Sample sample = rows_of(squares, 504);
    const Vector b = coefficients_of(*fit);
    const Vector residual = sample.target - sample.design * b;
    EXPECT_EQ(fit->rows, sample.design.rows());
    for (Eigen::Index j = 0; j < 4; ++j) {
      const double gradient = sample.design.col(j).dot(residual) / (sample.design.col(j).norm() * residual.norm());
      EXPECT_GE(b(j), 0);
      if (b(j) > 0)
        EXPECT_NEAR(gradient, 0, 1e-12) << seed << " " << j;
      else
        EXPECT_LE(gradient, 1e-12) << seed << " " << j;
    }
    (b.minCoeff() > 0 ? all_free : bound) += 1;
    const double total = (sample.target.array() - sample.target.mean()).square().sum();
    EXPECT_NEAR(fit->r_squared, 1 - residual.squaredNorm() / total, 1e-12);
    EXPECT_GE(fit->r_squared, 0);
  }
  // Both cases occur.
  EXPECT_GT(bound, 5);
  EXPECT_GT(all_free, 5);
}

TEST(Har, ForecastsFromTheNewestObservation) {
  const Vector squares = clustered_squares(600, 3);
  const auto fit = fit_har(squares, horizon, 504);
  const double expected = fit->intercept + fit->daily * squares(599) + fit->weekly * squares.tail(5).mean() +
                          fit->monthly * squares.tail(22).mean();
  EXPECT_LE(relative_error(fit->forecast, expected), 1e-14);
}

// Returns three times as large have nine times the variance, and the same shape.
TEST(Har, FollowsTheUnit) {
  const Vector squares = clustered_squares(600, 4);
  const auto fit = fit_har(squares, horizon, 504);
  const auto scaled = fit_har(9 * squares, horizon, 504);
  EXPECT_LE(relative_error(scaled->forecast, 9 * fit->forecast), 1e-12);
  EXPECT_LE(relative_error(scaled->intercept, 9 * fit->intercept), 1e-10);
  EXPECT_NEAR(scaled->monthly, fit->monthly, 1e-10);
  EXPECT_NEAR(scaled->r_squared, fit->r_squared, 1e-12);
}

TEST(Har, FailsWhereItCannotBeIdentified) {
  const Vector squares = clustered_squares(600, 5);
  EXPECT_FALSE(fit_har(squares.head(42 + 4), horizon, 504).has_value());
  EXPECT_TRUE(fit_har(squares.head(42 + 5), horizon, 504).has_value());
  EXPECT_FALSE(fit_har(squares, horizon, 4).has_value());
  EXPECT_FALSE(fit_har(Vector::Zero(600), horizon, 504).has_value());
  EXPECT_FALSE(fit_har(Vector::Constant(600, 1e-4), horizon, 504).has_value());
  EXPECT_FALSE(fit_har(Vector(), horizon, 504).has_value());
  // Everything with a period of the horizon: the target does not vary.
  Vector periodic(600);
  for (Eigen::Index t = 0; t < periodic.size(); ++t) periodic(t) = squares(t % horizon);
  EXPECT_FALSE(fit_har(periodic, horizon, 504).has_value());
}

}  // namespace
}  // namespace har_test
