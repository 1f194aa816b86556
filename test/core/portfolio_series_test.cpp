#include "core/portfolio/portfolio_series.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <vector>

#include "support.hpp"

namespace portfolio_series_test {
namespace {

using pb::core::portfolio_series;
using pb::core::PortfolioSeries;
using pb::core::SeriesAsset;
using pb::core::SeriesPart;
using pb::core::Vector;
using pb::test::nan;

Vector series(std::initializer_list<double> values) {
  Vector result(static_cast<Eigen::Index>(values.size()));
  std::copy(values.begin(), values.end(), result.begin());
  return result;
}

// Equal to 1e-15, NaN equal to NaN.
void expect_series(const Vector& actual, const Vector& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (Eigen::Index t = 0; t < actual.size(); ++t) {
    if (std::isnan(expected(t)))
      EXPECT_TRUE(std::isnan(actual(t))) << "session " << t;
    else
      EXPECT_NEAR(actual(t), expected(t), 1e-15) << "session " << t;
  }
}

const Vector market = series({nan, 0.01, -0.02, 0.03, 0.04, 0.05});
const Vector full = series({nan, 0.02, 0.01, -0.01, 0.03, 0.02});

TEST(PortfolioSeries, IsTheWeightedSumAndCashEarnsNothing) {
  const Vector other = series({nan, -0.01, 0.04, 0.02, 0.01, 0.03});
  const PortfolioSeries sum =
      portfolio_series(std::vector<SeriesAsset>{{0.5, full, 1.2}, {-0.25, other, {}}}, market, 5, 10);
  EXPECT_EQ(sum.parts, (std::vector<SeriesPart>{SeriesPart::own, SeriesPart::own}));
  expect_series(sum.returns, series({nan, 0.0125, -0.005, -0.01, 0.0125, 0.0025}));
}

TEST(PortfolioSeries, BetaTimesMarketStandsInForAMissingReturn) {
  const Vector listed_late = series({nan, nan, nan, 0.02, nan, 0.03});
  const PortfolioSeries sum = portfolio_series(std::vector<SeriesAsset>{{0.5, listed_late, 2.0}}, market, 5, 10);
  EXPECT_EQ(sum.parts, (std::vector<SeriesPart>{SeriesPart::proxied}));
  expect_series(sum.returns, series({nan, 0.01, -0.02, 0.01, 0.04, 0.015}));
}

TEST(PortfolioSeries, WithoutABetaAnIncompleteSymbolIsLeftOut) {
  const Vector gap = series({nan, 0.01, 0.02, nan, 0.01, 0.01});
  const PortfolioSeries sum =
      portfolio_series(std::vector<SeriesAsset>{{0.5, gap, {}}, {0.5, full, {}}}, market, 5, 10);
  EXPECT_EQ(sum.parts, (std::vector<SeriesPart>{SeriesPart::left_out, SeriesPart::own}));
  expect_series(sum.returns, 0.5 * full);
}

TEST(PortfolioSeries, WhereNothingIsLeftThereIsNoReturn) {
  const Vector nothing = Vector::Constant(6, nan);
  const PortfolioSeries sum = portfolio_series(std::vector<SeriesAsset>{{1.0, nothing, {}}}, market, 5, 10);
  EXPECT_EQ(sum.parts, (std::vector<SeriesPart>{SeriesPart::left_out}));
  expect_series(sum.returns, nothing);
  expect_series(portfolio_series({}, market, 5, 10).returns, nothing);
}

TEST(PortfolioSeries, ASessionWithoutMarketNeedsTheOwnReturns) {
  Vector holed = market;
  holed(2) = holed(3) = nan;
  Vector gap = full;
  gap(3) = gap(4) = nan;
  const PortfolioSeries sum =
      portfolio_series(std::vector<SeriesAsset>{{1.0, gap, 0.5}, {1.0, full, 1.0}}, holed, 5, 10);
  EXPECT_EQ(sum.parts, (std::vector<SeriesPart>{SeriesPart::proxied, SeriesPart::own}));
  expect_series(sum.returns, series({nan, 0.04, 0.02, nan, 0.02 + 0.03, 0.04}));
}

// Prices that begin together are a complete history, whether there is a market or not.
TEST(PortfolioSeries, HistoryBeginsWithTheFirstReturn) {
  const Vector nothing = Vector::Constant(6, nan);
  const Vector late = series({nan, nan, nan, 0.01, 0.02, 0.03});
  const Vector later = series({nan, nan, nan, nan, 0.02, 0.03});
  const PortfolioSeries alone = portfolio_series(std::vector<SeriesAsset>{{1.0, late, {}}}, nothing, 5, 10);
  EXPECT_EQ(alone.parts, (std::vector<SeriesPart>{SeriesPart::own}));
  expect_series(alone.returns, late);
  const PortfolioSeries both =
      portfolio_series(std::vector<SeriesAsset>{{1.0, late, {}}, {1.0, later, {}}}, nothing, 5, 10);
  EXPECT_EQ(both.parts, (std::vector<SeriesPart>{SeriesPart::own, SeriesPart::left_out}));
  const PortfolioSeries beside_market = portfolio_series(std::vector<SeriesAsset>{{1.0, late, {}}}, market, 5, 10);
  EXPECT_EQ(beside_market.parts, (std::vector<SeriesPart>{SeriesPart::left_out}));
}

TEST(PortfolioSeries, ReadsTheNewestSessionsOnlyAndNoneAfterTheLast) {
  const PortfolioSeries sum = portfolio_series(std::vector<SeriesAsset>{{1.0, full, {}}}, market, 4, 2);
  expect_series(sum.returns, series({nan, nan, nan, -0.01, 0.03}));
  Vector gap = full;
  gap(2) = gap(5) = nan;
  const PortfolioSeries same = portfolio_series(std::vector<SeriesAsset>{{1.0, gap, {}}}, market, 4, 2);
  EXPECT_EQ(same.parts, (std::vector<SeriesPart>{SeriesPart::own}));
  expect_series(same.returns, sum.returns);
}

TEST(PortfolioSeries, APerfectHedgeNeedsNoReturns) {
  const Vector nothing = Vector::Constant(6, nan);
  const PortfolioSeries sum =
      portfolio_series(std::vector<SeriesAsset>{{0.0, nothing, {}}, {1.0, full, {}}}, market, 5, 10);
  EXPECT_EQ(sum.parts, (std::vector<SeriesPart>{SeriesPart::own, SeriesPart::own}));
  expect_series(sum.returns, full);
}

TEST(PortfolioSeries, TheFirstSessionOfAPanelHasNoReturn) {
  const PortfolioSeries sum = portfolio_series(std::vector<SeriesAsset>{{1.0, full, 1.0}}, market, 0, 10);
  ASSERT_EQ(sum.returns.size(), 1);
  EXPECT_TRUE(std::isnan(sum.returns(0)));
}

}  // namespace
}  // namespace portfolio_series_test
