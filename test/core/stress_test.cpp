#include "core/portfolio/stress.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support.hpp"

namespace stress_test {
namespace {

using pb::core::FactorModel;
using pb::core::Matrix;
using pb::core::propagate;
using pb::core::Reason;
using pb::core::Scenario;
using pb::core::ScenarioMoves;
using pb::core::Shock;
using pb::core::ShockBasis;
using pb::core::ShockUnit;
using pb::core::stress;
using pb::core::StressExposure;
using pb::core::StressResult;
using pb::core::Vector;
using pb::test::bits;
using pb::test::nan;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

FactorModel model_of(const std::vector<std::string>& names, const Matrix& covariance) {
  FactorModel model{{}, covariance};
  for (const std::string& name : names)
    model.factors.push_back({name, name == "interest_rate" ? ShockUnit::yield_change : ShockUnit::simple_return});
  return model;
}

Scenario shocks_of(const FactorModel& model, const std::map<int, double>& sizes) {
  Scenario scenario{"test", {}};
  for (const auto& [i, size] : sizes) {
    const auto& factor = model.factors[static_cast<std::size_t>(i)];
    scenario.shocks.push_back({factor.name, size, factor.unit});
  }
  return scenario;
}

// Six factors that move together, one of them a yield.
FactorModel random_model(unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  Matrix loadings(6, 8);
  for (double& loading : loadings.reshaped()) loading = normal(random);
  Vector unit(6);
  unit << 0.01, 0.004, 0.006, 0.005, 0.007, 0.0005;
  return model_of({"market", "value", "growth", "size", "quality", "interest_rate"},
                  unit.asDiagonal() * (loadings * loadings.transpose()) * unit.asDiagonal());
}

StressExposure random_exposure(unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, 1e5);
  StressExposure exposure{Vector(6), 1e6, 1e8};
  for (double& dollars : exposure.dollars) dollars = normal(random);
  return exposure;
}

// ---- reference results ---------------------------------------------------------------------------------------------

struct Reference {
  FactorModel model;
  Vector exposures;
};

std::string numbered(const char* letter, Eigen::Index i) { return letter + std::to_string(i + 1); }

Reference reference_model(const std::vector<Record>& rows, const std::string& name) {
  std::vector<std::string> names;
  Matrix covariance(6, 6);
  Vector exposures(6);
  for (const Record& row : rows) {
    if (row.text("kind") != "factor" || row.text("model") != name) continue;
    const auto i = static_cast<Eigen::Index>(names.size());
    names.push_back(row.text("name"));
    exposures(i) = row.number("exposure");
    for (Eigen::Index j = 0; j < 6; ++j) covariance(i, j) = row.number(numbered("c", j).c_str());
  }
  return {model_of(names, covariance), exposures};
}

TEST(Stress, AgreesWithThePrecisionMatrix) {
  const std::vector<Record> rows = pb::test::read_csv(pb::test::golden_file("stress.csv"));
  int scenarios = 0;
  for (const Record& expected : rows) {
    if (expected.text("kind") != "scenario") continue;
    ++scenarios;
    SCOPED_TRACE(expected.text("model") + " " + expected.text("name"));
    const Reference reference = reference_model(rows, expected.text("model"));
    std::map<int, double> sizes;
    for (int i = 0; i < 6; ++i)
      if (expected.has(numbered("s", i).c_str())) sizes[i] = expected.number(numbered("s", i).c_str());
    const ScenarioMoves moves = propagate(reference.model, shocks_of(reference.model, sizes));
    for (Eigen::Index i = 0; i < 6; ++i) {
      EXPECT_LE(relative_error(moves.moves(i), expected.number(numbered("m", i).c_str())), 1e-12);
      EXPECT_EQ(moves.shocked[static_cast<std::size_t>(i)], sizes.count(static_cast<int>(i)) == 1);
    }
    const StressResult result =
        stress(moves, {reference.exposures, expected.number("equity"), expected.number("specific_variance")},
               expected.number("sessions"));
    EXPECT_LE(relative_error(*result.direct_pnl, expected.number("direct_pnl")), 1e-12);
    EXPECT_LE(relative_error(*result.correlated_pnl, expected.number("correlated_pnl")), 1e-12);
    EXPECT_LE(relative_error(*result.correlation_effect, expected.number("correlation_effect")), 1e-12);
    EXPECT_LE(relative_error(*result.conditional_sd, expected.number("conditional_sd")), 1e-12);
    EXPECT_LE(relative_error(*result.equity_fraction, expected.number("equity_fraction")), 1e-12);
    EXPECT_EQ(*result.exceeds_equity, expected.integer("exceeds_equity") == 1);
  }
  EXPECT_EQ(scenarios, 11);
}

// Published: the S&P 500 down 10 %, covariances of the 252 sessions to 2022-12-28.
TEST(Stress, FundsFollowTheIndex) {
  const Reference reference = reference_model(pb::test::read_csv(pb::test::golden_file("stress.csv")), "published");
  const Vector moves = propagate(reference.model, shocks_of(reference.model, {{5, -0.1}})).moves;
  const double expected[] = {-.0935179683, -.1053581867, -.0987097510, -.0714446430, -.0893355125};
  for (Eigen::Index i = 0; i < 5; ++i) EXPECT_NEAR(moves(i), expected[i], 1e-10);
}

// ---- propagation ---------------------------------------------------------------------------------------------------

// sd 1 % and 2 %, correlation 0.5: the other moves by rho sd_g / sd_f, not by rho.
TEST(Stress, RespondsByBetaNotByCorrelation) {
  Matrix covariance(2, 2);
  covariance << 1e-4, 1e-4, 1e-4, 4e-4;
  const FactorModel model = model_of({"f", "g"}, covariance);
  const ScenarioMoves moves = propagate(model, shocks_of(model, {{0, -0.1}}));
  EXPECT_DOUBLE_EQ(moves.moves(1), -0.1);
  EXPECT_DOUBLE_EQ(moves.residual_covariance(1, 1), 4e-4 * (1 - 0.25));
}

TEST(Stress, ShockedFactorsMoveExactlyAsPrescribed) {
  const FactorModel model = random_model(1);
  const ScenarioMoves moves = propagate(model, shocks_of(model, {{0, -0.2}, {2, 0.15}, {5, 0.01}}));
  EXPECT_EQ(moves.moves(0), -0.2);
  EXPECT_EQ(moves.moves(2), 0.15);
  EXPECT_EQ(moves.moves(5), 0.01);
  for (const int i : {0, 2, 5}) EXPECT_EQ(moves.residual_covariance.row(i), Vector::Zero(6).transpose());
  EXPECT_LE((moves.residual_covariance - moves.residual_covariance.transpose()).cwiseAbs().maxCoeff(), 1e-18);
  EXPECT_GE(Eigen::SelfAdjointEigenSolver<Matrix>(moves.residual_covariance).eigenvalues()(0), -1e-18);
}

// A shock of the size that the others make one expect is no news.
TEST(Stress, ExpectedMoveAddsNothing) {
  const FactorModel model = random_model(2);
  const Vector once = propagate(model, shocks_of(model, {{0, -0.1}})).moves;
  const Vector twice = propagate(model, shocks_of(model, {{0, -0.1}, {3, once(3)}})).moves;
  EXPECT_LE((once - twice).cwiseAbs().maxCoeff(), 1e-15);
}

TEST(Stress, UncorrelatedFactorsStayWhereTheyAre) {
  const FactorModel model = model_of({"a", "b"}, Eigen::Vector2d(1e-4, 2e-4).asDiagonal());
  EXPECT_EQ(propagate(model, shocks_of(model, {{0, 0.3}})).moves(1), 0);
}

TEST(Stress, UnitsOfTheFactorsDoNotMatter) {
  FactorModel model = random_model(3);
  const auto pnl_of = [&](double unit) {
    const StressResult result = stress(propagate(model, shocks_of(model, {{5, 0.01 * unit}, {1, 0.05}})), [&] {
      StressExposure exposure = random_exposure(4);
      exposure.dollars(5) /= unit;
      return exposure;
    }());
    return std::vector<double>{*result.direct_pnl, *result.correlated_pnl, *result.conditional_sd};
  };
  const std::vector<double> in_ones = pnl_of(1);
  model.covariance.row(5) *= 1e4;
  model.covariance.col(5) *= 1e4;
  const std::vector<double> in_basis_points = pnl_of(1e4);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_LE(relative_error(in_basis_points[i], in_ones[i]), 1e-11);
}

TEST(Stress, OrderOfTheFactorsDoesNotMatter) {
  const FactorModel model = random_model(5);
  Eigen::PermutationMatrix<6> order;
  order.indices() << 3, 5, 0, 4, 1, 2;
  std::vector<std::string> names(6);
  for (std::size_t i = 0; i < 6; ++i)
    names[static_cast<std::size_t>(order.indices()(static_cast<Eigen::Index>(i)))] = model.factors[i].name;
  const FactorModel permuted = model_of(names, order * model.covariance * order.transpose());
  const Scenario scenario = shocks_of(model, {{0, -0.1}, {4, 0.02}});
  const Vector expected = order * propagate(model, scenario).moves;
  EXPECT_LE((propagate(permuted, scenario).moves - expected).cwiseAbs().maxCoeff(), 1e-15);
}

// ---- singular covariances ------------------------------------------------------------------------------------------

// growth_value = growth - value: shocking all three is one shock too many.
FactorModel redundant_model() {
  Matrix parts(3, 2);
  parts << 1, 0, 0, 1, 1, -1;
  Matrix two(2, 2);
  two << 1e-4, 0.6e-4, 0.6e-4, 2e-4;
  return model_of({"growth", "value", "growth_value"}, parts * two * parts.transpose());
}

TEST(Stress, RedundantShocksAreRefused) {
  // A fourth factor asks for an inverse.
  FactorModel model = random_model(6);
  const Matrix redundant = redundant_model().covariance;
  model.covariance.topLeftCorner(3, 3) = redundant;
  model.covariance.topRightCorner(3, 3).setZero();
  model.covariance.bottomLeftCorner(3, 3).setZero();
  const Scenario scenario = shocks_of(model, {{0, 0.1}, {1, 0.05}, {2, 0.05}});
  EXPECT_EQ(sqlstate_of([&] { propagate(model, scenario); }), "PB002");
  try {
    propagate(model, scenario);
  } catch (const pb::core::Error& error) {
    EXPECT_NE(error.message().find("\"test\""), std::string::npos);
    EXPECT_NE(error.detail().find("market, value, growth"), std::string::npos) << error.detail();
  }
  // Any two of them determine the third.
  const Vector moves = propagate(model, shocks_of(model, {{0, 0.1}, {1, 0.04}})).moves;
  EXPECT_NEAR(moves(2), 0.06, 1e-15);
}

TEST(Stress, SingularityOutsideTheShocksIsHarmless) {
  const FactorModel model = redundant_model();
  const ScenarioMoves moves = propagate(model, shocks_of(model, {{0, 0.1}}));
  EXPECT_NEAR(moves.moves(1), 0.06, 1e-15);
  EXPECT_NEAR(moves.moves(2), 0.04, 1e-15);
  StressExposure exposure{Vector(3), 1e6};
  exposure.dollars << 0, 1e5, 1e5;  // growth alone, which is shocked: nothing is left to chance
  EXPECT_LT(*stress(moves, exposure).conditional_sd, 1e-3);
}

TEST(Stress, FactorThatNeverMovesIsRefused) {
  const FactorModel model = model_of({"a", "b"}, Eigen::Vector2d(0, 1e-4).asDiagonal());
  EXPECT_EQ(sqlstate_of([&] { propagate(model, shocks_of(model, {{0, 0.1}})); }), "PB002");
  EXPECT_EQ(propagate(model, shocks_of(model, {{1, 0.1}})).moves(0), 0);
}

TEST(Stress, IndefiniteCovarianceIsRefused) {
  Matrix covariance(3, 3);
  covariance << 1, 0.9, 0.2, 0.9, 1, 0.9, 0.2, 0.9, 1;
  FactorModel model = random_model(7);
  model.covariance.topLeftCorner(3, 3) = 1e-4 * covariance;
  EXPECT_EQ(sqlstate_of([&] { propagate(model, shocks_of(model, {{0, 0.1}, {1, 0.1}, {2, 0.1}})); }), "PB002");
}

TEST(Stress, CloseFactorsAreNotSingular) {
  Matrix covariance(3, 3);
  covariance << 1, 0.9999, 0.5, 0.9999, 1, 0.5, 0.5, 0.5, 1;
  const FactorModel model = model_of({"a", "b", "c"}, 1e-4 * covariance);
  const Vector moves = propagate(model, shocks_of(model, {{0, 0.1}, {1, 0.1}})).moves;
  EXPECT_NEAR(moves(2), 0.5 * 0.2 / 1.9999, 1e-12);
}

// No factor is left to be expected: nothing has to be inverted, and the effect is nothing at all.
TEST(Stress, AllFactorsShockedIsDirect) {
  const FactorModel model = redundant_model();
  const ScenarioMoves moves = propagate(model, shocks_of(model, {{0, 0.1}, {1, 0.05}, {2, 0.7}}));
  StressExposure exposure{Vector(3), 1e6};
  exposure.dollars << 1e5, -3e4, 0.1;
  const StressResult result = stress(moves, exposure);
  EXPECT_EQ(bits(*result.correlated_pnl), bits(*result.direct_pnl));
  EXPECT_EQ(*result.correlation_effect, 0);
  EXPECT_EQ(*result.conditional_sd, 0);
}

// ---- P&L -----------------------------------------------------------------------------------------------------------

TEST(Stress, IsLinear) {
  const FactorModel model = random_model(8);
  const StressExposure exposure = random_exposure(9);
  const auto pnl_of = [&](double times, double size = 1) {
    StressExposure scaled = exposure;
    scaled.dollars *= size;
    return stress(propagate(model, shocks_of(model, {{0, -0.1 * times}, {3, 0.05 * times}})), scaled);
  };
  const StressResult once = pnl_of(1);
  const StressResult opposite = pnl_of(-1);
  EXPECT_EQ(bits(*opposite.direct_pnl), bits(-*once.direct_pnl));
  EXPECT_EQ(bits(*opposite.correlated_pnl), bits(-*once.correlated_pnl));
  EXPECT_EQ(*pnl_of(2).correlated_pnl, 2 * *once.correlated_pnl);
  EXPECT_EQ(*pnl_of(1, 4).correlated_pnl, 4 * *once.correlated_pnl);
  EXPECT_EQ(*pnl_of(0).correlated_pnl, 0);
  // The band does not depend on the size of the shocks.
  EXPECT_EQ(*pnl_of(5).conditional_sd, *once.conditional_sd);
}

TEST(Stress, WithoutExposureIsZero) {
  const FactorModel model = random_model(10);
  const StressResult result = stress(propagate(model, shocks_of(model, {{0, -0.35}})), {Vector::Zero(6), 1e6});
  EXPECT_EQ(*result.direct_pnl, 0);
  EXPECT_EQ(*result.correlated_pnl, 0);
  EXPECT_EQ(*result.conditional_sd, 0);
  EXPECT_FALSE(*result.exceeds_equity);
}

TEST(Stress, ImpactsAddUp) {
  const FactorModel model = random_model(11);
  const StressExposure exposure = random_exposure(12);
  const ScenarioMoves moves = propagate(model, shocks_of(model, {{0, -0.1}, {5, 0.01}}));
  const StressResult result = stress(moves, exposure);
  double direct = 0;
  double correlated = 0;
  ASSERT_EQ(result.impacts.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    const auto& impact = result.impacts[i];
    EXPECT_EQ(impact.exposure, exposure.dollars(static_cast<Eigen::Index>(i)));
    EXPECT_EQ(impact.move, moves.moves(static_cast<Eigen::Index>(i)));
    EXPECT_EQ(impact.shocked, i == 0 || i == 5);
    EXPECT_EQ(*impact.direct_pnl, impact.shocked ? impact.exposure * impact.move : 0);
    direct += *impact.direct_pnl;
    correlated += *impact.correlated_pnl;
  }
  EXPECT_LE(relative_error(*result.direct_pnl, direct), 1e-15);
  EXPECT_LE(relative_error(*result.correlated_pnl, correlated), 1e-14);
  EXPECT_LE(relative_error(*result.correlation_effect, correlated - direct), 1e-12);
}

// Rates up, bonds down: 100 basis points cost a holder of duration 17 about 17 % of his bonds, and pay who is short.
TEST(Stress, BondsLoseWhenYieldsRise) {
  const FactorModel model = random_model(13);
  const ScenarioMoves moves = propagate(model, shocks_of(model, {{5, 0.01}}));
  StressExposure bonds{Vector::Zero(6), 1e6};
  bonds.dollars(5) = -100000 * 17;
  EXPECT_DOUBLE_EQ(*stress(moves, bonds).direct_pnl, -17000);
  bonds.dollars(5) = 100000 * 17;
  EXPECT_DOUBLE_EQ(*stress(moves, bonds).direct_pnl, 17000);
}

// Net short 50,000 and the market up 10 %: 5,000 are lost, whatever the sign of the net exposure.
TEST(Stress, LossesAreNotCapped) {
  const FactorModel model = model_of({"market"}, Matrix::Constant(1, 1, 1e-4));
  const ScenarioMoves up = propagate(model, shocks_of(model, {{0, 0.1}}));
  const auto of = [&](double dollars, double equity) { return stress(up, {Vector::Constant(1, dollars), equity}); };
  EXPECT_DOUBLE_EQ(*of(-50000, 20000).correlated_pnl, -5000);
  EXPECT_FALSE(*of(-50000, 20000).exceeds_equity);
  EXPECT_FALSE(*of(-50000, 5000).exceeds_equity);
  EXPECT_TRUE(*of(-50000, 4999).exceeds_equity);
  EXPECT_DOUBLE_EQ(*of(-50000, 4000).equity_fraction, -1.25);
  EXPECT_DOUBLE_EQ(*of(-50000, 4000).correlated_pnl, -5000);
  EXPECT_FALSE(*of(50000, 1).exceeds_equity);
}

TEST(Stress, NeedsEquityForShares) {
  const FactorModel model = model_of({"market"}, Matrix::Constant(1, 1, 1e-4));
  const ScenarioMoves up = propagate(model, shocks_of(model, {{0, 0.1}}));
  const StressResult unknown = stress(up, {Vector::Constant(1, -50.0), nan});
  EXPECT_EQ(unknown.equity_fraction.reason(), Reason::no_equity);
  EXPECT_EQ(unknown.exceeds_equity.reason(), Reason::no_equity);
  EXPECT_DOUBLE_EQ(*unknown.correlated_pnl, -5);
  // Any loss is more than nothing; a gain is no loss.
  EXPECT_TRUE(*stress(up, {Vector::Constant(1, -50.0), -100}).exceeds_equity);
  EXPECT_FALSE(*stress(up, {Vector::Constant(1, 50.0), -100}).exceeds_equity);
  EXPECT_EQ(stress(up, {Vector::Constant(1, -50.0), 0}).equity_fraction.reason(), Reason::no_equity);
}

TEST(Stress, BandGrowsWithTheSquareRootOfTime) {
  const FactorModel model = random_model(14);
  const ScenarioMoves moves = propagate(model, shocks_of(model, {{0, -0.1}}));
  StressExposure exposure = random_exposure(15);
  EXPECT_DOUBLE_EQ(*stress(moves, exposure, 4).conditional_sd, 2 * *stress(moves, exposure).conditional_sd);
  exposure.dollars.tail(5).setZero();  // what is left is the market, which is shocked, and the specific risk
  EXPECT_DOUBLE_EQ(*stress(moves, exposure).conditional_sd, 1e4);
  EXPECT_EQ(sqlstate_of([&] { stress(moves, exposure, 0); }), "22023");
}

// ---- missing inputs ------------------------------------------------------------------------------------------------

TEST(Stress, UnknownExposureIsNotZero) {
  const FactorModel model = random_model(16);
  const ScenarioMoves moves = propagate(model, shocks_of(model, {{0, -0.1}}));
  StressExposure exposure = random_exposure(17);
  const double direct = *stress(moves, exposure).direct_pnl;
  exposure.dollars(3) = nan;
  StressResult result = stress(moves, exposure);
  EXPECT_EQ(*result.direct_pnl, direct);
  EXPECT_EQ(result.correlated_pnl.reason(), Reason::insufficient_data);
  EXPECT_EQ(result.correlation_effect.reason(), Reason::insufficient_data);
  EXPECT_EQ(result.conditional_sd.reason(), Reason::insufficient_data);
  EXPECT_EQ(result.equity_fraction.reason(), Reason::insufficient_data);
  EXPECT_FALSE(*result.exceeds_equity);  // by the direct P&L
  EXPECT_FALSE(result.impacts[3].correlated_pnl.has_value());
  EXPECT_EQ(result.impacts[3].direct_pnl, 0);
  exposure.dollars(0) = nan;
  result = stress(moves, exposure);
  EXPECT_EQ(result.direct_pnl.reason(), Reason::insufficient_data);
  EXPECT_EQ(result.correlated_pnl.reason(), Reason::insufficient_data);
  EXPECT_EQ(result.exceeds_equity.reason(), Reason::insufficient_data);
}

// 100,000 on the market and a tenth of it lost: more than an equity of 9,999, not of 10,000.
TEST(Stress, DirectLossTellsWhetherEquityIsExceededWhereNoOtherIsKnown) {
  const FactorModel model = random_model(16);
  const ScenarioMoves moves = propagate(model, shocks_of(model, {{0, -0.1}}));
  StressExposure exposure{Vector::Zero(6), 9999};
  exposure.dollars(0) = 1e5;
  exposure.dollars(3) = nan;
  EXPECT_FALSE(stress(moves, exposure).correlated_pnl.has_value());
  EXPECT_TRUE(*stress(moves, exposure).exceeds_equity);
  exposure.equity = 10000;
  EXPECT_FALSE(*stress(moves, exposure).exceeds_equity);
}

// A factor without history silences those who hold it, and nobody else.
TEST(Stress, UnknownCovarianceConcernsItsFactorAlone) {
  FactorModel model = random_model(18);
  const Scenario scenario = shocks_of(model, {{0, -0.1}, {2, 0.05}});
  const ScenarioMoves complete = propagate(model, scenario);
  model.covariance.row(4).setConstant(nan);
  model.covariance.col(4).setConstant(nan);
  const ScenarioMoves moves = propagate(model, scenario);
  for (const int i : {0, 1, 2, 3, 5}) EXPECT_EQ(moves.moves(i), complete.moves(i)) << i;
  EXPECT_TRUE(std::isnan(moves.moves(4)));
  StressExposure exposure = random_exposure(19);
  EXPECT_FALSE(stress(moves, exposure).correlated_pnl.has_value());
  exposure.dollars(4) = 0;
  EXPECT_EQ(*stress(moves, exposure).correlated_pnl, *stress(complete, exposure).correlated_pnl);
  EXPECT_EQ(*stress(moves, exposure).conditional_sd, *stress(complete, exposure).conditional_sd);
}

TEST(Stress, UnknownCovarianceOfTheShocksLeavesTheDirectPart) {
  FactorModel model = random_model(20);
  model.covariance(0, 0) = nan;
  const ScenarioMoves moves = propagate(model, shocks_of(model, {{0, -0.1}}));
  const StressExposure exposure = random_exposure(21);
  const StressResult result = stress(moves, exposure);
  EXPECT_EQ(*result.direct_pnl, exposure.dollars(0) * -0.1);
  EXPECT_EQ(result.correlated_pnl.reason(), Reason::insufficient_data);
  EXPECT_EQ(result.conditional_sd.reason(), Reason::insufficient_data);
}

TEST(Stress, ShapesMustFit) {
  FactorModel model = random_model(22);
  const Scenario scenario = shocks_of(model, {{0, -0.1}});
  EXPECT_EQ(sqlstate_of([&] { stress(propagate(model, scenario), {Vector::Zero(5), 1}); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { propagate(model, Scenario{"empty", {}}); }), "22023");
  model.factors.pop_back();
  EXPECT_EQ(sqlstate_of([&] { propagate(model, scenario); }), "22023");
}

// A book whose joint exposures are known: what separate regressions would measure of it is put in, and every shock must
// come out as the joint exposures have it.
class BesideMarketTest : public testing::Test {
 protected:
  BesideMarketTest() : model_(random_model(21)), joint_(6) {
    model_.beside_market = 5;
    joint_ << 1.2e6, -3e5, 4e5, 1e5, -2e5, -3e6;
    const Matrix& s = model_.covariance;
    const Matrix equity = s.topLeftCorner(5, 5);
    measured_.resize(6);
    measured_.head(5) = equity.inverse() * s.topRows(5) * joint_;
    Matrix pair(2, 2);
    pair << s(0, 0), s(0, 5), s(5, 0), s(5, 5);
    Matrix rows(2, 6);
    rows << s.row(0), s.row(5);
    measured_(5) = (pair.inverse() * rows * joint_)(1);
    book_ = {measured_, 1e6};
  }
  StressResult result(const std::map<int, double>& shocks) const {
    return stress(propagate(model_, shocks_of(model_, shocks)), book_);
  }
  double expected(const std::map<int, double>& shocks) const {
    return joint_.dot(propagate(model_, shocks_of(model_, shocks)).moves);
  }

  FactorModel model_;
  Vector joint_;
  Vector measured_;
  StressExposure book_;
};

TEST_F(BesideMarketTest, NothingIsCountedTwice) {
  for (const auto& shocks : std::vector<std::map<int, double>>{
           {{0, -0.1}}, {{5, 0.01}}, {{2, 0.2}}, {{0, -0.1}, {5, 0.01}}, {{1, 0.1}, {3, -0.2}, {5, -0.02}}})
    EXPECT_LE(relative_error(*result(shocks).correlated_pnl, expected(shocks)), 1e-10);
}

TEST_F(BesideMarketTest, AShockAloneCostsWhatWasMeasured) {
  for (int factor = 0; factor < 6; ++factor)
    EXPECT_LE(relative_error(*result({{factor, 0.01}}).direct_pnl, 0.01 * measured_(factor)), 1e-12) << factor;
}

// The measured exposure to the market is all that goes along with it: if it alone is shocked, expectation and measure
// agree with what a regression on the market alone says.
TEST_F(BesideMarketTest, AllShockedLeavesNothingToExpect) {
  const StressResult all = result({{0, -0.1}, {1, 0.1}, {2, 0.02}, {3, -0.03}, {4, 0.01}, {5, 0.005}});
  EXPECT_LE(relative_error(*all.direct_pnl, *all.correlated_pnl), 1e-10);
}

TEST_F(BesideMarketTest, IsLinear) {
  const double once = *result({{0, -0.1}, {5, 0.01}}).direct_pnl;
  EXPECT_LE(relative_error(*result({{0, -0.2}, {5, 0.02}}).direct_pnl, 2 * once), 1e-13);
  EXPECT_LE(relative_error(*result({{0, 0.1}, {5, -0.01}}).direct_pnl, -once), 1e-13);
}

// Beside a market that stands still, or moves, the yield costs what was measured beside the market, whatever else is
// known of the other factors.
TEST_F(BesideMarketTest, BesideTheMarketAloneCostsWhatWasMeasured) {
  EXPECT_LE(relative_error(*result({{0, 0.0}, {5, 0.01}}).direct_pnl, 0.01 * measured_(5)), 1e-14);
  const double along = model_.covariance(0, 5) / model_.covariance(0, 0);
  const double expected = -0.1 * measured_(0) + (0.01 + 0.1 * along) * measured_(5);
  EXPECT_LE(relative_error(*result({{0, -0.1}, {5, 0.01}}).direct_pnl, expected), 1e-12);
  model_.covariance(2, 3) = model_.covariance(3, 2) = nan;
  EXPECT_LE(relative_error(*result({{0, -0.1}, {5, 0.01}}).direct_pnl, expected), 1e-12);
  EXPECT_FALSE(result({{0, -0.1}, {2, 0.1}, {5, 0.01}}).direct_pnl.has_value());
  model_.covariance(0, 5) = model_.covariance(5, 0) = nan;
  EXPECT_FALSE(result({{0, -0.1}, {5, 0.01}}).direct_pnl.has_value());
  EXPECT_LE(relative_error(*result({{0, 0.0}, {5, 0.01}}).direct_pnl, 0.01 * measured_(5)), 1e-14);
}

// What the exposures hold of each other is that of the time in which they were measured, whatever moves are expected
// by.
TEST_F(BesideMarketTest, MovesMayBeOfAnotherTime) {
  model_.measured_covariance = model_.covariance;
  model_.covariance = random_model(33).covariance;
  for (const auto& shocks : std::vector<std::map<int, double>>{
           {{0, -0.1}}, {{5, 0.01}}, {{2, 0.2}}, {{0, 0.0}, {5, 0.01}}, {{1, 0.1}, {3, -0.2}, {5, -0.02}}})
    EXPECT_LE(relative_error(*result(shocks).correlated_pnl, expected(shocks)), 1e-10);
  const StressResult all = result({{0, -0.1}, {1, 0.1}, {2, 0.02}, {3, -0.03}, {4, 0.01}, {5, 0.005}});
  EXPECT_LE(relative_error(*all.direct_pnl, *all.correlated_pnl), 1e-10);
}

// ---- limits --------------------------------------------------------------------------------------------------------

TEST(Limits, CutWhatIsExpectedAndNothingElse) {
  FactorModel model = random_model(12);
  const ScenarioMoves free = propagate(model, shocks_of(model, {{1, 0.3}}));
  model.lowest = -Vector::Constant(6, 1e-3);
  model.highest = Vector::Constant(6, 1e-3);
  const ScenarioMoves cut = propagate(model, shocks_of(model, {{1, 0.3}}));
  EXPECT_EQ(cut.moves(1), 0.3);
  std::vector<int> expected;
  for (int i = 0; i < 6; ++i) {
    if (i == 1) continue;
    if (std::fabs(free.moves(i)) > 1e-3) expected.push_back(i);
    EXPECT_EQ(cut.moves(i), std::clamp(free.moves(i), -1e-3, 1e-3)) << i;
  }
  EXPECT_FALSE(expected.empty());
  EXPECT_EQ(cut.extrapolated, expected);
  EXPECT_EQ(cut.residual_covariance, free.residual_covariance);
  // NaN is no limit, and a move that is not known stays so.
  model.lowest.setConstant(nan);
  model.highest.setConstant(nan);
  EXPECT_EQ(propagate(model, shocks_of(model, {{1, 0.3}})).moves, free.moves);
  EXPECT_TRUE(propagate(model, shocks_of(model, {{1, 0.3}})).extrapolated.empty());
  model.highest.setConstant(0);
  model.covariance(0, 1) = model.covariance(1, 0) = nan;
  EXPECT_TRUE(std::isnan(propagate(model, shocks_of(model, {{1, 0.3}})).moves(0)));
  model.lowest.resize(0);
  EXPECT_EQ(sqlstate_of([&] { propagate(model, shocks_of(model, {{1, 0.3}})); }), "22023");
}

// A fund does what is prescribed also where the market that goes along with it is cut.
TEST(Limits, LeaveFundsTheirReturns) {
  FactorModel model = random_model(14);
  model.factors[1].fund_beta = model.factors[1].removed = 0.9;
  Scenario scenario = shocks_of(model, {{1, -0.5}});
  scenario.shocks[0].basis = ShockBasis::absolute;
  model.lowest = Vector::Constant(6, nan);
  model.highest = Vector::Constant(6, nan);
  model.lowest(0) = -0.01;
  model.highest(0) = 0.01;
  const ScenarioMoves moves = propagate(model, scenario);
  EXPECT_EQ(std::fabs(moves.moves(0)), 0.01);
  EXPECT_DOUBLE_EQ(moves.moves(1) + 0.9 * moves.moves(0), -0.5);
}

// ---- shocks of funds -----------------------------------------------------------------------------------------------

// A model whose styles have betas, and shocks that are returns of funds.
FactorModel model_of_funds(unsigned seed, bool orthogonal) {
  FactorModel model = random_model(seed);
  const std::vector<double> betas{0, 0.9, 1.1, 1.25, 0.95, 0};
  for (std::size_t i = 0; i < betas.size(); ++i) {
    model.factors[i].fund_beta = betas[i];
    model.factors[i].removed = orthogonal ? betas[i] : 0;
  }
  return model;
}

Scenario of_basis(Scenario scenario, ShockBasis basis) {
  for (Shock& shock : scenario.shocks) shock.basis = basis;
  return scenario;
}

// The market 45 % down and a fund of beta 1.1 down 60 %: the fund does what it does, and its part beside the market
// is -0.6 + 1.1 x 0.45.
TEST(Propagate, TakesTheMarketOutOfAbsoluteShocks) {
  const FactorModel model = model_of_funds(5, true);
  const ScenarioMoves moves =
      propagate(model, of_basis(shocks_of(model, {{0, -0.45}, {2, -0.6}}), ShockBasis::absolute));
  EXPECT_DOUBLE_EQ(moves.moves(0), -0.45);
  EXPECT_DOUBLE_EQ(moves.moves(2), -0.6 + 1.1 * 0.45);
  EXPECT_EQ(moves.shocks(2), moves.moves(2));
  EXPECT_TRUE(std::isnan(moves.shocks(1)));
  const ScenarioMoves same = propagate(model, shocks_of(model, {{0, -0.45}, {2, -0.6 + 1.1 * 0.45}}));
  EXPECT_TRUE(moves.moves.isApprox(same.moves, 1e-14));
  EXPECT_TRUE(moves.residual_covariance.isApprox(same.residual_covariance, 1e-14));
  const StressExposure portfolio = random_exposure(6);
  const StressResult result = stress(moves, portfolio);
  EXPECT_LE(relative_error(*result.direct_pnl, -0.45 * portfolio.dollars(0) - 0.105 * portfolio.dollars(2)), 1e-12);
}

// Where the market is not shocked: f = Sigma C' (C Sigma C')^-1 s with the funds' returns C f, by the dense formula.
TEST(Propagate, ConditionsOnReturnsOfFundsWhereTheMarketIsFree) {
  for (const bool orthogonal : {true, false}) {
    const FactorModel model = model_of_funds(7, orthogonal);
    for (const ShockBasis basis : {ShockBasis::absolute, ShockBasis::relative}) {
      SCOPED_TRACE(std::string(to_word(basis)) + (orthogonal ? " orthogonal" : ""));
      const std::map<int, double> sizes{{1, 0.2}, {3, -0.1}, {5, 0.01}};
      const ScenarioMoves moves = propagate(model, of_basis(shocks_of(model, sizes), basis));
      Matrix c = Matrix::Zero(3, 6);
      Vector s(3);
      Eigen::Index row = 0;
      for (const auto& [i, size] : sizes) {
        const auto& factor = model.factors[static_cast<std::size_t>(i)];
        c(row, i) = 1;
        c(row, 0) = factor.removed - (basis == ShockBasis::relative ? factor.fund_beta : 0);
        s(row++) = size;
      }
      const Matrix gain = model.covariance * c.transpose() * (c * model.covariance * c.transpose()).inverse();
      EXPECT_TRUE(moves.moves.isApprox(gain * s, 1e-9));
      const Matrix residual = model.covariance - gain * c * model.covariance;
      EXPECT_LE((moves.residual_covariance - residual).norm(), 1e-9 * model.covariance.norm());
      EXPECT_TRUE((c * moves.moves).isApprox(s, 1e-12));
      // Alone, the market stands still.
      EXPECT_EQ(moves.shocks(1), 0.2);
      EXPECT_EQ(moves.shocks(3), -0.1);
      const StressExposure portfolio = random_exposure(8);
      const StressResult result = stress(moves, portfolio);
      EXPECT_LE(relative_error(*result.direct_pnl,
                               0.2 * portfolio.dollars(1) - 0.1 * portfolio.dollars(3) + 0.01 * portfolio.dollars(5)),
                1e-12);
      EXPECT_LE(relative_error(*result.correlated_pnl, portfolio.dollars.dot(gain * s)), 1e-9);
      const bool has_market = orthogonal == (basis == ShockBasis::absolute);
      EXPECT_EQ(std::fabs(moves.moves(1) - 0.2) > 1e-6, has_market);
    }
  }
}

// A shock of the market or of a yield has no basis.
TEST(Propagate, LeavesShocksOfOtherFactorsAlone) {
  FactorModel model = model_of_funds(9, true);
  model.factors[0].fund_beta = model.factors[0].removed = 1;
  model.factors[5].fund_beta = model.factors[5].removed = 3;
  const Scenario scenario = shocks_of(model, {{0, -0.1}, {5, 0.02}});
  const ScenarioMoves relative = propagate(model, scenario);
  const ScenarioMoves absolute = propagate(model, of_basis(scenario, ShockBasis::absolute));
  EXPECT_EQ(relative.moves, absolute.moves);
  EXPECT_EQ(absolute.moves(5), 0.02);
}

TEST(Propagate, HasNoMoveBesideAMarketWithoutACovariance) {
  FactorModel model = model_of_funds(10, true);
  model.covariance.row(0).setConstant(nan);
  model.covariance.col(0).setConstant(nan);
  const ScenarioMoves moves = propagate(model, of_basis(shocks_of(model, {{1, 0.2}}), ShockBasis::absolute));
  EXPECT_TRUE(std::isnan(moves.moves(0)));
  EXPECT_TRUE(std::isnan(moves.moves(1)));
  EXPECT_EQ(moves.shocks(1), 0.2);
}

}  // namespace
}  // namespace stress_test
