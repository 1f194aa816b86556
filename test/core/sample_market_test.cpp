#include "core/portfolio/sample_market.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "core/stats/beta.hpp"
#include "support.hpp"

namespace sample_market_test {
namespace {

using pb::core::Lot;
using pb::core::make_sample_market;
using pb::core::make_sample_portfolio;
using pb::core::Money;
using pb::core::sample_funds;
using pb::core::SampleMarket;
using pb::core::SamplePortfolio;
using pb::core::SampleRandom;
using pb::core::Vector;
using pb::test::day;

constexpr int session_count = 300;
constexpr int stocks = 40;

SampleMarket market_of(unsigned seed) {
  SampleRandom random(seed);
  return make_sample_market(stocks, session_count, random);
}

Vector returns_of(const std::vector<double>& closes) {
  Vector returns(static_cast<Eigen::Index>(closes.size()));
  returns(0) = pb::test::nan;
  for (std::size_t t = 1; t < closes.size(); ++t) returns(static_cast<Eigen::Index>(t)) = closes[t] / closes[t - 1] - 1;
  return returns;
}

// Expected figures of sample reports depend on it.
TEST(SampleMarket, IsTheSameForTheSameSeed) {
  const SampleMarket one = market_of(1);
  const SampleMarket again = market_of(1);
  const SampleMarket other = market_of(2);
  for (std::size_t i = 0; i < one.symbols.size(); ++i) {
    EXPECT_EQ(one.symbols[i].closes, again.symbols[i].closes);
    EXPECT_NE(one.symbols[i].closes, other.symbols[i].closes);
  }
  EXPECT_EQ(one.ten_year_yield, again.ten_year_yield);
}

// A change of the model that draws as many numbers would move no figure of the other tests far enough.
TEST(SampleMarket, EndsAtThePricesThatItHadBefore) {
  const SampleMarket market = market_of(1);
  const std::vector<double> closes{440.34, 79.12, 187.88, 69.16, 108.72, 580.75, 499.53, 57.09, 50.31, 90.88};
  for (std::size_t i = 0; i < closes.size(); ++i)
    EXPECT_NEAR(market.symbols[i].closes.back(), closes[i], 1e-8 * closes[i]) << market.symbols[i].symbol;
}

TEST(SampleMarket, HasFundsFirstAndAPriceEverySession) {
  const SampleMarket market = market_of(3);
  ASSERT_EQ(market.symbols.size(), sample_funds().size() + stocks);
  std::set<std::string> names;
  for (std::size_t i = 0; i < market.symbols.size(); ++i) {
    const pb::core::SampleSymbol& symbol = market.symbols[i];
    names.insert(symbol.symbol);
    if (i < sample_funds().size()) {
      EXPECT_EQ(symbol.symbol, sample_funds()[i]);
    }
    EXPECT_EQ(symbol.sector.empty(), i < sample_funds().size());
    ASSERT_EQ(symbol.closes.size(), static_cast<std::size_t>(session_count));
    for (const double close : symbol.closes) ASSERT_TRUE(close > 0 && std::isfinite(close)) << symbol.symbol;
  }
  EXPECT_EQ(names.size(), market.symbols.size());
  EXPECT_EQ(market.ten_year_yield.size(), static_cast<std::size_t>(session_count));
}

TEST(SampleMarket, StocksFollowTheMarketAndBondsDoNot) {
  const SampleMarket market = market_of(4);
  const pb::core::Sessions sessions = pb::test::weekdays(day("2023-01-02"), session_count);
  const Vector spy = returns_of(market.symbols[0].closes);
  double sum = 0;
  for (std::size_t i = sample_funds().size(); i < market.symbols.size(); ++i) {
    const Vector own = returns_of(market.symbols[i].closes);
    sum += fit_beta(own, spy, session_count - 1, sessions, {252, 60, 126}).beta();
  }
  EXPECT_NEAR(sum / stocks, 1.05, 0.25);
  const Vector bonds = returns_of(market.symbols.at(7).closes);
  ASSERT_EQ(market.symbols[7].symbol, "TLT");
  EXPECT_NEAR(fit_beta(bonds, spy, session_count - 1, sessions, {252, 60, 126}).beta(), 0, 0.35);
}

TEST(SampleRandomNumbers, AreUniformAndNormal) {
  SampleRandom random(5);
  double sum = 0;
  double squares = 0;
  double uniform_sum = 0;
  constexpr int draws = 100'000;
  for (int i = 0; i < draws; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    const double u = random.uniform();
    ASSERT_TRUE(u > 0 && u < 1);
    uniform_sum += u;
    const int k = random.integer(7);
    ASSERT_TRUE(k >= 0 && k < 7);
  }
  EXPECT_NEAR(sum / draws, 0, 0.015);
  EXPECT_NEAR(squares / draws, 1, 0.02);
  EXPECT_NEAR(uniform_sum / draws, 0.5, 0.005);
  // Version 4, variant 1.
  const std::string id = to_string(random.uuid());
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
}

TEST(SamplePortfolios, HoldWhatTheTablesAllow) {
  SampleRandom random(6);
  const SampleMarket market = make_sample_market(stocks, session_count, random);
  const pb::core::Sessions sessions = pb::test::weekdays(day("2023-01-02"), session_count);
  const int first = 200;
  for (int index = 0; index < 6; ++index) {
    const SamplePortfolio portfolio = make_sample_portfolio(index, 20, market, sessions.dates(), first, random);
    SCOPED_TRACE(portfolio.name);
    EXPECT_EQ(to_double(portfolio.initial_equity), 1e6 * (1 + index % 3));
    ASSERT_EQ(portfolio.lots.size(), 20u);
    std::set<pb::core::Uuid> ids;
    bool has_short = false;
    bool has_special = false;
    for (const Lot& lot : portfolio.lots) {
      ids.insert(lot.id);
      EXPECT_EQ(lot.portfolio_id, portfolio.id);
      EXPECT_EQ(lot.quantity < 0, lot.position_type == "SHORT") << lot.symbol;
      EXPECT_NE(lot.quantity, 0);
      EXPECT_GT(lot.entry_price, 0);
      EXPECT_EQ(lot.multiplier, lot.is_option() ? 100 : 1);
      // As many whole shares as the lot's part of four fifths of the equity buys.
      if (!lot.is_option() && !lot.is_private()) {
        EXPECT_NEAR(std::fabs(lot.quantity) * lot.entry_price, 0.04 * to_double(portfolio.initial_equity),
                    lot.entry_price / 2 + 1e-6);
      }
      EXPECT_TRUE(sessions.index(lot.entry_date).value() >= first);
      for (const auto& closing : lot.closings) {
        EXPECT_GT(closing.trade_date, lot.entry_date);
        EXPECT_LE(closing.quantity, std::fabs(lot.quantity));
        EXPECT_GT(closing.quantity, 0);
      }
      has_short |= lot.quantity < 0;
      has_special |= lot.is_option() || lot.is_private();
    }
    EXPECT_EQ(ids.size(), portfolio.lots.size());
    EXPECT_EQ(has_short, index % 3 == 1);
    EXPECT_EQ(has_special, index % 3 == 2);
    EXPECT_EQ(!portfolio.flows.empty(), index % 3 == 1);
  }
}

}  // namespace
}  // namespace sample_market_test
