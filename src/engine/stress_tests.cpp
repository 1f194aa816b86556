#include "engine/stress_tests.hpp"

#include "core/text/json.hpp"
#include "engine/stress_model.hpp"
#include "pg/function.hpp"
#include "pg/interrupts.hpp"

namespace pb::engine {

namespace {

Report run(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids,
           const std::optional<std::vector<std::string>>& names) {
  StressModel model(context, context.risk(day, portfolio_ids));
  const std::vector<store::ScenarioDefinition> named =
      names ? store::load_scenarios(context.store(), names) : std::vector<store::ScenarioDefinition>{};
  const std::vector<store::ScenarioDefinition>& scenarios = names ? named : context.scenarios();
  Report report;
  std::vector<store::StressRow> rows;
  std::vector<std::string> problems;
  for (const store::ScenarioDefinition& scenario : scenarios) {
    pg::poll();
    ScenarioResult result = model.apply(scenario);
    for (store::StressRow& row : result.rows) {
      ++(row.correlated_pnl ? report.processed : report.skipped);
      rows.push_back(std::move(row));
    }
    if (!result.problem.empty()) problems.push_back(result.problem);
  }
  report.rows_written = store::write_stress_results(context.store(), day, portfolio_ids, names, rows);
  report.summary = counted(static_cast<std::int64_t>(scenarios.size()), "scenario");
  if (!problems.empty()) {
    report.summary += ", " + std::to_string(problems.size()) + " of them invalid";
    report.detail_json = core::JsonObject().raw("problems", core::json_array(problems)).str();
  }
  report.detail = report.summary;
  for (const std::string& problem : problems) report.detail += "; " + problem;
  return report;
}

}  // namespace

Report calc_stress_tests(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  return run(context, day, portfolio_ids, std::nullopt);
}

}  // namespace pb::engine

// calc_stress_tests(calculation_date, portfolio_ids, scenarios)
PB_FUNCTION(pb_calc_stress_tests) {
  using namespace pb;
  const store::Store store(call);
  const core::Date day = engine::session_argument(call, 0, store);
  const auto ids = store::resolve_portfolios(store, call.uuids(1));
  engine::Context context(store, ids, day, day);
  engine::return_report(call, engine::run(context, day, ids, call.texts(2)));
}

// market_risk(calculation_date, portfolio_ids): the grid of market_risk_scenarios, computed and not stored.
PB_FUNCTION(pb_market_risk) {
  using namespace pb;
  using pg::Type;
  const store::Store store(call);
  const core::Date day = engine::session_argument(call, 0, store);
  const auto ids = store::resolve_portfolios(store, call.uuids(1));
  engine::Context context(store, ids, day, day);
  engine::StressModel model(context, context.risk(day, ids));
  pg::RowBuffer rows({{"portfolio_id", Type::uuid},
                      {"scenario_name", Type::text},
                      {"scenario_type", Type::text},
                      {"shock", Type::float8},
                      {"direct_pnl", Type::money},
                      {"correlated_pnl", Type::money},
                      {"exceeds_equity", Type::boolean},
                      {"reason", Type::text}});
  for (const store::ScenarioDefinition& scenario : store::load_market_risk_scenarios(store)) {
    pg::poll();
    const engine::ScenarioResult result = model.apply(scenario);
    for (const store::StressRow& row : result.rows) {
      rows.add(row.portfolio_id).add(scenario.id).add(scenario.category);
      scenario.shocks.size() == 1 ? rows.add(scenario.shocks.front().size) : rows.null();
      rows.add(row.direct_pnl).add(row.correlated_pnl).add(row.exceeds_equity).add(row.reason);
    }
  }
  call.return_rows(rows);
}
