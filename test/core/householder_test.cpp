#include "core/stats/householder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "polls.hpp"
#include "returns.hpp"
#include "support.hpp"

namespace householder_test {
namespace {

using pb::core::HouseholderQr;
using pb::core::Matrix;
using pb::core::Pivoting;
using pb::core::Vector;
using pb::test::expect_to_end_by_poll;
using pb::test::generated_returns;

constexpr double epsilon = std::numeric_limits<double>::epsilon();

// Columns of lengths from 1 to 1e-8, and two of them nearly the same.
Matrix graded(int rows, int columns, std::uint64_t seed) {
  Matrix a = generated_returns(rows, columns, seed, 0);
  for (int j = 0; j < columns; ++j) a.col(j) *= std::pow(10, -8.0 * j / columns);
  if (columns > 3) a.col(3) = a.col(1) + 1e-9 * a.col(2);
  return a;
}

TEST(HouseholderQr, ColumnsArePivotedAsByEigen) {
  for (const auto [rows, columns] : {std::array{30, 8}, {200, 60}, {8, 8}, {5, 12}, {1, 1}, {4, 1}}) {
    const Matrix a = graded(rows, columns, 1);
    const HouseholderQr qr(a, Pivoting::columns);
    const Eigen::ColPivHouseholderQR<Matrix> expected(a);
    const Matrix triangle = expected.matrixR().topRows(std::min(rows, columns)).template triangularView<Eigen::Upper>();
    EXPECT_EQ(qr.triangle(), triangle) << rows << " x " << columns;
    for (int j = 0; j < columns; ++j)
      EXPECT_EQ(qr.order()[static_cast<std::size_t>(j)], expected.colsPermutation().indices()(j));
    const Matrix thin = expected.householderQ() * Matrix::Identity(rows, std::min(rows, columns));
    EXPECT_LE((qr.basis() - thin).norm(), 8 * epsilon * columns);
  }
}

TEST(HouseholderQr, IsAFactorization) {
  for (const Pivoting pivoting : {Pivoting::none, Pivoting::columns})
    // The second is longer than what its reflections are applied to at a time.
    for (const auto [rows, columns] : {std::array{40, 12}, {3000, 100}, {6, 9}, {3, 0}}) {
      const Matrix a = graded(rows, columns, 2);
      const HouseholderQr qr(a, pivoting);
      const Matrix q = qr.basis();
      EXPECT_LE((q.transpose() * q - Matrix::Identity(q.cols(), q.cols())).norm(), 8 * epsilon * columns);
      const Matrix product = q * qr.triangle();
      for (int j = 0; j < columns; ++j) {
        const int source = qr.order()[static_cast<std::size_t>(j)];
        EXPECT_TRUE(source == j || pivoting == Pivoting::columns);
        EXPECT_LE((product.col(j) - a.col(source)).norm(), 16 * epsilon * columns * a.col(source).norm());
      }
    }
}

TEST(HouseholderQr, RevealsTheRank) {
  Matrix a = generated_returns(50, 6, 3);
  EXPECT_EQ(HouseholderQr(a, Pivoting::columns).rank(50 * epsilon), 6);
  a.col(4) = a.col(0) + a.col(2);
  EXPECT_EQ(HouseholderQr(a, Pivoting::columns).rank(50 * epsilon), 5);
  a.rightCols(5).setZero();
  EXPECT_EQ(HouseholderQr(a, Pivoting::columns).rank(50 * epsilon), 1);
  EXPECT_EQ(HouseholderQr(Matrix::Zero(4, 2), Pivoting::columns).rank(50 * epsilon), 0);
  EXPECT_EQ(HouseholderQr(Matrix(4, 0), Pivoting::columns).rank(50 * epsilon), 0);
}

TEST(HouseholderQr, SolvesLeastSquares) {
  const Matrix a = generated_returns(300, 70, 4);
  const Vector y = generated_returns(300, 1, 5);
  const Vector expected = a.colPivHouseholderQr().solve(y);
  for (const Pivoting pivoting : {Pivoting::none, Pivoting::columns})
    EXPECT_LE((HouseholderQr(a, pivoting).solve(y) - expected).norm(), 1e-12 * expected.norm());
}

TEST(HouseholderQr, PollsAtEachReflection) {
  const Matrix a = generated_returns(100, 30, 6);
  for (const Pivoting pivoting : {Pivoting::none, Pivoting::columns})
    expect_to_end_by_poll(29, [&](pb::core::Poll poll) { HouseholderQr(a, pivoting, poll); });
  const HouseholderQr qr(a, Pivoting::columns);
  expect_to_end_by_poll(30, [&](pb::core::Poll poll) { qr.basis(poll); });
  expect_to_end_by_poll(2, [&](pb::core::Poll poll) { qr.solve(a.col(0), poll); });
}

}  // namespace
}  // namespace householder_test
