#include "core/portfolio/diversification.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/stats/correlation.hpp"
#include "returns.hpp"
#include "support.hpp"

namespace diversification_test {
namespace {

using pb::core::average_correlation;
using pb::core::CorrelatedPair;
using pb::core::diversification_ratio;
using pb::core::effective_bets;
using pb::core::Matrix;
using pb::core::packed_index;
using pb::core::packed_size;
using pb::core::position_signed_correlation;
using pb::core::top_correlations;
using pb::core::unpack_triangle;
using pb::core::Vector;
using pb::core::weighted_average_correlation;
using pb::test::golden_file;
using pb::test::nan;
using pb::test::read_csv;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

struct Portfolio {
  std::vector<double> weights;
  std::vector<double> volatilities;
  std::vector<double> correlations;
};

std::map<std::string, Portfolio> golden_portfolios() {
  std::map<std::string, Portfolio> portfolios;
  for (const Record& record : read_csv(golden_file("diversification_inputs.csv"))) {
    Portfolio& portfolio = portfolios[record.text("case")];
    const std::string& quantity = record.text("quantity");
    std::vector<double>& values = quantity == "weight"       ? portfolio.weights
                                  : quantity == "volatility" ? portfolio.volatilities
                                                             : portfolio.correlations;
    values.push_back(record.number("value"));
  }
  return portfolios;
}

Matrix covariance_of(const Portfolio& p) {
  const Vector sigma = Vector::Map(p.volatilities.data(), static_cast<Eigen::Index>(p.volatilities.size()));
  return sigma.asDiagonal() * unpack_triangle(p.correlations, static_cast<int>(p.weights.size())) * sigma.asDiagonal();
}

// The diversification ratio of a portfolio, and of its sizes and correlations alone.
std::optional<double> ratio_of(const Portfolio& p) { return diversification_ratio(covariance_of(p), p.weights); }
std::optional<double> ratio_of(const std::vector<double>& correlations, const std::vector<double>& weights) {
  return diversification_ratio(unpack_triangle(correlations, static_cast<int>(weights.size())), weights);
}

std::optional<double> bets_of(const Portfolio& p) { return effective_bets(covariance_of(p), p.weights); }
std::optional<double> bets_of(const std::vector<double>& correlations, const std::vector<double>& weights) {
  return effective_bets(unpack_triangle(correlations, static_cast<int>(weights.size())), weights);
}

double squared(std::optional<double> value) { return value.value() * value.value(); }

std::map<std::string, double> measures(const Portfolio& p) {
  return {{"average_correlation", average_correlation(p.correlations).value()},
          {"weighted_average_correlation", weighted_average_correlation(p.correlations, p.weights).value()},
          {"position_signed_correlation", position_signed_correlation(p.correlations, p.weights).value()},
          {"diversification_ratio", ratio_of(p).value()},
          {"effective_bets", bets_of(p).value()},
          {"effective_positions", squared(ratio_of(p.correlations, p.weights))}};
}

TEST(Diversification, AgreesWithNumPy) {
  std::map<std::string, std::map<std::string, double>> results;
  for (const auto& [name, portfolio] : golden_portfolios()) results[name] = measures(portfolio);
  const std::vector<Record> records = read_csv(golden_file("diversification.csv"));
  ASSERT_EQ(records.size(), 24U);
  for (const Record& record : records)
    EXPECT_LE(relative_error(results.at(record.text("case")).at(record.text("measure")), record.number("value")), 1e-12)
        << record.text("case") << " " << record.text("measure");
  EXPECT_NEAR(results["sine"]["average_correlation"], 0.9353363727, 5e-11);
  EXPECT_NEAR(results["sine"]["effective_positions"], 1.0509696314, 5e-11);
}

TEST(Diversification, OfUncorrelatedAssetsIsTheirNumber) {
  const std::vector<double> none(packed_size(4), 0);
  const std::vector<double> equal(4, 10);
  EXPECT_DOUBLE_EQ(ratio_of({equal, equal, none}).value(), 2);
  // The inverse Herfindahl index of 50, 30 and 20 %.
  EXPECT_NEAR(squared(ratio_of(std::vector<double>(3, 0), {.5, .3, .2})), 2.6315789474, 5e-11);
}

TEST(Diversification, OfPerfectlyCorrelatedAssetsIsOne) {
  const std::vector<double> all(packed_size(4), 1);
  const std::vector<double> weights{5, 3, 2, 1};
  const std::vector<double> volatilities{.01, .02, .03, .01};
  EXPECT_DOUBLE_EQ(ratio_of({weights, volatilities, all}).value(), 1);
  EXPECT_DOUBLE_EQ(ratio_of(all, weights).value(), 1);
}

// A long book cannot be more risky than its parts; only the shares matter, and lots of one asset count as one.
TEST(Diversification, KeepsItsInvariants) {
  const Portfolio p = golden_portfolios().at("long_short");
  Portfolio scaled = p;
  for (double& weight : scaled.weights) weight *= -8;
  for (double& volatility : scaled.volatilities) volatility *= 16;
  const auto before = measures(p);
  const auto after = measures(scaled);
  for (const auto& [name, value] : before) EXPECT_LE(relative_error(after.at(name), value), 1e-13) << name;
  const Portfolio longs = golden_portfolios().at("long");
  EXPECT_GE(ratio_of(longs).value(), 1);

  // Two lots of the first asset, in a portfolio of two assets.
  const std::vector<double> merged{0.4};
  const std::vector<double> split{1, 0.4, 0.4};
  EXPECT_NEAR(squared(ratio_of({{1, 2, 5}, {.01, .01, .02}, split})), squared(ratio_of({{3, 5}, {.01, .02}, merged})),
              1e-14);
}

// ---- effective bets ------------------------------------------------------------------------------------------------

TEST(EffectiveBets, OfOneSourceOfRiskIsOne) {
  EXPECT_DOUBLE_EQ(bets_of(std::vector<double>(packed_size(4), 1), {5, 3, 2, -1}).value(), 1);
  EXPECT_DOUBLE_EQ(bets_of({}, {-7}).value(), 1);
  // The first principal portfolio of two assets is their sum, the second their difference.
  EXPECT_DOUBLE_EQ(bets_of({0.5}, {1, 1}).value(), 1);
  EXPECT_DOUBLE_EQ(bets_of({0.5}, {1, -1}).value(), 1);
}

// By hand: of correlation 0.5 and weights 3 and 1, the sum has 8 of a variance of 1.5 and the difference 2 of 0.5.
TEST(EffectiveBets, CountsPrincipalPortfolios) {
  const double share = 12.0 / 13;
  const double expected = std::exp(-share * std::log(share) - (1 - share) * std::log(1 - share));
  EXPECT_NEAR(bets_of({0.5}, {3, 1}).value(), expected, 1e-14);
}

// Any orthogonal vectors are principal portfolios of assets of one risk that have nothing in common, and of a book
// without a net position in assets that have the same in common.
TEST(EffectiveBets, DoNotDependOnTheVectorsOfAnEigenvalue) {
  EXPECT_NEAR(bets_of(std::vector<double>(packed_size(6), 0), {1, 2, -3, 4, 5, 6}).value(), 6, 1e-13);
  const std::vector<double> equal(packed_size(6), 0.4);
  EXPECT_NEAR(bets_of(equal, {3, -1, 2, -2, -1, -1}).value(), 5, 1e-13);
  // The same within rounding, at which other vectors come out.
  std::mt19937_64 random(7);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<double> near = equal;
    for (double& value : near) value += 1e-15 * static_cast<double>(random() % 9);
    EXPECT_NEAR(bets_of(near, {3, -1, 2, -2.5, 1, -1}).value(), bets_of(equal, {3, -1, 2, -2.5, 1, -1}).value(), 1e-12);
  }
}

// Between 1 and the number of assets, whatever is short; of shares alone, and in any order.
TEST(EffectiveBets, KeepTheirInvariants) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal(0, 1);
  for (int n = 1; n <= 30; ++n) {
    const Matrix root = Matrix::NullaryExpr(n, n + 5, [&] { return normal(random); });
    const Matrix covariance = root * root.transpose();
    std::vector<double> weights(static_cast<std::size_t>(n));
    for (double& weight : weights) weight = normal(random);
    const double bets = effective_bets(covariance, weights).value();
    EXPECT_GE(bets, 1 - 1e-12) << n;
    EXPECT_LE(bets, n + 1e-12) << n;
    std::vector<double> turned(weights.rbegin(), weights.rend());
    for (double& weight : turned) weight *= -3e5;
    EXPECT_LE(relative_error(effective_bets(covariance.reverse() * 1e-6, turned).value(), bets), 1e-9) << n;
  }
}

// A matrix that was repaired has eigenvalues of 0, seen through rounding.
TEST(EffectiveBets, OfASingularMatrix) {
  Matrix root(3, 1);
  root << 1, 2, -1;
  const Matrix covariance = root * root.transpose();
  EXPECT_NEAR(effective_bets(covariance, std::vector<double>{1, 1, 1}).value(), 1, 1e-12);
  EXPECT_FALSE(effective_bets(covariance, std::vector<double>{1, 0, 1}).has_value());
  EXPECT_FALSE(effective_bets(Matrix(0, 0), {}).has_value());
  EXPECT_FALSE(bets_of({nan}, {1, 1}).has_value());
  EXPECT_EQ(sqlstate_of([] { effective_bets(Matrix::Identity(2, 2), std::vector<double>{1, 2, 3}); }), "22023");
}

TEST(Diversification, HedgesCountAsOppositeBets) {
  const std::vector<double> correlations{0.9};
  const std::vector<double> hedged{100, -50};
  EXPECT_DOUBLE_EQ(position_signed_correlation(correlations, hedged).value(), -0.9);
  EXPECT_DOUBLE_EQ(weighted_average_correlation(correlations, hedged).value(), 0.9);
  EXPECT_DOUBLE_EQ(average_correlation(correlations).value(), 0.9);
  EXPECT_GT(ratio_of(correlations, hedged).value(), ratio_of(correlations, {100, 50}).value());
}

TEST(Diversification, WeightsDecideTheAverage) {
  // (1,0) 0.8, (2,0) 0.1, (2,1) -0.3
  const std::vector<double> correlations{0.8, 0.1, -0.3};
  EXPECT_DOUBLE_EQ(weighted_average_correlation(correlations, std::vector<double>{1, 2, 3}).value(),
                   (2 * 0.8 + 3 * 0.1 - 6 * 0.3) / 11);
  // What is not held counts nowhere but in the plain average.
  EXPECT_DOUBLE_EQ(position_signed_correlation(correlations, std::vector<double>{1, -2, 0}).value(), -0.8);
  EXPECT_DOUBLE_EQ(weighted_average_correlation(correlations, std::vector<double>{1, -2, 0}).value(), 0.8);
}

TEST(Diversification, MissingPairsAreLeftOutOfAverages) {
  const std::vector<double> correlations{0.8, nan, -0.3};
  const std::vector<double> weights{1, 2, 3};
  EXPECT_DOUBLE_EQ(average_correlation(correlations).value(), 0.25);
  EXPECT_DOUBLE_EQ(weighted_average_correlation(correlations, weights).value(), (2 * 0.8 - 6 * 0.3) / 8);
  EXPECT_DOUBLE_EQ(position_signed_correlation(correlations, weights).value(), 0.25);
  // A portfolio variance needs all of them.
  EXPECT_FALSE(ratio_of(correlations, weights).has_value());
}

TEST(Diversification, WhatCannotBeDividedIsNone) {
  const std::vector<double> weights{1, 1};
  for (const std::vector<double>& nothing : {std::vector<double>{}, {nan}}) {
    const std::vector<double> fitting(nothing.size() + 1, 1);
    EXPECT_FALSE(average_correlation(nothing).has_value());
    EXPECT_FALSE(weighted_average_correlation(nothing, fitting).has_value());
    EXPECT_FALSE(position_signed_correlation(nothing, fitting).has_value());
  }
  // A perfect hedge has no risk left.
  EXPECT_FALSE(ratio_of({1}, {0.3, -0.3}).has_value());
  EXPECT_FALSE(ratio_of({{0.1, -0.3}, {.3, .1}, {1}}).has_value());
  EXPECT_FALSE(ratio_of({0}, {0, 0}).has_value());
  EXPECT_FALSE(weighted_average_correlation(std::vector<double>{0.5}, std::vector<double>{0, 1}).has_value());
  EXPECT_FALSE(diversification_ratio(Matrix(0, 0), {}).has_value());
  // Correlations that cannot be together give a negative variance.
  EXPECT_FALSE(ratio_of({-1, -1, -1}, {1, 1, 1}).has_value());
  EXPECT_DOUBLE_EQ(ratio_of({}, {7}).value(), 1);
}

TEST(Diversification, RefusesSizesThatDoNotFit) {
  const std::vector<double> two{1, 2};
  const std::vector<double> three{1, 2, 3};
  EXPECT_EQ(sqlstate_of([&] { weighted_average_correlation(two, three); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { position_signed_correlation(three, two); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { diversification_ratio(Matrix::Identity(2, 2), three); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { top_correlations(two, 2, 1); }), "22023");
}

// ---- top correlations ----------------------------------------------------------------------------------------------

TEST(TopCorrelations, LargestAbsoluteValuesFirst) {
  // (1,0) (2,0) (2,1) (3,0) (3,1) (3,2)
  const std::vector<double> correlations{0.5, -0.9, nan, 0.5, -0.5, 0.1};
  const std::vector<CorrelatedPair> top = top_correlations(correlations, 4, 4);
  ASSERT_EQ(top.size(), 4U);
  const CorrelatedPair expected[] = {{0, 2, -0.9}, {0, 1, 0.5}, {0, 3, 0.5}, {1, 3, -0.5}};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(top[i].first, expected[i].first) << i;
    EXPECT_EQ(top[i].second, expected[i].second) << i;
    EXPECT_EQ(top[i].correlation, expected[i].correlation) << i;
  }
  EXPECT_EQ(top_correlations(correlations, 4, 100).size(), 5U);
  EXPECT_EQ(top_correlations(correlations, 4, 100).back().correlation, 0.1);
  EXPECT_TRUE(top_correlations(correlations, 4, 0).empty());
  EXPECT_TRUE(top_correlations({}, 1, 5).empty());
}

TEST(TopCorrelations, AreTheFirstOfAllInOrder) {
  std::mt19937_64 random(3);
  std::vector<double> correlations(packed_size(60));
  for (double& value : correlations) value = (static_cast<double>(random() % 41) - 20) / 20;  // many ties
  const std::vector<CorrelatedPair> all = top_correlations(correlations, 60, 1770);
  ASSERT_EQ(all.size(), 1770U);
  for (std::size_t i = 1; i < all.size(); ++i) {
    const double before = std::fabs(all[i - 1].correlation);
    const double now = std::fabs(all[i].correlation);
    ASSERT_GE(before, now);
    if (before == now) {
      ASSERT_LT(std::pair(all[i - 1].first, all[i - 1].second), std::pair(all[i].first, all[i].second));
    }
    EXPECT_EQ(all[i].correlation, correlations[packed_index(all[i].first, all[i].second)]);
    EXPECT_LT(all[i].first, all[i].second);
  }
  for (const int count : {1, 7, 500}) {
    const std::vector<CorrelatedPair> top = top_correlations(correlations, 60, count);
    ASSERT_EQ(top.size(), static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < top.size(); ++i)
      EXPECT_EQ(std::pair(top[i].first, top[i].second), std::pair(all[i].first, all[i].second));
  }
}

}  // namespace
}  // namespace diversification_test
