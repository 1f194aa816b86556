#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <string>

namespace pb::pg {

// The values of portfolio_batch.* at this moment.
struct Settings {
  std::string schema;  // empty: the extension's own schema
  std::string calendar;
  std::string market_symbol;
  int settle_delay_minutes;
  int max_stale_sessions;
  int beta_window;
  int beta_min_observations;
  int limited_history_below;
  int factor_window;
  int factor_min_observations;
  double ridge_alpha;
  std::string ridge_alpha_choice;  // fixed or gcv
  bool orthogonalize = true;       // styles to the market; not a setting of its own
  std::string rate_series;
  double rate_duration;
  int covariance_window;
  double covariance_half_life;
  int correlation_window;
  int correlation_min_overlap;
  double correlation_threshold;
  double min_position_value;
  double min_coverage;
  double min_portfolio_weight;
  std::string position_filter;  // both, either, value_only or weight_only
  std::string benchmark;
  std::size_t max_memory_bytes;
  bool progress;
  int workers;  // of daily_batch; 1: none
};

// Defines the settings and reserves their prefix, so that a misspelled name is an error. Called once, at load.
void define_settings();

Settings current_settings();

// The settings as a JSON object, the form in which each run records what it was computed with.
std::string settings_as_json(const Settings& settings);

}  // namespace pb::pg
