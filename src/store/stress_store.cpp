#include "store/stress_store.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "core/error.hpp"
#include "core/portfolio/ranges.hpp"
#include "pg/select.hpp"
#include "store/result_rows.hpp"

namespace pb::store {

using pg::Args;
using pg::field;
using pg::Type;

namespace {

// One row for each shock, or one with a NULL factor for a scenario without any. A shock that is no JSON number is
// left for the engine to refuse, so that one bad scenario does not end the others.
std::string shocks_of(const std::string& config) {
  return "jsonb_each_text(CASE WHEN jsonb_typeof(" + config + " -> 'shocks') = 'object' THEN " + config +
         " -> 'shocks' END) AS shock (factor, size) ON true";
}

double number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return text.empty() || *end != 0 ? std::numeric_limits<double>::quiet_NaN() : value;
}

struct ShockRow {
  std::optional<std::string> id, name, category, severity, unit, basis, flaw, window_start, window_end, factor, size,
      shock_basis;
  std::optional<double> market_shock, volatility_shock;
};

// What of the bases is no definition, as the end of a sentence that begins with the scenario; else NULL.
std::string flaw_of_bases(const std::string& config) {
  const std::string bases = config + " -> 'basis_of'";
  const std::string object = "CASE WHEN jsonb_typeof(" + bases + ") = 'object' THEN " + bases + " END";
  return "CASE WHEN jsonb_typeof(" + bases +
         ") <> 'object' THEN 'has a basis_of that is no object'"
         " ELSE (SELECT 'has a basis_of a factor that it does not shock: \"' || left(min(k), 63) || '\"' FROM "
         "jsonb_object_keys(" +
         object + ") AS k WHERE (" + config + " -> 'shocks' ? k) IS NOT TRUE HAVING count(*) > 0) END";
}

// A shock of the market that a row has in its column besides those of its parameters.
void add_market_shock(ScenarioDefinition& scenario, double size) {
  for (const ScenarioDefinition::Shock& shock : scenario.shocks) {
    if (shock.factor != "market") continue;
    if (shock.size != size) scenario.flaw = "has a market_shock that is not that of its parameters";
    return;
  }
  scenario.shocks.push_back({"market", size, ""});
}

template <class Columns>
std::vector<ScenarioDefinition> read_scenarios(const Columns& columns, const std::string& source, const Args& args) {
  std::vector<ScenarioDefinition> scenarios;
  std::map<std::string, double> market_shocks;
  columns.from(source, args, [&](const ShockRow& row) {
    if (!row.id || row.id->size() > core::longest_name) return;
    if (scenarios.empty() || scenarios.back().id != *row.id)
      scenarios.push_back({.id = *row.id,
                           .name = row.name.value_or(""),
                           .category = row.category.value_or(""),
                           .severity = row.severity.value_or(""),
                           .unit = row.unit.value_or(""),
                           .basis = row.basis.value_or(""),
                           .flaw = row.flaw.value_or(""),
                           .shocks = {},
                           .window_start = row.window_start.value_or(""),
                           .window_end = row.window_end.value_or(""),
                           .volatility_shock = row.volatility_shock});
    if (row.factor)
      scenarios.back().shocks.push_back({*row.factor, number(row.size.value_or("")), row.shock_basis.value_or("")});
    if (row.market_shock) market_shocks[row.id.value()] = *row.market_shock;
  });
  for (ScenarioDefinition& scenario : scenarios) {
    if (scenario.volatility_shock && !(*scenario.volatility_shock >= -1))
      scenario.flaw = "has a volatility_shock below -1, which leaves no volatility";
    if (const auto shock = market_shocks.find(scenario.id); shock != market_shocks.end())
      add_market_shock(scenario, shock->second);
  }
  return scenarios;
}

}  // namespace

std::vector<ScenarioDefinition> load_scenarios(const Store& store,
                                               const std::optional<std::vector<std::string>>& names) {
  Args args{Type::text_array};
  names ? args.add(std::span<const std::string>(*names)) : args.null();
  using Row = ShockRow;
  static const auto columns = pg::select(
      "stress_test_scenarios", field("scenario_id", &Row::id), field("name", &Row::name),
      field("category", &Row::category), field("severity", &Row::severity),
      field("shock_config ->> 'unit'", &Row::unit), field("shock_config ->> 'basis'", &Row::basis),
      field("shock_config -> 'basis_of' ->> shock.factor", &Row::shock_basis),
      field(flaw_of_bases("shock_config"), &Row::flaw), field("shock_config #>> '{window,start}'", &Row::window_start),
      field("shock_config #>> '{window,end}'", &Row::window_end), field("shock.factor", &Row::factor),
      field("shock.size", &Row::size));
  std::vector<ScenarioDefinition> scenarios =
      read_scenarios(columns,
                     store.table("stress_test_scenarios") + " LEFT JOIN " + shocks_of("shock_config") +
                         " WHERE CASE WHEN $1 IS NULL THEN active ELSE scenario_id = ANY ($1) END"
                         " ORDER BY scenario_id COLLATE \"C\", shock.factor COLLATE \"C\"",
                     args);
  std::string missing;
  for (const std::string& name : names.value_or(std::vector<std::string>{}))
    if (std::none_of(scenarios.begin(), scenarios.end(), [&](const auto& scenario) { return scenario.id == name; }))
      missing += (missing.empty() ? "" : ", ") + name;
  if (!missing.empty())
    throw core::Error(
        core::sqlstate::undefined_object, "scenario does not exist: " + missing,
        "No row of " + store.table("stress_test_scenarios") + " has this scenario_id.",
        "List the scenarios with SELECT scenario_id, name FROM " + store.table("stress_test_scenarios") + ".");
  return scenarios;
}

std::vector<ScenarioDefinition> load_market_risk_scenarios(const Store& store) {
  using Row = ShockRow;
  static const auto columns =
      pg::select("market_risk_scenarios", field("scenario_name", &Row::id), field("scenario_name", &Row::name),
                 field("scenario_type", &Row::category), field("parameters ->> 'unit'", &Row::unit),
                 field("parameters ->> 'basis'", &Row::basis),
                 field("parameters -> 'basis_of' ->> shock.factor", &Row::shock_basis),
                 field(flaw_of_bases("parameters"), &Row::flaw), field("market_shock", &Row::market_shock),
                 field("volatility_shock", &Row::volatility_shock), field("shock.factor", &Row::factor),
                 field("shock.size", &Row::size));
  return read_scenarios(columns,
                        store.table("market_risk_scenarios") + " LEFT JOIN " + shocks_of("parameters") +
                            " ORDER BY scenario_name COLLATE \"C\", shock.factor COLLATE \"C\"",
                        {});
}

std::optional<core::Date> first_price_date(const Store& store, const std::string& symbol) {
  struct Row {
    std::optional<core::Date> first;
  };
  static const auto columns = pg::select("market_data_cache", field("min(date)", &Row::first));
  std::optional<core::Date> first;
  columns.from(store.table("market_data_cache") + " WHERE symbol = $1 AND isfinite(date)", Args{Type::text}.add(symbol),
               [&](const Row& row) { first = row.first; });
  return first;
}

std::int64_t write_scenario_moves(const Store& store, core::Date day, std::span<const ScenarioMovesRow> rows) {
  if (!store.writes_date_rows()) return 0;
  using Row = ScenarioMovesRow;
  const Columns<Row> columns{
      constant<Row>("calculation_date", day),
      pg::column<Row>("scenario_id", &Row::scenario_id),
      pg::column<Row>("scenario_name", &Row::name),
      pg::column<Row>("category", &Row::category),
      pg::column<Row>("severity", &Row::severity),
      pg::column<Row>("method", &Row::method),
      pg::column<Row>("factors", &Row::factors),
      pg::column<Row>("shocks", &Row::shocks),
      pg::column<Row>("absolute_shocks", &Row::absolute_shocks),
      pg::column<Row>("moves", &Row::moves),
      pg::text_or_null<Row>("rate_factor", &Row::rate_factor),
      pg::column<Row>("missing_factors",
                      [](const Row& row) {
                        return row.missing_factors.empty() ? std::nullopt : std::optional(row.missing_factors);
                      }),
      pg::column<Row>("covariance_date", &Row::covariance_date),
      pg::column<Row>("covariance_observations", &Row::covariance_observations),
      pg::column<Row>("covariance_half_life", &Row::covariance_half_life),
      pg::text_or_null<Row>("covariance_method", &Row::covariance_method),
      pg::column<Row>("covariance_start", &Row::covariance_start),
      pg::column<Row>("covariance_shrinkage", &Row::covariance_shrinkage),
      pg::column<Row>(
          "extrapolated",
          [](const Row& row) { return row.extrapolated.empty() ? std::nullopt : std::optional(row.extrapolated); }),
      pg::text_or_null<Row>("window_start", &Row::window_start),
      pg::text_or_null<Row>("window_end", &Row::window_end),
      pg::text_or_null<Row>("note", &Row::note),
      pg::text_or_null<Row>("problem", &Row::problem),
  };
  return write_results(store, "stress_scenario_moves", {"calculation_date", "scenario_id"}, columns, rows, on_day(day));
}

std::int64_t write_stress_tests(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                                std::span<const PortfolioStressRow> rows) {
  using Row = PortfolioStressRow;
  const Columns<Row> columns{
      pg::column<Row>("portfolio_id", &Row::portfolio_id),
      constant<Row>("calculation_date", day),
      pg::column<Row>("scenario_ids", &Row::scenario_ids),
      pg::column<Row>("direct_pnl", &Row::direct_pnl),
      pg::column<Row>("correlated_pnl", &Row::correlated_pnl),
      pg::column<Row>("conditional_sd", &Row::conditional_sd),
      pg::column<Row>("rate_direct_pnl", &Row::rate_direct_pnl),
      pg::column<Row>("rate_correlated_pnl", &Row::rate_correlated_pnl),
      pg::column<Row>("reasons", [](const Row& row) { return words_or_null(row.reasons); }),
      pg::column<Row>("factors", &Row::factors),
      pg::column<Row>("exposures", &Row::exposures),
      pg::column<Row>("coverage", &Row::coverage),
      pg::column<Row>("stale_share", &Row::stale_share),
      pg::column<Row>("equity", &Row::equity),
      pg::column<Row>("notes", &Row::notes),
  };
  return write_results(store, "portfolio_stress_tests", {"portfolio_id", "calculation_date"}, columns, rows,
                       of_portfolios(portfolio_ids, day));
}

std::map<core::Uuid, std::vector<std::string>> load_stressed_scenarios(const Store& store, core::Date day,
                                                                       std::span<const core::Uuid> portfolio_ids) {
  struct Row {
    core::Uuid portfolio_id;
    std::string scenario;
  };
  static const auto columns = pg::select("portfolio_stress_tests", field("t.portfolio_id", &Row::portfolio_id),
                                         field("s.id", &Row::scenario, "scenario_ids"));
  std::map<core::Uuid, std::vector<std::string>> scenarios;
  columns.from(store.table("portfolio_stress_tests") + " t CROSS JOIN LATERAL unnest(t.scenario_ids) s (id) JOIN " +
                   store.table("stress_test_scenarios") +
                   " d ON d.scenario_id = s.id WHERE t.portfolio_id = ANY ($1) AND t.calculation_date = $2",
               Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(day),
               [&](Row& row) { scenarios[row.portfolio_id].push_back(std::move(row.scenario)); });
  return scenarios;
}

}  // namespace pb::store
