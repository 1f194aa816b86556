#include "core/stats/volatility.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/limits.hpp"
#include "core/stats/chi_squared.hpp"
#include "core/stats/constant_series.hpp"
#include "core/stats/standardized_kurtosis.hpp"
#include "core/stats/window.hpp"

namespace pb::core {

namespace {

// Sums of the same squares in another order are equal, whatever their last digits say.
constexpr double equal_within = 1e-12;

void require(bool condition, const char* what) {
  if (!condition) throw Error(sqlstate::invalid_parameter, std::string("invalid volatility setting: ") + what);
}

double annualized(double daily_variance, int sessions_per_year) {
  return std::sqrt(sessions_per_year * daily_variance);
}

// RiskMetrics (1996): weights lambda^age that add up to 1 over the observations there are.
double exponential_average(const Vector& values, double lambda) {
  double sum = 0;
  double weights = 0;
  for (const double value : values) {
    sum = lambda * sum + value;
    weights = lambda * weights + 1;
  }
  return sum / weights;
}

// Share below plus half the share at the last of the values.
double mid_rank_of_last(const Eigen::Ref<const Vector>& values) {
  const double last = values(values.size() - 1);
  const double tolerance = equal_within * last;
  double below = 0;
  double equal = 0;
  for (const double value : values) {
    below += value < last - tolerance ? 1 : 0;
    equal += std::fabs(value - last) <= tolerance ? 1 : 0;
  }
  return (below + equal / 2) / static_cast<double>(values.size());
}

}  // namespace

// The squared returns up to the session.
struct VolatilityEstimator::History {
  Vector squares;         // oldest first
  std::vector<int> ages;  // how many sessions ago, newest first
  int sessions_per_year;
  double kurtosis;

  // How many of the newest observations, at most `window`, lie within its search span.
  int within_span(int window) const {
    int count = std::min(window, static_cast<int>(ages.size()));
    while (count > 0 && ages[static_cast<std::size_t>(count - 1)] >= search_span(window)) --count;
    return count;
  }
  bool fills(int window) const { return within_span(window) == window; }
};

VolatilityEstimator::VolatilityEstimator(const VolatilitySettings& settings) : settings_(settings) {
  require(settings.short_window >= 2 && settings.long_window >= 2, "a window must be at least 2");
  require(settings.confidence > 0 && settings.confidence < 1, "confidence must be between 0 and 1");
  require(settings.har_min_observations > 0 && settings.har_max_rows > 0, "the model needs observations");
  require(settings.ewma_lambda > 0 && settings.ewma_lambda < 1, "lambda must be between 0 and 1");
  require(settings.variance_floor > 0 && std::isfinite(settings.variance_floor), "the floor must be positive");
  require(settings.trend_critical > 0, "the critical value must be positive");
  require(settings.percentile_min_values > 0 && settings.percentile_max_values >= settings.percentile_min_values,
          "the percentile needs values");
  require(settings.least_kurtosis > 1 && settings.typical_kurtosis >= settings.least_kurtosis &&
              settings.largest_kurtosis >= settings.typical_kurtosis && std::isfinite(settings.largest_kurtosis),
          "the kurtosis must have bounds above 1");
  require(settings.kurtosis_start > 0 && settings.kurtosis_min_returns > 0, "the kurtosis needs returns");
  longest_window_ = std::max({settings.long_window, 2 * settings.short_window, settings.har_min_observations,
                              har_observations(settings.har_max_rows, settings.short_window),
                              settings.percentile_max_values + settings.short_window - 1});
}

int VolatilityEstimator::sessions_needed() const {
  return std::max({longest_window_, search_span(settings_.long_window), search_span(2 * settings_.short_window)});
}

// From this many observations on, there is a figure of every kind.
int VolatilityEstimator::full_observations() const {
  return settings_.percentile_min_values + settings_.short_window - 1;
}

double VolatilityEstimator::kurtosis(const History& history) const {
  const auto found = standardized_kurtosis(history.squares, settings_.ewma_lambda, settings_.kurtosis_start,
                                           settings_.kurtosis_min_returns);
  if (!found) return settings_.typical_kurtosis;
  // What is no number is of returns beyond all bounds.
  return *found <= settings_.largest_kurtosis ? std::max(*found, settings_.least_kurtosis) : settings_.largest_kurtosis;
}

Estimate<RealizedVolatility> VolatilityEstimator::realized(const History& history, int window) const {
  if (!history.fills(window)) return Estimate<RealizedVolatility>::missing(Reason::insufficient_data);
  const double variance = history.squares.tail(window).mean();
  if (variance < constant_series_variance) return Estimate<RealizedVolatility>::missing(Reason::constant_series);
  const double value = annualized(variance, history.sessions_per_year);
  const double df = 2.0 * window / (history.kurtosis - 1);
  const double tail = (1 - settings_.confidence) / 2;
  return RealizedVolatility{value, value * std::sqrt(df / chi_squared_quantile(1 - tail, df)),
                            value * std::sqrt(df / chi_squared_quantile(tail, df))};
}

VolatilityForecast VolatilityEstimator::forecast(const History& history) const {
  VolatilityForecast result;
  if (history.squares.size() >= settings_.har_min_observations)
    result.har = fit_har(history.squares, settings_.short_window, settings_.har_max_rows);
  if (result.har && result.har->persistence() >= 1) result.har.reset();
  result.method = result.har ? ForecastMethod::har : ForecastMethod::ewma;
  const double variance =
      result.har ? result.har->forecast : exponential_average(history.squares, settings_.ewma_lambda);
  result.value = annualized(std::max(variance, settings_.variance_floor), history.sessions_per_year);
  return result;
}

Estimate<VolatilityTrend> VolatilityEstimator::trend(const History& history) const {
  const int n = settings_.short_window;
  if (!history.fills(2 * n)) return Estimate<VolatilityTrend>::missing(Reason::insufficient_data);
  const double newer = history.squares.tail(n).mean();
  const double older = history.squares.tail(2 * n).head(n).mean();
  if (std::min(newer, older) < constant_series_variance)
    return Estimate<VolatilityTrend>::missing(Reason::constant_series);
  const double z = std::log(newer / older) / 2 / std::sqrt((history.kurtosis - 1) / (2 * n));
  const TrendDirection direction = z > settings_.trend_critical    ? TrendDirection::increasing
                                   : z < -settings_.trend_critical ? TrendDirection::decreasing
                                                                   : TrendDirection::stable;
  return VolatilityTrend{direction, z};
}

Estimate<double> VolatilityEstimator::percentile(const History& history) const {
  const int n = settings_.short_window;
  const int observations = std::min(settings_.percentile_max_values + n - 1, static_cast<int>(history.squares.size()));
  if (observations < full_observations()) return Estimate<double>::missing(Reason::insufficient_data);
  return mid_rank_of_last(rolling_sums(history.squares.tail(observations), n));
}

Volatility VolatilityEstimator::estimate(const Eigen::Ref<const Vector>& returns, int session,
                                         int sessions_per_year) const {
  if (sessions_per_year < 1)
    throw Error(sqlstate::invalid_parameter, "a year must have sessions to annualize a volatility");
  History history;
  history.sessions_per_year = sessions_per_year;
  std::vector<double> squares;  // newest first
  const int oldest = std::max(1, session - sessions_needed() + 1);
  for (int t = session; t >= oldest; --t) {
    const double square = returns(t) * returns(t);
    if (!std::isfinite(square)) continue;
    squares.push_back(square);
    history.ages.push_back(session - t);
  }
  history.squares = Eigen::Map<const Vector>(squares.data(), static_cast<Eigen::Index>(squares.size())).reverse();

  Volatility result;
  result.observations = static_cast<int>(squares.size());
  if (!history.ages.empty()) result.newest_age = history.ages.front();
  result.kurtosis = history.kurtosis = kurtosis(history);
  result.realized_short = realized(history, settings_.short_window);
  result.realized_long = realized(history, settings_.long_window);
  result.trend = trend(history);
  // What describes or extends the present volatility needs a present volatility.
  if (const Reason reason = result.realized_short.reason(); reason != Reason::none) {
    result.forecast = Estimate<VolatilityForecast>::missing(reason);
    result.percentile = Estimate<double>::missing(reason);
    return result;
  }
  result.forecast = forecast(history);
  result.percentile = percentile(history);
  result.quality_flag = result.observations < full_observations() ? Quality::limited_history : Quality::full_history;
  return result;
}

// From one session to the next the newest return is added, and the one that is out of reach taken off.
Vector VolatilityEstimator::exponential_variances(const Eigen::Ref<const Vector>& returns) const {
  const int reach = sessions_needed();
  std::vector<double> weight_by_age{1};
  for (int age = 1; age <= reach; ++age) weight_by_age.push_back(settings_.ewma_lambda * weight_by_age.back());
  Vector variances(returns.size());
  double sum = 0;
  double weights = 0;
  std::size_t observations = 0;
  for (Eigen::Index t = 0; t < returns.size(); ++t) {
    if (const double square = returns(t) * returns(t); std::isfinite(square)) {
      sum = settings_.ewma_lambda * sum + square;
      weights = settings_.ewma_lambda * weights + 1;
      ++observations;
    }
    if (const double square = t < reach ? nan : returns(t - reach) * returns(t - reach); std::isfinite(square)) {
      const double weight = weight_by_age[--observations];
      sum -= weight * square;
      weights -= weight;
    }
    variances(t) = observations > 0 ? sum / weights : nan;
  }
  return variances;
}

Reason Volatility::reason() const {
  for (const Reason reason :
       {realized_short.reason(), realized_long.reason(), forecast.reason(), trend.reason(), percentile.reason()})
    if (reason != Reason::none) return reason;
  return Reason::none;
}

}  // namespace pb::core
