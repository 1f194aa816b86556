#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <vector>

#include "core/calendar/sessions.hpp"
#include "core/poll.hpp"
#include "core/portfolio/price_panel.hpp"
#include "core/stats/linear_algebra.hpp"
#include "core/stats/ridge.hpp"
#include "core/stats/window.hpp"

namespace pb::core {

// What a factor's return is made of, as columns of the price panel: the long leg's, less the short leg's if any.
struct FactorLegs {
  int long_column;
  std::optional<int> short_column;
};

// Returns of each factor, sessions x factors; NaN where a leg has none.
Matrix factor_returns(const PricePanel& panel, std::span<const FactorLegs> factors);

// Replaces the columns of x (observations x factors) beside the first by their residuals of the regression on
// [1, first], and returns the slopes, 0 for the first. For covariances of the factors that exposures are measured on.
// Throws PB002 when a column is constant or the first over again, of which only rounding would remain.
Vector orthogonalize_to_first(Matrix& x);

// The slopes of factors (sessions x factors, NaN where missing) on the first one as of a session, 0 for the first: over
// the newest `window` sessions up to it on which all of them have returns. NaN for the others where these are fewer
// than the least number, or where orthogonalize_to_first() refuses them: they have no part of their own.
Vector slopes_on_first(const Matrix& factors, int session, int window, int min_observations);

// Which coefficients a penalty shrinks.
enum class Penalty {
  none,    // ordinary least squares
  styles,  // all but the first factor, the market
  all,
};

struct FactorModelSettings {
  WindowSettings history;
  Penalty penalty;
  // Whether every factor but the first is replaced by what it adds to the first over the same window, see
  // orthogonalize_to_first(). The market's coefficient is then the market beta of a regression on it alone.
  bool orthogonalize;
  // A fixed alpha is this times the observations of each window, so that windows of any length are shrunk alike;
  // without it ridge.alpha is that of every window.
  std::optional<double> alpha_per_observation;
  RidgeOptions ridge;
};

// The seven-factor model: market unpenalized, six style returns orthogonal to it, standardized, alpha 0.4 for each
// observation.
FactorModelSettings ridge_model();
// Without orthogonalization: all seven factors standardized and penalized, scikit-learn's Ridge in every coefficient.
FactorModelSettings plain_ridge_model();
// Market and spreads in one regression by ordinary least squares.
FactorModelSettings spread_model();

// The design that a model makes of its factors on some sessions: x (observations x factors) is orthogonalized in place
// where the model says so, and the slopes are what was taken out. Throws as RidgeDesign and orthogonalize_to_first().
RidgeDesign make_design(Matrix& x, const FactorModelSettings& settings, Vector& market_slopes, Poll poll = no_poll);

// A design that a group of symbols shares, because their windows are made of the same sessions.
struct FactorDesign {
  int observations = 0;
  double condition_number = 0;
  double max_vif = 0;
  Vector variance_inflation;  // a factor each, of the design as fitted
  // What was removed from each factor by orthogonalization, g = market_slope * r_m + rest; 0 for the market and where
  // nothing was removed. A shock to a style's own return is one of its rest plus its slope times the market's.
  Vector market_slopes;
};

struct FactorSample : Sample {
  int design = -1;  // which of the designs; -1 where there is no estimate
};

// Factor models of many symbols, a column each in the order asked for. Rows of matrices: intercept (per session), then
// the factors. NaN where there is no estimate; the sample says why.
struct FactorFits {
  RidgeFits fits;
  std::vector<FactorSample> samples;
  std::vector<FactorDesign> designs;

  bool estimated(int symbol) const { return samples[static_cast<std::size_t>(symbol)].reason == Reason::none; }
  double beta(int factor, int symbol) const { return fits.coefficients(factor + 1, symbol); }
  double std_error(int factor, int symbol) const { return fits.std_errors(factor + 1, symbol); }
  // Standard deviation of the residuals, annualized by the calendar's sessions_per_year(); n - 1 - df degrees of
  // freedom.
  double residual_volatility(int symbol, int sessions_per_year) const;
};

// Of so many symbols, without any estimate.
FactorFits blank_fits(Eigen::Index factors, std::size_t symbols);

// Estimates r_i = alpha + sum_k beta_ik f_k + e for the given columns of returns (sessions x symbols, simple, NaN where
// missing), each on the newest observations up to and including the session on which the symbol and all factors
// (sessions x factors, market first) have returns. Reasons: insufficient_data; constant_series, of the symbol or a
// factor; singular, when factors are combinations of one another. A symbol's numbers depend on no other symbol, to
// the last bit.
// Throws 22023 when rows are not sessions or the session is none of them.
FactorFits fit_factor_model(const Eigen::Ref<const Matrix>& returns, std::span<const int> columns,
                            const Eigen::Ref<const Matrix>& factors, int session, const Sessions& sessions,
                            const FactorModelSettings& settings, Poll poll = no_poll);

}  // namespace pb::core
