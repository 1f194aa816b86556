#include "core/stats/portfolio_errors.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/stats/regression.hpp"
#include "support.hpp"

namespace portfolio_errors_test {
namespace {

using pb::core::BetaFit;
using pb::core::FactorFits;
using pb::core::FactorModelSettings;
using pb::core::Matrix;
using pb::core::PortfolioErrors;
using pb::core::Sessions;
using pb::core::Vector;
using pb::core::WeightedSymbol;
using pb::test::day;
using pb::test::nan;

constexpr int session_count = 400;
constexpr int last = session_count - 1;
constexpr int symbol_count = 6;

// Three factors, and symbols that share the surprises of the second with weight `shared`: 0 to 3 have full histories, 4
// is young, and 5 has a gap.
class PortfolioErrorsTest : public ::testing::TestWithParam<std::string> {
 protected:
  explicit PortfolioErrorsTest(double shared = 0.8)
      : returns_(session_count, symbol_count), factors_(session_count, 3) {
    std::mt19937_64 random(7);
    std::student_t_distribution<double> fat(5);
    for (int t = 0; t < session_count; ++t) {
      const double market = fat(random);
      factors_.row(t) << 0.01 * market, 0.01 * (0.5 * market + fat(random)), 0.01 * (0.3 * market + fat(random));
      const double common = fat(random);
      for (int i = 0; i < symbol_count; ++i)
        returns_(t, i) = factors_(t, 0) * (0.6 + 0.2 * i) + 0.3 * factors_(t, 1) +
                         0.01 * (shared * common + (1 - shared) * fat(random));
    }
    returns_.row(0).setConstant(nan);
    factors_.row(0).setConstant(nan);
    returns_.col(4).head(session_count - 150).setConstant(nan);
    returns_(300, 5) = nan;
    if (GetParam() == "ridge")
      settings_ = pb::core::ridge_model();
    else
      settings_ = pb::core::spread_model();
    if (GetParam() == "market") {
      factors_ = Matrix(factors_.col(0));
      std::vector<BetaFit> fits;
      for (int i = 0; i < symbol_count; ++i)
        fits.push_back(pb::core::fit_beta(returns_.col(i), factors_.col(0), last, sessions_, settings_.history));
      fits_ = pb::core::as_factor_fits(fits);
    } else {
      settings_.ridge.alpha = 40;
      std::vector<int> columns(symbol_count);
      std::iota(columns.begin(), columns.end(), 0);
      fits_ = pb::core::fit_factor_model(returns_, columns, factors_, last, sessions_, settings_);
    }
  }

  PortfolioErrors errors() const {
    return {[this](int i) { return returns_of(i); }, factors_, fits_, last, settings_};
  }

  std::span<const double> returns_of(int i) const {
    return {returns_.col(i).data(), static_cast<std::size_t>(returns_.rows())};
  }

  Vector of(std::vector<WeightedSymbol> held) const { return errors().std_errors(held); }
  Vector of_symbol(int i) const { return fits_.fits.std_errors.col(i).tail(factors_.cols()); }

  static void expect_near(const Vector& actual, const Vector& expected, double tolerance = 1e-10) {
    ASSERT_EQ(actual.size(), expected.size());
    for (Eigen::Index k = 0; k < actual.size(); ++k)
      EXPECT_NEAR(actual(k), expected(k), tolerance * std::fabs(expected(k))) << k;
  }

  Sessions sessions_ = pb::test::weekdays(day("2022-01-03"), session_count);
  Matrix returns_, factors_;
  FactorModelSettings settings_{};
  FactorFits fits_;
};

INSTANTIATE_TEST_SUITE_P(Models, PortfolioErrorsTest, ::testing::Values("market", "spread", "ridge"));

TEST_P(PortfolioErrorsTest, OfOneSymbolIsTheErrorOfTheSymbol) {
  for (int i = 0; i < symbol_count; ++i) {
    SCOPED_TRACE(i);
    ASSERT_TRUE(fits_.estimated(i));
    expect_near(of({{i, 1.0}}), of_symbol(i));
    expect_near(of({{i, -2.5}}), 2.5 * of_symbol(i));
  }
}

// Symbols of one window: one regression of the portfolio's returns. Newey-West errors of ols() are those of
// statsmodels.
TEST_P(PortfolioErrorsTest, OfOneWindowIsTheErrorOfOneRegression) {
  const std::vector<WeightedSymbol> held{{0, 0.5}, {1, 0.3}, {2, -0.4}, {3, 0.6}};
  Vector series = Vector::Zero(session_count);
  for (const WeightedSymbol& symbol : held) series += symbol.weight * returns_.col(symbol.symbol);
  const std::vector<int> columns{0};
  const FactorFits whole = pb::core::fit_factor_model(series, columns, factors_, last, sessions_, settings_);
  expect_near(of(held), whole.fits.std_errors.col(0).tail(factors_.cols()));
  if (GetParam() == "ridge") return;
  const auto regression = pb::core::ols(series.tail(252), factors_.bottomRows(252));
  expect_near(of(held), regression.std_errors.tail(factors_.cols()));
}

// Errors that symbols share add up; the root of the sum of squares, which takes them as independent, is too small.
TEST_P(PortfolioErrorsTest, SharedSurprisesAddUp) {
  const Vector together = of({{0, 0.25}, {1, 0.25}, {2, 0.25}, {3, 0.25}});
  const Vector twice = of({{0, 0.5}, {0, 0.5}});
  expect_near(twice, of_symbol(0));
  Vector squares = Vector::Zero(factors_.cols());
  for (int i = 0; i < 4; ++i) squares.array() += (0.25 * of_symbol(i)).array().square();
  for (Eigen::Index k = 0; k < factors_.cols(); ++k) EXPECT_GT(together(k), 1.5 * std::sqrt(squares(k))) << k;
}

TEST_P(PortfolioErrorsTest, AHedgeTakesThemOut) {
  const Vector hedged = of({{0, 1.0}, {0, -1.0}});
  for (Eigen::Index k = 0; k < hedged.size(); ++k) EXPECT_EQ(hedged(k), 0);
  const Vector pair = of({{0, 1.0}, {1, -1.0}});
  for (Eigen::Index k = 0; k < pair.size(); ++k) EXPECT_LT(pair(k), of_symbol(0)(k)) << k;
}

// A young symbol's error is that of its short window, beside any other.
TEST_P(PortfolioErrorsTest, AShortWindowIsNotWatered) {
  const Vector both = of({{0, 1e-9}, {4, 1.0}, {5, 1e-9}});
  for (Eigen::Index k = 0; k < both.size(); ++k) EXPECT_NEAR(both(k), of_symbol(4)(k), 0.06 * of_symbol(4)(k)) << k;
}

TEST_P(PortfolioErrorsTest, OrderChangesNothing) {
  expect_near(of({{0, 0.5}, {4, 0.3}, {5, -0.4}, {1, 0.2}}), of({{5, -0.4}, {1, 0.2}, {4, 0.3}, {0, 0.5}}));
  // Nor does what was asked before.
  PortfolioErrors errors = this->errors();
  const std::vector<WeightedSymbol> one{{0, 1.0}, {4, 1.0}};
  const Vector first = errors.std_errors(one);
  errors.std_errors(std::vector<WeightedSymbol>{{5, 1.0}, {1, 2.0}});
  const Vector again = errors.std_errors(one);
  for (Eigen::Index k = 0; k < first.size(); ++k) EXPECT_EQ(first(k), again(k));
}

// To the last bit: portfolios are divided among workers, each of which knows its own symbols.
TEST_P(PortfolioErrorsTest, OtherSymbolsChangeNothing) {
  const Vector alone = of({{0, 0.5}, {4, 0.3}, {5, -0.4}});
  const std::vector<int> order{5, 1, 4, 0};
  FactorFits others = pb::core::blank_fits(factors_.cols(), order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    pb::core::copy_column(fits_.fits, order[i], others.fits, static_cast<Eigen::Index>(i));
    others.samples[i] = fits_.samples[static_cast<std::size_t>(order[i])];
  }
  PortfolioErrors errors([&](int i) { return returns_of(order[static_cast<std::size_t>(i)]); }, factors_, others, last,
                         settings_);
  const Vector among = errors.std_errors(std::vector<WeightedSymbol>{{3, 0.5}, {2, 0.3}, {0, -0.4}});
  for (Eigen::Index k = 0; k < alone.size(); ++k) EXPECT_EQ(among(k), alone(k)) << k;
}

TEST_P(PortfolioErrorsTest, WithoutAnEstimateThereIsNone) {
  fits_.samples[3].refuse(pb::core::Reason::no_prices);
  expect_near(of({{0, 1.0}, {3, 1.0}}), of_symbol(0));
  for (const auto& held : {std::vector<WeightedSymbol>{}, std::vector<WeightedSymbol>{{3, 1.0}}})
    for (const double error : of(held)) EXPECT_TRUE(std::isnan(error));
}

// The market explains itself exactly.
TEST_P(PortfolioErrorsTest, AnExactFitHasNoError) {
  returns_.col(0) = factors_.col(0);
  const std::vector<int> columns{0};
  fits_ = pb::core::fit_factor_model(returns_, columns, factors_, last, sessions_, settings_);
  for (const double error : of({{0, 1.0}})) EXPECT_EQ(error, 0);
}

}  // namespace
}  // namespace portfolio_errors_test
