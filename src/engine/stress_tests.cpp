#include "engine/stress_tests.hpp"

#include "core/text/json.hpp"
#include "engine/stress_model.hpp"
#include "pg/interrupts.hpp"

namespace pb::engine {

Report calc_stress_tests(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids,
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

Report calc_stress_tests(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  return calc_stress_tests(context, day, portfolio_ids, std::nullopt);
}

}  // namespace pb::engine
