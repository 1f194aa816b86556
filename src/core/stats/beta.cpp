#include "core/stats/beta.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace pb::core {

namespace {

JensenAlpha fit_excess_returns(const Eigen::Ref<const Vector>& asset_returns,
                               const Eigen::Ref<const Vector>& market_returns, std::vector<int> days,
                               const BetaSettings& settings, const Vector* risk_free) {
  JensenAlpha result;
  result.reason = Reason::no_risk_free_rate;
  if (risk_free == nullptr) return result;
  std::erase_if(days, [&](int t) { return !std::isfinite((*risk_free)(t)); });
  if (days.empty() || static_cast<int>(days.size()) < settings.min_observations) return result;
  const Vector riskless = (*risk_free)(days);
  const Vector y = asset_returns(days) - riskless;
  const Matrix x = market_returns(days) - riskless;
  if (is_constant(y) || is_constant(x.col(0))) {
    result.reason = Reason::constant_series;
    return result;
  }
  const RegressionFit fit = ols(y, x);
  result.reason = Reason::none;
  result.alpha = fit.coefficients(0);
  result.std_error = fit.std_errors(0);
  return result;
}

}  // namespace

BetaFit fit_beta(const Eigen::Ref<const Vector>& asset_returns, const Eigen::Ref<const Vector>& market_returns,
                 int session, const Sessions& sessions, const BetaSettings& settings, const Vector* risk_free) {
  const std::vector<int> days = newest_sessions(session, settings.window, [&](int t) {
    return std::isfinite(asset_returns(t)) && std::isfinite(market_returns(t));
  });
  BetaFit result{describe_sample(days, sessions, settings), {}, {}};
  if (result.reason != Reason::none) return result;
  const Vector y = asset_returns(days);
  const Matrix x = market_returns(days);
  if (is_constant(y) || is_constant(x.col(0))) {
    result.refuse(Reason::constant_series);
    return result;
  }
  result.fit = ols(y, x);
  result.jensen = fit_excess_returns(asset_returns, market_returns, days, settings, risk_free);
  return result;
}

PortfolioBeta portfolio_beta(std::span<const WeightedAsset> assets, const Eigen::Ref<const Vector>& market_returns,
                             int session, const BetaSettings& settings) {
  PortfolioBeta result;
  for (const WeightedAsset& asset : assets) result.beta += asset.weight * asset.model->beta();
  const std::vector<int> days =
      newest_sessions(session, settings.window, [&](int t) { return std::isfinite(market_returns(t)); });
  result.observations = static_cast<int>(days.size());
  if (assets.empty() || result.observations < settings.min_observations) return result;

  const Vector market = market_returns(days);
  Vector series = Vector::Zero(market.size());
  for (const WeightedAsset& asset : assets)
    for (Eigen::Index i = 0; i < market.size(); ++i) {
      const double own = asset.returns(days[static_cast<std::size_t>(i)]);
      const double fitted = asset.model->alpha() + asset.model->beta() * market(i);
      series(i) += asset.weight * (std::isfinite(own) ? own : fitted);
    }
  if (is_constant(series) || is_constant(market)) return result;
  const Vector y = series.array() - series.mean();
  const Vector x = market.array() - market.mean();
  const double correlation = y.dot(x) / std::sqrt(y.squaredNorm() * x.squaredNorm());
  result.r_squared = std::min(1.0, correlation * correlation);
  return result;
}

}  // namespace pb::core
