#pragma once
#include "core/no_postgres.hpp"

#include <optional>

#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"
#include "core/stats/sandwich.hpp"

namespace pb::core {

struct RegressionOptions {
  bool intercept = true;
  CovarianceType covariance = CovarianceType::newey_west;
  std::optional<int> lag;  // of newey_west; the rule above when absent
};

// An ordinary least squares fit. Coefficients come in the order intercept (if any), then the columns of X. A t
// statistic is NaN where the standard error is 0, which only an exact fit has.
struct RegressionFit {
  Vector coefficients;
  Vector std_errors;
  Vector t_stats;
  Vector p_values;
  int observations = 0;
  int residual_df = 0;
  double r_squared = 0;  // centered when there is an intercept
  double adj_r_squared = 0;
  double residual_sd = 0;       // sqrt(SSR / (n - k)), per period
  double condition_number = 0;  // of the columns scaled to unit length (Belsley, Kuh and Welsch 1980)
};

// Fits y on the columns of X by QR with column pivoting of the column-scaled design, never by normal equations.
// Throws 22023 without any column, PB001 when there are not more observations than coefficients, and PB002 when the
// design is rank-deficient or a column is constant beside an intercept: such a fit has no unique answer. Magnitudes may
// be any that a double holds; 22003 where the result is none.
RegressionFit ols(const Vector& y, const Matrix& x, const RegressionOptions& options = {}, Poll poll = no_poll);

// The length below which a vector of residuals of y is that of an exact fit, whose pattern means nothing, and below
// which the variation of y itself is that of a constant.
double rounding_level(const Eigen::Ref<const Vector>& y);

// Throws 22023, naming both numbers, unless the design has a row for each value of y.
void require_matching_rows(Eigen::Index rows, Eigen::Index values);

// Coefficient over its standard error; NaN where the error is 0, which only an exact fit has.
double t_statistic(double coefficient, double std_error);

}  // namespace pb::core
