#pragma once
#include "core/no_postgres.hpp"

#include <optional>

#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// The heterogeneous autoregression of the variance (Corsi 2009):
//   mean of the next `horizon` r^2 = intercept + daily r^2 + weekly mean5(r^2) + monthly mean22(r^2),
// all coefficients at least 0, so that a variance is never forecast below 0. Units are those of r^2.
struct HarFit {
  double intercept = 0;
  double daily = 0;
  double weekly = 0;
  double monthly = 0;
  double forecast = 0;   // mean of r^2 over the horizon after the last observation
  double r_squared = 0;  // in sample, centered; 0 to 1, because the intercept alone is one of the admitted fits
  int rows = 0;

  // What a variance that is above its mean keeps of the excess over the horizon. From 1 on the model is explosive: it
  // has seen variance rise and not fall again, and extrapolates that.
  double persistence() const { return daily + weekly + monthly; }
};

// Sums of `width` consecutive values, oldest first; empty when there are fewer values.
Vector rolling_sums(const Vector& values, Eigen::Index width);

// Observations that a fit of so many rows consumes: the regressors look 22 back and the target looks ahead.
int har_observations(int rows, int horizon);

// Fits the newest `max_rows` rows of squared returns (consecutive observations, oldest first, finite) by non-negative
// least squares (Lawson and Hanson 1974). None when there are no more rows than coefficients, when the regressors do
// not identify the coefficients, or when the target does not vary.
std::optional<HarFit> fit_har(const Vector& squared_returns, int horizon, int max_rows);

}  // namespace pb::core
