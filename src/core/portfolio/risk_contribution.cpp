#include "core/portfolio/risk_contribution.hpp"

#include <cmath>
#include <string>

#include "core/error.hpp"
#include "core/limits.hpp"

namespace pb::core {

namespace {

void require_sizes(bool fits, const std::string& detail) {
  if (!fits) throw Error(sqlstate::invalid_parameter, "sizes of the risk model's parts differ", detail);
}

void require_data(bool holds, const char* detail) {
  if (!holds) throw Error(sqlstate::data_exception, "risk model is not valid", detail);
}

void require_model(const Vector& x, const Matrix& covariance, double specific_variance) {
  require_sizes(covariance.rows() == x.size() && covariance.cols() == x.size(),
                std::to_string(x.size()) + " exposures for a covariance matrix of " +
                    std::to_string(covariance.rows()) + " x " + std::to_string(covariance.cols()) + ".");
  require_data(x.allFinite() && covariance.allFinite() && std::isfinite(specific_variance),
               "A number is NaN or infinite.");
  require_data(specific_variance >= 0, "The specific variance is negative.");
  require_data(covariance.isApprox(covariance.transpose(), 1e-12), "The factor covariance matrix is not symmetric.");
}

// x'F x, refusing what no covariance matrix yields. What is left of the terms' sizes after they cancel is rounding
// where it is 1e-14 of them: a perfect hedge.
double systematic_variance(const Vector& x, const Matrix& covariance) {
  const double variance = x.dot(covariance * x);
  const double size = x.cwiseAbs().dot(covariance.cwiseAbs() * x.cwiseAbs());
  require_data(variance >= -1e-12 * size, "The factor covariance matrix gives a negative variance.");
  return variance > 1e-14 * size ? variance : 0;
}

}  // namespace

RiskContributions risk_contributions(const Vector& exposures, const Matrix& factor_covariance, double specific_variance,
                                     int sessions_per_year) {
  require_data(sessions_per_year > 0, "A year has no sessions.");
  require_model(exposures, factor_covariance, specific_variance);
  const Vector pulls = factor_covariance * exposures;
  const double systematic = systematic_variance(exposures, factor_covariance);
  const double total = systematic + specific_variance;

  const double annualization = std::sqrt(sessions_per_year);
  RiskContributions result;
  result.systematic_volatility = annualization * std::sqrt(systematic);
  result.specific_volatility = annualization * std::sqrt(specific_variance);
  result.total_volatility = annualization * std::sqrt(total);
  // Without risk there is nothing to divide by.
  const double sigma = total > 0 ? std::sqrt(total) : nan;
  result.marginal = annualization * pulls / sigma;
  result.component = exposures.cwiseProduct(result.marginal);
  result.percent = exposures.cwiseProduct(pulls) / (sigma * sigma);
  result.specific_component = annualization * specific_variance / sigma;
  result.specific_percent = specific_variance / (sigma * sigma);
  return result;
}

}  // namespace pb::core
