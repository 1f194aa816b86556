#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "core/stats/correlation.hpp"

namespace pb::core {

// The correlations among some of the symbols, in ascending order of their places: what correlating these alone would
// give, to the last bit.
Correlations correlations_among(const Correlations& all, std::span<const int> symbols, Poll poll = no_poll);

// Whether one triangle of all columns has fewer pairs than those of the groups together.
bool one_triangle_is_cheaper(int columns, std::span<const std::vector<int>> groups);

// Correlates each group of columns of a block of returns, as pairwise_correlations would, and hands it over with its
// number, in order. Groups that share many symbols, such as portfolios of one house, are cut out of one triangle of all
// columns; the results are the same either way. Columns ascend within a group.
void correlate_groups(const Eigen::Ref<const Matrix>& returns, std::span<const std::vector<int>> groups,
                      const CorrelationSettings& settings, Poll poll,
                      const std::function<void(std::size_t, const Correlations&)>& receive);

}  // namespace pb::core
