// The pairs of a correlation matrix as one family of tests of no correlation: q-values by Benjamini and Hochberg (1995)
// over all of its pairs. A p-value costs far more than a correlation, so only those are computed that decide.
#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <span>
#include <vector>

#include "core/poll.hpp"
#include "core/portfolio/diversification.hpp"
#include "core/stats/correlation.hpp"

namespace pb::core {

// Pairs that have a correlation from at least three common returns, and so a p-value.
std::size_t tested_pairs(const Correlations& correlations, Poll poll = no_poll);

// Pairs with a q-value at or below the level, 0 to 1: as many as benjamini_hochberg of all p-values would find.
std::size_t significant_pairs(const Correlations& correlations, double level = 0.05, Poll poll = no_poll);

struct PairTest {
  double p_value;
  double q_value;
};

// The tests of some pairs that have a correlation; the q-values are those among all pairs of the matrix.
std::vector<PairTest> test_pairs(const Correlations& correlations, std::span<const CorrelatedPair> pairs,
                                 Poll poll = no_poll);

}  // namespace pb::core
