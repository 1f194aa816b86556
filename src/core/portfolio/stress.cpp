#include "core/portfolio/stress.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.hpp"
#include "core/limits.hpp"

namespace pb::core {

namespace {

// Correlation matrices whose smallest eigenvalue is below this share of the largest say nothing about the inverse:
// what is left of it is rounding.
constexpr double singular_below = 1e-10;

using Indexes = std::vector<int>;

Indexes others(const Indexes& chosen, int count) {
  Indexes rest;
  for (int i = 0; i < count; ++i)
    if (std::find(chosen.begin(), chosen.end(), i) == chosen.end()) rest.push_back(i);
  return rest;
}

[[noreturn]] void refuse_singular(const FactorModel& model, const Scenario& scenario, const Indexes& shocked) {
  std::string names;
  for (const int i : shocked) names += (names.empty() ? "" : ", ") + model.factors[static_cast<std::size_t>(i)].name;
  throw Error(sqlstate::singular_design,
              "covariance of the shocked factors of scenario \"" + scenario.id + "\" is singular",
              "Shocked: " + names + ".", "Shock fewer factors: one of these follows from the others or does not move.");
}

// Sigma_SS^-1 = W W', from the eigenvalues of the correlations, which do not depend on the units of the factors.
Matrix inverse_root(const FactorModel& model, const Matrix& covariances, const Scenario& scenario,
                    const Indexes& shocked) {
  const Matrix covariance = covariances(shocked, shocked);
  if (!(covariance.diagonal().array() > 0).all()) refuse_singular(model, scenario, shocked);
  const Vector unit = covariance.diagonal().cwiseSqrt().cwiseInverse();
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(unit.asDiagonal() * covariance * unit.asDiagonal());
  const Vector& values = eigen.eigenvalues();  // ascending
  if (eigen.info() != Eigen::Success || !(values(0) > singular_below * values(values.size() - 1)))
    refuse_singular(model, scenario, shocked);
  return unit.asDiagonal() * eigen.eigenvectors() * values.cwiseSqrt().cwiseInverse().asDiagonal();
}

// x' S x over the factors that the portfolio is exposed to; NaN when one of the covariances is.
double quadratic_form(const Vector& x, const Matrix& s) {
  double sum = 0;
  for (Eigen::Index j = 0; j < x.size(); ++j)
    for (Eigen::Index i = 0; i < x.size(); ++i)
      if (x(i) != 0 && x(j) != 0) sum += x(i) * s(i, j) * x(j);
  return sum;
}

Estimate<double> estimate_or_missing(double value) {
  return std::isfinite(value) ? Estimate<double>(value) : Estimate<double>::missing(Reason::insufficient_data);
}

std::optional<double> finite(double value) { return std::isfinite(value) ? std::optional(value) : std::nullopt; }

// A product that is 0 when the exposure is: what one does not hold needs no estimate.
double pnl_of(double exposure, double move) { return exposure == 0 ? 0 : exposure * move; }

Matrix solve(const Matrix& a, const Matrix& b) { return a.completeOrthogonalDecomposition().solve(b); }

// What the factor does along with some others, 0 for all others.
Vector slopes_on(const Matrix& covariance, const Indexes& others, int factor) {
  Vector slopes = Vector::Zero(covariance.rows());
  slopes(others) = solve(covariance(others, others), covariance(others, Indexes{factor}));
  return slopes;
}

// The coefficient of a factor in a regression on it and others, as a linear function of the joint exposures.
Vector coefficient_beside(const Matrix& covariance, Indexes others, int factor) {
  others.push_back(factor);
  return solve(covariance(others, others), covariance(others, every)).row(static_cast<Eigen::Index>(others.size()) - 1);
}

BesideMarket beside_market(const FactorModel& model, const Indexes& shocked) {
  const Matrix& covariance = model.measured();
  const int factor = *model.beside_market;
  const auto k = static_cast<int>(model.factors.size());
  BesideMarket result{factor, Matrix::Constant(k, k, nan), Vector::Constant(k, nan), Vector::Constant(k, nan),
                      Vector::Constant(k, nan)};
  Indexes known{0};
  for (const int i : shocked)
    if (i != 0 && i != factor) known.push_back(i);
  result.with_others = known.size() > 1;
  Indexes needed = known;
  needed.push_back(factor);
  if (covariance(needed, needed).allFinite()) result.along_shocked = slopes_on(covariance, known, factor);
  if (!covariance.allFinite()) return result;
  result.along_all = slopes_on(covariance, others({factor}, k), factor);
  result.of_shocked = coefficient_beside(covariance, known, factor);
  Matrix measured = Matrix::Identity(k, k);
  measured.col(factor) = result.along_all;
  measured.row(factor) = coefficient_beside(covariance, {0}, factor);
  const Eigen::FullPivLU<Matrix> factors(measured);
  if (factors.isInvertible()) result.joint = factors.inverse();
  return result;
}

// The exposures as one regression on all factors would have measured them; those that were, where no factor stands
// beside the market.
Vector joint_exposures(const ScenarioMoves& scenario, const Vector& dollars) {
  if (!scenario.beside_market || dollars.isZero(0)) return dollars;
  return scenario.beside_market->joint * dollars;
}

// Of a factor beside the market: P&L as far as it does not move along with the factors that are shocked as well. Beside
// the market alone its exposure is what was measured.
double direct_beside(const ScenarioMoves& scenario, const BesideMarket& beside, const Vector& dollars,
                     const Vector& joint) {
  double along = 0;
  for (Eigen::Index i = 0; i < dollars.size(); ++i)
    if (i != beside.factor && scenario.shocked[static_cast<std::size_t>(i)] && scenario.shocks(i) != 0)
      along += beside.along_shocked(i) * scenario.shocks(i);
  const double exposure = beside.with_others ? beside.of_shocked.dot(joint) : dollars(beside.factor);
  return pnl_of(exposure, scenario.shocks(beside.factor) - along);
}

// How much of the market's move a shock of each factor holds beside the factor's.
Vector market_in_shocks(const FactorModel& model, const Scenario& scenario, const Indexes& shocked) {
  Vector slopes = Vector::Zero(static_cast<Eigen::Index>(model.factors.size()));
  for (std::size_t i = 0; i < shocked.size(); ++i) {
    const RiskFactor& factor = model.factors[static_cast<std::size_t>(shocked[i])];
    if (shocked[i] == 0 || factor.unit != ShockUnit::simple_return) continue;
    const bool is_relative = scenario.shocks[i].basis == ShockBasis::relative;
    slopes(shocked[i]) = factor.removed - (is_relative ? factor.fund_beta : 0);
  }
  return slopes;
}

// Adds to each row and column its slope times the first: from covariances of the factors to those of what the shocks
// are of, and with the slopes turned back again. A covariance that is NaN stays one in its own row and column.
void add_market(Matrix& covariance, const Vector& slopes) {
  for (Eigen::Index i = 1; i < slopes.size(); ++i)
    if (slopes(i) != 0) covariance.row(i) += slopes(i) * covariance.row(0);
  for (Eigen::Index i = 1; i < slopes.size(); ++i)
    if (slopes(i) != 0) covariance.col(i) += slopes(i) * covariance.col(0);
}

// Cuts what is expected of the free factors to the limits of the model.
void limit(const FactorModel& model, const Indexes& free, ScenarioMoves& result) {
  if (model.lowest.size() == 0) return;
  for (const int i : free) {
    double& move = result.moves(i);
    const double limited = std::fmax(std::fmin(move, model.highest(i)), model.lowest(i));
    if (std::isnan(move) || limited == move) continue;
    move = limited;
    result.extrapolated.push_back(i);
  }
}

// The moves of the factors behind moves of what the shocks are of.
void take_market_out(Vector& moves, const Vector& slopes) {
  for (Eigen::Index i = 1; i < slopes.size(); ++i)
    if (slopes(i) != 0) moves(i) -= slopes(i) * moves(0);
}

}  // namespace

ScenarioMoves propagate(const FactorModel& model, const Scenario& scenario) {
  const auto k = static_cast<int>(model.factors.size());
  if (model.covariance.rows() != k || model.covariance.cols() != k)
    throw Error(sqlstate::invalid_parameter, "covariance must have a row and a column for each factor");
  const Matrix& measured = model.measured();
  if (measured.rows() != k || measured.cols() != k || model.lowest.size() != model.highest.size() ||
      (model.lowest.size() != 0 && model.lowest.size() != k))
    throw Error(sqlstate::invalid_parameter, "a factor model needs as many covariances and limits as factors");
  const Indexes shocked = resolve_shocks(scenario, model.factors);
  const Indexes free = others(shocked, k);

  ScenarioMoves result{std::vector<bool>(static_cast<std::size_t>(k)), Vector::Constant(k, nan),
                       Vector::Constant(k, nan), Matrix::Zero(k, k)};
  Vector shocks(static_cast<Eigen::Index>(shocked.size()));
  for (std::size_t i = 0; i < shocked.size(); ++i) {
    shocks(static_cast<Eigen::Index>(i)) = scenario.shocks[i].size;
    result.shocked[static_cast<std::size_t>(shocked[i])] = true;
  }
  Vector slopes = market_in_shocks(model, scenario, shocked);
  if (result.shocked.front()) {
    const auto market = std::find(shocked.begin(), shocked.end(), 0) - shocked.begin();
    const double move = shocks(market);
    for (std::size_t i = 0; i < shocked.size(); ++i)
      if (slopes(shocked[i]) != 0) shocks(static_cast<Eigen::Index>(i)) -= slopes(shocked[i]) * move;
    slopes.setZero();
  }
  result.shocks(shocked) = shocks;
  result.moves(shocked) = shocks;
  if (model.beside_market) result.beside_market = beside_market(model, shocked);
  if (free.empty()) return result;
  Matrix covariance = model.covariance;
  add_market(covariance, slopes);
  result.residual_covariance(free, free).setConstant(nan);
  if (!covariance(shocked, shocked).allFinite()) {
    take_market_out(result.moves, slopes);
    return result;
  }

  // A factor without a covariance stays NaN and leaves the others alone: each takes part in its own row only.
  const Matrix root = inverse_root(model, covariance, scenario, shocked);
  const Matrix loadings = covariance(free, shocked) * root;
  result.moves(free) = loadings * (root.transpose() * shocks);
  limit(model, free, result);
  result.residual_covariance(free, free) = covariance(free, free) - loadings * loadings.transpose();
  take_market_out(result.moves, slopes);
  add_market(result.residual_covariance, -slopes);
  return result;
}

StressResult stress(const ScenarioMoves& scenario, const StressExposure& portfolio, double sessions) {
  const Eigen::Index k = scenario.moves.size();
  if (portfolio.dollars.size() != k)
    throw Error(sqlstate::invalid_parameter, "a stress test needs one exposure for each factor");
  if (!(sessions > 0)) throw Error(sqlstate::invalid_parameter, "a stress test must last a positive time");
  const Vector joint = joint_exposures(scenario, portfolio.dollars);
  const int beside = scenario.beside_market ? scenario.beside_market->factor : -1;
  StressResult result;
  result.impacts.reserve(static_cast<std::size_t>(k));
  double direct = 0;
  double correlated = 0;
  for (Eigen::Index i = 0; i < k; ++i) {
    const double exposure = portfolio.dollars(i);
    const bool shocked = scenario.shocked[static_cast<std::size_t>(i)];
    double pnl = pnl_of(exposure, scenario.moves(i));
    double alone = shocked ? pnl_of(exposure, scenario.shocks(i)) : 0;
    if (i == beside) {
      pnl = pnl_of(joint(i), scenario.moves(i) - scenario.beside_market->along_all.dot(scenario.moves));
      if (shocked) alone = direct_beside(scenario, *scenario.beside_market, portfolio.dollars, joint);
    }
    direct += alone;
    correlated += pnl;
    result.impacts.push_back({shocked, exposure, scenario.moves(i), finite(alone), finite(pnl)});
  }
  result.direct_pnl = estimate_or_missing(direct);
  result.correlated_pnl = estimate_or_missing(correlated);
  if (result.correlated_pnl.has_value() && result.direct_pnl.has_value())
    result.correlation_effect = correlated - direct;

  const double variance = quadratic_form(joint, scenario.residual_covariance);
  result.conditional_sd =
      estimate_or_missing(std::sqrt((std::max(variance, 0.0) + portfolio.specific_variance) * sessions));

  if (!std::isfinite(portfolio.equity)) {
    result.equity_fraction = Estimate<double>::missing(Reason::no_equity);
    result.exceeds_equity = Estimate<bool>::missing(Reason::no_equity);
    return result;
  }
  if (!(portfolio.equity > 0))
    result.equity_fraction = Estimate<double>::missing(Reason::no_equity);
  else
    result.equity_fraction = estimate_or_missing(correlated / portfolio.equity);
  const Estimate<double>& pnl = result.correlated_pnl.has_value() ? result.correlated_pnl : result.direct_pnl;
  if (pnl.has_value()) result.exceeds_equity = *pnl < 0 && -*pnl > portfolio.equity;
  return result;
}

}  // namespace pb::core
