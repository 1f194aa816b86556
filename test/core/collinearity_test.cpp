#include "core/stats/collinearity.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support.hpp"

namespace collinearity_test {
namespace {

using pb::core::condition_number;
using pb::core::Matrix;
using pb::core::scale_design;
using pb::core::variance_inflation;
using pb::core::Vector;
using pb::test::relative_error;

// Two columns at an angle: unit vectors with inner product c.
Matrix two_columns(double c) {
  Matrix x = Matrix::Zero(4, 2);
  x(0, 0) = 1;
  x(0, 1) = c;
  x(1, 1) = std::sqrt(1 - c * c);
  return x;
}

TEST(Collinearity, ConditionNumberOfTwoColumns) {
  for (const double c : {0.0, 0.5, -0.9, 0.9999})
    EXPECT_LE(relative_error(condition_number(two_columns(c)), std::sqrt((1 + std::fabs(c)) / (1 - std::fabs(c)))),
              1e-12)
        << c;
  EXPECT_GT(condition_number(two_columns(1)), 1e15);
  EXPECT_TRUE(std::isinf(condition_number(Matrix::Zero(4, 2))));
  EXPECT_TRUE(std::isinf(condition_number(Matrix::Ones(2, 3))));
  EXPECT_TRUE(std::isinf(condition_number(Matrix::Identity(2, 3))));
}

TEST(Collinearity, ScaledDesignHasUnitColumns) {
  Matrix x(3, 2);
  x << 3, 0, 0, 0, 4, 0;
  const auto plain = scale_design(x, false);
  EXPECT_DOUBLE_EQ(plain.scale(0), 5);
  EXPECT_DOUBLE_EQ(plain.columns(2, 0), 0.8);
  EXPECT_TRUE(plain.columns.col(1).isZero(0));  // as it is: nothing to divide by
  const auto with_intercept = scale_design(x, true);
  ASSERT_EQ(with_intercept.columns.cols(), 3);
  EXPECT_DOUBLE_EQ(with_intercept.scale(0), std::sqrt(3.0));
  EXPECT_EQ(with_intercept.columns.col(1), plain.columns.col(0));
}

// For two columns the factor is 1 / (1 - r^2), whatever their means and units.
TEST(Collinearity, VarianceInflationOfTwoColumns) {
  Matrix x(5, 2);
  x << 1, 2, 2, 1, 3, 5, 4, 4, 5, 7;
  const Vector a = x.col(0).array() - x.col(0).mean();
  const Vector b = x.col(1).array() - x.col(1).mean();
  const double r = a.dot(b) / a.norm() / b.norm();
  x.col(1) = 1e6 * x.col(1).array() - 4e5;
  for (const double vif : variance_inflation(x)) EXPECT_LE(relative_error(vif, 1 / (1 - r * r)), 1e-13);
}

TEST(Collinearity, VarianceInflationOfACombinationIsInfinite) {
  Matrix x(6, 3);
  x << 1, 2, 4, 2, 1, 4, 3, 5, 9, 4, 4, 9, 5, 7, 13, 6, 3, 10;  // the third is 1 + the sum of the others
  for (const double vif : variance_inflation(x)) EXPECT_TRUE(std::isinf(vif));
  for (const double vif : variance_inflation(x.topRows(3))) EXPECT_TRUE(std::isinf(vif));
}

}  // namespace
}  // namespace collinearity_test
