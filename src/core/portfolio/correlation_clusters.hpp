#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/poll.hpp"

namespace pb::core {

// Two or more assets that move together.
struct CorrelationCluster {
  std::vector<int> members;                    // ascending
  double value = 0;                            // sum of the members' absolute values
  double average_correlation = 0;              // mean of the members' pairs, signed; NaN when none has a correlation
  std::vector<double> correlation_to_cluster;  // of each member: mean with the others; NaN when it has none
};

// The clusters of average linkage on sqrt((1 - rho) / 2), cut where rho is the threshold; single assets form none.
// Largest value first, then by smallest member. Correlations packed, NaN where missing; values in one currency, signed
// or not. Throws 22023 unless the threshold is in -1 to 1 and there is one correlation for each pair.
std::vector<CorrelationCluster> correlation_clusters(std::span<const double> correlations,
                                                     std::span<const double> values, double threshold = 0.7,
                                                     Poll poll = no_poll);

// Share of the absolute value that lies in clusters, 0 to 1; none without value.
std::optional<double> concentration_score(std::span<const CorrelationCluster> clusters, std::span<const double> values);

// A member as its cluster's name depends on it.
struct NamedMember {
  std::string symbol;
  double value = 0;
  std::string sector;             // empty when unknown
  std::vector<std::string> tags;  // the user's own
};

// A readable name: the tag that at least 70 % of the members carry, else the sector of at least 70 % of them, else
// "<symbol of the largest absolute value> lookalikes". Ties go to the name, or symbol, that sorts first by bytes.
std::string cluster_nickname(std::span<const NamedMember> members);

}  // namespace pb::core
