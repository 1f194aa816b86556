// The settings of the product, portfolio_batch.*, by what they belong to.
#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>

namespace pb::store {

struct TableSettings {
  std::string schema;  // empty: the extension's own schema
};

struct RunSettings {
  std::string calendar;
  int settle_delay_minutes;
  double min_coverage;
  std::size_t max_memory_bytes;
  bool progress;
  int workers;  // of daily_batch; 1: none
};

struct ValuationSettings {
  std::string market_symbol;
  int max_stale_sessions;
  std::string benchmark;
};

struct BetaSettings {
  int beta_window;
  int beta_min_observations;
  int limited_history_below;
  std::string rate_series;
  std::string risk_free_series;
  double rate_duration;
};

struct FactorSettings {
  int factor_window;
  int factor_min_observations;
  double ridge_alpha_per_observation;
  std::string ridge_alpha_choice;  // fixed or gcv
  // Arguments of calc_factor_betas, and no settings: an alpha for windows of any length in place of the one per
  // observation, and whether styles are made orthogonal to the market.
  std::optional<double> ridge_alpha;
  bool orthogonalize = true;
  int covariance_window;
  double covariance_half_life;
  std::string stress_covariance;  // long_run or day
};

struct CorrelationSettings {
  int correlation_window;
  int correlation_min_overlap;
  double correlation_threshold;
  double min_position_value;
  double min_portfolio_weight;
  std::string position_filter;  // both, either, value_only or weight_only
};

// Of the collection of market data, which no result of a run depends on.
struct CollectionSettings {
  int collect_deadline_minutes;
  int collect_chunk;    // symbols that are planned and written together
  int collect_overlap;  // sessions with a price that are asked for again
  std::string user_agent;
  std::string contact;
  std::string provider_keys_file;
  std::string provider_addresses;
  std::string provider_ca_file;
  bool allow_insecure_loopback;
};

// Their values at one moment.
struct Settings : TableSettings,
                  RunSettings,
                  ValuationSettings,
                  BetaSettings,
                  FactorSettings,
                  CorrelationSettings,
                  CollectionSettings {};

// Defines them in the server. Called once, when the extension's first library is loaded.
void define_settings();

// Called once, when another library of the extension is loaded, which finds them defined.
void share_settings();

Settings current_settings();

// The settings as a JSON object, the form in which each run records what it was computed with.
std::string settings_as_json(const Settings& settings);

// Names of settings with their values, as such a record has them, as texts.
using SettingTexts = std::map<std::string, std::string>;

// The settings of a record. What it does not have, or what is not allowed, is as in the others.
Settings settings_from_record(const SettingTexts& record, Settings others);

}  // namespace pb::store
