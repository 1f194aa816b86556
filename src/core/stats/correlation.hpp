#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <span>
#include <vector>

#include "core/poll.hpp"
#include "core/portfolio/price_panel.hpp"
#include "core/reason.hpp"
#include "core/stats/linear_algebra.hpp"
#include "core/stats/packed_triangle.hpp"

namespace pb::core {

// log(1 + r) of simple returns, element by element. A return that is missing, or leaves nothing of the price, is NaN.
Matrix log_returns(const Eigen::Ref<const Matrix>& simple);

// Log returns of the given columns of a panel in the window of sessions that ends with the given one: sessions x
// columns, oldest first, NaN where there is no return. Shorter than the window where the panel begins within it.
Matrix log_return_block(const PricePanel& panel, std::span<const int> columns, int session, int window,
                        Poll poll = no_poll);

struct CorrelationSettings {
  int min_overlap = 60;              // common returns below which a pair has no correlation; at least 2
  double constant_variance = 1e-18;  // per period, divisor n; below this a series is constant seen through rounding
};

// Pearson correlations of all pairs of symbols, each over the sessions on which both have a return (pairwise-complete),
// packed as in packed_triangle.hpp. NaN where a pair overlaps too little or one of the two is constant.
struct Correlations {
  int symbols = 0;
  int min_overlap = 0;
  std::vector<double> values;
  std::vector<int> overlaps;    // common returns of each pair, or one value when all are equal
  std::vector<Reason> reasons;  // of each symbol that has no correlation with any other

  double value(int i, int j) const { return i == j ? 1.0 : values[packed_index(i, j)]; }
  int overlap(int i, int j) const { return overlaps.size() == 1 ? overlaps[0] : overlaps[packed_index(i, j)]; }
  // Why the pair has no correlation: no_prices, insufficient_data or constant_series; nullptr when it has one.
  Reason reason(int i, int j) const;
};

// Correlates the columns of a block of returns (sessions x symbols, NaN or infinite = missing; any linear unit).
//
// A series is centered on its own mean and scaled to unit length before products are formed. A pair with the same
// sessions on both sides is the product of two such series. For any other pair the products are restricted to the
// overlap and the means of the overlap are taken out of them: r = (s_xy - s_x s_y / n) / sqrt((s_xx - s_x^2 / n)
// (s_yy - s_y^2 / n)). Where the overlap holds less than 1/16 of a series' variation, as when a jump lies outside it,
// these differences would lose digits, and the pair is standardized afresh over its overlap alone.
//
// Error against exact arithmetic, with u = 1.1e-16 and T sessions: (2 T + 8) u for pairs with the same sessions and
// those standardized afresh; for the others 128 T u max(1, T / n), usually a few u. Every result is the same to the
// last bit whatever other symbols are in the block and in whatever order they stand.
//
// Memory: 10 bytes per return, 8 per pair, and 4 per pair unless all symbols have the same sessions.
// Throws 22023 on an impossible setting or more than 65,535 sessions.
Correlations pairwise_correlations(const Eigen::Ref<const Matrix>& returns, const CorrelationSettings& settings = {},
                                   Poll poll = no_poll);

// The two-sided p-value of every pair, in packed order; NaN where there is no correlation.
std::vector<double> correlation_p_values(const Correlations& correlations, Poll poll = no_poll);

}  // namespace pb::core
