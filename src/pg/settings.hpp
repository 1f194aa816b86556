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
  std::size_t max_memory_bytes;
  bool progress;
};

// Defines the settings and reserves their prefix, so that a misspelled name is an error. Called once, at load.
void define_settings();

Settings current_settings();

// The settings as a JSON object, the form in which each run records what it was computed with.
std::string settings_as_json(const Settings& settings);

}  // namespace pb::pg
