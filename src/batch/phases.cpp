#include "batch/phases.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "engine/correlations.hpp"
#include "engine/coverage.hpp"
#include "engine/factor_betas.hpp"
#include "engine/factor_correlations.hpp"
#include "engine/fundamentals.hpp"
#include "engine/market_betas.hpp"
#include "engine/position_values.hpp"
#include "engine/rate_betas.hpp"
#include "engine/sector_exposures.hpp"
#include "engine/sector_tags.hpp"
#include "engine/snapshots.hpp"
#include "engine/stress_tests.hpp"
#include "engine/volatility.hpp"

namespace pb::batch {

const std::vector<Phase>& all_phases() {
  static const std::vector<Phase> phases{
      {.key = "1",
       .name = "market data",
       .newest_date_only = false,
       .needs_snapshot = false,
       .engines = {{"market_data_coverage", engine::report_coverage}}},
      {.key = "1.5",
       .name = "fundamentals",
       .newest_date_only = true,
       .needs_snapshot = false,
       .engines = {{"fundamentals", engine::report_fundamentals}},
       .skip_reason = "no provider of fundamentals is configured",
       .has_work = engine::has_fundamentals},
      {.key = "2",
       .name = "P&L and snapshots",
       .newest_date_only = false,
       .needs_snapshot = false,
       .engines = {{"portfolio_snapshots", engine::create_portfolio_snapshots}},
       .books = true,
       .owns_snapshots = true,
       .sharded = true},
      {.key = "2.5",
       .name = "position values",
       .newest_date_only = true,
       .needs_snapshot = false,
       .engines = {{"position_values", engine::update_position_values}},
       .books = true,
       .sharded = true},
      {.key = "2.75",
       .name = "sector tags",
       .newest_date_only = true,
       .needs_snapshot = false,
       .engines = {{"sector_tags", engine::restore_sector_tags}},
       .ahead = true,
       .sharded = true,
       .before_shards = Engine{"sector_tags_created", engine::create_sector_tags}},
      {.key = "3",
       .name = "risk analytics",
       .newest_date_only = false,
       .needs_snapshot = true,
       .engines = {{"market_betas", engine::calc_market_betas, SharedRows::of_symbols},
                   {"interest_rate_betas", engine::calc_interest_rate_betas, SharedRows::of_symbols},
                   {"ridge_betas", engine::calc_ridge_betas, SharedRows::of_symbols},
                   {"spread_betas", engine::calc_spread_betas, SharedRows::of_symbols},
                   {"sector_exposures", engine::calc_sector_exposures},
                   {"volatility", engine::calc_volatility},
                   {"correlations", engine::calc_correlations},
                   {"factor_correlations", engine::calc_factor_correlations, SharedRows::of_date},
                   {"stress_tests", engine::calc_stress_tests, SharedRows::of_symbols}},
       .books = true,
       .sharded = true},
  };
  return phases;
}

bool Phase::has_shared_rows() const {
  return std::any_of(engines.begin(), engines.end(), [](const Engine& e) { return e.shared != SharedRows::none; });
}

const Phase& snapshot_phase() {
  const auto& phases = all_phases();
  return *std::find_if(phases.begin(), phases.end(), [](const Phase& phase) { return phase.owns_snapshots; });
}

void require_known_phases(std::span<const std::string> keys) {
  const auto& phases = all_phases();
  for (const std::string& key : keys) {
    if (std::any_of(phases.begin(), phases.end(), [&](const Phase& phase) { return key == phase.key; })) continue;
    std::string known;
    for (const Phase& phase : phases) known += (known.empty() ? "" : ", ") + std::string(phase.key);
    throw core::Error(core::sqlstate::invalid_parameter, "unknown phase \"" + key + "\"",
                      "The phases are " + known + ".", "Pass for example phases => '{2,3}', or leave it out for all.");
  }
}

}  // namespace pb::batch
