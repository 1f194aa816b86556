#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/portfolio/money.hpp"
#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// A scenario as it was written down; whether it makes sense is for the engine to say.
struct ScenarioDefinition {
  struct Shock {
    std::string factor;
    double size;  // NaN when it is not a number
  };
  std::string id;
  std::string name;
  std::string category;
  std::string severity;
  std::string unit;  // empty: each factor's own
  std::vector<Shock> shocks;
  // Of a historical replay; text, because nobody checked it.
  std::string window_start;
  std::string window_end;

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

struct StressRow {
  core::Uuid portfolio_id;
  std::string scenario_id;
  std::optional<core::Money> direct_pnl;
  std::optional<core::Money> correlated_pnl;
  std::optional<core::Money> correlation_effect;
  std::string factor_impacts;        // JSON; empty: none
  std::string calculation_metadata;  // JSON
  std::optional<bool> exceeds_equity;
  const char* reason = nullptr;
};

// Replaces the day's rows of these portfolios; with names, only the rows of those scenarios.
std::int64_t write_stress_results(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                                  const std::optional<std::vector<std::string>>& names,
                                  std::span<const StressRow> rows);

}  // namespace pb::store
