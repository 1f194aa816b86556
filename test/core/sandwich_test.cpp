#include "core/stats/sandwich.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>

#include "support.hpp"

namespace sandwich_test {
namespace {

using pb::core::CovarianceType;
using pb::core::Matrix;
using pb::core::newey_west_lag;
using pb::core::sandwich_variances;
using pb::core::Vector;
using pb::test::relative_error;

Matrix random_matrix(Eigen::Index rows, Eigen::Index columns, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, 1);
  return Matrix::NullaryExpr(rows, columns, [&] { return normal(random); });
}

// The mean is the linear estimate with influence 1/n: its classical error is s / sqrt(n).
TEST(Sandwich, ErrorOfAMean) {
  Vector residuals = random_matrix(50, 1, 1);
  residuals.array() -= residuals.mean();
  const Matrix influence = Matrix::Constant(50, 1, 1.0 / 50);
  const double variance = residuals.squaredNorm() / 49 / 50;
  for (const CovarianceType type : {CovarianceType::classical, CovarianceType::hc1})
    EXPECT_LE(relative_error(sandwich_variances(influence, residuals, 49, type, {})(0), variance), 1e-14);
}

// The Bartlett kernel with L lags is the sum of squares of the moving sums of L + 1 terms, over L + 1.
TEST(Sandwich, BartlettKernelIsThatOfMovingSums) {
  const Vector residuals = random_matrix(80, 1, 2);
  const Matrix influence = random_matrix(80, 3, 3);
  for (const int lag : {0, 1, 4, 79, 200}) {
    const Vector variances = sandwich_variances(influence, residuals, 70.5, CovarianceType::newey_west, lag);
    for (Eigen::Index j = 0; j < 3; ++j) {
      double sum = 0;
      for (int from = -lag; from < 80; ++from) {
        double moving = 0;
        for (int t = std::max(0, from); t <= std::min(79, from + lag); ++t) moving += influence(t, j) * residuals(t);
        sum += moving * moving;
      }
      EXPECT_LE(relative_error(variances(j), 80 / 70.5 * sum / (lag + 1)), 1e-12) << lag;
    }
  }
}

TEST(Sandwich, LagIsTheRuleUnlessGiven) {
  const Vector residuals = random_matrix(252, 1, 4);
  const Matrix influence = random_matrix(252, 2, 5);
  const auto variances = [&](std::optional<int> lag) {
    return sandwich_variances(influence, residuals, 250, CovarianceType::newey_west, lag);
  };
  EXPECT_EQ(variances({}), variances(newey_west_lag(252)));
  EXPECT_NE(variances({}), variances(5));
  EXPECT_EQ(variances(0), sandwich_variances(influence, residuals, 250, CovarianceType::hc1, {}));
  EXPECT_EQ(pb::test::sqlstate_of([&] { variances(-1); }), "22023");
  EXPECT_TRUE(sandwich_variances(influence, Vector::Zero(252), 250, CovarianceType::newey_west, {}).isZero(0));
}

}  // namespace
}  // namespace sandwich_test
