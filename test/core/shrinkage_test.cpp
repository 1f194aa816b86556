#include "core/stats/shrinkage.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "returns.hpp"
#include "support.hpp"

namespace shrinkage_test {
namespace {

using pb::core::ledoit_wolf;
using pb::core::ledoit_wolf_constant_correlation;
using pb::core::Matrix;
using pb::core::ShrunkCovariance;
using pb::core::Vector;
using pb::test::generated_returns;
using pb::test::golden_file;
using pb::test::nan;
using pb::test::read_csv;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

using Estimator = ShrunkCovariance (*)(const Eigen::Ref<const Matrix>&, pb::core::Poll);
const std::map<std::string, Estimator> estimators{{"identity", ledoit_wolf},
                                                  {"constant_correlation", ledoit_wolf_constant_correlation}};

Matrix sample_covariance(const Matrix& returns) {
  const Matrix x = returns.rowwise() - returns.colwise().mean();
  return x.transpose() * x / static_cast<double>(x.rows());
}

double smallest_eigenvalue(const Matrix& matrix) {
  return Eigen::SelfAdjointEigenSolver<Matrix>(matrix).eigenvalues()(0);
}

std::map<std::string, Matrix> golden_blocks() {
  std::map<std::string, Matrix> blocks;
  for (const Record& record : read_csv(golden_file("shrinkage_returns.csv"))) {
    Matrix& block = blocks[record.text("case")];
    const int t = record.integer("session");
    const int i = record.integer("symbol");
    block.conservativeResize(std::max<Eigen::Index>(block.rows(), t + 1), std::max<Eigen::Index>(block.cols(), i + 1));
    block(t, i) = record.number("value");
  }
  const std::vector<Record> patients = read_csv(golden_file("diabetes.csv"));
  Matrix diabetes(static_cast<Eigen::Index>(patients.size()), 10);
  const char* const columns[] = {"age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"};
  for (Eigen::Index t = 0; t < diabetes.rows(); ++t)
    for (Eigen::Index i = 0; i < 10; ++i) diabetes(t, i) = patients[static_cast<std::size_t>(t)].number(columns[i]);
  diabetes.rowwise() -= diabetes.colwise().mean().eval();
  diabetes.colwise().normalize();
  blocks["diabetes"] = diabetes;
  return blocks;
}

TEST(Shrinkage, AgreesWithScikitLearnAndThePaper) {
  const std::map<std::string, Matrix> blocks = golden_blocks();
  std::map<std::string, std::map<std::string, ShrunkCovariance>> estimates;
  for (const auto& [name, returns] : blocks)
    for (const auto& [method, estimator] : estimators) estimates[name][method] = estimator(returns, pb::core::no_poll);
  ASSERT_EQ(estimates.size(), 5U);
  for (const Record& record : read_csv(golden_file("shrinkage.csv"))) {
    const ShrunkCovariance& estimate = estimates.at(record.text("case")).at(record.text("method"));
    SCOPED_TRACE(record.text("case") + " " + record.text("method") + " " + record.text("quantity"));
    const double expected = record.number("value");
    const int i = record.integer("i");
    const int j = record.integer("j");
    if (record.text("quantity") == "intensity")
      EXPECT_LE(relative_error(estimate.intensity, expected), 1e-9);
    else if (record.text("quantity") == "target")
      EXPECT_LE(relative_error(estimate.target, expected), 1e-9);
    else
      EXPECT_NEAR(estimate.covariance(i, j), expected,
                  1e-9 * std::sqrt(estimate.covariance(i, i) * estimate.covariance(j, j)));
  }
  EXPECT_LE(relative_error(estimates["diabetes"]["identity"].intensity, 0.020900916755115878), 1e-11);
}

// What both estimators must be, whatever the data: symmetric, a mixture of sample and target, positive definite even
// with more symbols than sessions, indifferent to the mean, and of the square of the unit.
TEST(Shrinkage, KeepsItsInvariants) {
  for (const int symbols : {2, 10, 200}) {
    const Matrix returns = generated_returns(63, symbols, static_cast<std::uint64_t>(symbols));
    const Matrix sample = sample_covariance(returns);
    for (const auto& [method, estimator] : estimators) {
      SCOPED_TRACE(method + " of " + std::to_string(symbols));
      const ShrunkCovariance estimate = estimator(returns, pb::core::no_poll);
      EXPECT_GE(estimate.intensity, 0);
      EXPECT_LE(estimate.intensity, 1);
      EXPECT_EQ(estimate.covariance, estimate.covariance.transpose());
      EXPECT_GT(smallest_eigenvalue(estimate.covariance), 0);
      EXPECT_LE(relative_error(estimate.covariance.trace(), sample.trace()), 1e-12);
      const ShrunkCovariance percent = estimator((100 * returns).array() + 7, pb::core::no_poll);
      EXPECT_NEAR(percent.intensity, estimate.intensity, 1e-11);
      EXPECT_LE((percent.covariance - 1e4 * estimate.covariance).cwiseAbs().maxCoeff(), 1e-10);
    }
    const ShrunkCovariance constant = ledoit_wolf_constant_correlation(returns);
    EXPECT_LE((constant.covariance.diagonal() - sample.diagonal()).cwiseAbs().maxCoeff(), 1e-17);
    const ShrunkCovariance identity = ledoit_wolf(returns);
    const Matrix off_diagonal = identity.covariance - (1 - identity.intensity) * sample;
    EXPECT_LE((off_diagonal - identity.intensity * identity.target * Matrix::Identity(symbols, symbols))
                  .cwiseAbs()
                  .maxCoeff(),
              1e-17);
  }
}

// More data, less shrinkage; series without structure are shrunk all but entirely.
TEST(Shrinkage, FollowsTheEvidence) {
  // Two markets: pairs within one and across both, so no constant correlation.
  const auto two_markets = [](int sessions) {
    Matrix returns(sessions, 20);
    returns << generated_returns(sessions, 10, 1), generated_returns(sessions, 10, 2);
    return returns;
  };
  for (const auto& [method, estimator] : estimators) {
    const double few = estimator(two_markets(40), pb::core::no_poll).intensity;
    const double many = estimator(two_markets(4000), pb::core::no_poll).intensity;
    EXPECT_GT(few, 2 * many) << method;
    EXPECT_GT(estimator(generated_returns(60, 30, 2, 0), pb::core::no_poll).intensity, 0.6) << method;
  }
}

TEST(Shrinkage, OfOneOrTwoSymbols) {
  const Matrix returns = generated_returns(30, 2, 3);
  EXPECT_EQ(ledoit_wolf(returns.leftCols(1)).intensity, 0);
  EXPECT_LE(relative_error(ledoit_wolf(returns.leftCols(1)).covariance(0, 0), sample_covariance(returns)(0, 0)), 1e-14);
  EXPECT_EQ(ledoit_wolf_constant_correlation(returns.leftCols(1)).intensity, 0);
  // Two symbols have one correlation, which is its own mean: the target is the sample.
  const ShrunkCovariance two = ledoit_wolf_constant_correlation(returns);
  EXPECT_EQ(two.intensity, 0);
  EXPECT_LE((two.covariance - sample_covariance(returns)).cwiseAbs().maxCoeff(), 1e-18);
  EXPECT_EQ(ledoit_wolf(Matrix(5, 0)).covariance.size(), 0);
}

TEST(Shrinkage, RefusesWhatHasNoCovariance) {
  Matrix returns = generated_returns(30, 3, 4);
  for (const auto& [method, estimator] : estimators) {
    EXPECT_EQ(sqlstate_of([&] { estimator(returns.topRows(1), pb::core::no_poll); }), "PB001") << method;
    Matrix broken = returns;
    broken(4, 1) = nan;
    EXPECT_EQ(sqlstate_of([&] { estimator(broken, pb::core::no_poll); }), "22000") << method;
  }
  returns.col(1).setConstant(0);
  EXPECT_EQ(sqlstate_of([&] { ledoit_wolf_constant_correlation(returns); }), "22000");
  EXPECT_EQ(sqlstate_of([&] { ledoit_wolf(returns); }), "");
}

// Fourth powers of returns far from 1 are beyond the range of double; no digit depends on the unit.
TEST(Shrinkage, MagnitudesMayBeAnything) {
  const Matrix returns = generated_returns(30, 3, 6);
  for (const auto& [method, estimator] : estimators) {
    const ShrunkCovariance near = estimator(returns, pb::core::no_poll);
    for (const int exponent : {450, -450}) {
      SCOPED_TRACE(method + " " + std::to_string(exponent));
      const ShrunkCovariance far = estimator(returns * std::ldexp(1, exponent), pb::core::no_poll);
      EXPECT_EQ(far.intensity, near.intensity);
      EXPECT_EQ(far.covariance, near.covariance * std::ldexp(1, 2 * exponent));
      EXPECT_EQ(far.target, method == "identity" ? std::ldexp(near.target, 2 * exponent) : near.target);
    }
    EXPECT_EQ(sqlstate_of([&] { estimator(returns * std::ldexp(1, 1000), pb::core::no_poll); }), "22003") << method;
  }
}

TEST(Shrinkage, CanBeCanceled) {
  const auto cancel = [] { throw std::runtime_error("canceled"); };
  const Matrix returns = generated_returns(30, 3, 5);
  for (const auto& [method, estimator] : estimators)
    EXPECT_THROW(estimator(returns, cancel), std::runtime_error) << method;
}

}  // namespace
}  // namespace shrinkage_test
