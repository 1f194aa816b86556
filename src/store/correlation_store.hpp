#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/portfolio/money.hpp"
#include "core/reason.hpp"
#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// One of the pairs that a summary names.
struct TopPair {
  std::string symbol1;
  std::string symbol2;
  double correlation;
  double p_value;
  double q_value;
  int observations;
};

// A portfolio's correlations as they are stored: NaN and empty become NULL. The settings they were computed with come
// from the store.
struct CorrelationCalculation {
  core::Uuid portfolio_id;
  int positions_included = 0;
  int positions_excluded = 0;
  const char* data_quality = "insufficient";
  core::Reason reason = core::Reason::none;
  double average = std::numeric_limits<double>::quiet_NaN();
  double weighted_average = std::numeric_limits<double>::quiet_NaN();
  double position_signed = std::numeric_limits<double>::quiet_NaN();
  double effective_positions = std::numeric_limits<double>::quiet_NaN();
  double effective_bets = std::numeric_limits<double>::quiet_NaN();
  double diversification_ratio = std::numeric_limits<double>::quiet_NaN();
  double concentration_score = std::numeric_limits<double>::quiet_NaN();
  core::Reason diversification_reason = core::Reason::none;  // why a figure that needs the matrix is missing
  const char* matrix_method = nullptr;
  double shrinkage_intensity = std::numeric_limits<double>::quiet_NaN();
  double repair_distance = std::numeric_limits<double>::quiet_NaN();
  std::optional<int> significant_pairs;
  std::optional<int> total_pairs;
  std::vector<TopPair> top_pairs;
  std::vector<std::string> symbols;  // empty: no matrix
  std::vector<double> correlations;  // packed, core/stats/packed_triangle.hpp
  std::vector<std::int32_t> overlaps;
};

struct ClusterPosition {
  core::Uuid position_id;
  std::string symbol;
  core::Money value;
  double portfolio_percentage;
  double correlation_to_cluster;
};

struct Cluster {
  core::Uuid portfolio_id;
  int number;  // from 1
  std::string nickname;
  double average_correlation;
  core::Money value;
  double portfolio_percentage;
  std::vector<ClusterPosition> positions;
};

// Replace the day's rows of these portfolios and this window in correlation_calculations; and in correlation_clusters
// and correlation_cluster_positions.
std::int64_t write_correlations(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                                std::span<const CorrelationCalculation> rows);
std::int64_t write_clusters(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                            std::span<const Cluster> clusters);

// The sectors of those symbols that have one, under the name that it has everywhere.
std::map<std::string, std::string> load_sectors(const Store& store, std::span<const std::string> symbols);

// The names of the users' own tags in use, by portfolio and position.
using UserTags = std::map<std::pair<core::Uuid, core::Uuid>, std::vector<std::string>>;
UserTags load_user_tags(const Store& store, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::store
