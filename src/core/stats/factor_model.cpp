#include "core/stats/factor_model.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/stats/regression.hpp"

namespace pb::core {

namespace {

constexpr WindowSettings year_of_history{.window = 252, .min_observations = 126, .limited_below = 126};
constexpr double usual_alpha_per_observation = 0.4;

void require_panel(const Eigen::Ref<const Matrix>& returns, const Eigen::Ref<const Matrix>& factors, int session,
                   const Sessions& sessions) {
  if (returns.rows() != sessions.size() || factors.rows() != sessions.size())
    throw Error(sqlstate::invalid_parameter, "returns need one row for each session",
                std::to_string(returns.rows()) + " and " + std::to_string(factors.rows()) + " rows for " +
                    std::to_string(sessions.size()) + " sessions.");
  if (session < 0 || session >= sessions.size())
    throw Error(sqlstate::invalid_parameter, "session is not in the panel",
                "Session " + std::to_string(session) + " of " + std::to_string(sessions.size()) + ".");
}

[[noreturn]] void refuse_factor(Eigen::Index factor, const std::string& what) {
  throw Error(sqlstate::singular_design, "factors are singular", "Factor " + std::to_string(factor + 1) + " " + what);
}

std::vector<bool> complete_rows(const Eigen::Ref<const Matrix>& factors) {
  std::vector<bool> complete(static_cast<std::size_t>(factors.rows()));
  for (Eigen::Index t = 0; t < factors.rows(); ++t) complete[static_cast<std::size_t>(t)] = factors.row(t).allFinite();
  return complete;
}

bool has_constant_column(const Matrix& x) {
  for (Eigen::Index j = 0; j < x.cols(); ++j)
    if (is_constant(x.col(j))) return true;
  return false;
}

std::vector<int> unpenalized_columns(Penalty penalty, Eigen::Index factors) {
  std::vector<int> columns;
  const Eigen::Index count = penalty == Penalty::none ? factors : penalty == Penalty::styles ? 1 : 0;
  for (Eigen::Index j = 0; j < count; ++j) columns.push_back(static_cast<int>(j));
  return columns;
}

// Fits the symbols of one group at a time, and puts the numbers into their places.
class GroupFitter {
 public:
  GroupFitter(const Eigen::Ref<const Matrix>& returns, std::span<const int> columns,
              const Eigen::Ref<const Matrix>& factors, const FactorModelSettings& settings, FactorFits& result)
      : returns_(returns), columns_(columns), factors_(factors), settings_(settings), result_(result) {}

  void fit(const ObservationGroup& group, const Sample& sample, Poll poll) {
    for (const int member : group.members) static_cast<Sample&>(sample_of(member)) = sample;
    if (sample.reason != Reason::none) return;
    Matrix x = factors_(group.days, every);
    if (has_constant_column(x)) return refuse(group.members, Reason::constant_series);
    try {
      Vector slopes;
      const RidgeDesign design = make_design(x, settings_, slopes, poll);
      fit_members(group, design, poll);
      result_.designs.push_back(
          {design.observations(), design.condition_number(), design.max_vif(), design.variance_inflation(), slopes});
    } catch (const Error& error) {
      const std::string_view code = error.sqlstate();
      if (code != sqlstate::singular_design && code != sqlstate::too_few_observations) throw;
      refuse(group.members, code == sqlstate::singular_design ? Reason::singular : Reason::insufficient_data);
    }
  }

 private:
  FactorSample& sample_of(int member) { return result_.samples[static_cast<std::size_t>(member)]; }

  void refuse(const std::vector<int>& members, Reason reason) {
    for (const int member : members) sample_of(member).refuse(reason);
  }

  void fit_members(const ObservationGroup& group, const RidgeDesign& design, Poll poll) {
    Matrix y(design.observations(), static_cast<Eigen::Index>(group.members.size()));
    std::vector<int> varying;
    for (const int member : group.members) {
      // In memory of its own, so that its sums do not depend on its place among the members.
      const Vector own = returns_.col(columns_[static_cast<std::size_t>(member)])(group.days);
      if (is_constant(own)) {
        sample_of(member).refuse(Reason::constant_series);
        continue;
      }
      y.col(static_cast<Eigen::Index>(varying.size())) = own;
      varying.push_back(member);
    }
    RidgeOptions options = settings_.ridge;
    if (settings_.alpha_per_observation) options.alpha = *settings_.alpha_per_observation * design.observations();
    const RidgeFits fits = design.fit(y.leftCols(static_cast<Eigen::Index>(varying.size())), options, poll);
    for (std::size_t i = 0; i < varying.size(); ++i) {
      copy_column(fits, static_cast<Eigen::Index>(i), result_.fits, varying[i]);
      sample_of(varying[i]).design = static_cast<int>(result_.designs.size());
    }
  }

  const Eigen::Ref<const Matrix>& returns_;
  std::span<const int> columns_;
  const Eigen::Ref<const Matrix>& factors_;
  const FactorModelSettings& settings_;
  FactorFits& result_;
};

}  // namespace

Matrix factor_returns(const PricePanel& panel, std::span<const FactorLegs> factors) {
  Matrix returns(panel.sessions().size(), static_cast<Eigen::Index>(factors.size()));
  for (std::size_t k = 0; k < factors.size(); ++k) {
    auto factor = returns.col(static_cast<Eigen::Index>(k));
    factor = panel.returns(factors[k].long_column);
    if (factors[k].short_column) factor -= panel.returns(*factors[k].short_column);
  }
  return returns;
}

Vector orthogonalize_to_first(Matrix& x) {
  Vector slopes = Vector::Zero(x.cols());
  const Vector market = x.col(0).array() - x.col(0).mean();
  if (market.norm() <= rounding_level(x.col(0))) refuse_factor(0, "is constant.");
  for (Eigen::Index j = 1; j < x.cols(); ++j) {
    auto style = x.col(j);
    const double least = std::numeric_limits<double>::epsilon() * static_cast<double>(x.rows()) * style.norm();
    style.array() -= style.mean();
    // Twice, for what rounding left.
    for (int pass = 0; pass < 2; ++pass) {
      const double slope = market.dot(style) / market.squaredNorm();
      style -= slope * market;
      slopes(j) += slope;
    }
    if (style.norm() <= least) refuse_factor(j, "is constant or a multiple of the first.");
  }
  return slopes;
}

Vector slopes_on_first(const Matrix& factors, int session, int window, int min_observations) {
  Vector slopes = Vector::Constant(factors.cols(), std::numeric_limits<double>::quiet_NaN());
  slopes(0) = 0;
  const std::vector<int> days = newest_sessions(session, window, [&](int t) { return factors.row(t).allFinite(); });
  if (static_cast<int>(days.size()) < std::max(2, min_observations)) return slopes;
  Matrix complete = factors(days, every);
  try {
    return orthogonalize_to_first(complete);
  } catch (const Error& error) {
    if (std::string_view(error.sqlstate()) != sqlstate::singular_design) throw;
    return slopes;
  }
}

FactorModelSettings ridge_model() { return {year_of_history, Penalty::styles, true, usual_alpha_per_observation, {}}; }
FactorModelSettings plain_ridge_model() {
  return {year_of_history, Penalty::all, false, usual_alpha_per_observation, {}};
}
FactorModelSettings spread_model() { return {year_of_history, Penalty::none, false, {}, {}}; }

RidgeDesign make_design(Matrix& x, const FactorModelSettings& settings, Vector& market_slopes, Poll poll) {
  market_slopes = settings.orthogonalize ? orthogonalize_to_first(x) : Vector::Zero(x.cols());
  return RidgeDesign(x, unpenalized_columns(settings.penalty, x.cols()), poll);
}

double FactorFits::residual_volatility(int symbol, int sessions_per_year) const {
  return fits.residual_sd(symbol) * std::sqrt(sessions_per_year);
}

FactorFits blank_fits(Eigen::Index factors, std::size_t symbols) {
  return {RidgeFits(factors, static_cast<Eigen::Index>(symbols)), std::vector<FactorSample>(symbols), {}};
}

FactorFits fit_factor_model(const Eigen::Ref<const Matrix>& returns, std::span<const int> columns,
                            const Eigen::Ref<const Matrix>& factors, int session, const Sessions& sessions,
                            const FactorModelSettings& settings, Poll poll) {
  require_panel(returns, factors, session, sessions);
  FactorFits result = blank_fits(factors.cols(), columns.size());
  GroupFitter fitter(returns, columns, factors, settings, result);
  for (const ObservationGroup& group :
       group_by_observations(returns, columns, complete_rows(factors), session, settings.history.window, poll))
    fitter.fit(group, describe_sample(group.days, sessions, settings.history), poll);
  return result;
}

}  // namespace pb::core
