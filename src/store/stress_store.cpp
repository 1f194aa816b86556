#include "store/stress_store.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "core/error.hpp"
#include "core/portfolio/ranges.hpp"
#include "pg/query.hpp"
#include "pg/writer.hpp"

namespace pb::store {

using pg::Args;
using pg::nullable;
using pg::required;
using pg::RowBuffer;
using pg::RowView;
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

std::vector<ScenarioDefinition> read_scenarios(const std::string& sql, const Args& args) {
  std::vector<ScenarioDefinition> scenarios;
  pg::each_row(
      sql, args,
      {nullable(Type::text), nullable(Type::text), nullable(Type::text), nullable(Type::text), nullable(Type::text),
       nullable(Type::text), nullable(Type::text), nullable(Type::text), nullable(Type::text)},
      [&](const RowView& row) {
        if (row.is_null(0) || row.text(0).size() > core::longest_name) return;
        if (scenarios.empty() || scenarios.back().id != row.text(0))
          scenarios.push_back({.id = row.text_or_empty(0),
                               .name = row.text_or_empty(1),
                               .category = row.text_or_empty(2),
                               .severity = row.text_or_empty(3),
                               .unit = row.text_or_empty(4),
                               .shocks = {},
                               .window_start = row.text_or_empty(5),
                               .window_end = row.text_or_empty(6)});
        if (!row.is_null(7)) scenarios.back().shocks.push_back({row.text_or_empty(7), number(row.text_or_empty(8))});
      });
  return scenarios;
}

}  // namespace

std::vector<ScenarioDefinition> load_scenarios(const Store& store,
                                               const std::optional<std::vector<std::string>>& names) {
  Args args{Type::text_array};
  names ? args.add(std::span<const std::string>(*names)) : args.null();
  std::vector<ScenarioDefinition> scenarios = read_scenarios(
      "SELECT scenario_id, name, category, severity, shock_config ->> 'unit',"
      " shock_config #>> '{window,start}', shock_config #>> '{window,end}', shock.factor, shock.size FROM " +
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
  return read_scenarios(
      "SELECT scenario_name, scenario_name, scenario_type, NULL::text, parameters ->> 'unit',"
      " NULL::text, NULL::text, shock.factor, shock.size FROM " +
          store.table("market_risk_scenarios") + " LEFT JOIN " + shocks_of("parameters") +
          " ORDER BY scenario_name COLLATE \"C\", shock.factor COLLATE \"C\"",
      {});
}

std::optional<core::Date> first_price_date(const Store& store, const std::string& symbol) {
  std::optional<core::Date> first;
  pg::each_row("SELECT min(date) FROM " + store.table("market_data_cache") + " WHERE symbol = $1 AND isfinite(date)",
               Args{Type::text}.add(symbol), {nullable(Type::date)},
               [&](const RowView& row) { first = row.date_or_null(0); });
  return first;
}

std::int64_t write_stress_results(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                                  const std::optional<std::vector<std::string>>& names,
                                  std::span<const StressRow> rows) {
  RowBuffer out({{"portfolio_id", Type::uuid},
                 {"calculation_date", Type::date},
                 {"scenario_id", Type::text},
                 {"direct_pnl", Type::money},
                 {"correlated_pnl", Type::money},
                 {"correlation_effect", Type::money},
                 {"factor_impacts", Type::jsonb},
                 {"calculation_metadata", Type::jsonb},
                 {"exceeds_equity", Type::boolean},
                 {"reason", Type::text}});
  out.reserve(rows.size());
  for (const StressRow& row : rows) {
    out.add(row.portfolio_id).add(day).add(row.scenario_id).add(row.direct_pnl).add(row.correlated_pnl);
    out.add(row.correlation_effect).add_text_or_null(row.factor_impacts).add_text_or_null(row.calculation_metadata);
    out.add(row.exceeds_equity).add(row.reason);
  }
  Args scope{Type::uuid_array, Type::date, Type::text_array};
  scope.add(portfolio_ids).add(day);
  names ? scope.add(std::span<const std::string>(*names)) : scope.null();
  return pg::upsert({.table = store.table("stress_test_results"),
                     .keys = {"portfolio_id", "calculation_date", "scenario_id"},
                     .stamp = store.stamp(),
                     .replaced_scope = "t.portfolio_id = ANY ($1) AND t.calculation_date = $2"
                                       " AND ($3 IS NULL OR t.scenario_id = ANY ($3))"},
                    std::move(out), scope);
}

}  // namespace pb::store
