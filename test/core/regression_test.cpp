#include "core/stats/regression.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"

namespace regression_test {
namespace {

using pb::core::CovarianceType;
using pb::core::Matrix;
using pb::core::newey_west_lag;
using pb::core::ols;
using pb::core::RegressionFit;
using pb::core::RegressionOptions;
using pb::core::Vector;
using pb::test::nan;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

struct Data {
  Vector y;
  Matrix x;
};

// Normal regressors and noise, from a fixed seed.
Data random_data(Eigen::Index n, Eigen::Index k, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, 0.01);
  Data data{Vector(n), Matrix(n, k)};
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < k; ++j) data.x(i, j) = normal(random);
    data.y(i) = 0.001 + data.x.row(i).sum() + normal(random);
  }
  return data;
}

// ---- reference vectors ---------------------------------------------------------------------------------------------

std::map<std::string, Data> read_designs() {
  std::map<std::string, std::vector<Record>> rows;
  for (Record& record : pb::test::read_csv(pb::test::golden_file("ols_data.csv")))
    rows[record.text("design")].push_back(std::move(record));
  std::map<std::string, Data> designs;
  for (const auto& [name, records] : rows) {
    const char* names[] = {"x1", "x2", "x3", "x4", "x5"};
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

RegressionOptions options_of(const Record& expected) {
  RegressionOptions options;
  options.covariance = expected.text("covariance") == "classical" ? CovarianceType::classical
                       : expected.text("covariance") == "HC1"     ? CovarianceType::hc1
                                                                  : CovarianceType::newey_west;
  if (expected.has("lags")) options.lag = expected.integer("lags");
  return options;
}

// A p-value moves by about t^2 as much as t does, relatively; its own digits are tested with the distributions.
double p_value_tolerance(double tolerance, double t_stat) { return tolerance * std::max(1.0, t_stat * t_stat); }

TEST(Regression, AgreesWithExactArithmetic) {
  // Digits are lost in proportion to the condition number of the scaled design, never to its square: 9e5 leaves ten.
  const std::map<std::string, double> tolerances{{"near_collinear_200", 3e-10}};
  const std::map<std::string, Data> designs = read_designs();
  const std::vector<Record> vectors = pb::test::read_csv(pb::test::golden_file("ols_vectors.csv"));
  EXPECT_EQ(vectors.size(), 84u);
  for (const Record& expected : vectors) {
    const std::string& name = expected.text("design");
    SCOPED_TRACE(name + " " + expected.text("covariance") + " " + expected.text("term"));
    const auto found = tolerances.find(name);
    const double tolerance = found == tolerances.end() ? 2e-14 : found->second;
    const Data& data = designs.at(name);
    const RegressionFit fit = ols(data.y, data.x, options_of(expected));
    const int j = expected.text("term") == "intercept" ? 0 : std::stoi(expected.text("term").substr(1));
    const double t_stat = expected.number("t_stat_exact");
    EXPECT_LE(relative_error(fit.coefficients(j), expected.number("coefficient_exact")), tolerance);
    EXPECT_LE(relative_error(fit.std_errors(j), expected.number("std_error_exact")), tolerance);
    EXPECT_LE(relative_error(fit.t_stats(j), t_stat), tolerance);
    EXPECT_LE(relative_error(fit.p_values(j), expected.number("p_value_exact")), p_value_tolerance(tolerance, t_stat));
    EXPECT_LE(relative_error(fit.r_squared, expected.number("r_squared_exact")), 2e-13);
    // With that design, Eigen 5 loses twice as much of it as 3.4 does.
    EXPECT_LE(relative_error(fit.residual_sd * fit.residual_sd * fit.residual_df, expected.number("ssr_exact")),
              found == tolerances.end() ? 3e-13 : 6e-13);
    EXPECT_LE(relative_error(fit.adj_r_squared, expected.number("adj_r_squared")), 1e-12);
    EXPECT_LE(relative_error(fit.condition_number, expected.number("condition_number")), 1e-10);
    EXPECT_EQ(fit.observations, expected.integer("n"));
    EXPECT_EQ(fit.residual_df, expected.integer("n") - expected.integer("k") - 1);
  }
}

// t = 1..60; f = 0.010 sin t; y = 0.0005 + 1.2 f + 0.0015 cos 2.3t + 0.004 sin(3.1t + 0.4): errors of each kind.
TEST(Regression, SineSeries) {
  Data data{Vector(60), Matrix(60, 1)};
  for (int t = 1; t <= 60; ++t) {
    data.x(t - 1, 0) = 0.010 * std::sin(t);
    data.y(t - 1) = 0.0005 + 1.2 * data.x(t - 1, 0) + 0.0015 * std::cos(2.3 * t) + 0.004 * std::sin(3.1 * t + 0.4);
  }
  const auto error_of = [&](CovarianceType type) { return ols(data.y, data.x, {true, type, {}}).std_errors(1); };
  EXPECT_NEAR(error_of(CovarianceType::classical), 0.056702925719, 1e-12);
  EXPECT_NEAR(error_of(CovarianceType::hc1), 0.056977233077, 1e-12);
  EXPECT_NEAR(error_of(CovarianceType::newey_west), 0.028244422767, 1e-12);  // three lags by the rule
  const RegressionFit fit = ols(data.y, data.x, {true, CovarianceType::classical, {}});
  EXPECT_NEAR(fit.coefficients(1), 1.199550804695, 1e-12);
  EXPECT_NEAR(fit.coefficients(0), 0.000457674467, 1e-12);
  EXPECT_NEAR(fit.r_squared, 0.885269908774, 1e-12);
  EXPECT_NEAR(fit.t_stats(1), 21.15500725, 1e-8);
  EXPECT_LE(relative_error(fit.p_values(1), 5.950123e-29), 1e-7);
}

// ---- properties ----------------------------------------------------------------------------------------------------

TEST(Regression, LagRuleOfNeweyAndWest) {
  const std::pair<int, int> lags[] = {{1, 1},   {2, 1},   {60, 3},  {99, 3},  {100, 4},
                                      {126, 4}, {252, 4}, {272, 4}, {273, 5}, {504, 5}};
  for (const auto& [observations, lag] : lags) EXPECT_EQ(newey_west_lag(observations), lag) << observations;
}

TEST(Regression, LagIsTheRuleUnlessGiven) {
  const Data data = random_data(252, 1, 1);
  const auto errors = [&](std::optional<int> lag) {
    return ols(data.y, data.x, {true, CovarianceType::newey_west, lag}).std_errors;
  };
  EXPECT_EQ(errors({}), errors(4));
  EXPECT_NE(errors({}), errors(5));
  EXPECT_EQ(errors(0), ols(data.y, data.x, {true, CovarianceType::hc1, {}}).std_errors);
  EXPECT_TRUE(errors(1000).allFinite());
}

TEST(Regression, UnitsOfTheRegressorDoNotMatter) {
  const Data data = random_data(120, 2, 2);
  const RegressionFit fit = ols(data.y, data.x);
  for (const double c : {1e-6, 0.5, -3.0, 1e9}) {
    Matrix scaled = data.x;
    scaled.col(1) *= c;
    const RegressionFit other = ols(data.y, scaled);
    EXPECT_LE(relative_error(other.coefficients(2) * c, fit.coefficients(2)), 1e-13) << c;
    EXPECT_LE(relative_error(other.std_errors(2) * std::fabs(c), fit.std_errors(2)), 1e-13) << c;
    EXPECT_LE(relative_error(other.coefficients(1), fit.coefficients(1)), 1e-13) << c;
    EXPECT_LE(relative_error(other.condition_number, fit.condition_number), 1e-12) << c;
    EXPECT_LE(relative_error(other.r_squared, fit.r_squared), 1e-13) << c;
  }
}

TEST(Regression, CoefficientsScaleWithTheResponse) {
  const Data data = random_data(120, 2, 3);
  const RegressionFit fit = ols(data.y, data.x);
  const RegressionFit tripled = ols(3 * data.y, data.x);
  for (int j = 0; j < 3; ++j) {
    EXPECT_LE(relative_error(tripled.coefficients(j), 3 * fit.coefficients(j)), 1e-13);
    EXPECT_LE(relative_error(tripled.std_errors(j), 3 * fit.std_errors(j)), 1e-13);
    EXPECT_LE(relative_error(tripled.t_stats(j), fit.t_stats(j)), 1e-12);
  }
}

TEST(Regression, OrderOfColumnsDoesNotMatter) {
  const Data data = random_data(120, 3, 4);
  const Matrix reversed = data.x.rowwise().reverse();
  const RegressionFit fit = ols(data.y, data.x);
  const RegressionFit other = ols(data.y, reversed);
  for (int j = 1; j <= 3; ++j) {
    EXPECT_LE(relative_error(other.coefficients(4 - j), fit.coefficients(j)), 1e-13);
    EXPECT_LE(relative_error(other.std_errors(4 - j), fit.std_errors(j)), 1e-13);
  }
}

TEST(Regression, WithoutInterceptGoesThroughTheOrigin) {
  const Data data = random_data(80, 1, 5);
  const RegressionFit fit = ols(data.y, data.x, {false, CovarianceType::classical, {}});
  const Vector x = data.x.col(0);
  const double slope = x.dot(data.y) / x.squaredNorm();
  const double unexplained = (data.y - slope * x).squaredNorm();
  ASSERT_EQ(fit.coefficients.size(), 1);
  EXPECT_EQ(fit.residual_df, 79);
  EXPECT_LE(relative_error(fit.coefficients(0), slope), 1e-13);
  EXPECT_LE(relative_error(fit.r_squared, 1 - unexplained / data.y.squaredNorm()), 1e-13);  // not centered
  EXPECT_LE(relative_error(fit.adj_r_squared, 1 - (1 - fit.r_squared) * 80 / 79), 1e-13);
  EXPECT_LE(relative_error(fit.std_errors(0), std::sqrt(unexplained / 79 / x.squaredNorm())), 1e-13);
  EXPECT_DOUBLE_EQ(fit.condition_number, 1);
}

TEST(Regression, ExactFitHasNoErrorAndNoTStatistic) {
  const Data data = random_data(60, 1, 6);
  for (const auto& [alpha, beta] : {std::pair{0.0, 1.0}, {0.013, -0.7}, {1e-4, 1e3}}) {
    const RegressionFit fit = ols(alpha + beta * data.x.col(0).array(), data.x);
    EXPECT_NEAR(fit.coefficients(0), alpha, 1e-15 * std::max(1.0, std::fabs(beta)));
    EXPECT_LE(relative_error(fit.coefficients(1), beta), 1e-14);
    EXPECT_EQ(fit.std_errors(1), 0);
    EXPECT_TRUE(std::isnan(fit.t_stats(1)));
    EXPECT_TRUE(std::isnan(fit.p_values(1)));
    EXPECT_EQ(fit.r_squared, 1);
    EXPECT_EQ(fit.adj_r_squared, 1);
    EXPECT_EQ(fit.residual_sd, 0);
  }
}

// Whatever the mean of equal numbers is rounded to, there is no variation to explain.
TEST(Regression, ConstantResponseHasNoRSquared) {
  const Data data = random_data(252, 1, 7);
  for (const double constant : {0.0, 1.0, 0.1, 0.0123, -57.31}) {
    const RegressionFit fit = ols(Vector::Constant(252, constant), data.x);
    EXPECT_TRUE(std::isnan(fit.r_squared)) << constant;
    EXPECT_TRUE(std::isnan(fit.adj_r_squared)) << constant;
    EXPECT_NEAR(fit.coefficients(0), constant, 1e-13);
    EXPECT_NEAR(fit.coefficients(1), 0, 1e-12);
  }
}

// ---- refusals ------------------------------------------------------------------------------------------------------

TEST(Regression, SingularDesignIsRefused) {
  const Data data = random_data(60, 3, 8);
  const auto with_column = [&](const Vector& column) {
    Matrix x = data.x;
    x.col(1) = column;
    return sqlstate_of([&] { ols(data.y, x); });
  };
  const Vector first = data.x.col(0);
  EXPECT_EQ(with_column(first), "PB002");
  EXPECT_EQ(with_column(-1e6 * first), "PB002");
  EXPECT_EQ(with_column(0.3 + 0.1 * first.array()), "PB002");
  EXPECT_EQ(with_column(first - data.x.col(2) / 3), "PB002");
  EXPECT_EQ(with_column(Vector::Zero(60)), "PB002");
  EXPECT_EQ(with_column(Vector::Constant(60, 0.1)), "PB002");
  EXPECT_EQ(with_column(data.x.col(1)), "");
  // A constant is a regressor like any other where there is no intercept.
  EXPECT_EQ(sqlstate_of([&] { ols(data.y, Matrix::Constant(60, 1, 0.1), {false, CovarianceType::hc1, {}}); }), "");
}

TEST(Regression, TooFewObservationsAreRefused) {
  for (const Eigen::Index n : {0, 1, 2, 3}) {
    const Data data = random_data(n, 2, 9);
    EXPECT_EQ(sqlstate_of([&] { ols(data.y, data.x); }), "PB001") << n;
  }
  const Data data = random_data(4, 2, 9);
  EXPECT_EQ(ols(data.y, data.x).residual_df, 1);
}

// Units far from 1 change no digit: squares beyond the range of double are never formed.
TEST(Regression, MagnitudesMayBeAnything) {
  const Data data = random_data(60, 2, 11);
  const std::pair<int, int> exponents[] = {{1020, 1000}, {-1000, -1000}, {0, 1020}, {0, -1000}, {500, -500}};
  for (const CovarianceType type : {CovarianceType::classical, CovarianceType::hc1, CovarianceType::newey_west}) {
    const RegressionFit fit = ols(data.y, data.x, {true, type, {}});
    for (const auto& [of_y, of_x] : exponents) {
      SCOPED_TRACE(std::to_string(of_y) + " " + std::to_string(of_x));
      Matrix x = data.x;
      x.col(1) *= std::ldexp(1, of_x);
      const RegressionFit far = ols(data.y * std::ldexp(1, of_y), x, {true, type, {}});
      const int shifts[] = {of_y, of_y, of_y - of_x};
      for (int j = 0; j < 3; ++j) {
        EXPECT_EQ(far.coefficients(j), std::ldexp(fit.coefficients(j), shifts[j]));
        EXPECT_EQ(far.std_errors(j), std::ldexp(fit.std_errors(j), shifts[j]));
      }
      EXPECT_EQ(far.t_stats, fit.t_stats);
      EXPECT_EQ(far.p_values, fit.p_values);
      EXPECT_EQ(far.r_squared, fit.r_squared);
      EXPECT_EQ(far.residual_sd, std::ldexp(fit.residual_sd, of_y));
      EXPECT_EQ(far.condition_number, fit.condition_number);
    }
  }
}

TEST(Regression, ResultsOutOfRangeAreRefused) {
  const Data data = random_data(60, 1, 12);
  const Vector large = data.y * std::ldexp(1, 1000);
  EXPECT_EQ(sqlstate_of([&] { ols(large, data.x * std::ldexp(1, -100)); }), "22003");
  const RegressionFit fit = ols(data.y * std::ldexp(1, -1000), data.x * std::ldexp(1, 1000));
  EXPECT_EQ(fit.coefficients(1), 0);  // too small for a double
  EXPECT_EQ(fit.t_stats, ols(data.y, data.x).t_stats);
}

TEST(Regression, LagBeyondTheSampleIsNoOverflow) {
  const Data data = random_data(60, 1, 13);
  const auto errors = [&](int lag) { return ols(data.y, data.x, {true, CovarianceType::newey_west, lag}).std_errors; };
  EXPECT_TRUE(errors(std::numeric_limits<int>::max()).allFinite());
  EXPECT_EQ(sqlstate_of([&] { errors(-1); }), "22023");
}

TEST(Regression, WithoutAnyColumnIsRefused) {
  const Data data = random_data(60, 0, 14);
  EXPECT_EQ(sqlstate_of([&] { ols(data.y, data.x, {false, CovarianceType::classical, {}}); }), "22023");
  EXPECT_NEAR(ols(data.y, data.x).coefficients(0), data.y.mean(), 1e-17);
}

TEST(Regression, IncompleteDataAreRefused) {
  for (const double bad : {nan, HUGE_VAL, -HUGE_VAL}) {
    Data data = random_data(60, 2, 10);
    data.y(59) = bad;
    EXPECT_EQ(sqlstate_of([&] { ols(data.y, data.x); }), "22000") << bad;
    data = random_data(60, 2, 10);
    data.x(0, 1) = bad;
    EXPECT_EQ(sqlstate_of([&] { ols(data.y, data.x); }), "22000") << bad;
  }
  const Data data = random_data(60, 2, 10);
  EXPECT_EQ(sqlstate_of([&] { ols(data.y.head(59), data.x); }), "22023");
}

}  // namespace
}  // namespace regression_test
