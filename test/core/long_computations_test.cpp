// Whatever takes long polls all the time: how often is counted, as time would depend on the machine.
#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/portfolio/correlation_clusters.hpp"
#include "core/portfolio/correlation_groups.hpp"
#include "core/portfolio/diversification.hpp"
#include "core/portfolio/price_panel.hpp"
#include "core/portfolio/sample_market.hpp"
#include "core/stats/clustering.hpp"
#include "core/stats/collinearity.hpp"
#include "core/stats/correlation.hpp"
#include "core/stats/correlation_tests.hpp"
#include "core/stats/covariance_estimate.hpp"
#include "core/stats/multiple_testing.hpp"
#include "core/stats/nearest_correlation.hpp"
#include "core/stats/regression.hpp"
#include "core/stats/ridge.hpp"
#include "core/stats/shrinkage.hpp"
#include "polls.hpp"
#include "returns.hpp"
#include "support.hpp"

namespace long_computations_test {
namespace {

namespace core = pb::core;

using core::Correlations;
using core::CovarianceType;
using core::Matrix;
using core::Poll;
using core::Vector;
using pb::test::count_polls;
using pb::test::expect_to_end_by_poll;
using pb::test::generated_returns;

TEST(LongComputations, LeastSquares) {
  const Matrix x = generated_returns(200, 5, 1);
  const Vector y = generated_returns(200, 1, 2);
  const auto fit = [&](CovarianceType type, int lag) {
    return [&, type, lag](Poll poll) { core::ols(y, x, {true, type, lag}, poll); };
  };
  // Each column of the decomposition, each lag of each coefficient.
  expect_to_end_by_poll(2 * 6, fit(CovarianceType::classical, 0));
  expect_to_end_by_poll(6 * 150, fit(CovarianceType::newey_west, 150));
  // As many passes again over twice the data.
  const auto of_rows = [](int rows) {
    const Matrix long_x = generated_returns(rows, 1, 3);
    const Vector long_y = generated_returns(rows, 1, 4);
    return count_polls([&](Poll poll) { core::ols(long_y, long_x, {true, CovarianceType::hc1, {}}, poll); });
  };
  EXPECT_GT(of_rows(800000), of_rows(400000) + 2);
}

TEST(LongComputations, Ridge) {
  const Matrix x = generated_returns(200, 6, 5);
  const Matrix y = generated_returns(200, 3, 6);
  const std::vector<int> unpenalized{1, 4};
  // Two decompositions of the columns, and rotations of each pair of the penalized ones.
  expect_to_end_by_poll(2 * 6 + 4 * 3 / 2, [&](Poll poll) { core::RidgeDesign(x, unpenalized, poll); });
  const core::RidgeDesign design(x, unpenalized);
  core::RidgeOptions options;
  options.choice = core::AlphaChoice::gcv;
  expect_to_end_by_poll(3 * options.grid.count, [&](Poll poll) { design.fit(y, options, poll); });
  options.choice = core::AlphaChoice::fixed;
  options.lag = 100;
  expect_to_end_by_poll(3 * 7 * 100, [&](Poll poll) { design.fit(y, options, poll); });
  // More regressors than observations.
  const Matrix wide = generated_returns(30, 60, 3);
  expect_to_end_by_poll(30 * 29 / 2, [&](Poll poll) { core::RidgeDesign(wide, {}, poll); });
}

TEST(LongComputations, Collinearity) {
  const Matrix x = generated_returns(200, 20, 7);
  expect_to_end_by_poll(20 * 19 / 2, [&](Poll poll) { core::condition_number(x, poll); });
  expect_to_end_by_poll(20, [&](Poll poll) { core::variance_inflation(x, poll); });
}

TEST(LongComputations, NearestCorrelation) {
  Matrix matrix = Matrix::Constant(40, 40, -0.2);
  matrix.diagonal().setOnes();
  // Each column and the rotations of each eigenvector, in each iteration.
  const int iterations = core::nearest_correlation(matrix).iterations;
  ASSERT_GT(iterations, 0);
  expect_to_end_by_poll(3L * 40 * iterations, [&](Poll poll) { core::nearest_correlation(matrix, {}, poll); });
  const Matrix fine = Matrix::Identity(40, 40);
  expect_to_end_by_poll(40, [&](Poll poll) { core::nearest_correlation(fine, {}, poll); });
}

TEST(LongComputations, LedoitWolf) {
  const Matrix few = generated_returns(100, 10, 8);
  const Matrix many = generated_returns(30000, 80, 9);
  for (const auto estimate : {core::ledoit_wolf, core::ledoit_wolf_constant_correlation}) {
    expect_to_end_by_poll(8, [&](Poll poll) { estimate(few, poll); });
    // Half of the 80 x 80 products of 30,000 sessions, at least.
    expect_to_end_by_poll(30000L * 80 * 40 / core::work_between_polls, [&](Poll poll) { estimate(many, poll); });
  }
}

TEST(LongComputations, AverageLinkage) {
  // In descending order of their distances, so that a chain of all items is followed before the first are merged.
  constexpr int items = 60;
  std::vector<double> distances(core::packed_size(items));
  for (int i = 0; i < items; ++i)
    for (int j = 0; j < i; ++j)
      distances[core::packed_index(i, j)] = (i == j + 1 ? 1 : 2) - static_cast<double>(i) / 1000;
  expect_to_end_by_poll(2L * items, [&](Poll poll) { core::average_linkage(distances, items, poll); });
  expect_to_end_by_poll(
      2, [&](Poll poll) { core::correlation_distances(std::vector<double>(core::work_between_polls / 2), poll); });
  const Matrix square = Matrix::Ones(1000, 1000);
  expect_to_end_by_poll(1, [&](Poll poll) { core::pack_triangle(square, poll); });
}

TEST(LongComputations, MultipleTesting) {
  std::mt19937_64 random(10);
  std::uniform_real_distribution<double> uniform;
  std::vector<double> p_values(50000);
  for (double& p : p_values) p = uniform(random);
  expect_to_end_by_poll(5, [&](Poll poll) { core::benjamini_hochberg(p_values, 0, poll); });
}

TEST(LongComputations, Correlations) {
  const Matrix returns = generated_returns(300, 100, 11);
  // Each series, and each pair of panels of four.
  expect_to_end_by_poll(100 + 25 * 26 / 2, [&](Poll poll) { core::pairwise_correlations(returns, {}, poll); });
  const Correlations correlations = core::pairwise_correlations(returns);
  expect_to_end_by_poll(1, [&](Poll poll) { core::correlation_p_values(correlations, poll); });
  expect_to_end_by_poll(2, [&](Poll poll) { core::significant_pairs(correlations, 0.05, poll); });
  const auto top = core::top_correlations(correlations.values, 100, 10);
  expect_to_end_by_poll(10, [&](Poll poll) { core::test_pairs(correlations, top, poll); });
  expect_to_end_by_poll(99, [&](Poll poll) { core::top_correlations(correlations.values, 100, 10, poll); });
  std::vector<int> all(100);
  std::iota(all.begin(), all.end(), 0);
  expect_to_end_by_poll(99, [&](Poll poll) { core::correlations_among(correlations, all, poll); });
}

TEST(LongComputations, Diversification) {
  const Correlations correlations = core::pairwise_correlations(generated_returns(300, 50, 12));
  const std::vector<double> weights(50, 1.0);
  const std::span<const double> values = correlations.values;
  expect_to_end_by_poll(1, [&](Poll poll) { core::average_correlation(values, poll); });
  expect_to_end_by_poll(49, [&](Poll poll) { core::weighted_average_correlation(values, weights, poll); });
  expect_to_end_by_poll(49, [&](Poll poll) { core::position_signed_correlation(values, weights, poll); });
  const Matrix covariance = Matrix::Identity(50, 50);
  expect_to_end_by_poll(1, [&](Poll poll) { core::diversification_ratio(covariance, weights, poll); });
  expect_to_end_by_poll(50, [&](Poll poll) { core::effective_bets(covariance, weights, poll); });
  expect_to_end_by_poll(50, [&](Poll poll) { core::correlation_clusters(values, weights, 0.0, poll); });
}

TEST(LongComputations, CovarianceEstimate) {
  Matrix returns = generated_returns(300, 30, 13);
  Correlations correlations = core::pairwise_correlations(returns);
  const auto estimate = [&](Poll poll) { core::estimate_covariance(returns, correlations, {}, poll); };
  expect_to_end_by_poll(3 * 30, estimate);
  pb::test::remove_cells(returns, 0.2, 14);
  correlations = core::pairwise_correlations(returns);
  expect_to_end_by_poll(6 * 30, estimate);
}

TEST(LongComputations, PricesAndTheSampleMarket) {
  const auto sessions = pb::test::weekdays(pb::test::day("2024-01-01"), 300);
  std::vector<std::string> symbols;
  for (int i = 100; i < 150; ++i) symbols.push_back("S" + std::to_string(i));
  expect_to_end_by_poll(2 * 50, [&](Poll poll) { core::PricePanel(sessions, symbols, poll).finish({}, poll); });
  const core::PricePanel panel(sessions, symbols);
  std::vector<int> columns(50);
  std::iota(columns.begin(), columns.end(), 0);
  expect_to_end_by_poll(50, [&](Poll poll) { core::log_return_block(panel, columns, 299, 250, poll); });
  expect_to_end_by_poll(20, [](Poll poll) {
    core::SampleRandom random(1);
    core::make_sample_market(20, 30, random, poll);
  });
}

}  // namespace
}  // namespace long_computations_test
