#include "core/stats/factor_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/stats/beta.hpp"
#include "core/stats/regression.hpp"
#include "support.hpp"

namespace factor_model_test {
namespace {

using pb::core::AlphaChoice;
using pb::core::factor_returns;
using pb::core::FactorFits;
using pb::core::FactorLegs;
using pb::core::FactorModelSettings;
using pb::core::FactorSample;
using pb::core::fit_factor_model;
using pb::core::Matrix;
using pb::core::ols;
using pb::core::Penalty;
using pb::core::plain_ridge_model;
using pb::core::Quality;
using pb::core::Reason;
using pb::core::ridge_model;
using pb::core::Sessions;
using pb::core::spread_model;
using pb::core::Vector;
using pb::test::bits;
using pb::test::day;
using pb::test::nan;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

constexpr int session_count = 400;
constexpr int last = session_count - 1;

const Sessions sessions = pb::test::weekdays(day("2022-01-03"), session_count);

// Returns as a panel has them: none in the first session.
Vector random_returns(double deviation, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0.0004, deviation);
  Vector returns(session_count);
  for (double& r : returns) r = normal(random);
  returns(0) = nan;
  return returns;
}

// A market and six funds that are mostly the market.
Matrix seven_funds() {
  Matrix funds(session_count, 7);
  funds.col(0) = random_returns(0.011, 1);
  const double slopes[] = {0.9, 1.1, 1.05, 0.98, 1.2, 0.7};
  for (int k = 1; k < 7; ++k)
    funds.col(k) = slopes[k - 1] * funds.col(0) + random_returns(0.004, 10 + static_cast<unsigned>(k));
  return funds;
}

// Symbols with loadings on market and funds.
Matrix some_symbols(const Matrix& funds, int count) {
  Matrix symbols(session_count, count);
  for (int i = 0; i < count; ++i)
    symbols.col(i) = (0.5 + 0.2 * i) * funds.col(0) + 0.5 * (funds.col(1 + i % 6) - funds.col(1 + (i + 2) % 6)) +
                     random_returns(0.012, 100 + static_cast<unsigned>(i));
  return symbols;
}

std::vector<int> all_columns(const Matrix& returns) {
  std::vector<int> columns(static_cast<std::size_t>(returns.cols()));
  std::iota(columns.begin(), columns.end(), 0);
  return columns;
}

FactorFits fit_all(const Matrix& returns, const Matrix& factors, const FactorModelSettings& settings,
                   int session = last) {
  return fit_factor_model(returns, all_columns(returns), factors, session, sessions, settings);
}

pb::core::RidgeOptions usual_penalty(int observations) {
  pb::core::RidgeOptions options;
  options.alpha = 0.4 * observations;
  return options;
}

// All numbers of a symbol's fit, to be compared bit by bit.
std::vector<std::uint64_t> fingerprint(const FactorFits& result, Eigen::Index symbol) {
  const FactorSample& sample = result.samples[static_cast<std::size_t>(symbol)];
  std::vector<std::uint64_t> all{static_cast<std::uint64_t>(sample.observations)};
  for (const Matrix* numbers : {&result.fits.coefficients, &result.fits.std_errors, &result.fits.p_values})
    for (const double number : numbers->col(symbol)) all.push_back(bits(number));
  for (const Vector* numbers : {&result.fits.r_squared, &result.fits.residual_sd, &result.fits.alpha})
    all.push_back(bits((*numbers)(symbol)));
  return all;
}

// ---- the orthogonal ridge ------------------------------------------------------------------------------------------

TEST(FactorModel, MarketBetaIsTheMarketBeta) {
  const Matrix funds = seven_funds();
  const Matrix symbols = some_symbols(funds, 6);
  FactorModelSettings settings = ridge_model();
  for (const AlphaChoice choice : {AlphaChoice::fixed, AlphaChoice::gcv})
    for (const double alpha : {0.0, 1.0, 1000.0}) {
      settings.ridge.choice = choice;
      settings.alpha_per_observation = alpha;
      const FactorFits result = fit_all(symbols, funds, settings);
      for (int i = 0; i < 6; ++i) {
        const auto alone = pb::core::fit_beta(symbols.col(i), funds.col(0), last, sessions, settings.history);
        EXPECT_LE(relative_error(result.beta(0, i), alone.beta()), 2e-15) << i << " " << alpha;
        EXPECT_NEAR(result.fits.coefficients(0, i), alone.alpha(), 1e-17) << i << " " << alpha;
      }
    }
}

TEST(FactorModel, StylesAreWhatTheyAddToTheMarket) {
  const Matrix funds = seven_funds();
  const FactorFits result = fit_all(some_symbols(funds, 2), funds, ridge_model());
  ASSERT_EQ(result.designs.size(), 1u);
  const Vector market = funds.col(0).tail(252);
  Matrix design(252, 7);
  design.col(0) = market;
  EXPECT_EQ(result.designs[0].market_slopes(0), 0);
  for (int k = 1; k < 7; ++k) {
    const auto alone = ols(funds.col(k).tail(252), market);
    EXPECT_LE(relative_error(result.designs[0].market_slopes(k), alone.coefficients(1)), 1e-14);
    design.col(k) = funds.col(k).tail(252) - alone.coefficients(1) * market;
    design.col(k).array() -= alone.coefficients(0);
  }
  // With the styles made by hand, market and styles are those of a ridge with the market unpenalized.
  const std::vector<int> market_only{0};
  const pb::core::RidgeDesign ridge(design, market_only);
  const auto direct = ridge.fit(some_symbols(funds, 2).bottomRows(252), usual_penalty(252));
  EXPECT_LE((result.fits.coefficients - direct.coefficients).cwiseAbs().maxCoeff(), 1e-13);
  EXPECT_LE((result.fits.std_errors - direct.std_errors).cwiseAbs().maxCoeff(), 1e-13);
  EXPECT_LE(relative_error(result.designs[0].max_vif, ridge.max_vif()), 1e-12);
  EXPECT_LE(relative_error(result.designs[0].condition_number, ridge.condition_number()), 1e-12);
  EXPECT_NEAR(result.designs[0].variance_inflation(0), 1, 1e-14);
  EXPECT_EQ(result.designs[0].observations, 252);
}

TEST(FactorModel, WhatOrthogonalizationRemovesIsTheMarkets) {
  const Matrix funds = seven_funds().bottomRows(200);
  Matrix rest = funds;
  const Vector slopes = pb::core::orthogonalize_to_first(rest);
  EXPECT_EQ(rest.col(0), funds.col(0));
  for (int k = 1; k < 7; ++k) {
    EXPECT_NEAR(rest.col(k).mean(), 0, 1e-18);
    EXPECT_NEAR(rest.col(k).dot(funds.col(0)) / rest.col(k).norm() / funds.col(0).norm(), 0, 1e-15);
    const Vector difference = funds.col(k) - slopes(k) * funds.col(0) - rest.col(k);
    EXPECT_NEAR(difference.maxCoeff() - difference.minCoeff(), 0, 1e-16);
  }
  const auto state = [&](const Vector& second, const Vector& first) {
    Matrix x(200, 2);
    x << first, second;
    return sqlstate_of([&] { pb::core::orthogonalize_to_first(x); });
  };
  EXPECT_EQ(state(funds.col(1), funds.col(0)), "");
  EXPECT_EQ(state(0.3 - 2 * funds.col(0).array(), funds.col(0)), "PB002");
  EXPECT_EQ(state(Vector::Constant(200, 0.1), funds.col(0)), "PB002");
  EXPECT_EQ(state(funds.col(1), Vector::Constant(200, 0.1)), "PB002");
}

TEST(FactorModel, MarketOnItselfIsOneAndNothingElse) {
  const Matrix funds = seven_funds();
  Matrix symbols = some_symbols(funds, 1);
  symbols.col(0) = funds.col(0);
  for (const FactorModelSettings& settings : {ridge_model(), spread_model()}) {
    const FactorFits result = fit_all(symbols, funds, settings);
    EXPECT_NEAR(result.beta(0, 0), 1, 1e-14);
    EXPECT_NEAR(result.fits.coefficients(0, 0), 0, 1e-16);
    for (int k = 1; k < 7; ++k) EXPECT_NEAR(result.beta(k, 0), 0, 1e-13);
    EXPECT_TRUE(result.fits.std_errors.isZero(0));
    EXPECT_EQ(result.fits.r_squared(0), 1);
    EXPECT_EQ(result.residual_volatility(0, 252), 0);
  }
}

TEST(FactorModel, ScalesWithTheReturns) {
  const Matrix funds = seven_funds();
  const Matrix symbols = some_symbols(funds, 3);
  for (const FactorModelSettings& settings : {ridge_model(), plain_ridge_model(), spread_model()}) {
    const FactorFits once = fit_all(symbols, funds, settings);
    const FactorFits thrice = fit_all(3 * symbols, funds, settings);
    EXPECT_LE((thrice.fits.coefficients - 3 * once.fits.coefficients).cwiseAbs().maxCoeff(), 1e-13);
    EXPECT_LE((thrice.fits.std_errors - 3 * once.fits.std_errors).cwiseAbs().maxCoeff(), 1e-13);
    for (int i = 0; i < 3; ++i) {
      EXPECT_LE(relative_error(thrice.residual_volatility(i, 252), 3 * once.residual_volatility(i, 252)), 1e-14);
      EXPECT_LE(relative_error(once.residual_volatility(i, 252), once.fits.residual_sd(i) * std::sqrt(252.0)), 1e-15);
    }
  }
}

TEST(FactorModel, SpreadModelIsLeastSquaresWithNeweyWestErrors) {
  const Matrix funds = seven_funds();
  const Matrix symbols = some_symbols(funds, 3);
  const Matrix factors = funds.leftCols(5);
  const FactorFits result = fit_all(symbols, factors, spread_model());
  for (int i = 0; i < 3; ++i) {
    const auto direct = ols(symbols.col(i).tail(252), factors.bottomRows(252));
    for (int j = 0; j <= 5; ++j) {
      EXPECT_LE(relative_error(result.fits.coefficients(j, i), direct.coefficients(j)), 1e-12);
      EXPECT_LE(relative_error(result.fits.std_errors(j, i), direct.std_errors(j)), 1e-13);
    }
    EXPECT_LE(relative_error(result.fits.adj_r_squared(i), direct.adj_r_squared), 1e-13);
    EXPECT_EQ(result.fits.effective_df(i), 5);
    EXPECT_TRUE(std::isnan(result.fits.alpha(i)));
  }
}

TEST(FactorModel, PlainRidgeTakesFactorsAsTheyAre) {
  const Matrix funds = seven_funds();
  const Matrix symbols = some_symbols(funds, 2);
  const FactorFits result = fit_all(symbols, funds, plain_ridge_model());
  const auto direct = pb::core::RidgeDesign(funds.bottomRows(252)).fit(symbols.bottomRows(252), usual_penalty(252));
  EXPECT_EQ(result.fits.coefficients, direct.coefficients);
  EXPECT_EQ(result.fits.std_errors, direct.std_errors);
  EXPECT_TRUE(result.designs[0].market_slopes.isZero(0));
}

// ---- the penalty ---------------------------------------------------------------------------------------------------

TEST(FactorModel, PenaltyIsInProportionToTheObservations) {
  const Matrix funds = seven_funds();
  Matrix symbols = some_symbols(funds, 3);
  symbols.col(1).head(session_count - 150).setConstant(nan);
  symbols(last - 3, 2) = nan;
  for (FactorModelSettings settings : {ridge_model(), plain_ridge_model()}) {
    EXPECT_EQ(settings.alpha_per_observation, 0.4);
    const FactorFits result = fit_all(symbols, funds, settings);
    EXPECT_EQ(result.fits.alpha(0), 0.4 * 252);
    EXPECT_EQ(result.fits.alpha(1), 0.4 * 150);
    EXPECT_EQ(result.fits.alpha(2), 0.4 * 252);
    settings.alpha_per_observation.reset();
    settings.ridge.alpha = 5;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(fit_all(symbols, funds, settings).fits.alpha(i), 5);
  }
}

// The same observations twice say nothing else about the betas, and the penalty must not either.
TEST(FactorModel, ObservationsThatAreRepeatedDoNotMoveTheBetas) {
  Matrix funds = seven_funds();
  Matrix symbols = some_symbols(funds, 2);
  for (Matrix* returns : {&funds, &symbols}) returns->middleRows(last - 251, 126) = returns->bottomRows(126).eval();
  FactorModelSettings half = ridge_model();
  half.history.window = 126;
  const FactorFits once = fit_all(symbols, funds, half);
  const FactorFits twice = fit_all(symbols, funds, ridge_model());
  ASSERT_EQ(once.samples[0].observations, 126);
  ASSERT_EQ(twice.samples[0].observations, 252);
  EXPECT_LE((twice.fits.coefficients - once.fits.coefficients).cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_LE(relative_error(twice.fits.effective_df(0), once.fits.effective_df(0)), 1e-12);
}

// ---- windows -------------------------------------------------------------------------------------------------------

TEST(FactorModel, ObservationsAreThoseOfSymbolAndAllFactors) {
  Matrix funds = seven_funds();
  Matrix symbols = some_symbols(funds, 4);
  symbols.col(1).segment(last - 9, 5).setConstant(nan);
  symbols.col(2).head(session_count - 130).setConstant(nan);
  symbols.col(3).head(session_count - 126).setConstant(nan);
  funds(last, 6) = nan;  // one factor of one day: nobody uses the day
  const FactorFits result = fit_all(symbols, funds, ridge_model());
  EXPECT_EQ(result.samples[0].observations, 252);
  EXPECT_EQ(result.samples[0].window_end, sessions[last - 1]);
  EXPECT_EQ(result.samples[0].window_start, sessions[last - 252]);
  EXPECT_EQ(result.samples[1].observations, 252);
  EXPECT_EQ(result.samples[1].window_start, sessions[last - 257]);
  EXPECT_EQ(result.samples[2].observations, 129);
  EXPECT_EQ(result.samples[2].quality_flag, Quality::full_history);
  EXPECT_EQ(result.samples[3].observations, 125);
  EXPECT_EQ(result.samples[3].quality_flag, Quality::insufficient_data);
  EXPECT_EQ(result.samples[3].reason, Reason::insufficient_data);
  EXPECT_EQ(result.samples[3].design, -1);
  EXPECT_TRUE(result.fits.coefficients.col(3).array().isNaN().all());
  EXPECT_TRUE(result.estimated(2));
  EXPECT_FALSE(result.estimated(3));
  EXPECT_EQ(result.designs.size(), 3u);
  EXPECT_EQ(result.designs[static_cast<std::size_t>(result.samples[2].design)].observations, 129);
}

TEST(FactorModel, NothingToEstimateHasAReason) {
  Matrix funds = seven_funds();
  Matrix symbols = some_symbols(funds, 3);
  symbols.col(1).setConstant(0.0001);
  FactorFits result = fit_all(symbols, funds, ridge_model());
  EXPECT_EQ(result.samples[1].reason, Reason::constant_series);
  EXPECT_EQ(result.samples[1].quality_flag, Quality::insufficient_data);
  EXPECT_TRUE(result.estimated(0) && result.estimated(2));
  funds.col(3) = 2 * funds.col(0);
  EXPECT_EQ(fit_all(symbols, funds, ridge_model()).samples[0].reason, Reason::singular);
  EXPECT_EQ(fit_all(symbols, funds, spread_model()).samples[0].reason, Reason::singular);
  EXPECT_EQ(fit_all(symbols, funds, plain_ridge_model()).samples[0].reason, Reason::none);
  funds.col(3).setConstant(0);
  EXPECT_EQ(fit_all(symbols, funds, ridge_model()).samples[0].reason, Reason::constant_series);
  funds.col(3).setConstant(nan);
  EXPECT_EQ(fit_all(symbols, funds, ridge_model()).samples[0].reason, Reason::insufficient_data);
  FactorModelSettings eager = spread_model();
  eager.history = {.window = 6, .min_observations = 2, .limited_below = 2};
  EXPECT_EQ(fit_all(symbols, seven_funds(), eager).samples[0].reason, Reason::insufficient_data);
  EXPECT_TRUE(fit_factor_model(symbols, {}, funds, last, sessions, ridge_model()).samples.empty());
}

// Nothing dated after the session may change a single bit, nor may anything older than the span.
TEST(FactorModel, OnlyTheSpanUpToTheSessionMatters) {
  const int session = 385;
  Matrix funds = seven_funds();
  Matrix symbols = some_symbols(funds, 1);
  symbols(session - 7, 0) = nan;
  const auto before = fingerprint(fit_all(symbols, funds, ridge_model(), session), 0);
  for (const double garbage : {1e6, -0.5, nan}) {
    symbols.bottomRows(last - session).setConstant(garbage);
    funds.bottomRows(last - session).setConstant(-garbage);
    symbols.topRows(session - 378 + 1).setConstant(garbage);
    EXPECT_EQ(fingerprint(fit_all(symbols, funds, ridge_model(), session), 0), before) << garbage;
  }
  symbols(session, 0) += 1e-6;
  EXPECT_NE(fingerprint(fit_all(symbols, funds, ridge_model(), session), 0), before);
}

// A young listing, or any other symbol, in the same panel must not move anybody else's numbers.
TEST(FactorModel, SymbolsDoNotTouchOneAnother) {
  const Matrix funds = seven_funds();
  Matrix symbols = some_symbols(funds, 70);
  symbols.col(3).head(200).setConstant(nan);
  symbols(last - 3, 7) = nan;
  FactorModelSettings settings = ridge_model();
  settings.ridge.choice = AlphaChoice::gcv;
  for (const FactorModelSettings& model : {ridge_model(), settings, spread_model()}) {
    const FactorFits all = fit_all(symbols, funds, model);
    for (const int column : {0, 3, 7, 8, 69}) {
      const std::vector<int> only{column};
      const FactorFits alone = fit_factor_model(symbols, only, funds, last, sessions, model);
      EXPECT_EQ(fingerprint(alone, 0), fingerprint(all, column)) << column;
    }
  }
}

TEST(FactorModel, BadPanelsAreRefused) {
  const Matrix funds = seven_funds();
  const Matrix symbols = some_symbols(funds, 1);
  EXPECT_EQ(sqlstate_of([&] { fit_all(symbols.topRows(last), funds, ridge_model()); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { fit_all(symbols, funds.topRows(last), ridge_model()); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { fit_all(symbols, funds, ridge_model(), session_count); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { fit_all(symbols, funds, ridge_model(), -1); }), "22023");
  FactorModelSettings settings = ridge_model();
  settings.alpha_per_observation = -1;
  EXPECT_EQ(sqlstate_of([&] { fit_all(symbols, funds, settings); }), "22023");
  EXPECT_THROW(fit_factor_model(symbols, all_columns(symbols), funds, last, sessions, ridge_model(),
                                [] { throw std::runtime_error("canceled"); }),
               std::runtime_error);
}

// ---- factor returns ------------------------------------------------------------------------------------------------

TEST(FactorReturns, AreLongLessShort) {
  const auto panel = pb::test::make_panel(pb::test::weekdays(day("2024-01-01"), 3), {{"A", day("2024-01-01"), 100},
                                                                                     {"A", day("2024-01-02"), 110},
                                                                                     {"A", day("2024-01-03"), 99},
                                                                                     {"B", day("2024-01-01"), 50},
                                                                                     {"B", day("2024-01-02"), 51}});
  const std::vector<FactorLegs> legs{{panel.column("A").value(), {}},
                                     {panel.column("A").value(), panel.column("B").value()}};
  const Matrix returns = factor_returns(panel, legs);
  EXPECT_NEAR(returns(1, 0), 0.1, 1e-15);
  EXPECT_NEAR(returns(1, 1), 0.08, 1e-15);
  EXPECT_NEAR(returns(2, 0), -0.1, 1e-15);
  EXPECT_TRUE(std::isnan(returns(2, 1)));
  EXPECT_TRUE(std::isnan(returns(0, 0)));
}

// ---- reference results ---------------------------------------------------------------------------------------------

FactorModelSettings model_named(const std::string& name) {
  if (name == "plain_ridge") return plain_ridge_model();
  if (name == "spread") return spread_model();
  FactorModelSettings settings = ridge_model();
  if (name == "ridge_gcv") settings.ridge.choice = AlphaChoice::gcv;
  return settings;
}

void expect_numbers(const Record& expected, const FactorFits& result) {
  const bool exact = result.fits.residual_sd(0) == 0;  // a factor regressed on itself: no errors, nothing to choose
  for (Eigen::Index j = 0; j < result.fits.coefficients.rows(); ++j) {
    const double coefficient = expected.number(("b" + std::to_string(j)).c_str());
    const double error = expected.number(("e" + std::to_string(j)).c_str());
    // A coefficient is known to a fraction of its standard error, however near 0 it is, down to rounding.
    EXPECT_NEAR(result.fits.coefficients(j, 0), coefficient, 1e-11 * error + 5e-13) << j;
    EXPECT_LE(relative_error(result.fits.std_errors(j, 0), error), 1e-9) << j;
  }
  EXPECT_NEAR(result.fits.r_squared(0), expected.number("r_squared"), 1e-13);
  EXPECT_NEAR(result.fits.adj_r_squared(0), expected.number("adj_r_squared"), 1e-13);
  EXPECT_LE(relative_error(result.residual_volatility(0, 252), expected.number("residual_volatility")), 1e-9);
  if (exact) return;
  EXPECT_LE(relative_error(result.fits.effective_df(0), expected.number("effective_df")), 1e-11);
  if (expected.text("model") != "spread") {
    EXPECT_LE(relative_error(result.fits.alpha(0), expected.number("alpha")), 1e-13);
  }
  const auto& design = result.designs.at(static_cast<std::size_t>(result.samples[0].design));
  EXPECT_LE(relative_error(design.condition_number, expected.number("condition_number")), 1e-10);
  EXPECT_LE(relative_error(design.max_vif, expected.number("max_vif")), 1e-9);
}

void expect_row(const Record& expected, const FactorFits& result, const std::string& start, const std::string& end) {
  const FactorSample& sample = result.samples[0];
  EXPECT_EQ(sample.observations, expected.integer("observations"));
  EXPECT_EQ(to_word(sample.quality_flag), expected.text("quality_flag"));
  EXPECT_EQ(to_word(sample.reason), expected.text("reason"));
  EXPECT_EQ(start, expected.text("window_start"));
  EXPECT_EQ(end, expected.text("window_end"));
  if (sample.reason == Reason::none)
    expect_numbers(expected, result);
  else
    EXPECT_FALSE(expected.has("b0"));
}

// Factors of a model from the seven funds in the order market, value, growth, momentum, quality, size, low volatility.
Matrix factors_of(const std::string& model, const Matrix& funds) {
  if (model != "spread") return funds;
  Matrix spreads(funds.rows(), 5);
  spreads << funds.col(0), funds.col(2) - funds.col(1), funds.col(3) - funds.col(0), funds.col(5) - funds.col(0),
      funds.col(4) - funds.col(0);
  return spreads;
}

TEST(FactorModelGolden, GeneratedReturnsWithGaps) {
  const std::vector<std::string> names{"SPY",  "VTV",  "VUG", "MTUM",  "QUAL", "IWM",
                                       "USMV", "FULL", "OLD", "YOUNG", "NEW",  "FLAT"};
  const std::vector<Record> data = pb::test::read_csv(pb::test::golden_file("factor_model_data.csv"));
  Matrix returns(data.size(), names.size());
  for (std::size_t t = 0; t < data.size(); ++t)
    for (std::size_t i = 0; i < names.size(); ++i)
      returns(static_cast<Eigen::Index>(t), static_cast<Eigen::Index>(i)) = data[t].number(names[i].c_str());
  const Sessions days = pb::test::weekdays(day("2024-01-01"), static_cast<int>(data.size()));
  const auto number_of = [&](const std::optional<pb::core::Date>& date) {
    return date ? std::to_string(days.index(*date).value()) : "";
  };
  int rows = 0;
  for (const Record& expected : pb::test::read_csv(pb::test::golden_file("factor_model.csv"))) {
    if (expected.text("source") != "generated") continue;
    SCOPED_TRACE(expected.text("symbol") + " " + expected.text("date") + " " + expected.text("model"));
    FactorModelSettings settings = model_named(expected.text("model"));
    settings.history = {.window = 120, .min_observations = 60, .limited_below = 100};
    const auto found = std::find(names.begin(), names.end(), expected.text("symbol"));
    const std::vector<int> column{static_cast<int>(found - names.begin())};
    const FactorFits result = fit_factor_model(returns, column, factors_of(expected.text("model"), returns.leftCols(7)),
                                               expected.integer("date"), days, settings);
    expect_row(expected, result, number_of(result.samples[0].window_start), number_of(result.samples[0].window_end));
    ++rows;
  }
  EXPECT_EQ(rows, 52);
}

TEST(FactorModelGolden, RealPrices) {
  PB_SKIP_WITHOUT_SHARED_DATA();
  const std::vector<pb::test::Price> prices = pb::test::read_shared_prices();
  const Sessions real_sessions = pb::test::sessions_of(prices, "SPY");
  const auto panel = pb::test::make_panel(real_sessions, prices);
  std::vector<FactorLegs> legs;
  for (const char* fund : {"SPY", "VTV", "VUG", "MTUM", "QUAL", "IWM", "USMV"})
    legs.push_back({panel.column(fund).value(), {}});
  const Matrix funds = factor_returns(panel, legs);
  const auto iso = [](const std::optional<pb::core::Date>& date) { return date ? pb::core::to_iso(*date) : ""; };
  int rows = 0;
  for (const Record& expected : pb::test::read_csv(pb::test::golden_file("factor_model.csv"))) {
    if (expected.text("source") != "real") continue;
    SCOPED_TRACE(expected.text("symbol") + " " + expected.text("date") + " " + expected.text("model"));
    const std::vector<int> column{panel.column(expected.text("symbol")).value()};
    const FactorFits result = fit_factor_model(panel.returns(), column, factors_of(expected.text("model"), funds),
                                               real_sessions.index(day(expected.text("date"))).value(), real_sessions,
                                               model_named(expected.text("model")));
    expect_row(expected, result, iso(result.samples[0].window_start), iso(result.samples[0].window_end));
    ++rows;
  }
  EXPECT_EQ(rows, 122);
}

}  // namespace
}  // namespace factor_model_test
