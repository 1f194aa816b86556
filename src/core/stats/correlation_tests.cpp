#include "core/stats/correlation_tests.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/stats/distributions.hpp"
#include "core/stats/multiple_testing.hpp"

namespace pb::core {

namespace {

constexpr int least_observations = 3;  // a p-value needs a degree of freedom

// The smallest |r| of n pairs whose p-value is at or below the given one, by bisection: the p-value falls with |r|.
double critical_correlation(int observations, double p_value) {
  if (p_value >= 1) return 0;
  double above = 0;
  double at = 1;
  for (;;) {
    const double middle = above + (at - above) / 2;
    if (middle <= above || middle >= at) return at;
    (correlation_p_value(middle, observations) <= p_value ? at : above) = middle;
  }
}

// Which pairs have p-values at or below a bound, by comparing correlations.
class Threshold {
 public:
  Threshold(const Correlations& correlations, double p_value, Poll poll)
      : correlations_(correlations), p_value_(p_value), shared_(correlations.overlaps.size() == 1), poll_(poll) {}

  // Not for a pair without a correlation: NaN compares false.
  bool holds(std::size_t pair) {
    const int observations = correlations_.overlaps[shared_ ? 0 : pair];
    if (observations < least_observations) return false;
    const auto place = static_cast<std::size_t>(observations);
    if (place >= critical_.size()) critical_.resize(place + 1, unknown);
    double& critical = critical_[place];
    if (critical == unknown) {
      poll_();
      critical = critical_correlation(observations, p_value_);
    }
    return std::fabs(correlations_.values[pair]) >= critical;
  }

 private:
  static constexpr double unknown = -1;

  const Correlations& correlations_;
  double p_value_;
  bool shared_;
  Poll poll_;
  std::vector<double> critical_;  // by number of observations
};

std::size_t pairs_at_or_below(const Correlations& correlations, double p_value, Poll poll) {
  Threshold threshold(correlations, p_value, poll);
  std::size_t found = 0;
  for (std::size_t pair = 0; pair < correlations.values.size(); ++pair) {
    if (pair % 65536 == 0) poll();
    found += threshold.holds(pair) ? 1 : 0;
  }
  return found;
}

double p_value_of(const Correlations& correlations, std::size_t pair) {
  return correlation_p_value(correlations.values[pair],
                             correlations.overlaps[correlations.overlaps.size() == 1 ? 0 : pair]);
}

std::size_t place(const CorrelatedPair& pair) { return packed_index(pair.first, pair.second); }

}  // namespace

std::size_t tested_pairs(const Correlations& correlations, Poll poll) {
  return pairs_at_or_below(correlations, 1, poll);
}

// The largest k with p_(k) <= level k / m. Every larger k is above the number of p-values at or below its own bound, so
// stepping down from m to that number again and again cannot pass it and stops there.
std::size_t significant_pairs(const Correlations& correlations, double level, Poll poll) {
  const std::size_t tests = tested_pairs(correlations, poll);
  std::size_t significant = tests;
  for (;;) {
    poll();
    const double bound = level * static_cast<double>(significant) / static_cast<double>(tests);
    const std::size_t below = significant == 0 ? 0 : pairs_at_or_below(correlations, bound, poll);
    if (below >= significant) return significant;
    significant = below;
  }
}

// With the pairs ranked by p among themselves, no q-value of theirs exceeds p m / rank of the last, and p-values above
// that cannot lower one: the rest of the tests enters by its number alone.
std::vector<PairTest> test_pairs(const Correlations& correlations, std::span<const CorrelatedPair> pairs, Poll poll) {
  std::vector<PairTest> tests;
  double largest = 0;
  for (const CorrelatedPair& pair : pairs) {
    poll();
    tests.push_back({p_value_of(correlations, place(pair)), std::numeric_limits<double>::quiet_NaN()});
    largest = std::fmax(largest, tests.back().p_value);
  }
  const auto ranked = std::count_if(tests.begin(), tests.end(), [](const auto& t) { return !std::isnan(t.p_value); });
  if (ranked == 0) return tests;
  const std::size_t all = tested_pairs(correlations, poll);
  const double rounding = 1 + 1e-9;
  Threshold deciding(correlations, rounding * largest * static_cast<double>(all) / static_cast<double>(ranked), poll);
  std::vector<std::size_t> places;
  std::vector<double> p_values;
  for (std::size_t pair = 0; pair < correlations.values.size(); ++pair) {
    if (pair % 4096 == 0) poll();
    if (!deciding.holds(pair)) continue;
    places.push_back(pair);
    p_values.push_back(p_value_of(correlations, pair));
  }
  const std::vector<double> q_values = benjamini_hochberg(p_values, all - places.size(), poll);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (std::isnan(tests[i].p_value)) continue;
    const auto found = std::lower_bound(places.begin(), places.end(), place(pairs[i]));
    tests[i].q_value = q_values[static_cast<std::size_t>(found - places.begin())];
  }
  return tests;
}

}  // namespace pb::core
