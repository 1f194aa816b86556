#pragma once
#include "core/no_postgres.hpp"

#include <vector>

#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// The part of a block of returns in which nothing is missing.
struct CompleteCases {
  std::vector<int> columns;   // of the block
  std::vector<int> sessions;  // rows of the block, ascending
  Matrix returns;             // sessions x columns
};

// Keeps the columns with a return on at least the given share of the block's sessions, and of the sessions those on
// which all of these columns have one. So a recent listing drops out instead of shortening everybody else's history.
// Infinite counts as missing. Throws 22023 unless the share is in 0 to 1.
CompleteCases complete_cases(const Eigen::Ref<const Matrix>& returns, double min_coverage = 0.9, Poll poll = no_poll);

}  // namespace pb::core
