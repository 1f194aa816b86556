#include "core/portfolio/risk_contribution.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <string>

#include "support.hpp"

namespace risk_contribution_test {
namespace {

using pb::core::Matrix;
using pb::core::risk_contributions;
using pb::core::RiskContributions;
using pb::core::Vector;
using pb::test::nan;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

struct Model {
  Vector exposures{0};
  Matrix covariance;
  double specific_variance = 0;

  RiskContributions contributions() const { return risk_contributions(exposures, covariance, specific_variance, 252); }
};

// Without specific risk where there are no symbols.
Model random_model(Eigen::Index factors, Eigen::Index symbols, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, 1);
  const auto fill = [&](Eigen::Index rows, Eigen::Index columns) {
    return Matrix(Matrix::NullaryExpr(rows, columns, [&] { return normal(random); }));
  };
  const Matrix root = 0.01 * fill(factors, factors);
  return {fill(factors, 1), root * root.transpose(), 1e-6 * fill(symbols, 1).squaredNorm()};
}

void put(Vector& values, int index, double value) {
  if (values.size() <= index) values.conservativeResize(index + 1);
  values(index) = value;
}

std::map<std::string, Model> read_models() {
  std::map<std::string, Model> models;
  for (const Record& row : pb::test::read_csv(pb::test::golden_file("risk_contribution_model.csv"))) {
    Model& model = models[row.text("model")];
    const std::string& part = row.text("part");
    if (part == "specific_variance") {
      model.specific_variance = row.number("value");
      continue;
    }
    const int index = row.integer("row");
    if (part == "covariance") {
      if (model.covariance.size() == 0) model.covariance.resize(model.exposures.size(), model.exposures.size());
      model.covariance(index, row.integer("column")) = row.number("value");
    } else {
      put(model.exposures, index, row.number("value"));
    }
  }
  return models;
}

double figure(const RiskContributions& risk, const std::string& quantity, Eigen::Index factor) {
  if (quantity == "total_volatility") return risk.total_volatility;
  if (quantity == "systematic_volatility") return risk.systematic_volatility;
  if (quantity == "specific_volatility") return risk.specific_volatility;
  if (quantity == "specific_component") return risk.specific_component;
  if (quantity == "specific_percent") return risk.specific_percent;
  if (quantity == "marginal") return risk.marginal(factor);
  if (quantity == "component") return risk.component(factor);
  return quantity == "percent" ? risk.percent(factor) : nan;
}

// On a calendar of every day a variance per session is one of 365 a year; shares of risk stay.
TEST(RiskContributions, AreAnnualizedByTheSessionsOfTheCalendar) {
  Matrix covariance(2, 2);
  covariance << 1e-4, 2e-5, 2e-5, 4e-5;
  const Vector exposures = Vector::Constant(2, 0.8);
  const RiskContributions exchange = risk_contributions(exposures, covariance, 3e-5, 252);
  const RiskContributions every_day = risk_contributions(exposures, covariance, 3e-5, 365);
  const double ratio = std::sqrt(365.0 / 252);
  EXPECT_LE(relative_error(every_day.total_volatility, ratio * exchange.total_volatility), 1e-14);
  EXPECT_LE(relative_error(every_day.specific_component, ratio * exchange.specific_component), 1e-14);
  EXPECT_LE(relative_error(every_day.component(1), ratio * exchange.component(1)), 1e-14);
  EXPECT_EQ(every_day.percent, exchange.percent);
  EXPECT_EQ(sqlstate_of([&] { risk_contributions(exposures, covariance, 3e-5, 0); }), "22000");
}

TEST(RiskContribution, AgreesWithNumPy) {
  const std::map<std::string, Model> models = read_models();
  const auto rows = pb::test::read_csv(pb::test::golden_file("risk_contribution.csv"));
  EXPECT_EQ(rows.size(), 71u);
  for (const Record& row : rows) {
    SCOPED_TRACE(row.text("model") + " " + row.text("quantity") + " " + row.text("factor"));
    const RiskContributions risk = models.at(row.text("model")).contributions();
    const int factor = row.has("factor") ? row.integer("factor") : 0;
    EXPECT_LE(relative_error(figure(risk, row.text("quantity"), factor), row.number("value")), 1e-12);
  }
}

// Published: systematic and specific variance of 20 equally weighted stocks on five factors.
TEST(RiskContribution, PublishedVariances) {
  const RiskContributions risk = read_models().at("equal_weight").contributions();
  EXPECT_LE(relative_error(std::pow(risk.systematic_volatility, 2) / 252, 1.5131882850613995e-4), 1e-12);
  EXPECT_LE(relative_error(std::pow(risk.specific_volatility, 2) / 252, 1.1452292704247177e-5), 1e-12);
}

TEST(RiskContribution, PartsAddUp) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    const RiskContributions risk = random_model(1 + seed % 7, seed % 20, seed).contributions();
    EXPECT_NEAR(risk.percent.sum() + risk.specific_percent, 1, 1e-12) << seed;
    EXPECT_LE(relative_error(risk.component.sum() + risk.specific_component, risk.total_volatility), 1e-12) << seed;
    EXPECT_LE(relative_error(std::pow(risk.systematic_volatility, 2) + std::pow(risk.specific_volatility, 2),
                             std::pow(risk.total_volatility, 2)),
              1e-13)
        << seed;
    EXPECT_GE(risk.specific_percent, 0) << seed;
  }
}

TEST(RiskContribution, MarginalIsTheDerivative) {
  const Model model = random_model(5, 8, 3);
  const RiskContributions risk = model.contributions();
  for (Eigen::Index k = 0; k < 5; ++k) {
    const auto shifted = [&](double step) {
      Model other = model;
      other.exposures(k) += step;
      return other.contributions().total_volatility;
    };
    EXPECT_NEAR((shifted(1e-5) - shifted(-1e-5)) / 2e-5, risk.marginal(k), 1e-8);
  }
}

// Twice the book is twice the risk; its shares and its volatility per unit of exposure stay.
TEST(RiskContribution, ScalesWithTheBook) {
  const Model model = random_model(4, 6, 4);
  Model twice = model;
  twice.exposures *= -2;
  twice.specific_variance *= 4;
  const RiskContributions one = model.contributions();
  const RiskContributions two = twice.contributions();
  EXPECT_LE(relative_error(two.total_volatility, 2 * one.total_volatility), 1e-14);
  EXPECT_LE((two.percent - one.percent).cwiseAbs().maxCoeff(), 1e-13);
  EXPECT_LE((two.marginal + one.marginal).cwiseAbs().maxCoeff(), 1e-13);
}

TEST(RiskContribution, HedgeHasANegativeShare) {
  Matrix covariance(2, 2);
  covariance << 1e-4, 0.9e-4, 0.9e-4, 1e-4;
  Vector exposures(2);
  exposures << 1, -0.5;
  const RiskContributions risk = risk_contributions(exposures, covariance, 0, 252);
  EXPECT_NEAR(std::pow(risk.total_volatility, 2), 252 * 0.35e-4, 1e-15);
  EXPECT_NEAR(risk.percent(0), 0.55 / 0.35, 1e-13);
  EXPECT_NEAR(risk.percent(1), -0.20 / 0.35, 1e-13);
  EXPECT_EQ(risk.specific_percent, 0);
}

TEST(RiskContribution, OnlySpecificRisk) {
  const Model model = random_model(3, 4, 5);
  const RiskContributions risk = risk_contributions(Vector::Zero(3), model.covariance, model.specific_variance, 252);
  EXPECT_EQ(risk.systematic_volatility, 0);
  EXPECT_EQ(risk.total_volatility, risk.specific_volatility);
  EXPECT_DOUBLE_EQ(risk.specific_percent, 1);
  EXPECT_TRUE(risk.percent.isZero(0));
  EXPECT_TRUE(risk.marginal.isZero(0));
}

// No risk has no shares: an empty book, factors that do not move, and a perfect hedge seen through rounding.
TEST(RiskContribution, WithoutRiskThereAreNoShares) {
  Matrix hedged(2, 2);
  hedged << 0.01, 0.03, 0.03, 0.09;
  Vector hedge(2);
  hedge << 3, -1;
  hedge *= 0.1;
  const RiskContributions risks[] = {
      risk_contributions(Vector::Zero(2), Matrix::Identity(2, 2), 0, 252),
      risk_contributions(Vector::Ones(2), Matrix::Zero(2, 2), 0, 252),
      risk_contributions(hedge, hedged, 0, 252),
  };
  for (const RiskContributions& risk : risks) {
    EXPECT_EQ(risk.total_volatility, 0);
    EXPECT_EQ(risk.systematic_volatility, 0);
    EXPECT_EQ(risk.specific_volatility, 0);
    EXPECT_TRUE(risk.marginal.array().isNaN().all());
    EXPECT_TRUE(risk.component.array().isNaN().all());
    EXPECT_TRUE(risk.percent.array().isNaN().all());
    EXPECT_TRUE(std::isnan(risk.specific_percent));
    EXPECT_TRUE(std::isnan(risk.specific_component));
  }
}

TEST(RiskContribution, BadModelsAreRefused) {
  const Model good = random_model(3, 4, 6);
  const auto state = [&](auto&& change) {
    Model model = good;
    change(model);
    return sqlstate_of([&] { model.contributions(); });
  };
  EXPECT_EQ(state([](Model&) {}), "");
  EXPECT_EQ(state([](Model& m) { m.exposures.conservativeResize(2); }), "22023");
  EXPECT_EQ(state([](Model& m) { m.covariance = Matrix(m.covariance.leftCols(2)); }), "22023");
  EXPECT_EQ(state([](Model& m) { m.exposures(0) = nan; }), "22000");
  EXPECT_EQ(state([](Model& m) { m.covariance(1, 1) = HUGE_VAL; }), "22000");
  EXPECT_EQ(state([](Model& m) { m.specific_variance = nan; }), "22000");
  EXPECT_EQ(state([](Model& m) { m.specific_variance = -1e-9; }), "22000");
  EXPECT_EQ(state([](Model& m) { m.covariance(0, 1) *= 1.001; }), "22000");
  EXPECT_EQ(state([](Model& m) { m.covariance *= -1; }), "22000");
}

}  // namespace
}  // namespace risk_contribution_test
