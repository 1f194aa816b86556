#include "core/stats/model_quality.hpp"

#include <algorithm>
#include <cmath>

#include "core/stats/chi_squared.hpp"

namespace pb::core {

namespace {

// Sums of the same numbers in another order are equal, whatever their last digits say.
bool are_equal_sums(double a, double b) { return std::fabs(a - b) <= 1e-12 * std::max(std::fabs(a), std::fabs(b)); }

Verdict verdict_of_less(double value, double plain) {
  if (are_equal_sums(value, plain)) return Verdict::ties;
  return value < plain ? Verdict::wins : Verdict::loses;
}

// For what should be as near as possible to a value.
Verdict verdict_of_distance(const Score& score, double target) {
  const double distance = std::fabs(score.value - target);
  const double plain_distance = std::fabs(score.plain - target);
  const bool is_equal = are_equal_sums(score.value, score.plain);
  if (!is_equal && distance < plain_distance) return Verdict::wins;
  return is_equal || (score.value >= score.low && score.value <= score.high) ? Verdict::ties : Verdict::loses;
}

// The score of n observations, without a value yet.
Score counted(std::int64_t n, std::int64_t least = min_scores) {
  return {.observations = n, .reason = n < least ? Reason::insufficient_data : Reason::none};
}

// A measure that divides by 0 says nothing.
Score checked(const Score& score) {
  if (score.reason != Reason::none || (std::isfinite(score.value) && std::isfinite(score.plain))) return score;
  return {.observations = score.observations, .reason = Reason::constant_series};
}

double qlike(double outcome, double variance) { return std::log(variance) + outcome / variance; }

bool is_positive(double value) { return value > 0 && std::isfinite(value); }

}  // namespace

void OutOfSampleR2::add(double outcome, double forecast, double plain) {
  if (!std::isfinite(outcome) || !std::isfinite(forecast) || !std::isfinite(plain)) return;
  ++n_;
  squares_ += outcome * outcome;
  errors_ += (outcome - forecast) * (outcome - forecast);
  plain_errors_ += (outcome - plain) * (outcome - plain);
}

Score OutOfSampleR2::score() const {
  Score score = counted(n_);
  if (score.reason != Reason::none) return score;
  score.value = 1 - errors_ / squares_;
  score.plain = 1 - plain_errors_ / squares_;
  score.verdict = verdict_of_less(errors_, plain_errors_);
  return checked(score);
}

void QlikeLoss::add(double outcome, double forecast, double plain) {
  if (!(outcome >= 0) || !std::isfinite(outcome) || !is_positive(forecast) || !is_positive(plain)) return;
  ++n_;
  losses_ += qlike(outcome, forecast);
  plain_losses_ += qlike(outcome, plain);
}

Score QlikeLoss::score() const {
  Score score = counted(n_);
  if (score.reason != Reason::none) return score;
  score.value = losses_ / static_cast<double>(n_);
  score.plain = plain_losses_ / static_cast<double>(n_);
  score.verdict = verdict_of_less(score.value, score.plain);
  return checked(score);
}

void BiasStatistic::Spread::add(double value, std::int64_t n) {
  const double step = value - mean;
  mean += step / static_cast<double>(n);
  squares += step * (value - mean);
}

double BiasStatistic::Spread::deviation(std::int64_t n) const {
  return std::sqrt(squares / static_cast<double>(n - 1));
}

void BiasStatistic::add(double outcome, double forecast, double plain) {
  if (!std::isfinite(outcome) || !is_positive(forecast) || !is_positive(plain)) return;
  ++n_;
  model_.add(outcome / forecast, n_);
  plain_.add(outcome / plain, n_);
}

Score BiasStatistic::score() const {
  Score score = counted(n_);
  if (score.reason != Reason::none) return score;
  const double half_width = std::sqrt(2 / static_cast<double>(n_));
  score.value = model_.deviation(n_);
  score.plain = plain_.deviation(n_);
  score.low = 1 - half_width;
  score.high = 1 + half_width;
  score.verdict = verdict_of_distance(score, 1);
  return checked(score);
}

double nominal_coverage() { return std::erf(interval_z / 2); }

void IntervalCoverage::add(bool held, bool held_by_plain) {
  ++n_;
  held_ += held ? 1 : 0;
  held_by_plain_ += held_by_plain ? 1 : 0;
}

Score IntervalCoverage::judged(double plain, std::int64_t independent) const {
  Score score = counted(n_);
  if (score.reason != Reason::none) return score;
  const double nominal = nominal_coverage();
  const double half_width = interval_z * std::sqrt(nominal * (1 - nominal) / static_cast<double>(independent));
  score.value = static_cast<double>(held_) / static_cast<double>(n_);
  score.plain = plain;
  score.low = std::max(0.0, nominal - half_width);
  score.high = std::min(1.0, nominal + half_width);
  score.verdict = verdict_of_distance(score, nominal);
  return score;
}

Score IntervalCoverage::score(std::int64_t independent) const {
  return judged(static_cast<double>(held_by_plain_) / static_cast<double>(n_), std::min(n_, independent));
}

Score IntervalCoverage::score() const { return judged(nominal_coverage(), n_); }

IntervalEnds normal_interval(int observations) {
  const double df = observations - 1;
  return {std::sqrt(df / chi_squared_quantile(0.975, df)), std::sqrt(df / chi_squared_quantile(0.025, df))};
}

void BetaChange::add(double before, double after, double std_error) {
  if (!std::isfinite(before) || !std::isfinite(after) || !std::isfinite(std_error)) return;
  ++n_;
  changes_ += (after - before) * (after - before);
  levels_ += before * before;
  errors_ += 2 * share_ * std_error * std_error;
}

Score BetaChange::score() const {
  Score score = counted(n_, 1);
  if (score.reason != Reason::none) return score;
  score.value = std::sqrt(changes_ / levels_);
  score.plain = std::sqrt(errors_ / levels_);
  score.low = 0;
  score.high = interval_z * score.plain;
  score.verdict = score.value <= score.plain  ? Verdict::wins
                  : score.value <= score.high ? Verdict::ties
                                              : Verdict::loses;
  return checked(score);
}

}  // namespace pb::core
