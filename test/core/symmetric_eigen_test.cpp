#include "core/stats/symmetric_eigen.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "polls.hpp"
#include "returns.hpp"
#include "support.hpp"

namespace symmetric_eigen_test {
namespace {

using pb::core::decompose_symmetric;
using pb::core::Matrix;
using pb::core::symmetric_eigenvalues;
using pb::core::Vector;
using pb::test::expect_to_end_by_poll;
using pb::test::generated_returns;

constexpr double epsilon = std::numeric_limits<double>::epsilon();

Matrix symmetric(int n, std::uint64_t seed) {
  const Matrix half = generated_returns(n, n, seed);
  return half + half.transpose();
}

void expect_decomposition(const Matrix& a) {
  const auto eigen = decompose_symmetric(a);
  const auto n = static_cast<double>(a.rows());
  const Matrix& v = eigen.vectors;
  EXPECT_LE((v.transpose() * v - Matrix::Identity(a.rows(), a.rows())).norm(), 16 * epsilon * n) << n;
  EXPECT_LE((v * eigen.values.asDiagonal() * v.transpose() - a).norm(), 16 * epsilon * n * a.norm()) << n;
  for (Eigen::Index i = 1; i < eigen.values.size(); ++i) EXPECT_LE(eigen.values(i - 1), eigen.values(i));
  const Vector expected = Eigen::SelfAdjointEigenSolver<Matrix>(a).eigenvalues();
  EXPECT_LE((eigen.values - expected).norm(), 16 * epsilon * n * a.norm());
  EXPECT_LE((symmetric_eigenvalues(a) - expected).norm(), 16 * epsilon * n * a.norm());
  const Vector w = Vector::LinSpaced(a.rows(), -1, 2);
  const pb::core::EigenLoadings of_w = pb::core::eigen_loadings(a, w);
  EXPECT_EQ(of_w.values, eigen.values);
  EXPECT_LE((of_w.loadings - v.transpose() * w).norm(), 16 * epsilon * n * w.norm());
}

TEST(SymmetricEigen, IsADecomposition) {
  for (const int n : {1, 2, 3, 10, 49, 150}) expect_decomposition(symmetric(n, 1));
}

TEST(SymmetricEigen, OfSpecialMatrices) {
  expect_decomposition(Matrix::Zero(5, 5));
  expect_decomposition(Matrix::Identity(6, 6));
  expect_decomposition(Matrix::Ones(8, 8));
  expect_decomposition(Vector::LinSpaced(7, 3, -3).asDiagonal());
  expect_decomposition(1e200 * symmetric(12, 2));
  expect_decomposition(1e-200 * symmetric(12, 3));
  const Matrix few = generated_returns(40, 3, 4);
  expect_decomposition(few * few.transpose());
  // Wilkinson's matrix, with pairs of eigenvalues that agree to many digits.
  Matrix wilkinson = Matrix::Zero(21, 21);
  wilkinson.diagonal() = Vector::LinSpaced(21, -10, 10).cwiseAbs();
  wilkinson.diagonal<1>().setOnes();
  wilkinson.diagonal<-1>().setOnes();
  expect_decomposition(wilkinson);
  EXPECT_EQ(symmetric_eigenvalues(Matrix(0, 0)).size(), 0);
}

// So large that the products of a column are formed in parts: a reflection of a diagonal matrix.
TEST(SymmetricEigen, OfALargeMatrix) {
  constexpr int n = 1500;
  ASSERT_GT(n * n, pb::core::work_between_polls);
  const Vector values = Vector::LinSpaced(n, -1, 2);
  const Vector v = generated_returns(n, 1, 5).normalized();
  const Matrix reflection = Matrix::Identity(n, n) - 2 * v * v.transpose();
  const Matrix a = reflection * values.asDiagonal() * reflection;
  const Matrix exactly_symmetric = 0.5 * (a + a.transpose());
  EXPECT_LE((symmetric_eigenvalues(exactly_symmetric) - values).cwiseAbs().maxCoeff(), 4 * epsilon * n);
}

TEST(SymmetricEigen, PollsAtEachReflectionAndRotation) {
  const Matrix a = symmetric(40, 6);
  expect_to_end_by_poll(2 * 39, [&](pb::core::Poll poll) { symmetric_eigenvalues(a, poll); });
  expect_to_end_by_poll(3 * 39, [&](pb::core::Poll poll) { pb::core::eigen_loadings(a, Vector::Ones(40), poll); });
  expect_to_end_by_poll(40 * 39, [&](pb::core::Poll poll) { decompose_symmetric(a, poll); });
}

}  // namespace
}  // namespace symmetric_eigen_test
