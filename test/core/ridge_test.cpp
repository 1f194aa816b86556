#include "core/stats/ridge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/stats/collinearity.hpp"
#include "core/stats/regression.hpp"
#include "support.hpp"

namespace ridge_test {
namespace {

using pb::core::alpha_candidates;
using pb::core::AlphaChoice;
using pb::core::AlphaGrid;
using pb::core::CovarianceType;
using pb::core::Matrix;
using pb::core::ols;
using pb::core::RegressionFit;
using pb::core::RidgeDesign;
using pb::core::RidgeFits;
using pb::core::RidgeOptions;
using pb::core::Vector;
using pb::test::bits;
using pb::test::nan;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

constexpr CovarianceType covariance_types[] = {CovarianceType::classical, CovarianceType::hc1,
                                               CovarianceType::newey_west};

struct Data {
  Vector y;
  Matrix x;
};

// Regressors that share a common part, as funds share the market, and noise.
Data random_data(Eigen::Index n, Eigen::Index k, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, 0.01);
  Data data{Vector(n), Matrix(n, k)};
  for (Eigen::Index i = 0; i < n; ++i) {
    const double common = normal(random);
    for (Eigen::Index j = 0; j < k; ++j) data.x(i, j) = 0.0005 + common + 0.4 * normal(random);
    data.y(i) = 0.001 + data.x.row(i).sum() + normal(random);
  }
  return data;
}

RidgeOptions with_alpha(double alpha, CovarianceType covariance = CovarianceType::newey_west) {
  RidgeOptions options;
  options.alpha = alpha;
  options.covariance = covariance;
  return options;
}

RidgeOptions with_gcv(AlphaChoice choice, const AlphaGrid& grid = {}) {
  RidgeOptions options;
  options.choice = choice;
  options.grid = grid;
  return options;
}

double worst_difference(const Matrix& actual, const Matrix& expected) {
  return (actual - expected).cwiseAbs().maxCoeff() / expected.cwiseAbs().maxCoeff();
}

// ---- reference vectors ---------------------------------------------------------------------------------------------

std::map<std::string, Data> read_designs() {
  std::map<std::string, std::vector<Record>> rows;
  for (Record& record : pb::test::read_csv(pb::test::golden_file("ridge_data.csv")))
    rows[record.text("design")].push_back(std::move(record));
  std::map<std::string, Data> designs;
  for (const auto& [name, records] : rows) {
    const char* names[] = {"x1", "x2", "x3", "x4", "x5", "x6", "x7"};
    const Record& first = records.front();
    const auto k = std::count_if(std::begin(names), std::end(names), [&](const char* x) { return first.has(x); });
    Data data{Vector(records.size()), Matrix(records.size(), k)};
    for (Eigen::Index i = 0; i < data.y.size(); ++i) {
      const Record& record = records[static_cast<std::size_t>(i)];
      data.y(i) = record.number("y");
      for (Eigen::Index j = 0; j < k; ++j) data.x(i, j) = record.number(names[j]);
    }
    designs[name] = std::move(data);
  }
  return designs;
}

std::vector<int> read_columns(const std::string& text) {
  std::istringstream words(text);
  std::vector<int> columns;
  for (int column = 0; words >> column;) columns.push_back(column);
  return columns;
}

RidgeOptions options_of(const Record& expected) {
  RidgeOptions options =
      with_alpha(expected.number("alpha"), expected.text("covariance") == "classical" ? CovarianceType::classical
                                           : expected.text("covariance") == "HC1"     ? CovarianceType::hc1
                                                                                      : CovarianceType::newey_west);
  if (expected.has("lags")) options.lag = expected.integer("lags");
  return options;
}

TEST(Ridge, AgreesWithExactArithmetic) {
  const std::map<std::string, Data> designs = read_designs();
  const std::vector<Record> vectors = pb::test::read_csv(pb::test::golden_file("ridge_vectors.csv"));
  EXPECT_EQ(vectors.size(), 660u);
  for (const Record& expected : vectors) {
    SCOPED_TRACE(expected.text("design") + " unpenalized " + expected.text("unpenalized") + " alpha " +
                 expected.text("alpha") + " " + expected.text("covariance") + " " + expected.text("term"));
    const Data& data = designs.at(expected.text("design"));
    const RidgeDesign design(data.x, read_columns(expected.text("unpenalized")));
    const RidgeFits fit = design.fit(data.y, options_of(expected));
    const int j = expected.text("term") == "intercept" ? 0 : std::stoi(expected.text("term").substr(1));
    const double t_stat = expected.number("t_stat_exact");
    EXPECT_LE(relative_error(fit.coefficients(j, 0), expected.number("coefficient_exact")), 2e-12);
    EXPECT_LE(relative_error(fit.std_errors(j, 0), expected.number("std_error_exact")), 1e-13);
    EXPECT_LE(relative_error(fit.t_stats(j, 0), t_stat), 2e-12);
    EXPECT_LE(relative_error(fit.p_values(j, 0), expected.number("p_value_exact")),
              2e-12 * std::max(1.0, t_stat * t_stat));
    EXPECT_LE(relative_error(fit.r_squared(0), expected.number("r_squared_exact")), 1e-13);
    EXPECT_LE(relative_error(fit.adj_r_squared(0), expected.number("adj_r_squared_exact")), 1e-13);
    EXPECT_LE(relative_error(fit.residual_sd(0), expected.number("residual_sd_exact")), 1e-13);
    EXPECT_LE(relative_error(fit.effective_df(0), expected.number("df_exact")), 1e-13);
    const double alpha = expected.number("alpha");
    const bool penalized = std::ssize(read_columns(expected.text("unpenalized"))) < data.x.cols();
    EXPECT_EQ(bits(fit.alpha(0)), bits(penalized ? alpha : nan));
    EXPECT_LE(relative_error(design.gcv(data.y, {&alpha, 1})(0), expected.number("gcv_exact")), 1e-13);
    if (j > 0) {
      EXPECT_LE(relative_error(design.variance_inflation()(j - 1), expected.number("vif_exact")), 1e-13);
    }
  }
}

// t = 1..60; f1 = 0.010 sin t; f2 = f1 + 0.003 cos 2.3t; f3 = f1 + 0.003 cos(0.7t + 1).
TEST(Ridge, SineSeries) {
  Data data{Vector(60), Matrix(60, 3)};
  for (int t = 1; t <= 60; ++t) {
    const double f1 = 0.010 * std::sin(t);
    data.x.row(t - 1) << f1, f1 + 0.003 * std::cos(2.3 * t), f1 + 0.003 * std::cos(0.7 * t + 1);
    data.y(t - 1) = 0.0005 + 1.2 * f1 + 0.0015 * std::cos(2.3 * t) + 0.004 * std::sin(3.1 * t + 0.4);
  }
  const RidgeDesign design(data.x);
  const struct {
    double alpha;
    double betas[3];
    double r_squared;
    double df;
  } rows[] = {{0, {0.7561694342, 0.4672991664, -0.0198589407}, 0.8974273693, 3},
              {1, {0.6248352805, 0.4843309231, 0.0825054579}, 0.8967738659, 2.453270},
              {10, {0.4378979524, 0.4242222380, 0.2635650936}, 0.8897084056, 1.416811}};
  for (const auto& row : rows) {
    const RidgeFits fit = design.fit(data.y, with_alpha(row.alpha));
    for (int j = 0; j < 3; ++j) EXPECT_NEAR(fit.coefficients(j + 1, 0), row.betas[j], 5.1e-11);
    EXPECT_NEAR(fit.r_squared(0), row.r_squared, 1e-10);
    EXPECT_NEAR(fit.effective_df(0), row.df, 1e-6);
  }
  EXPECT_NEAR(design.fit(data.y).coefficients(0, 0), 0.000470800070, 1e-12);
}

// ---- limits and invariants -----------------------------------------------------------------------------------------

void expect_same(const RidgeFits& ridge, const RegressionFit& least_squares) {
  EXPECT_LE(worst_difference(ridge.coefficients, least_squares.coefficients), 1e-13);
  EXPECT_LE(worst_difference(ridge.std_errors, least_squares.std_errors), 1e-13);
  for (Eigen::Index j = 0; j < ridge.coefficients.rows(); ++j) {
    EXPECT_LE(relative_error(ridge.t_stats(j, 0), least_squares.t_stats(j)), 1e-11);
    EXPECT_LE(relative_error(ridge.p_values(j, 0), least_squares.p_values(j)), 1e-9);
  }
  EXPECT_LE(relative_error(ridge.r_squared(0), least_squares.r_squared), 1e-13);
  EXPECT_LE(relative_error(ridge.adj_r_squared(0), least_squares.adj_r_squared), 1e-13);
  EXPECT_LE(relative_error(ridge.residual_sd(0), least_squares.residual_sd), 1e-13);
}

TEST(Ridge, WithoutAPenaltyIsLeastSquares) {
  const Data data = random_data(150, 5, 1);
  const std::vector<int> all{0, 1, 2, 3, 4};
  for (const CovarianceType type : covariance_types) {
    const RegressionFit least_squares = ols(data.y, data.x, {true, type, {}});
    for (const std::vector<int>& unpenalized : {std::vector<int>{}, {2}, {4, 0}, all}) {
      const RidgeDesign design(data.x, unpenalized);
      expect_same(design.fit(data.y, with_alpha(0, type)), least_squares);
      EXPECT_LE(relative_error(design.condition_number(), least_squares.condition_number), 1e-12);
      EXPECT_DOUBLE_EQ(design.effective_df(0), 5);
    }
    // Where nothing is penalized the penalty is of no consequence.
    expect_same(RidgeDesign(data.x, all).fit(data.y, with_alpha(1e6, type)), least_squares);
  }
}

TEST(Ridge, LagIsTheRuleUnlessGiven) {
  const Data data = random_data(252, 3, 2);
  const RidgeDesign design(data.x);
  RidgeOptions options;
  const Matrix by_rule = design.fit(data.y, options).std_errors;
  options.lag = 4;
  EXPECT_EQ(design.fit(data.y, options).std_errors, by_rule);
  options.lag = 5;
  EXPECT_NE(design.fit(data.y, options).std_errors, by_rule);
  options.lag = 0;
  EXPECT_EQ(design.fit(data.y, options).std_errors, design.fit(data.y, with_alpha(1, CovarianceType::hc1)).std_errors);
}

TEST(Ridge, GreatPenaltyLeavesTheUnpenalizedRegression) {
  const Data data = random_data(100, 4, 3);
  const RidgeFits none = RidgeDesign(data.x).fit(data.y, with_alpha(1e14));
  EXPECT_LE(none.coefficients.bottomRows(4).cwiseAbs().maxCoeff(), 1e-9);
  EXPECT_LE(relative_error(none.coefficients(0, 0), data.y.mean()), 1e-10);
  EXPECT_NEAR(none.r_squared(0), 0, 1e-10);
  EXPECT_NEAR(none.effective_df(0), 0, 1e-10);
  const std::vector<int> second{1};
  const RidgeFits one = RidgeDesign(data.x, second).fit(data.y, with_alpha(1e14));
  const RegressionFit alone = ols(data.y, data.x.col(1));
  EXPECT_LE(relative_error(one.coefficients(2, 0), alone.coefficients(1)), 1e-10);
  EXPECT_LE(relative_error(one.std_errors(2, 0), alone.std_errors(1)), 1e-10);
  EXPECT_LE(relative_error(one.effective_df(0), 1), 1e-10);
}

TEST(Ridge, ShrinksMoreTheGreaterThePenalty) {
  const Data data = random_data(120, 6, 4);
  const std::vector<int> first{0};
  const RidgeDesign design(data.x, first);
  const Vector scale = ((data.x.rowwise() - data.x.colwise().mean()).colwise().norm() / std::sqrt(120.0)).transpose();
  double df = 7;
  double r_squared = 1;
  double length = HUGE_VAL;
  for (const double alpha : {0.0, 0.1, 1.0, 10.0, 100.0, 1e4}) {
    const RidgeFits fit = design.fit(data.y, with_alpha(alpha));
    const double new_length = fit.coefficients.bottomRows(5).cwiseProduct(scale.tail(5)).norm();
    EXPECT_LT(fit.effective_df(0), df) << alpha;
    EXPECT_LT(fit.r_squared(0), r_squared) << alpha;
    EXPECT_LT(new_length, length) << alpha;
    df = fit.effective_df(0);
    r_squared = fit.r_squared(0);
    length = new_length;
  }
}

// On orthogonal columns each coefficient is that of least squares times n / (n + alpha).
TEST(Ridge, OrthogonalColumnsAreShrunkAlike) {
  Matrix x(64, 3);
  for (int t = 0; t < 64; ++t) x.row(t) << (t % 2 ? 1 : -1), (t / 2 % 2 ? 5 : -5), (t / 4 % 2 ? 0.1 : -0.1);
  const Vector y = random_data(64, 1, 5).y;
  const Vector least_squares = ols(y, x).coefficients;
  const RidgeDesign design(x);
  for (const double alpha : {1.0, 64.0, 1000.0}) {
    const RidgeFits fit = design.fit(y, with_alpha(alpha));
    for (int j = 1; j <= 3; ++j)
      EXPECT_LE(relative_error(fit.coefficients(j, 0), least_squares(j) * 64 / (64 + alpha)), 1e-13) << alpha;
    EXPECT_LE(relative_error(fit.effective_df(0), 3 * 64 / (64 + alpha)), 1e-14);
  }
  EXPECT_NEAR(design.max_vif(), 1, 1e-14);
}

TEST(Ridge, DuplicateColumnsShareTheirCoefficient) {
  Data data = random_data(90, 3, 6);
  data.x.col(2) = -4 * data.x.col(0);
  const RidgeDesign design(data.x);
  const RidgeFits fit = design.fit(data.y, with_alpha(2));
  EXPECT_LE(relative_error(fit.coefficients(3, 0), fit.coefficients(1, 0) / -4), 1e-12);
  EXPECT_TRUE(std::isinf(design.variance_inflation()(0)));
  EXPECT_TRUE(std::isinf(design.variance_inflation()(2)));
  EXPECT_LT(design.variance_inflation()(1), 100);
  EXPECT_GT(design.condition_number(), 1e14);
  // Two columns with half the coefficient each cost half the penalty of one.
  const RidgeFits single = RidgeDesign(data.x.leftCols(2)).fit(data.y, with_alpha(0));
  const RidgeFits twice = design.fit(data.y, with_alpha(1e-9));
  EXPECT_LE(relative_error(2 * twice.coefficients(1, 0), single.coefficients(1, 0)), 1e-6);
}

TEST(Ridge, OrderAndUnitsOfColumnsDoNotMatter) {
  const Data data = random_data(110, 4, 7);
  const std::vector<int> unpenalized{1};
  const RidgeFits fit = RidgeDesign(data.x, unpenalized).fit(data.y);
  Matrix other = data.x.rowwise().reverse();
  other.col(0) *= 1e6;  // was the last
  const std::vector<int> moved{2};
  const RidgeFits moved_fit = RidgeDesign(other, moved).fit(data.y);
  for (int j = 1; j <= 4; ++j) {
    const double unit = j == 4 ? 1e6 : 1;
    EXPECT_LE(relative_error(moved_fit.coefficients(5 - j, 0) * unit, fit.coefficients(j, 0)), 1e-12);
    EXPECT_LE(relative_error(moved_fit.std_errors(5 - j, 0) * unit, fit.std_errors(j, 0)), 1e-13);
    EXPECT_LE(relative_error(moved_fit.t_stats(5 - j, 0), fit.t_stats(j, 0)), 1e-12);
  }
  EXPECT_LE(relative_error(moved_fit.coefficients(0, 0), fit.coefficients(0, 0)), 1e-11);
}

// The residuals of a fit have nothing left in common with an unpenalized column, and something with a penalized one.
TEST(Ridge, ResidualsAreOrthogonalToUnpenalizedColumns) {
  const Data data = random_data(130, 4, 8);
  const std::vector<int> unpenalized{0, 3};
  const RidgeFits fit = RidgeDesign(data.x, unpenalized).fit(data.y, with_alpha(50));
  const Vector residuals = (data.y - data.x * fit.coefficients.bottomRows(4)).array() - fit.coefficients(0, 0);
  const auto correlation = [&](Eigen::Index j) {
    const Vector x = data.x.col(j).array() - data.x.col(j).mean();
    return x.dot(residuals) / x.norm() / residuals.norm();
  };
  EXPECT_NEAR(residuals.mean(), 0, 1e-16);
  EXPECT_NEAR(correlation(0), 0, 1e-14);
  EXPECT_NEAR(correlation(3), 0, 1e-14);
  EXPECT_GT(std::fabs(correlation(1)), 1e-3);
}

TEST(Ridge, ExactFitHasNoErrorAndNoTStatistic) {
  const Data data = random_data(80, 3, 9);
  const std::vector<int> first{0};
  const RidgeFits fit = RidgeDesign(data.x, first).fit(0.01 + 2 * data.x.col(0).array());
  EXPECT_LE(relative_error(fit.coefficients(1, 0), 2), 1e-13);
  EXPECT_NEAR(fit.coefficients(2, 0), 0, 1e-14);
  EXPECT_TRUE(fit.std_errors.isZero(0));
  EXPECT_TRUE(fit.t_stats.array().isNaN().all());
  EXPECT_TRUE(fit.p_values.array().isNaN().all());
  EXPECT_EQ(fit.r_squared(0), 1);
  EXPECT_EQ(fit.residual_sd(0), 0);
}

TEST(Ridge, ConstantResponseHasNoRSquared) {
  const Data data = random_data(80, 3, 10);
  for (const double constant : {0.0, 0.1, -57.31}) {
    const RidgeFits fit = RidgeDesign(data.x).fit(Vector::Constant(80, constant));
    EXPECT_TRUE(std::isnan(fit.r_squared(0))) << constant;
    EXPECT_TRUE(std::isnan(fit.adj_r_squared(0))) << constant;
    EXPECT_NEAR(fit.coefficients(0, 0), constant, 1e-13);
  }
}

// ---- many responses ------------------------------------------------------------------------------------------------

// A response has the same bits alone, among others, in whatever place.
TEST(Ridge, ResponsesDoNotTouchOneAnother) {
  const Data data = random_data(125, 7, 11);  // an odd number of rows: columns begin at odd addresses
  const std::vector<int> first{0};
  const RidgeDesign design(data.x, first);
  Matrix y(125, 9);
  for (Eigen::Index i = 0; i < 9; ++i) y.col(i) = random_data(125, 2, 20 + static_cast<unsigned>(i)).y;
  for (const AlphaChoice choice : {AlphaChoice::fixed, AlphaChoice::gcv}) {
    const RidgeFits all = design.fit(y, with_gcv(choice));
    for (Eigen::Index i = 0; i < 9; ++i) {
      const Vector own = y.col(i);  // at an address of its own
      const RidgeFits alone = design.fit(own, with_gcv(choice));
      for (Eigen::Index j = 0; j <= 7; ++j) {
        EXPECT_EQ(bits(all.coefficients(j, i)), bits(alone.coefficients(j, 0))) << i << " " << j;
        EXPECT_EQ(bits(all.std_errors(j, i)), bits(alone.std_errors(j, 0))) << i << " " << j;
        EXPECT_EQ(bits(all.p_values(j, i)), bits(alone.p_values(j, 0))) << i << " " << j;
      }
      EXPECT_EQ(bits(all.alpha(i)), bits(alone.alpha(0)));
      EXPECT_EQ(bits(all.residual_sd(i)), bits(alone.residual_sd(0)));
    }
  }
}

TEST(Ridge, LongLoopsPoll) {
  const Data data = random_data(60, 2, 12);
  const Matrix y = data.y.replicate(1, 200);
  const auto canceled = [] { throw std::runtime_error("canceled"); };
  EXPECT_THROW(RidgeDesign(data.x).fit(y, {}, canceled), std::runtime_error);
  EXPECT_THROW(RidgeDesign(data.x).fit(y, with_gcv(AlphaChoice::gcv), canceled), std::runtime_error);
}

// ---- choice of alpha -----------------------------------------------------------------------------------------------

TEST(RidgeGcv, CandidatesAreEvenlySpacedInTheLogarithm) {
  const std::vector<double> alphas = alpha_candidates({});
  ASSERT_EQ(alphas.size(), 81u);
  EXPECT_LE(relative_error(alphas.front(), 1e-3), 1e-15);
  EXPECT_LE(relative_error(alphas[30], 1), 1e-14);
  EXPECT_LE(relative_error(alphas.back(), 1e5), 1e-14);
  for (std::size_t i = 1; i < alphas.size(); ++i)
    EXPECT_LE(relative_error(alphas[i] / alphas[i - 1], std::pow(10, 0.1)), 1e-13);
  EXPECT_EQ(alpha_candidates({2.5, 2.5, 1}).size(), 1u);
  for (const AlphaGrid& bad : {AlphaGrid{0, 1, 5}, {-1, 1, 5}, {2, 1, 5}, {1, 2, 0}, {nan, 1, 5}, {1, HUGE_VAL, 5}})
    EXPECT_EQ(sqlstate_of([&] { alpha_candidates(bad); }), "22023");
}

TEST(RidgeGcv, IsTheCriterionOfTheFit) {
  const Data data = random_data(140, 5, 13);
  const std::vector<int> unpenalized{2};
  const RidgeDesign design(data.x, unpenalized);
  const std::vector<double> alphas = alpha_candidates({1e-2, 1e3, 11});
  const Vector criteria = design.gcv(data.y, alphas);
  for (std::size_t i = 0; i < alphas.size(); ++i) {
    const RidgeFits fit = design.fit(data.y, with_alpha(alphas[i]));
    const double residual_df = 139 - fit.effective_df(0);
    const double rss = fit.residual_sd(0) * fit.residual_sd(0) * residual_df;
    EXPECT_LE(relative_error(criteria(static_cast<Eigen::Index>(i)), 140 * rss / (residual_df * residual_df)), 1e-12);
  }
}

TEST(RidgeGcv, ChoosesTheLeastForEach) {
  const Data data = random_data(100, 6, 14);
  const RidgeDesign design(data.x);
  Matrix y(100, 5);
  for (Eigen::Index i = 0; i < 5; ++i)
    y.col(i) = random_data(100, 6, 30 + static_cast<unsigned>(i)).y + 0.3 * static_cast<double>(i) * data.x.col(i);
  const AlphaGrid grid{1e-2, 1e4, 25};
  const std::vector<double> alphas = alpha_candidates(grid);
  const auto least = [&](const Vector& criteria) {
    Eigen::Index best = 0;
    criteria.minCoeff(&best);
    return alphas[static_cast<std::size_t>(best)];
  };
  const RidgeFits each = design.fit(y, with_gcv(AlphaChoice::gcv, grid));
  for (Eigen::Index i = 0; i < 5; ++i) {
    const Vector criteria = design.gcv(y.col(i), alphas);
    EXPECT_EQ(each.alpha(i), least(criteria));
    const RidgeFits fixed = design.fit(y.col(i), with_alpha(each.alpha(i)));
    EXPECT_EQ(each.coefficients.col(i), fixed.coefficients);
    EXPECT_EQ(each.std_errors.col(i), fixed.std_errors);
  }
  EXPECT_NE(each.alpha.minCoeff(), each.alpha.maxCoeff());
}

// Pure noise is best left alone, and a strong signal is best not shrunk.
TEST(RidgeGcv, FollowsTheSignal) {
  const Data data = random_data(200, 5, 15);
  const RidgeDesign design(data.x);
  const Vector signal = data.x.rowwise().sum() + 1e-4 * random_data(200, 1, 16).y;
  EXPECT_LE(design.fit(signal, with_gcv(AlphaChoice::gcv)).alpha(0), 0.01);
  const Vector unrelated = random_data(200, 1, 18).y;
  EXPECT_GE(design.fit(unrelated, with_gcv(AlphaChoice::gcv)).alpha(0), 100);
}

TEST(RidgeGcv, RoundingDoesNotChoose) {
  const Data data = random_data(120, 4, 17);
  const std::vector<int> first{0};
  const RidgeFits fit = RidgeDesign(data.x, first).fit(3 * data.x.col(0), with_gcv(AlphaChoice::gcv, {0.5, 50, 10}));
  EXPECT_EQ(fit.alpha(0), alpha_candidates({0.5, 50, 10}).front());
  EXPECT_EQ(fit.r_squared(0), 1);
}

// ---- collinearity --------------------------------------------------------------------------------------------------

TEST(RidgeDesign, VarianceInflationIsThatOfTheOtherColumns) {
  const Data data = random_data(150, 4, 19);
  const Vector vif = RidgeDesign(data.x).variance_inflation();
  for (Eigen::Index j = 0; j < 4; ++j) {
    Matrix others(150, 3);
    for (Eigen::Index i = 0, at = 0; i < 4; ++i)
      if (i != j) others.col(at++) = data.x.col(i);
    EXPECT_LE(relative_error(vif(j), 1 / (1 - ols(data.x.col(j), others).r_squared)), 1e-12);
  }
  EXPECT_EQ(RidgeDesign(data.x).max_vif(), vif.maxCoeff());
  // Means do not inflate: the intercept takes them up.
  const Vector shifted = RidgeDesign(data.x.array() + 100).variance_inflation();
  EXPECT_LE(worst_difference(shifted, vif), 1e-9);
  EXPECT_DOUBLE_EQ(RidgeDesign(data.x.col(0)).max_vif(), 1);
}

// ---- refusals ------------------------------------------------------------------------------------------------------

TEST(RidgeDesign, SingularDesignsAreRefused) {
  const Data data = random_data(60, 3, 40);
  const auto state = [&](const Vector& column, const std::vector<int>& unpenalized, double alpha) {
    Matrix x = data.x;
    x.col(1) = column;
    return sqlstate_of([&] { RidgeDesign(x, unpenalized).fit(data.y, with_alpha(alpha)); });
  };
  const Vector first = data.x.col(0);
  const Vector combination = first - data.x.col(2) / 3;
  for (const double constant : {0.0, 0.1, -57.31})
    for (const std::vector<int>& unpenalized : {std::vector<int>{}, {1}})
      EXPECT_EQ(state(Vector::Constant(60, constant), unpenalized, 1), "PB002") << constant;
  EXPECT_EQ(state(-1e6 * first, {0, 1}, 1), "PB002");
  EXPECT_EQ(state(combination, {0, 1, 2}, 1), "PB002");
  // A penalty decides between a column and its combination, whichever of them it is on.
  EXPECT_EQ(state(combination, {}, 1), "");
  EXPECT_EQ(state(combination, {0}, 1), "");
  EXPECT_EQ(state(first, {0}, 1), "");
  // Without it nothing does.
  EXPECT_EQ(state(combination, {}, 0), "PB002");
  EXPECT_EQ(state(first, {0}, 0), "PB002");
  EXPECT_EQ(state(data.x.col(1), {}, 0), "");
}

TEST(RidgeDesign, TooFewObservationsAreRefused) {
  const Data data = random_data(5, 5, 41);
  EXPECT_EQ(sqlstate_of([&] { RidgeDesign(data.x.topRows(1)); }), "PB001");
  EXPECT_EQ(sqlstate_of([&] { RidgeDesign(data.x, std::vector<int>{0, 1, 2, 3, 4}); }), "PB001");
  EXPECT_EQ(sqlstate_of([&] { RidgeDesign(data.x.leftCols(4)).fit(data.y, with_alpha(0)); }), "PB001");
  EXPECT_EQ(sqlstate_of([&] { RidgeDesign(data.x.leftCols(3)).fit(data.y, with_alpha(0)); }), "");
  // More columns than observations are what a penalty is for.
  EXPECT_EQ(sqlstate_of([&] { RidgeDesign(data.x).fit(data.y, with_alpha(1)); }), "");
  EXPECT_EQ(sqlstate_of([&] { RidgeDesign(data.x).fit(data.y, with_alpha(0)); }), "PB002");
}

// Units far from 1 change no digit, neither of a fixed penalty nor of one that is chosen.
TEST(RidgeDesign, MagnitudesMayBeAnything) {
  const Data data = random_data(60, 3, 31);
  const int first[] = {0};
  for (const AlphaChoice choice : {AlphaChoice::fixed, AlphaChoice::gcv}) {
    RidgeOptions options;
    options.choice = choice;
    const RidgeDesign near(data.x, first);
    const RidgeFits fit = near.fit(data.y, options);
    for (const auto& [of_y, of_x] : {std::pair{1020, 1000}, {-1000, -1000}, {0, 1020}, {0, -1000}}) {
      SCOPED_TRACE(std::to_string(of_y) + " " + std::to_string(of_x));
      Matrix x = data.x;
      x.col(2) *= std::ldexp(1, of_x);
      const RidgeDesign design(x, first);
      const RidgeFits far = design.fit(data.y * std::ldexp(1, of_y), options);
      EXPECT_EQ(far.alpha, fit.alpha);
      EXPECT_EQ(far.t_stats, fit.t_stats);
      EXPECT_EQ(far.r_squared, fit.r_squared);
      EXPECT_EQ(far.residual_sd(0), std::ldexp(fit.residual_sd(0), of_y));
      EXPECT_EQ(far.coefficients(3, 0), std::ldexp(fit.coefficients(3, 0), of_y - of_x));
      EXPECT_EQ(far.std_errors(3, 0), std::ldexp(fit.std_errors(3, 0), of_y - of_x));
      EXPECT_EQ(far.coefficients(0, 0), std::ldexp(fit.coefficients(0, 0), of_y));
      EXPECT_EQ(design.variance_inflation(), near.variance_inflation());
      EXPECT_EQ(design.condition_number(), near.condition_number());
    }
  }
}

TEST(RidgeDesign, ResultsOutOfRangeAreRefused) {
  const Data data = random_data(60, 2, 32);
  const RidgeDesign design(data.x * std::ldexp(1, -100));
  EXPECT_EQ(sqlstate_of([&] { design.fit(data.y * std::ldexp(1, 1000)); }), "22003");
}

TEST(RidgeDesign, BadInputIsRefused) {
  const Data data = random_data(60, 2, 42);
  for (const double bad : {nan, HUGE_VAL, -HUGE_VAL}) {
    Data broken = data;
    broken.x(59, 1) = bad;
    EXPECT_EQ(sqlstate_of([&] { RidgeDesign{broken.x}; }), "22000") << bad;
    broken = data;
    broken.y(0) = bad;
    EXPECT_EQ(sqlstate_of([&] { RidgeDesign(broken.x).fit(broken.y); }), "22000") << bad;
    EXPECT_EQ(sqlstate_of([&] { RidgeDesign(data.x).fit(data.y, with_alpha(bad)); }), "22023") << bad;
  }
  EXPECT_EQ(sqlstate_of([&] { RidgeDesign(data.x).fit(data.y, with_alpha(-1)); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { RidgeDesign(data.x).fit(data.y.head(59)); }), "22023");
  for (const int column : {-1, 2})
    EXPECT_EQ(sqlstate_of([&] { RidgeDesign(data.x, std::vector<int>{column}); }), "22023");
}

}  // namespace
}  // namespace ridge_test
