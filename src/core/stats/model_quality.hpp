// How good forecasts were: what was forecast against what happened since, and against a plainer forecast of the same.
// An observation whose forecast, plain forecast or outcome is missing is left out of both sides.
#pragma once
#include "core/no_postgres.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/limits.hpp"
#include "core/reason.hpp"

namespace pb::core {

// How a model compares with its plain alternative. ties: equal, or no nearer to what it should be but within the range
// of what chance alone makes of it.
enum class Verdict : std::uint8_t { none, wins, ties, loses };

constexpr std::string_view to_word(Verdict verdict) {
  constexpr std::array<std::string_view, 4> words{"", "wins", "ties", "loses"};
  return words[static_cast<std::size_t>(verdict)];
}

// A measure of a model. Fewer observations than `min_scores` make none: NaN with the reason insufficient_data.
struct Score {
  double value = nan;
  double plain = nan;  // of the plain alternative
  double low = nan;    // range that chance alone makes of it, where there is one
  double high = nan;
  std::int64_t observations = 0;
  Verdict verdict = Verdict::none;
  Reason reason = Reason::insufficient_data;
};

inline constexpr std::int64_t min_scores = 15;

// Out-of-sample R2 (Campbell and Thompson 2008): 1 - sum (r - forecast)^2 / sum r^2, of both forecasts against that of
// 0. Larger is better.
class OutOfSampleR2 {
 public:
  void add(double outcome, double forecast, double plain);
  Score score() const;

 private:
  std::int64_t n_ = 0;
  double squares_ = 0;
  double errors_ = 0;
  double plain_errors_ = 0;
};

// Mean of QLIKE = ln(s2) + r2 / s2 (Patton 2011), s2 the forecast of a variance and r2 what is known of it afterwards.
// Smaller is better, and the mean is smallest for the true variance, however noisy r2 is.
class QlikeLoss {
 public:
  void add(double outcome, double forecast, double plain);
  Score score() const;

 private:
  std::int64_t n_ = 0;
  double losses_ = 0;
  double plain_losses_ = 0;
};

// Bias statistic: standard deviation of return / forecast of its standard deviation, 1 for a risk that is neither too
// low (above 1) nor too high; 95 % range 1 -+ sqrt(2 / n) for normal returns.
class BiasStatistic {
 public:
  void add(double outcome, double forecast, double plain);
  Score score() const;

 private:
  // Of standardized returns, by Welford's recursion.
  struct Spread {
    double mean = 0;
    double squares = 0;
    void add(double value, std::int64_t n);
    double deviation(std::int64_t n) const;
  };

  std::int64_t n_ = 0;
  Spread model_;
  Spread plain_;
};

// How often 95 % intervals hold the estimate of the next window, which shares no observation with their own. That
// estimate has an error of its own, as large as the interval's; so it is held with the probability of
// |z - z'| < 1.96, 83.4 % (Cumming, Williams and Fidler 2004).
inline constexpr double interval_z = 1.959963984540054;
double nominal_coverage();

class IntervalCoverage {
 public:
  void add(bool held, bool held_by_plain);
  // Against the coverage of the plain intervals. So many observations are independent of one another at most.
  Score score(std::int64_t independent) const;
  // Against the nominal coverage, where there are no other intervals.
  Score score() const;

 private:
  Score judged(double plain, std::int64_t independent) const;

  std::int64_t n_ = 0;
  std::int64_t held_ = 0;
  std::int64_t held_by_plain_ = 0;
};

// Ends of the 95 % interval of a standard deviation of n normal observations without mean, as multiples of it:
// sqrt((n-1) / chi2) with the upper and lower quantiles of n - 1 degrees of freedom.
struct IntervalEnds {
  double low;
  double high;
};
IntervalEnds normal_interval(int observations);

// Relative change of a vector of betas, |after - before| / |before|; plain is what their errors alone make of constant
// betas: two estimates that share all but a share of their windows differ by sqrt(2 share) standard errors.
class BetaChange {
 public:
  explicit BetaChange(double share) : share_(share) {}
  void add(double before, double after, double std_error);
  Score score() const;

 private:
  double share_;
  std::int64_t n_ = 0;
  double changes_ = 0;
  double levels_ = 0;
  double errors_ = 0;
};

}  // namespace pb::core
