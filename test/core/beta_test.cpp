#include "core/stats/beta.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/stats/risk_free.hpp"
#include "support.hpp"

namespace beta_test {
namespace {

using pb::core::BetaFit;
using pb::core::BetaSettings;
using pb::core::fit_beta;
using pb::core::Matrix;
using pb::core::portfolio_beta;
using pb::core::PortfolioBeta;
using pb::core::Quality;
using pb::core::Reason;
using pb::core::Sessions;
using pb::core::Vector;
using pb::test::bits;
using pb::test::day;
using pb::test::nan;
using pb::test::Price;
using pb::test::Record;
using pb::test::relative_error;

constexpr BetaSettings settings{.window = 252, .min_observations = 60, .limited_below = 126};
constexpr int session_count = 500;
constexpr int last = session_count - 1;

const Sessions sessions = pb::test::weekdays(day("2022-01-03"), session_count);

// Returns as a panel has them: none in the first session.
Vector market_returns(unsigned seed = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0.0004, 0.011);
  Vector returns(session_count);
  for (double& r : returns) r = normal(random);
  returns(0) = nan;
  return returns;
}

Vector asset_returns(const Vector& market, double beta, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, 0.015);
  Vector returns(market.size());
  for (Eigen::Index t = 0; t < market.size(); ++t) returns(t) = 0.0002 + beta * market(t) + normal(random);
  return returns;
}

// All numbers of a fit, to be compared bit by bit.
std::vector<std::uint64_t> fingerprint(const BetaFit& fit) {
  std::vector<std::uint64_t> all{static_cast<std::uint64_t>(fit.observations)};
  if (!fit.fit) return all;
  for (const Vector* numbers : {&fit.fit->coefficients, &fit.fit->std_errors, &fit.fit->t_stats, &fit.fit->p_values})
    for (const double number : *numbers) all.push_back(bits(number));
  for (const double number : {fit.fit->r_squared, fit.fit->residual_sd, fit.fit->condition_number})
    all.push_back(bits(number));
  return all;
}

// ---- one symbol ----------------------------------------------------------------------------------------------------

TEST(Beta, IsTheRegressionOfTheWindow) {
  const Vector market = market_returns();
  const Vector asset = asset_returns(market, 1.3, 2);
  const BetaFit fit = fit_beta(asset, market, last, sessions, settings);
  const auto direct = pb::core::ols(asset.tail(252), market.tail(252));
  EXPECT_EQ(fit.observations, 252);
  EXPECT_EQ(bits(fit.alpha()), bits(direct.coefficients(0)));
  EXPECT_EQ(bits(fit.beta()), bits(direct.coefficients(1)));
  EXPECT_EQ(bits(fit.std_error()), bits(direct.std_errors(1)));
  EXPECT_EQ(fit.window_start, sessions[session_count - 252]);
  EXPECT_EQ(fit.window_end, sessions[last]);
  EXPECT_EQ(fit.quality_flag, Quality::full_history);
  EXPECT_EQ(fit.reason, Reason::none);
}

TEST(Beta, OfTheMarketOnItselfIsOne) {
  const Vector market = market_returns();
  const BetaFit fit = fit_beta(market, market, last, sessions, settings);
  EXPECT_DOUBLE_EQ(fit.beta(), 1);
  EXPECT_NEAR(fit.alpha(), 0, 1e-17);
  EXPECT_EQ(fit.std_error(), 0);
  EXPECT_EQ(fit.fit->r_squared, 1);
  EXPECT_TRUE(std::isnan(fit.fit->t_stats(1)));
}

// The window counts observations: gaps reach further back, but not beyond the span.
TEST(Beta, WindowCountsObservationsWithinTheSearchSpan) {
  EXPECT_EQ(pb::core::search_span(252), 378);
  EXPECT_EQ(pb::core::search_span(63), 95);
  const Vector market = market_returns();
  Vector asset = asset_returns(market, 0.8, 3);
  for (int gap = 0; gap < 10; ++gap) asset(last - 5 * gap) = nan;
  BetaFit fit = fit_beta(asset, market, last, sessions, settings);
  EXPECT_EQ(fit.observations, 252);
  EXPECT_EQ(fit.window_start, sessions[session_count - 262]);
  EXPECT_EQ(fit.window_end, sessions[last - 1]);
  // A market holiday in the data costs an observation as well.
  Vector market_with_gap = market;
  market_with_gap(last - 1) = nan;
  fit = fit_beta(asset, market_with_gap, last, sessions, settings);
  EXPECT_EQ(fit.window_start, sessions[session_count - 263]);
  EXPECT_EQ(fit.window_end, sessions[last - 2]);
  // Nothing but every third day: the span ends the search before the window is full.
  for (int t = 0; t < session_count; ++t)
    if ((last - t) % 3 != 0) asset(t) = nan;
  asset(last) = 0.01;
  fit = fit_beta(asset, market, last, sessions, settings);
  EXPECT_GE(fit.window_start, sessions[session_count - 378]);
  EXPECT_LE(fit.observations, 126);
}

TEST(Beta, FirstSessionHasNoReturnWhateverItHolds) {
  Vector market = market_returns();
  market(0) = 0.01;
  Vector asset = asset_returns(market, 1, 4);
  const BetaFit fit = fit_beta(asset, market, 100, sessions, settings);
  EXPECT_EQ(fit.observations, 100);
  EXPECT_EQ(fit.window_start, sessions[1]);
}

TEST(Beta, HistoryIsFlaggedByItsLength) {
  const Vector market = market_returns();
  const auto fit_of = [&](int observations) {
    Vector asset = asset_returns(market, 1.1, 5);
    asset.head(session_count - observations).setConstant(nan);
    return fit_beta(asset, market, last, sessions, settings);
  };
  for (const int observations : {60, 125}) {
    EXPECT_EQ(fit_of(observations).quality_flag, Quality::limited_history) << observations;
    EXPECT_EQ(fit_of(observations).reason, Reason::none) << observations;
    EXPECT_EQ(fit_of(observations).observations, observations);
  }
  EXPECT_EQ(fit_of(126).quality_flag, Quality::full_history);
  const BetaFit refused = fit_of(59);
  EXPECT_FALSE(refused.fit.has_value());
  EXPECT_EQ(refused.quality_flag, Quality::insufficient_data);
  EXPECT_EQ(refused.reason, Reason::insufficient_data);
  EXPECT_EQ(refused.observations, 59);
  EXPECT_EQ(refused.window_start, sessions[session_count - 59]);
  EXPECT_EQ(refused.window_end, sessions[last]);
  const BetaFit nothing = fit_of(0);
  EXPECT_EQ(nothing.reason, Reason::insufficient_data);
  EXPECT_EQ(nothing.observations, 0);
  EXPECT_FALSE(nothing.window_start.has_value());
}

TEST(Beta, ConstantSeriesHasNone) {
  const Vector market = market_returns();
  for (const double constant : {0.0, 0.0001}) {
    const Vector flat = Vector::Constant(session_count, constant);
    const BetaFit fit = fit_beta(flat, market, last, sessions, settings);
    EXPECT_FALSE(fit.fit.has_value());
    EXPECT_EQ(fit.reason, Reason::constant_series);
    EXPECT_EQ(fit.quality_flag, Quality::insufficient_data);
    EXPECT_EQ(fit.observations, 252);
    EXPECT_EQ(fit_beta(market, flat, last, sessions, settings).reason, Reason::constant_series);
  }
}

// Nothing dated after the session may change a single bit, nor may anything older than the span.
TEST(Beta, OnlyTheSpanUpToTheSessionMatters) {
  const int session = 420;
  Vector market = market_returns();
  Vector asset = asset_returns(market, 1.2, 6);
  asset(session - 7) = nan;
  const auto before = fingerprint(fit_beta(asset, market, session, sessions, settings));
  for (const double garbage : {1e6, -0.5, nan}) {
    asset.tail(last - session).setConstant(garbage);
    market.tail(last - session).setConstant(-garbage);
    asset.head(session - 378 + 1).setConstant(garbage);
    EXPECT_EQ(fingerprint(fit_beta(asset, market, session, sessions, settings)), before) << garbage;
  }
  // The same data in a panel that ends with the session.
  const Vector shorter_asset = asset.head(session + 1);
  const Vector shorter_market = market.head(session + 1);
  EXPECT_EQ(fingerprint(fit_beta(shorter_asset, shorter_market, session, sessions, settings)), before);
  asset(session) += 1e-6;
  EXPECT_NE(fingerprint(fit_beta(asset, market, session, sessions, settings)), before);
}

TEST(Beta, ScalesWithTheReturns) {
  const Vector market = market_returns();
  const Vector asset = asset_returns(market, 0.9, 7);
  const double beta = fit_beta(asset, market, last, sessions, settings).beta();
  EXPECT_LE(relative_error(fit_beta(3 * asset, market, last, sessions, settings).beta(), 3 * beta), 1e-14);
  EXPECT_LE(relative_error(fit_beta(asset, 3 * market, last, sessions, settings).beta(), beta / 3), 1e-14);
}

// A young listing in the same panel must not shorten anybody else's window.
TEST(Beta, DoesNotDependOnTheSymbolsBesideIt) {
  std::vector<Price> prices;
  double market = 100;
  double old_stock = 50;
  const Vector returns = market_returns();
  const Vector own = asset_returns(returns, 1.4, 8);
  for (int t = 0; t < session_count; ++t) {
    market *= 1 + (t > 0 ? returns(t) : 0);
    old_stock *= 1 + (t > 0 ? own(t) : 0);
    prices.push_back({"MKT", sessions[t], market});
    prices.push_back({"OLD", sessions[t], old_stock});
  }
  const auto fit_of = [&](const char* symbol) {
    const auto panel = make_panel(sessions, prices);
    return fit_beta(panel.returns(panel.column(symbol).value()), panel.returns(panel.column("MKT").value()), last,
                    sessions, settings);
  };
  const auto alone = fingerprint(fit_of("OLD"));
  for (int t = session_count - 30; t < session_count; ++t)
    prices.push_back({"ACME", sessions[t], 20.0 + t % 7});  // sorts before the others, and has a month of prices
  EXPECT_EQ(fingerprint(fit_of("OLD")), alone);
  EXPECT_EQ(fit_of("ACME").observations, 29);
}

// ---- portfolios ----------------------------------------------------------------------------------------------------

TEST(PortfolioBeta, IsTheRegressionOfThePortfolioWhenNothingIsMissing) {
  const Vector market = market_returns();
  const double weights[] = {0.8, -0.3, 0.4};
  const Vector assets[] = {asset_returns(market, 1.3, 11), asset_returns(market, 0.6, 12),
                           asset_returns(market, 2.1, 13)};
  std::vector<BetaFit> models;
  for (const Vector& returns : assets) models.push_back(fit_beta(returns, market, last, sessions, settings));
  Vector portfolio = Vector::Zero(session_count);
  std::vector<pb::core::WeightedAsset> weighted;
  for (std::size_t i = 0; i < 3; ++i) {
    portfolio += weights[i] * assets[i];
    weighted.push_back({weights[i], assets[i], &models[i]});
  }
  const PortfolioBeta beta = portfolio_beta(weighted, market, last, settings);
  const BetaFit direct = fit_beta(portfolio, market, last, sessions, settings);
  EXPECT_LE(relative_error(beta.beta, direct.beta()), 1e-13);
  EXPECT_LE(relative_error(beta.r_squared.value(), direct.fit->r_squared), 1e-12);
  EXPECT_EQ(beta.observations, 252);
  // Diversification: the portfolio is explained better than the average of its positions.
  EXPECT_GT(*beta.r_squared, (models[0].fit->r_squared + models[1].fit->r_squared + models[2].fit->r_squared) / 3);
}

TEST(PortfolioBeta, ModelStandsInForMissingReturns) {
  const Vector market = market_returns();
  Vector young = asset_returns(market, 1.5, 14);
  young.head(session_count - 100).setConstant(nan);
  const BetaFit model = fit_beta(young, market, last, sessions, settings);
  const pb::core::WeightedAsset asset{0.5, young, &model};
  const PortfolioBeta beta = portfolio_beta({&asset, 1}, market, last, settings);
  Vector filled = young;
  for (Eigen::Index t = 0; t < filled.size(); ++t)
    if (std::isnan(filled(t))) filled(t) = model.alpha() + model.beta() * market(t);
  const BetaFit direct = fit_beta(filled, market, last, sessions, settings);
  EXPECT_DOUBLE_EQ(beta.beta, 0.5 * model.beta());
  EXPECT_LE(relative_error(beta.r_squared.value(), direct.fit->r_squared), 1e-12);
  EXPECT_EQ(beta.observations, 252);
}

TEST(PortfolioBeta, OfTheMarketAloneIsItsWeight) {
  const Vector market = market_returns();
  const BetaFit model = fit_beta(market, market, last, sessions, settings);
  const pb::core::WeightedAsset asset{-0.25, market, &model};
  const PortfolioBeta beta = portfolio_beta({&asset, 1}, market, last, settings);
  EXPECT_DOUBLE_EQ(beta.beta, -0.25);
  EXPECT_NEAR(beta.r_squared.value(), 1, 1e-15);
}

TEST(PortfolioBeta, HasNoRSquaredWithoutVariationOrHistory) {
  const Vector market = market_returns();
  const BetaFit model = fit_beta(market, market, last, sessions, settings);
  const std::vector<pb::core::WeightedAsset> hedged{{1, market, &model}, {-1, market, &model}};
  EXPECT_EQ(portfolio_beta(hedged, market, last, settings).beta, 0);
  EXPECT_FALSE(portfolio_beta(hedged, market, last, settings).r_squared.has_value());
  EXPECT_FALSE(portfolio_beta({}, market, last, settings).r_squared.has_value());
  const std::vector<pb::core::WeightedAsset> held{{1, market, &model}};
  EXPECT_EQ(portfolio_beta(held, market, 59, settings).observations, 59);
  EXPECT_FALSE(portfolio_beta(held, market, 59, settings).r_squared.has_value());
  EXPECT_TRUE(portfolio_beta(held, market, 60, settings).r_squared.has_value());
}

// ---- Jensen's alpha
// --------------------------------------------------------------------------------------------------

TEST(JensenAlpha, IsTheInterceptOfExcessReturns) {
  const Vector market = market_returns();
  const Vector asset = asset_returns(market, 1.3, 2);
  Vector riskless = Vector::Constant(session_count, 0.0002);
  for (int t = 0; t < session_count; t += 3) riskless(t) = 0.0001;
  const BetaFit fit = fit_beta(asset, market, last, sessions, settings, &riskless);
  const int n = fit.observations;
  const Vector y = (asset - riskless).tail(n);
  const auto excess = pb::core::ols(y, Matrix((market - riskless).tail(n)));
  EXPECT_EQ(fit.jensen.alpha, excess.coefficients(0));
  EXPECT_EQ(fit.jensen.std_error, excess.std_errors(0));
  EXPECT_EQ(fit.jensen.reason, Reason::none);
  // A constant riskless return takes (1 - beta) of itself out of the other alpha.
  riskless.setConstant(0.0002);
  const BetaFit constant = fit_beta(asset, market, last, sessions, settings, &riskless);
  EXPECT_NEAR(constant.jensen.alpha, constant.alpha() - (1 - constant.beta()) * 0.0002, 1e-15);
  EXPECT_EQ(constant.alpha(), fit_beta(asset, market, last, sessions, settings).alpha());
}

TEST(JensenAlpha, NeedsAsManyRisklessReturnsAsTheModel) {
  const Vector market = market_returns();
  const Vector asset = asset_returns(market, 1.0, 2);
  Vector riskless = Vector::Constant(session_count, nan);
  const auto reason_with = [&](int known) {
    riskless.tail(known).setConstant(0.0002);
    const BetaFit fit = fit_beta(asset, market, last, sessions, settings, &riskless);
    EXPECT_EQ(std::isnan(fit.jensen.alpha), fit.jensen.reason != Reason::none) << known;
    EXPECT_TRUE(fit.fit.has_value());
    return fit.jensen.reason;
  };
  EXPECT_EQ(reason_with(0), Reason::no_risk_free_rate);
  EXPECT_EQ(reason_with(settings.min_observations - 1), Reason::no_risk_free_rate);
  EXPECT_EQ(reason_with(settings.min_observations), Reason::none);
  EXPECT_EQ(fit_beta(asset, market, last, sessions, settings).jensen.reason, Reason::no_risk_free_rate);
  // Without a market model there is nothing to say of it.
  EXPECT_EQ(fit_beta(asset, market, 10, sessions, settings, &riskless).jensen.reason, Reason::none);
}

// Friday to Monday are three days, at the yield of Friday; what was quoted on Monday is not known yet.
TEST(JensenAlpha, RisklessReturnsAreThoseOfTheNightBefore) {
  const pb::core::Sessions week = pb::test::weekdays(day("2024-03-07"), 13);  // from a Thursday to a Monday
  const std::vector<pb::core::YieldQuote> quotes{
      {day("2024-03-06"), 3.65}, {day("2024-03-08"), 7.30}, {day("2024-03-11"), 36.5}};
  const Vector earned = pb::core::risk_free_returns(quotes, week);
  EXPECT_TRUE(std::isnan(earned(0)));
  EXPECT_DOUBLE_EQ(earned(1), 0.0001);      // Friday, at Wednesday's
  EXPECT_DOUBLE_EQ(earned(2), 3 * 0.0002);  // Monday, at Friday's
  EXPECT_DOUBLE_EQ(earned(3), 0.001);       // Tuesday, at Monday's
  // Ten days after the quote it still counts, and then no more.
  EXPECT_DOUBLE_EQ(earned(11), 0.001);
  EXPECT_TRUE(std::isnan(earned(12)));
  EXPECT_TRUE(pb::core::risk_free_returns({}, week).array().isNaN().all());
  const std::vector<pb::core::YieldQuote> old{{week[0] - std::chrono::days(11), 5.0}};
  EXPECT_TRUE(pb::core::risk_free_returns(old, week).array().isNaN().all());
  const std::vector<pb::core::YieldQuote> newer{{week[0] - std::chrono::days(10), 5.0}};
  EXPECT_TRUE(std::isfinite(pb::core::risk_free_returns(newer, week)(1)));
}

// ---- real prices ---------------------------------------------------------------------------------------------------

void expect_fit(const Record& expected, const BetaFit& actual) {
  const pb::core::RegressionFit& fit = *actual.fit;
  EXPECT_LE(relative_error(actual.beta(), expected.number("beta")), 1e-13);
  EXPECT_LE(relative_error(actual.std_error(), expected.number("std_error")), 1e-13);
  EXPECT_LE(relative_error(fit.std_errors(0), expected.number("alpha_std_error")), 1e-13);
  EXPECT_LE(relative_error(fit.residual_sd * std::sqrt(252.0), expected.number("residual_volatility")), 1e-13);
  EXPECT_LE(relative_error(fit.condition_number, expected.number("condition_number")), 1e-13);
  // R2 is one less a ratio: where it is 3e-6, digits are gone in any program.
  EXPECT_NEAR(fit.r_squared, expected.number("r_squared"), 1e-14);
  EXPECT_NEAR(fit.adj_r_squared, expected.number("adj_r_squared"), 1e-14);
  if (expected.text("symbol") == "SPY") {
    EXPECT_NEAR(actual.alpha(), 0, 1e-17);
    EXPECT_TRUE(std::isnan(fit.t_stats(1)) && std::isnan(fit.p_values(1)));
  } else {
    EXPECT_LE(relative_error(actual.alpha(), expected.number("alpha")), 1e-10);
    EXPECT_LE(relative_error(fit.t_stats(1), expected.number("t_stat")), 1e-13);
    EXPECT_LE(relative_error(fit.p_values(1), expected.number("p_value")), 1e-11);
  }
}

TEST(BetaReal, EverySymbolOnEveryDateAgrees) {
  PB_SKIP_WITHOUT_SHARED_DATA();
  const std::vector<Price> prices = pb::test::read_shared_prices();
  const Sessions real_sessions = pb::test::sessions_of(prices, "SPY");
  const auto panel = make_panel(real_sessions, prices);
  const int market = panel.column("SPY").value();
  const std::vector<Record> rows = pb::test::read_csv(pb::test::golden_file("market_beta.csv"));
  EXPECT_EQ(rows.size(), 370u);
  for (const Record& expected : rows) {
    const auto date = day(expected.text("date"));
    SCOPED_TRACE(expected.text("symbol") + " " + expected.text("date"));
    const int column = panel.column(expected.text("symbol")).value();
    const BetaFit fit = fit_beta(panel.returns(column), panel.returns(market), real_sessions.index(date).value(),
                                 real_sessions, settings);
    EXPECT_EQ(fit.observations, expected.integer("observations"));
    EXPECT_EQ(to_word(fit.quality_flag), expected.text("quality_flag"));
    EXPECT_EQ(fit.window_start ? pb::core::to_iso(*fit.window_start) : "", expected.text("window_start"));
    EXPECT_EQ(fit.window_end ? pb::core::to_iso(*fit.window_end) : "", expected.text("window_end"));
    // Whether there are prices at all is a question to the panel, which the engine asks first.
    const bool priced = panel.mark_asof(column, date, {}).has_value();
    EXPECT_EQ(!priced ? "no_prices" : std::string(to_word(fit.reason)), expected.text("reason"));
    ASSERT_EQ(fit.fit.has_value(), expected.has("beta"));
    if (fit.fit) expect_fit(expected, fit);
  }
}

}  // namespace
}  // namespace beta_test
