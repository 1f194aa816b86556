#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <vector>

#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"
#include "core/stats/packed_triangle.hpp"

namespace pb::core {

// What the correlations of a portfolio say of how diversified it is. Correlations are packed (packed_triangle.hpp), NaN
// where a pair has none; weights are signed, a short negative, in any unit. Sizes that do not fit raise 22023.

// Mean of the correlations that exist, signed; none without a pair. A mean of absolute values would be above 0 for
// uncorrelated assets too.
std::optional<double> average_correlation(std::span<const double> correlations, Poll poll = no_poll);

// sum |w_i w_j| rho_ij / sum |w_i w_j| over the pairs i < j that have a correlation.
std::optional<double> weighted_average_correlation(std::span<const double> correlations,
                                                   std::span<const double> weights, Poll poll = no_poll);

// Mean of rho_ij sign(w_i w_j) over the pairs with a correlation and two positions: a hedge counts as the opposite bet
// that it is.
std::optional<double> position_signed_correlation(std::span<const double> correlations, std::span<const double> weights,
                                                  Poll poll = no_poll);

// sum |w_i| s_i / sqrt(w' S w), the weighted mean volatility over the portfolio's own (Choueifaty and Coignard 2008),
// of a book without short positions: 1 when all move as one, sqrt(n) for n uncorrelated holdings of the same risk. With
// hedges it has no bound and no such meaning. Its square is the number of such holdings that diversify as much; with a
// correlation matrix in the place of the covariances, of sizes and correlations alone. None when an element that
// matters is NaN, and when there is no risk to divide by.
std::optional<double> diversification_ratio(const Matrix& covariance, std::span<const double> weights,
                                            Poll poll = no_poll);

// How many uncorrelated bets the variance of a long or long/short portfolio comes from (Meucci 2009, "Managing
// Diversification"): exp(-sum p_i ln p_i), p_i = (e_i' w)^2 lambda_i / w' S w, the share of the principal portfolio
// e_i, an eigenvector of the covariance with eigenvalue lambda_i. From 1 to the number of assets. Principal portfolios
// of one eigenvalue can be chosen in many ways, so the variance in their space counts as spread evenly over them;
// eigenvalues count as one where they follow each other within 1e-8 of the largest. None as for the ratio. O(n^3).
std::optional<double> effective_bets(const Matrix& covariance, std::span<const double> weights, Poll poll = no_poll);

struct CorrelatedPair {
  int first;  // < second
  int second;
  double correlation;
};

// The pairs with the largest absolute correlations, largest first; ties by the first, then the second index.
std::vector<CorrelatedPair> top_correlations(std::span<const double> correlations, int items, int count,
                                             Poll poll = no_poll);

}  // namespace pb::core
