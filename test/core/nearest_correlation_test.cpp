#include "core/stats/nearest_correlation.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <stdexcept>
#include <string>

#include "core/stats/correlation.hpp"
#include "returns.hpp"
#include "support.hpp"

namespace nearest_correlation_test {
namespace {

using pb::core::Matrix;
using pb::core::nearest_correlation;
using pb::core::NearestCorrelation;
using pb::core::Vector;
using pb::test::nan;
using pb::test::sqlstate_of;

double smallest_eigenvalue(const Matrix& matrix) {
  return Eigen::SelfAdjointEigenSolver<Matrix>(matrix).eigenvalues()(0);
}

void expect_correlation_matrix(const NearestCorrelation& result, double floor = 0) {
  EXPECT_EQ(result.matrix, result.matrix.transpose());
  EXPECT_EQ(result.matrix.diagonal(), Vector::Ones(result.matrix.rows()));
  EXPECT_GE(smallest_eigenvalue(result.matrix), floor - 1e-14);
  EXPECT_LE(result.matrix.cwiseAbs().maxCoeff(), 1);
}

// Correlations of a ragged block with more symbols than sessions, which are no correlation matrix.
Matrix ragged_correlations(int symbols, std::uint64_t seed) {
  Matrix returns = pb::test::generated_returns(40, symbols, seed);
  pb::test::remove_cells(returns, 0.2, seed + 1);
  return pb::core::unpack_triangle(pb::core::pairwise_correlations(returns, {.min_overlap = 5}).values, symbols);
}

struct Case {
  double floor = 0;
  Matrix matrix;
  Matrix nearest;
};

std::map<std::string, Case> golden_cases() {
  std::map<std::string, Case> cases;
  for (const auto& record : pb::test::read_csv(pb::test::golden_file("nearest_correlation.csv"))) {
    Case& c = cases[record.text("case")];
    c.floor = record.number("floor");
    const int i = record.integer("i");
    const int j = record.integer("j");
    for (Matrix* matrix : {&c.matrix, &c.nearest})
      if (matrix->rows() <= i) matrix->conservativeResize(i + 1, i + 1);
    c.matrix(i, j) = c.matrix(j, i) = record.number("value");
    c.nearest(i, j) = c.nearest(j, i) = record.number("nearest");
  }
  return cases;
}

TEST(NearestCorrelation, AgreesWithTheDualNewtonMethodAndR) {
  const std::map<std::string, Case> cases = golden_cases();
  ASSERT_EQ(cases.size(), 7U);
  for (const auto& [name, c] : cases) {
    SCOPED_TRACE(name);
    const NearestCorrelation result = nearest_correlation(c.matrix, {.eigenvalue_floor = c.floor});
    EXPECT_TRUE(result.converged);
    EXPECT_LE((result.matrix - c.nearest).cwiseAbs().maxCoeff(), 1e-10);
    EXPECT_NEAR(result.distance, (c.matrix - c.nearest).norm(), 1e-10);
    expect_correlation_matrix(result, c.floor);
  }
}

// The published digits, and the number of iterations of R's nearPD(conv.tol = 1e-12).
TEST(NearestCorrelation, AgreesWithPublishedExamples) {
  const std::map<std::string, Case> cases = golden_cases();
  const NearestCorrelation higham = nearest_correlation(cases.at("higham").matrix);
  EXPECT_NEAR(higham.matrix(1, 0), .76068985, 5e-9);
  EXPECT_NEAR(higham.matrix(2, 0), .15729811, 5e-9);
  EXPECT_NEAR(higham.matrix(2, 1), .76068985, 5e-9);
  EXPECT_EQ(higham.iterations, 32);
  const NearestCorrelation nag = nearest_correlation(cases.at("nag").matrix);
  EXPECT_NEAR(nag.matrix(1, 0), -.8084125, 5e-8);
  EXPECT_NEAR(nag.matrix(2, 0), .1915875, 5e-8);
  EXPECT_NEAR(nag.matrix(3, 0), .10677505, 5e-9);
  EXPECT_NEAR(nag.matrix(2, 1), -.65623269, 5e-9);
  EXPECT_EQ(nag.iterations, 28);
  const NearestCorrelation three = nearest_correlation(cases.at("three").matrix);
  EXPECT_NEAR(three.matrix(1, 0), .79551065, 5e-9);
  EXPECT_NEAR(three.matrix(2, 0), .26567439, 5e-9);
  EXPECT_NEAR(three.matrix(2, 1), .79551065, 5e-9);
  EXPECT_NEAR(three.distance, .228688, 5e-7);
  EXPECT_EQ(three.iterations, 30);
}

TEST(NearestCorrelation, LeavesACorrelationMatrixAsItIs) {
  const Matrix complete = pb::core::unpack_triangle(
      pb::core::pairwise_correlations(pb::test::generated_returns(60, 80, 1)).values, 80);  // singular, but no repair
  for (const Matrix& matrix : {complete, Matrix(Matrix::Identity(4, 4)), Matrix(Matrix::Ones(5, 5)), Matrix(0, 0)}) {
    const NearestCorrelation result = nearest_correlation(matrix);
    EXPECT_EQ(result.matrix, matrix);
    EXPECT_EQ(result.iterations, 0);
    EXPECT_EQ(result.distance, 0);
    EXPECT_TRUE(result.converged);
  }
}

TEST(NearestCorrelation, RepairsPairwiseCorrelations) {
  for (const int symbols : {30, 45, 60}) {
    const Matrix matrix = ragged_correlations(symbols, 2);
    ASSERT_LT(smallest_eigenvalue(matrix), -1e-3) << symbols;
    const NearestCorrelation result = nearest_correlation(matrix);
    EXPECT_TRUE(result.converged) << symbols;
    expect_correlation_matrix(result);
    EXPECT_GT(result.iterations, 1);
    EXPECT_NEAR(result.distance, (matrix - result.matrix).norm(), 1e-14);
    // A second repair finds nothing to do.
    EXPECT_LE(nearest_correlation(result.matrix).distance, 1e-12) << symbols;
    // No other correlation matrix is nearer: the way to it goes uphill.
    std::mt19937_64 random(3);
    for (int trial = 0; trial < 20; ++trial) {
      Matrix factor = Matrix::NullaryExpr(symbols, symbols, [&] { return std::normal_distribution<double>()(random); });
      factor.rowwise().normalize();
      const Matrix other = factor * factor.transpose();
      EXPECT_GE(((result.matrix - matrix).array() * (other - result.matrix).array()).sum(), -1e-8);
    }
    // Nor does the order of the symbols matter.
    const Matrix reversed = matrix.reverse();
    EXPECT_LE((nearest_correlation(reversed).matrix.reverse() - result.matrix).cwiseAbs().maxCoeff(), 1e-9);
  }
}

TEST(NearestCorrelation, FloorsTheEigenvalues) {
  const Matrix matrix = ragged_correlations(30, 4);
  double before = nearest_correlation(matrix).distance;
  for (const double floor : {1e-8, 1e-3, 0.1, 0.5}) {
    const NearestCorrelation result = nearest_correlation(matrix, {.eigenvalue_floor = floor});
    EXPECT_TRUE(result.converged) << floor;
    expect_correlation_matrix(result, floor);
    EXPECT_GT(result.distance, before) << floor;
    before = result.distance;
  }
}

TEST(NearestCorrelation, WithoutConvergenceIsStillACorrelationMatrix) {
  const NearestCorrelation result = nearest_correlation(ragged_correlations(30, 5), {.max_iterations = 2});
  EXPECT_FALSE(result.converged);
  EXPECT_EQ(result.iterations, 2);
  expect_correlation_matrix(result);
}

TEST(NearestCorrelation, RefusesWhatIsNoSymmetricMatrix) {
  Matrix matrix = Matrix::Identity(3, 3);
  for (const double floor : {-0.1, 1.0, nan})
    EXPECT_EQ(sqlstate_of([&] { nearest_correlation(matrix, {.eigenvalue_floor = floor}); }), "22023") << floor;
  EXPECT_EQ(sqlstate_of([&] { nearest_correlation(Matrix::Zero(2, 3)); }), "22000");
  matrix(0, 1) = 0.5;
  EXPECT_EQ(sqlstate_of([&] { nearest_correlation(matrix); }), "22000");
  matrix(0, 1) = matrix(1, 0) = nan;
  EXPECT_EQ(sqlstate_of([&] { nearest_correlation(matrix); }), "22000");
}

int polls_until_cancel = 0;
void cancel_later() {
  if (--polls_until_cancel < 0) throw std::runtime_error("canceled");
}

TEST(NearestCorrelation, CanBeCanceledInEveryIteration) {
  const Matrix matrix = ragged_correlations(30, 6);
  for (const int polls : {0, 1, 5}) {
    polls_until_cancel = polls;
    EXPECT_THROW(nearest_correlation(matrix, {}, cancel_later), std::runtime_error) << polls;
  }
}

}  // namespace
}  // namespace nearest_correlation_test
