#include "core/portfolio/diversification.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <string>

#include "core/error.hpp"
#include "core/stats/polled_algebra.hpp"
#include "core/stats/symmetric_eigen.hpp"

namespace pb::core {

namespace {

using Weights = Eigen::Map<const Vector>;

// Of the largest eigenvalue: what two may differ by and count as one. Below, rounding chooses their eigenvectors.
constexpr double same_eigenvalue = 1e-8;

Weights as_vector(std::span<const double> values) { return {values.data(), static_cast<Eigen::Index>(values.size())}; }

// Calls with (i, j, correlation), j < i, for every pair that has a correlation.
template <class Call>
void for_each_pair(std::span<const double> correlations, int items, Poll poll, Call&& call) {
  require_packed(correlations.size(), items);
  std::size_t at = 0;
  for (int i = 1; i < items; ++i) {
    poll();
    for (int j = 0; j < i; ++j, ++at)
      if (!std::isnan(correlations[at]))
        call(static_cast<std::size_t>(i), static_cast<std::size_t>(j), correlations[at]);
  }
}

std::optional<double> ratio(double numerator, double denominator) {
  if (!(denominator > 0)) return std::nullopt;
  return numerator / denominator;
}

// (sum |x|)^2 over a variance; none when the variance is rounding beside that or is not known.
std::optional<double> squared_ratio(double absolute_sum, double variance, Eigen::Index items) {
  const double square = absolute_sum * absolute_sum;
  const double rounding = std::numeric_limits<double>::epsilon() * static_cast<double>(items) * square;
  if (!(variance > rounding)) return std::nullopt;
  return square / variance;
}

// (sum |w| s)^2 / w' S w.
std::optional<double> squared_diversification(const Matrix& covariance, const Weights& w, Poll poll) {
  const double sum = w.cwiseAbs().dot(covariance.diagonal().cwiseSqrt());
  return squared_ratio(sum, w.dot(product(covariance, w, poll)), w.size());
}

// exp of the entropy of what the values, all at least 0, are of their sum, where those of each group are equal. Groups
// end where ends_group(i) says so of their last place.
template <class EndsGroup>
double effective_number(const Vector& values, EndsGroup&& ends_group) {
  const double total = values.sum();
  double entropy = 0;
  Eigen::Index first = 0;
  for (Eigen::Index i = 0; i < values.size(); ++i) {
    if (!ends_group(i)) continue;
    const auto members = static_cast<double>(i + 1 - first);
    const double share = values.segment(first, i + 1 - first).sum() / total;
    if (share > 0) entropy -= share * std::log(share / members);
    first = i + 1;
  }
  return std::exp(entropy);
}

std::optional<double> root(std::optional<double> value) { return value ? std::optional(std::sqrt(*value)) : value; }

void require_same_size(std::size_t values, std::size_t weights) {
  if (values == weights) return;
  throw Error(sqlstate::invalid_parameter, "there must be one weight for each asset",
              std::to_string(weights) + " weights for " + std::to_string(values) + " assets.");
}

}  // namespace

std::optional<double> average_correlation(std::span<const double> correlations, Poll poll) {
  double sum = 0;
  double pairs = 0;
  in_steps(std::ssize(correlations), 1, poll, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
    for (const double correlation :
         correlations.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count))) {
      if (std::isnan(correlation)) continue;
      sum += correlation;
      ++pairs;
    }
  });
  return ratio(sum, pairs);
}

std::optional<double> weighted_average_correlation(std::span<const double> correlations,
                                                   std::span<const double> weights, Poll poll) {
  double sum = 0;
  double total = 0;
  const auto add = [&](std::size_t i, std::size_t j, double correlation) {
    const double weight = std::fabs(weights[i] * weights[j]);
    sum += weight * correlation;
    total += weight;
  };
  for_each_pair(correlations, static_cast<int>(weights.size()), poll, add);
  return ratio(sum, total);
}

std::optional<double> position_signed_correlation(std::span<const double> correlations, std::span<const double> weights,
                                                  Poll poll) {
  double sum = 0;
  double pairs = 0;
  const auto add = [&](std::size_t i, std::size_t j, double correlation) {
    if (weights[i] == 0 || weights[j] == 0) return;
    sum += (weights[i] > 0) == (weights[j] > 0) ? correlation : -correlation;
    ++pairs;
  };
  for_each_pair(correlations, static_cast<int>(weights.size()), poll, add);
  return ratio(sum, pairs);
}

std::optional<double> diversification_ratio(const Matrix& covariance, std::span<const double> weights, Poll poll) {
  require_same_size(static_cast<std::size_t>(covariance.rows()), weights.size());
  return root(squared_diversification(covariance, as_vector(weights), poll));
}

std::optional<double> effective_bets(const Matrix& covariance, std::span<const double> weights, Poll poll) {
  require_same_size(static_cast<std::size_t>(covariance.rows()), weights.size());
  const auto w = as_vector(weights);
  if (!squared_diversification(covariance, w, poll)) return std::nullopt;
  const EigenLoadings principal = eigen_loadings(covariance, w, poll);
  const Vector& variances = principal.values;
  // A repaired matrix has eigenvalues of 0, which rounding may leave below.
  const Vector risks = principal.loadings.cwiseAbs2().cwiseProduct(variances.cwiseMax(0));
  const Eigen::Index last = variances.size() - 1;
  const double apart = same_eigenvalue * variances(last);
  return effective_number(risks, [&](Eigen::Index i) { return i == last || variances(i + 1) - variances(i) > apart; });
}

std::vector<CorrelatedPair> top_correlations(std::span<const double> correlations, int items, int count, Poll poll) {
  const auto before = [](const CorrelatedPair& a, const CorrelatedPair& b) {
    if (std::fabs(a.correlation) != std::fabs(b.correlation))
      return std::fabs(a.correlation) > std::fabs(b.correlation);
    return a.first != b.first ? a.first < b.first : a.second < b.second;
  };
  // A heap of the best so far, the worst of them on top.
  std::vector<CorrelatedPair> best;
  for_each_pair(correlations, items, poll, [&](std::size_t i, std::size_t j, double correlation) {
    const CorrelatedPair pair{static_cast<int>(j), static_cast<int>(i), correlation};
    if (static_cast<int>(best.size()) >= count) {
      if (best.empty() || !before(pair, best.front())) return;
      std::pop_heap(best.begin(), best.end(), before);
      best.pop_back();
    }
    best.push_back(pair);
    std::push_heap(best.begin(), best.end(), before);
  });
  std::sort_heap(best.begin(), best.end(), before);
  return best;
}

}  // namespace pb::core
