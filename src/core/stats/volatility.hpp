#pragma once
#include "core/no_postgres.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/stats/estimate.hpp"
#include "core/stats/har.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// Lengths are in observations: days on which the series has a return.
struct VolatilitySettings {
  int short_window = 21;  // also the horizon of the forecast, and the window of trend and percentile
  int long_window = 63;
  double confidence = 0.95;        // of the intervals
  int har_min_observations = 500;  // fewer returns than this are forecast by the exponential average
  int har_max_rows = 504;
  double ewma_lambda = 0.97;
  double variance_floor = 1e-12;  // of a forecast, per day: 0.0016 % a year
  double trend_critical = 1.645;  // one-sided 5 % of the normal distribution
  // Of the kurtosis, see standardized_kurtosis(). Below 3, of the normal distribution, a sample of returns is by
  // chance. Beyond 8 it is made by single returns, of which a month mostly has none: the error of first order, which
  // grows with all of it, would be too large.
  int kurtosis_start = 42;
  int kurtosis_min_returns = 252;
  double least_kurtosis = 3;
  double largest_kurtosis = 8;
  double typical_kurtosis = 6.5;  // for fewer returns: the median of US stocks and funds, 2016 to 2024
  int percentile_max_values = 504;
  int percentile_min_values = 126;
};

// Zero-mean realized volatility sqrt(m mean(r^2)), m sessions a year, a decimal per year: over a month or a quarter the
// mean return cannot be told from 0, and estimating it only adds noise (RiskMetrics 1996, section 4.5). The variance of
// s^2 is s^4 (k-1) / n by the kurtosis k of the returns. That is the one of a chi-square with d = 2n / (k-1) degrees of
// freedom (Satterthwaite 1946), n for normal returns: the interval is s sqrt(d / chi2), with its upper and lower
// quantiles.
struct RealizedVolatility {
  double value = 0;
  double low = 0;
  double high = 0;
};

// Whether the autoregression or the exponential average made a forecast.
enum class ForecastMethod : std::uint8_t { har, ewma };

constexpr std::string_view to_word(ForecastMethod method) { return method == ForecastMethod::har ? "har" : "ewma"; }

// Expected volatility over the next `short_window` sessions, a decimal per year: sqrt(m max(variance, floor)). From
// `har_min_observations` returns on the variance is that of the autoregression, unless its fit fails or is explosive;
// else the average of r^2 with weights lambda^age, normalized over the returns there are (RiskMetrics 1996).
struct VolatilityForecast {
  double value = 0;
  ForecastMethod method = ForecastMethod::ewma;
  std::optional<HarFit> har;  // the model of the first method, with its R2
};

enum class TrendDirection : std::uint8_t { increasing, decreasing, stable };

constexpr std::string_view to_word(TrendDirection direction) {
  constexpr std::array<std::string_view, 3> words{"increasing", "decreasing", "stable"};
  return words[static_cast<std::size_t>(direction)];
}

// The newest window against the one before it, which shares no return with it: z = ln(s1/s0) / sqrt((k-1) / (2n)), as
// Var(ln s) = (k-1) / (4n) of each. Volatility is increasing above the critical value, decreasing below its negative,
// else stable.
struct VolatilityTrend {
  TrendDirection direction = TrendDirection::stable;
  double strength = 0;  // z
};

// The volatility of one series of returns as of a session, each figure or the reason why there is none:
// insufficient_data, or constant_series for a variance that is nothing but rounding.
struct Volatility {
  int observations = 0;  // returns used, at most what the longest figure asks for
  int newest_age = 0;    // of the newest of them, in sessions
  Quality quality_flag = Quality::insufficient_data;
  double kurtosis = 0;  // by which intervals and trend judge, within its bounds
  Estimate<RealizedVolatility> realized_short = Estimate<RealizedVolatility>::missing(Reason::insufficient_data);
  Estimate<RealizedVolatility> realized_long = Estimate<RealizedVolatility>::missing(Reason::insufficient_data);
  Estimate<VolatilityForecast> forecast = Estimate<VolatilityForecast>::missing(Reason::insufficient_data);
  Estimate<VolatilityTrend> trend = Estimate<VolatilityTrend>::missing(Reason::insufficient_data);
  // (#less + 1/2 #equal) / N, in (0, 1): rank of the newest rolling volatility among all, itself included.
  Estimate<double> percentile = Estimate<double>::missing(Reason::insufficient_data);

  // Why the first figure that is missing is; none when none is.
  Reason reason() const;
};

// Estimates volatilities under the same settings; what depends on those alone is computed once.
class VolatilityEstimator {
 public:
  // Throws 22023 for settings that admit no estimate.
  explicit VolatilityEstimator(const VolatilitySettings& settings = {});

  // How many sessions up to and including the last one are looked at.
  int sessions_needed() const;

  // Returns are simple, one a session, NaN where there is none; the first session of a panel has none. Nothing after
  // the session is read. A window of n observations is taken from the newest search_span(n) sessions; forecast and
  // percentile use as much history as the newest sessions_needed() hold, at most what they ask for. Variances are
  // annualized by the calendar's sessions_per_year(). Throws 22023 when that is not positive.
  Volatility estimate(const Eigen::Ref<const Vector>& returns, int session, int sessions_per_year) const;

  // The exponential average alone as of each session, variances per session; NaN without returns.
  Vector exponential_variances(const Eigen::Ref<const Vector>& returns) const;

 private:
  struct History;

  double kurtosis(const History& history) const;
  Estimate<RealizedVolatility> realized(const History& history, int window) const;
  VolatilityForecast forecast(const History& history) const;
  Estimate<VolatilityTrend> trend(const History& history) const;
  Estimate<double> percentile(const History& history) const;
  int full_observations() const;

  VolatilitySettings settings_;
  int longest_window_;
};

}  // namespace pb::core
