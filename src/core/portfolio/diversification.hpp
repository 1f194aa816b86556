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

// sum |w_i| s_i / sqrt(w' S w), the weighted mean volatility over the portfolio's own (Choueifaty and Coignard 2008): 1
// when all move as one, sqrt(n) for n uncorrelated bets of the same risk. Volatilities in any unit. None when a pair
// that matters has no correlation, and when the hedges leave no risk to divide by.
std::optional<double> diversification_ratio(std::span<const double> correlations, std::span<const double> weights,
                                            std::span<const double> volatilities);
// The same from a covariance matrix, such as a shrunk one.
std::optional<double> diversification_ratio(const Matrix& covariance, std::span<const double> weights,
                                            Poll poll = no_poll);

// The square of the diversification ratio: the number of uncorrelated bets of the same risk that diversify as much.
std::optional<double> effective_bets(std::span<const double> correlations, std::span<const double> weights,
                                     std::span<const double> volatilities);

// (sum |w|)^2 / (w' R w): the same with all volatilities equal, so of sizes and correlations alone. Uncorrelated
// positions give the inverse Herfindahl index, equal weights n^2 over the sum of the matrix.
std::optional<double> effective_positions(std::span<const double> correlations, std::span<const double> weights);

// How much of n standardized assets' variance lies along few directions.
struct EigenConcentration {
  double first_share;          // largest eigenvalue over n: 1/n uncorrelated, 1 all as one
  double participation_ratio;  // (sum of eigenvalues)^2 / sum of squares: n uncorrelated, 1 all as one
};

// Of a complete correlation matrix with unit diagonal. Throws 22000 when it is empty, not square or not finite.
EigenConcentration eigen_concentration(const Matrix& correlation);

struct CorrelatedPair {
  int first;  // < second
  int second;
  double correlation;
};

// The pairs with the largest absolute correlations, largest first; ties by the first, then the second index.
std::vector<CorrelatedPair> top_correlations(std::span<const double> correlations, int items, int count,
                                             Poll poll = no_poll);

}  // namespace pb::core
