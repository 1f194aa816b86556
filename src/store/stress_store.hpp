#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/portfolio/money.hpp"
#include "core/reason.hpp"
#include "core/text/uuid.hpp"
#include "pg/rows.hpp"
#include "store/store.hpp"

namespace pb::store {

// A scenario as it was written down; whether it makes sense is for the engine to say.
struct ScenarioDefinition {
  struct Shock {
    std::string factor;
    double size;        // NaN when it is not a number
    std::string basis;  // empty: as the scenario's
  };
  std::string id;
  std::string name;
  std::string category;
  std::string severity;
  std::string unit;   // empty: each factor's own
  std::string basis;  // of shocks of styles; empty: relative
  std::string flaw;   // what is wrong with the definition, to be said after its name; empty: nothing
  std::vector<Shock> shocks;
  // Of a historical replay; text, because nobody checked it.
  std::string window_start;
  std::string window_end;

  // Relative move of the implied volatilities of options, of market_risk_scenarios.
  std::optional<double> volatility_shock = {};

  bool is_replay() const { return !window_start.empty() || !window_end.empty(); }
};

// The active scenarios, or the named ones whether active or not, in the order of their ids. Throws 42704 naming those
// that do not exist.
std::vector<ScenarioDefinition> load_scenarios(const Store& store,
                                               const std::optional<std::vector<std::string>>& names = {});

// The grid of single moves of market_risk_scenarios; the category is the scenario's type.
std::vector<ScenarioDefinition> load_market_risk_scenarios(const Store& store);

// The first day for which a symbol has a price.
std::optional<core::Date> first_price_date(const Store& store, const std::string& symbol);

// What the factors do in a scenario on a day, and how that was found: the same for every portfolio.
struct ScenarioMovesRow {
  std::string scenario_id;
  std::string name;
  std::string category;
  std::string severity;
  const char* method = "none";          // conditional_expectation, replay, prescribed or none
  std::vector<std::string> factors;     // the order of the arrays
  std::vector<double> shocks;           // NaN for a factor that is not shocked
  std::vector<double> absolute_shocks;  // of the styles' funds where the scenario prescribes those; else NaN
  std::vector<double> moves;            // NaN where there is no estimate
  std::string rate_factor;              // whose P&L is no product of exposure and move; empty: none
  std::vector<std::string> missing_factors;
  std::optional<core::Date> covariance_date;
  std::optional<int> covariance_observations;
  std::optional<double> covariance_half_life;  // of those of the day
  std::string covariance_method;               // long_run or day; empty: none were used
  std::optional<core::Date> covariance_start;  // first session of those of the long run
  std::optional<double> covariance_shrinkage;  // of those
  std::vector<std::string> extrapolated;       // factors whose expected move is cut to the worst of the history
  std::string window_start;                    // of a replay
  std::string window_end;
  std::string note;     // why shocks stand in for a replay; empty: they do not
  std::string problem;  // why there is no result; empty: none
};

// Writes stress_scenario_moves; scenarios of the day that are not among them stay. Only where the rows of the date are
// this shard's.
std::int64_t write_scenario_moves(const Store& store, core::Date day, std::span<const ScenarioMovesRow> rows);

// A portfolio's results, a scenario at each place of the arrays that are not of factors.
struct PortfolioStressRow {
  core::Uuid portfolio_id;
  std::vector<std::string> scenario_ids;
  std::vector<std::optional<core::Money>> direct_pnl;
  std::vector<std::optional<core::Money>> correlated_pnl;
  std::vector<double> conditional_sd;
  std::vector<double> rate_direct_pnl;      // the part of the rate factor
  std::vector<double> rate_correlated_pnl;  // both NaN where there is none
  std::vector<core::Reason> reasons;
  std::vector<std::string> factors;  // the order of the exposures
  std::vector<double> exposures;     // P&L per 1.00 of each factor
  double coverage;
  double stale_share;  // of the gross exposure, whose estimates are stale
  core::Money equity;
  pg::Json notes;  // by scenario, what only some have
};

// Writes portfolio_stress_tests: one row a portfolio and day. Portfolios that are not among the rows lose theirs.
std::int64_t write_stress_tests(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                                std::span<const PortfolioStressRow> rows);

// The scenarios of which the portfolios have results on a day.
std::map<core::Uuid, std::vector<std::string>> load_stressed_scenarios(const Store& store, core::Date day,
                                                                       std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::store
