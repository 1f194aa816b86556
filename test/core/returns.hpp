// Generated returns for the tests of correlations and what is made of them.
#pragma once

#include <cstdint>
#include <limits>
#include <random>

#include "core/stats/linear_algebra.hpp"

namespace pb::test {

// Returns of assets that share a market, sessions x symbols, with fat tails like real ones.
inline core::Matrix generated_returns(int sessions, int symbols, std::uint64_t seed, double market_weight = 0.7) {
  std::mt19937_64 random(seed);
  std::student_t_distribution<double> fat(4);
  core::Matrix returns(sessions, symbols);
  for (int t = 0; t < sessions; ++t) {
    const double market = fat(random);
    for (int i = 0; i < symbols; ++i) returns(t, i) = 0.0003 + 0.01 * (market_weight * market + fat(random));
  }
  return returns;
}

// Takes out the given share of all cells.
inline void remove_cells(core::Matrix& returns, double share, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::bernoulli_distribution missing(share);
  for (double& value : returns.reshaped())
    if (missing(random)) value = std::numeric_limits<double>::quiet_NaN();
}

}  // namespace pb::test
