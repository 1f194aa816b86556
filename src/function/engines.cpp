// The engines by hand, one call each: calc_…, create_portfolio_snapshots, update_position_values, restore_sector_tags,
// and market_risk, which computes without storing.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "core/error.hpp"
#include "core/portfolio/concentration.hpp"
#include "engine/correlations.hpp"
#include "engine/factor_betas.hpp"
#include "engine/factor_correlations.hpp"
#include "engine/market_betas.hpp"
#include "engine/position_values.hpp"
#include "engine/rate_betas.hpp"
#include "engine/sector_exposures.hpp"
#include "engine/sector_tags.hpp"
#include "engine/snapshots.hpp"
#include "engine/stress_model.hpp"
#include "engine/stress_tests.hpp"
#include "engine/volatility.hpp"
#include "function/entry.hpp"
#include "pg/interrupts.hpp"
#include "store/snapshot_store.hpp"
#include "store/stress_store.hpp"

namespace pb::function {

namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& is, const std::string& hint) {
  throw core::Error(core::sqlstate::invalid_parameter, what, "It is " + is + ".", hint);
}

void require_between(const char* what, int value, int least, int most) {
  if (value >= least && value <= most) return;
  refuse(std::string(what) + " must be in " + std::to_string(least) + " to " + std::to_string(most),
         std::to_string(value), "The usual values are a window of 126 sessions and an overlap of at least 60.");
}

std::string format(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

void require_between(const char* what, double value, double least, double most, const char* range, const char* hint) {
  if (!(value >= least && value <= most)) refuse(std::string(what) + " must be in " + range, format(value), hint);
}

void require_possible(const store::Settings& settings) {
  require_between("duration_days", settings.correlation_window, 20, 10000);
  require_between("min_overlap", settings.correlation_min_overlap, 10, 10000);
  if (settings.correlation_min_overlap > settings.correlation_window)
    refuse("min_overlap must not exceed duration_days",
           std::to_string(settings.correlation_min_overlap) + " of " + std::to_string(settings.correlation_window) +
               " sessions",
           "Pass a smaller min_overlap too, or a larger duration_days.");
  require_between("min_position_value", settings.min_position_value, 0, 1e14, "0 to 1e14",
                  "It is an amount of money; 0 leaves nothing out.");
  require_between("min_portfolio_weight", settings.min_portfolio_weight, 0, 1, "0 to 1",
                  "It is a share of the gross exposure; 0.01 is 1 %.");
  require_between("correlation_threshold", settings.correlation_threshold, -1, 1, "-1 to 1", "0.7 is usual.");
  constexpr std::array modes{"both", "either", "value_only", "weight_only"};
  if (std::find(modes.begin(), modes.end(), settings.position_filter) == modes.end())
    refuse("unknown filter_mode \"" + settings.position_filter + "\"", "one of both, either, value_only, weight_only",
           "Pass for example filter_mode => 'either'.");
}

}  // namespace

PB_FUNCTION(pb_calc_market_betas) { run_engine_by_hand(call, engine::calc_market_betas); }

PB_FUNCTION(pb_calc_interest_rate_betas) { run_engine_by_hand(call, engine::calc_interest_rate_betas); }

// calc_factor_betas(calculation_date, portfolio_ids, model, alpha, choose, orthogonalize)
PB_FUNCTION(pb_calc_factor_betas) {
  const store::Store store(call);
  const std::string model = call.text(2).value_or("ridge");
  if (model != "ridge" && model != "spread")
    throw core::Error(core::sqlstate::invalid_parameter, "unknown factor model \"" + model + "\"",
                      "The models are ridge and spread.", "Pass model => 'ridge' or model => 'spread'.");
  store::Settings settings = store.settings();
  settings.ridge_alpha = call.float8(3);
  // Who gives an alpha wants it, whatever the setting says.
  settings.ridge_alpha_choice = call.text(4).value_or(settings.ridge_alpha ? "fixed" : settings.ridge_alpha_choice);
  settings.orthogonalize = call.boolean(5).value_or(true);
  if (settings.ridge_alpha && !(*settings.ridge_alpha >= 0 && std::isfinite(*settings.ridge_alpha)))
    throw core::Error(core::sqlstate::invalid_parameter, "alpha must be a number of at least 0",
                      "It is " + std::to_string(*settings.ridge_alpha) + ".",
                      "100.8 is usual for a window of 252 returns: 0.4 for each of them.");
  if (settings.ridge_alpha_choice != "fixed" && settings.ridge_alpha_choice != "gcv")
    throw core::Error(
        core::sqlstate::invalid_parameter, "unknown choice of alpha \"" + settings.ridge_alpha_choice + "\"",
        "It is fixed, or gcv for generalized cross-validation.", "Pass choose => 'fixed' or choose => 'gcv'.");
  run_engine_by_hand(call, model == "ridge" ? engine::calc_ridge_betas : engine::calc_spread_betas,
                     store.with_settings(settings));
}

PB_FUNCTION(pb_calc_volatility) { run_engine_by_hand(call, engine::calc_volatility); }

PB_FUNCTION(pb_calc_sector_exposures) {
  run_engine_by_hand(call, engine::calc_sector_exposures, engine::Reach::values);
}

// calc_correlations(calculation_date, portfolio_ids, duration_days, min_overlap, min_position_value,
//                   min_portfolio_weight, filter_mode, correlation_threshold)
PB_FUNCTION(pb_calc_correlations) {
  const store::Store store(call);
  store::Settings settings = store.settings();
  settings.correlation_window = call.int4(2).value_or(settings.correlation_window);
  settings.correlation_min_overlap = call.int4(3).value_or(settings.correlation_min_overlap);
  settings.min_position_value = call.float8(4).value_or(settings.min_position_value);
  settings.min_portfolio_weight = call.float8(5).value_or(settings.min_portfolio_weight);
  settings.position_filter = call.text(6).value_or(settings.position_filter);
  settings.correlation_threshold = call.float8(7).value_or(settings.correlation_threshold);
  require_possible(settings);
  run_engine_by_hand(call, engine::calc_correlations, store.with_settings(settings), engine::Reach::correlations);
}

PB_FUNCTION(pb_calc_factor_correlations) {
  const store::Store store(call);
  const core::Date day = session_argument(call, 0, store);
  engine::Context context(store, {}, day, day);
  return_report(call, store, day, engine::calc_factor_correlations(context, day, {}));
}

// calc_stress_tests(calculation_date, portfolio_ids, scenarios)
PB_FUNCTION(pb_calc_stress_tests) {
  const store::Store store(call);
  const core::Date day = session_argument(call, 0, store);
  const auto ids = store::resolve_portfolios(store, portfolios_argument(call, 1));
  engine::Context context(store, ids, day, day);
  return_report(call, store, day, engine::calc_stress_tests(context, day, ids, call.texts(2)));
}

namespace {

// What is to be said of a result: what is wrong with the scenario, else its moves, the options that are left out, and
// how much of the gross exposure has estimates that are stale.
std::string note_of(const engine::ScenarioResult& result, const engine::PortfolioStress& row, double stale_share) {
  if (!result.problem.empty()) return result.problem;
  std::string note = engine::note_of(result, row);
  if (!(stale_share > 0)) return note;
  std::array<char, 8> percent{};
  std::snprintf(percent.data(), percent.size(), "%.1f", 100 * stale_share);
  return note + (note.empty() ? "" : "; ") + "stale estimates of " + percent.data() + " % of the gross exposure";
}

}  // namespace

// market_risk(calculation_date, portfolio_ids): the grid of market_risk_scenarios, computed and not stored.
PB_FUNCTION(pb_market_risk) {
  using pg::Type;
  const store::Store store(call);
  const core::Date day = session_argument(call, 0, store);
  const auto ids = store::resolve_portfolios(store, portfolios_argument(call, 1));
  engine::Context context(store, ids, day, day);
  engine::StressModel model(context, context.risk(day, ids));
  pg::RowBuffer rows({{"portfolio_id", Type::uuid},
                      {"scenario_name", Type::text},
                      {"scenario_type", Type::text},
                      {"shock", Type::float8},
                      {"volatility_shock", Type::float8},
                      {"direct_pnl", Type::money},
                      {"correlated_pnl", Type::money},
                      {"volatility_pnl", Type::money},
                      {"exceeds_equity", Type::boolean},
                      {"reason", Type::text},
                      {"note", Type::text}});
  for (const store::ScenarioDefinition& scenario : store::load_market_risk_scenarios(store)) {
    pg::poll();
    const engine::ScenarioResult result = model.apply(scenario);
    for (std::size_t i = 0; i < result.rows.size(); ++i) {
      const engine::PortfolioStress& row = result.rows[i];
      rows.add(row.portfolio_id).add(scenario.id).add(scenario.category);
      scenario.shocks.size() == 1 ? rows.add(scenario.shocks.front().size) : rows.null();
      rows.add(scenario.volatility_shock).add(row.direct_pnl).add(row.correlated_pnl).add(row.volatility_pnl);
      rows.add(row.exceeds_equity).add_text_or_null(to_word(row.reason));
      rows.add_text_or_null(note_of(result, row, model.portfolios()[i].stale_share));
    }
  }
  call.return_rows(rows);
}

PB_FUNCTION(pb_create_portfolio_snapshots) {
  const store::Store store(call);
  const core::Date day = session_argument(call, 0, store);
  auto ids = store::resolve_portfolios(store, portfolios_argument(call, 1));
  core::Date last = day;
  for (const auto& [id, newest] : store::newest_snapshots(store, ids)) last = std::max(last, newest);
  engine::Context context(store, ids, day, last);
  return_report(call, store, day, engine::run_for_usable(context, engine::create_portfolio_snapshots, day, ids));
}

PB_FUNCTION(pb_update_position_values) { run_engine_by_hand(call, engine::update_position_values); }

PB_FUNCTION(pb_restore_sector_tags) { run_engine_by_hand(call, engine::restore_sector_tags); }

PB_FUNCTION(pb_sector_name) {
  const auto name = core::normalize_sector(call.text(0).value());
  return name ? call.return_text(*name) : call.return_null();
}

}  // namespace pb::function
