#include "engine/stress_tests.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "core/text/json.hpp"
#include "engine/stress_model.hpp"
#include "pg/interrupts.hpp"

namespace pb::engine {

namespace {

using Names = std::vector<std::string>;

// The scenarios to compute: the active ones, or the named ones with those whose results are stored with theirs, so that
// all results of a portfolio and day are of the same exposures.
std::vector<store::ScenarioDefinition> scenarios_to_run(Context& context, const std::optional<Names>& names,
                                                        const std::map<core::Uuid, Names>& stored) {
  if (!names) return context.scenarios();
  std::vector<store::ScenarioDefinition> scenarios = store::load_scenarios(context.store(), names);
  std::set<std::string> others;
  for (const auto& [id, scenario_ids] : stored) others.insert(scenario_ids.begin(), scenario_ids.end());
  for (const std::string& name : *names) others.erase(name);
  if (others.empty()) return scenarios;
  for (auto& scenario : store::load_scenarios(context.store(), Names(others.begin(), others.end())))
    scenarios.push_back(std::move(scenario));
  std::sort(scenarios.begin(), scenarios.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return scenarios;
}

store::PortfolioStressRow begin_row(const StressModel& model, const StressedPortfolio& stressed) {
  store::PortfolioStressRow row;
  row.portfolio_id = stressed.portfolio->id;
  row.factors = model.factors();
  row.exposures.assign(stressed.factors.dollars.begin(), stressed.factors.dollars.end());
  row.coverage = stressed.coverage;
  row.stale_share = stressed.stale_share;
  row.equity = core::to_money(*stressed.portfolio->net_asset_value);
  return row;
}

void add_result(store::PortfolioStressRow& row, core::JsonObject& notes, const std::string& scenario_id,
                const PortfolioStress& result) {
  row.scenario_ids.push_back(scenario_id);
  row.direct_pnl.push_back(result.direct_pnl);
  row.correlated_pnl.push_back(result.correlated_pnl);
  row.conditional_sd.push_back(result.conditional_sd);
  row.rate_direct_pnl.push_back(result.rate_direct_pnl);
  row.rate_correlated_pnl.push_back(result.rate_correlated_pnl);
  row.reasons.push_back(result.reason);
  if (!result.notes.empty()) notes.raw(scenario_id, result.notes);
}

void describe(Report& report, std::size_t scenarios, const Names& problems) {
  report.summary = counted(static_cast<std::int64_t>(scenarios), "scenario");
  if (!problems.empty()) {
    report.summary += ", " + std::to_string(problems.size()) + " of them invalid";
    report.detail_json = core::JsonObject().raw("problems", core::json_array(problems)).str();
  }
  report.detail = report.summary;
  for (const std::string& problem : problems) report.detail += "; " + problem;
}

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Report calc_stress_tests(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids,
                         const std::optional<Names>& names) {
  StressModel model(context, context.risk(day, portfolio_ids));
  std::map<core::Uuid, Names> stored;
  if (names) stored = store::load_stressed_scenarios(context.store(), day, portfolio_ids);
  std::vector<store::PortfolioStressRow> rows;
  for (const StressedPortfolio& stressed : model.portfolios()) rows.push_back(begin_row(model, stressed));
  std::vector<core::JsonObject> notes(rows.size());
  std::vector<store::ScenarioMovesRow> moves;
  Names problems;
  Report report;
  std::size_t asked = 0;
  for (const store::ScenarioDefinition& scenario : scenarios_to_run(context, names, stored)) {
    pg::poll();
    const bool is_asked = !names || contains(*names, scenario.id);
    asked += is_asked ? 1 : 0;
    ScenarioResult result = model.apply(scenario);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!is_asked && !contains(stored[rows[i].portfolio_id], scenario.id)) continue;
      add_result(rows[i], notes[i], scenario.id, result.rows[i]);
      if (is_asked) ++(result.rows[i].correlated_pnl ? report.processed : report.skipped);
    }
    moves.push_back(std::move(result.moves));
    if (is_asked && !result.problem.empty()) problems.push_back(result.problem);
  }
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (const std::string json = notes[i].str(); json != "{}") rows[i].notes = {json};
  report.rows_written = store::write_scenario_moves(context.store(), day, moves) +
                        store::write_stress_tests(context.store(), day, portfolio_ids, rows);
  describe(report, asked, problems);
  return report;
}

Report calc_stress_tests(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  return calc_stress_tests(context, day, portfolio_ids, std::nullopt);
}

}  // namespace pb::engine
