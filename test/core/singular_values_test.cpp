#include "core/stats/singular_values.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "polls.hpp"
#include "returns.hpp"
#include "support.hpp"

namespace singular_values_test {
namespace {

using pb::core::decompose_singular;
using pb::core::Matrix;
using pb::core::singular_values;
using pb::core::Vector;
using pb::test::expect_to_end_by_poll;
using pb::test::generated_returns;
using pb::test::relative_error;

constexpr double epsilon = std::numeric_limits<double>::epsilon();

double deviation_from_orthonormal(const Matrix& q) {
  return (q.transpose() * q - Matrix::Identity(q.cols(), q.cols())).norm();
}

TEST(SingularValues, DecomposeAnyShape) {
  for (const auto [rows, columns] : {std::array{1, 1}, {6, 1}, {1, 6}, {7, 7}, {120, 35}, {35, 120}, {252, 6}}) {
    const Matrix a = generated_returns(rows, columns, 1);
    const auto svd = decompose_singular(a);
    const Eigen::JacobiSVD<Matrix> expected(a);
    ASSERT_EQ(svd.values.size(), std::min(rows, columns));
    EXPECT_LE((svd.values - expected.singularValues()).norm(), 32 * epsilon * svd.values(0))
        << rows << " x " << columns;
    EXPECT_LE((svd.values - singular_values(a)).norm(), 32 * epsilon * svd.values(0));
    EXPECT_LE(deviation_from_orthonormal(svd.left), 1e-13);
    EXPECT_LE(deviation_from_orthonormal(svd.right), 1e-13);
    EXPECT_LE((svd.left * svd.values.asDiagonal() * svd.right.transpose() - a).norm(), 1e-14 * std::sqrt(columns));
    for (Eigen::Index i = 1; i < svd.values.size(); ++i) EXPECT_LE(svd.values(i), svd.values(i - 1));
  }
}

// The algorithm is that of Eigen, in steps between which it can be told to end: so are the bits.
TEST(SingularValues, AreThoseOfEigen) {
  for (const auto [rows, columns] : {std::array{5, 5}, {40, 12}, {12, 40}, {252, 6}}) {
    const Matrix a = generated_returns(rows, columns, 2);
    const auto svd = decompose_singular(a);
    const Eigen::JacobiSVD<Matrix> expected(a, Eigen::ComputeThinU | Eigen::ComputeThinV);
    EXPECT_EQ(svd.values, expected.singularValues()) << rows << " x " << columns;
    EXPECT_EQ(svd.left, expected.matrixU());
    EXPECT_EQ(svd.right, expected.matrixV());
  }
}

// Those of a product of orthonormal columns and a diagonal of any magnitudes are the diagonal.
TEST(SingularValues, SmallOnesAreAsExactAsLargeOnes) {
  const Matrix q = decompose_singular(generated_returns(60, 12, 2)).left;
  Vector scales(12);
  for (int j = 0; j < 12; ++j) scales(j) = std::pow(10, -5 * j);
  const Vector values = singular_values(q * scales.asDiagonal());
  for (int j = 0; j < 12; ++j) EXPECT_LE(relative_error(values(j), scales(j)), 1e-13) << j;
}

TEST(SingularValues, OfASingularMatrixAreZeroOrRounding) {
  Matrix a = generated_returns(40, 6, 3);
  a.col(2) = a.col(0) - 2 * a.col(5);
  a.col(4).setZero();
  const auto svd = decompose_singular(a);
  EXPECT_GT(svd.values(3), 0.01);
  EXPECT_LE(svd.values(4), 32 * epsilon * svd.values(0));
  EXPECT_EQ(svd.values(5), 0);
  EXPECT_LE(deviation_from_orthonormal(svd.left), 1e-13);
  EXPECT_LE(deviation_from_orthonormal(svd.right), 1e-13);
  EXPECT_LE((svd.left * svd.values.asDiagonal() * svd.right.transpose() - a).norm(), 1e-14);
  EXPECT_EQ(singular_values(Matrix::Zero(4, 2)), Vector::Zero(2));
  EXPECT_EQ(singular_values(Matrix(4, 0)).size(), 0);
}

TEST(SingularValues, PollAtEachPair) {
  const Matrix a = generated_returns(50, 20, 4);
  expect_to_end_by_poll(2 * 20 * 19 / 2, [&](pb::core::Poll poll) { decompose_singular(a, poll); });
  expect_to_end_by_poll(2 * 20 * 19 / 2, [&](pb::core::Poll poll) { singular_values(a, poll); });
  expect_to_end_by_poll(20 * 19 / 2, [&](pb::core::Poll poll) { decompose_singular(Matrix(a.transpose()), poll); });
}

}  // namespace
}  // namespace singular_values_test
