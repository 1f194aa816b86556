#include "store/store.hpp"

#include "core/error.hpp"
#include "pg/catalog.hpp"
#include "pg/query.hpp"

namespace pb::store {

std::string analytics_schema(const pg::Call& call) {
  std::string configured = current_settings().schema;
  if (configured.empty()) return call.own_schema();
  if (pg::is_temporary_schema(configured))
    throw core::Error(core::sqlstate::invalid_parameter,
                      "portfolio_batch.schema must not be a temporary schema: \"" + configured + "\"",
                      "Temporary tables end with their session, and whoever reads them cannot know who made them.",
                      "Set portfolio_batch.schema to the schema that holds the tables.");
  return configured;
}

namespace {

// Whose owner counts as that of all of them.
constexpr const char* first_table = "portfolios";

// Every table and view of the data dictionary.
constexpr const char* relations[] = {"portfolios",
                                     "positions",
                                     "position_realized_events",
                                     "position_marks",
                                     "cash_events",
                                     "equity_changes",
                                     "tags",
                                     "position_tags",
                                     "tag_usage",
                                     "market_data_cache",
                                     "corporate_actions",
                                     "corporate_action_legs",
                                     "symbol_history",
                                     "interest_rates",
                                     "company_profiles",
                                     "income_statements",
                                     "balance_sheets",
                                     "cash_flows",
                                     "analyst_estimates",
                                     "price_sources",
                                     "provider_priority",
                                     "provider_limits",
                                     "provider_state",
                                     "symbol_aliases",
                                     "collections",
                                     "collection_results",
                                     "market_data_revisions",
                                     "price_quarantine",
                                     "fundamental_state",
                                     "factor_definitions",
                                     "stress_test_scenarios",
                                     "market_risk_scenarios",
                                     "trading_calendar",
                                     "trading_calendar_exceptions",
                                     "benchmarks_sector_weights",
                                     "trading_sessions",
                                     "factor_models",
                                     "symbol_model_fits",
                                     "symbol_factor_exposures",
                                     "symbol_volatility",
                                     "factor_correlations",
                                     "portfolio_snapshots",
                                     "portfolio_holdings",
                                     "position_history",
                                     "position_market_betas",
                                     "position_interest_rate_betas",
                                     "position_factor_exposures",
                                     "portfolio_model_exposures",
                                     "portfolio_factor_exposures",
                                     "position_volatility",
                                     "position_greeks",
                                     "correlation_calculations",
                                     "correlation_clusters",
                                     "correlation_cluster_positions",
                                     "stress_scenario_moves",
                                     "portfolio_stress_tests",
                                     "stress_test_results",
                                     "pairwise_correlations",
                                     "position_factor_exposure",
                                     "position_interest_rate_beta",
                                     "batch_runs",
                                     "batch_jobs",
                                     "batch_schedule_records",
                                     "batch_job_schedules"};

}  // namespace

void begin_work_as_owner(const pg::Call& call, const std::string& schema) {
  call.begin_work(schema, first_table);
  const auto foreign = pg::relation_of_plain_role(schema, relations);
  if (!foreign) return;
  throw core::Error(
      "42501",
      "\"" + schema + "." + foreign->name + "\" belongs to role \"" + foreign->owner + "\", which is no superuser",
      "This call has the rights of a superuser: whatever its owner attached to it would run with them.",
      "SELECT * FROM " + std::string(helper_schema) + ".foreign_objects('" + schema +
          "') lists all of it. Give all tables and views one owner, with ALTER TABLE ... OWNER TO.");
}

Store::Store(const pg::Call& call)
    : settings_(current_settings()), schema_(analytics_schema(call)), quoted_schema_(pg::quote_identifier(schema_)) {
  begin_work_as_owner(call, schema_);
  require({first_table, "positions", "market_data_cache", "trading_sessions", "portfolio_snapshots"});
}

void Store::require(std::initializer_list<const char*> names) const {
  for (const char* name : names)
    if (!pg::relation_exists(schema_, name))
      throw core::Error(core::sqlstate::undefined_table, "analytics tables are not in schema \"" + schema_ + "\"",
                        "Table or view \"" + schema_ + "." + name + "\" does not exist.",
                        "Run create_analytics_tables('" + schema_ +
                            "'), or set portfolio_batch.schema to the schema that holds the tables.");
}

void require_schema_of_installation(const pg::Call& call, const std::string& installed_as) {
  const std::string found = pg::quote_identifier(call.own_schema());
  if (found == installed_as) return;
  throw core::Error(core::sqlstate::object_not_ready,
                    "the schema of portfolio_batch was renamed from " + installed_as + " to " + found,
                    "Its functions name each other by the schema that the extension was created in.",
                    "ALTER SCHEMA " + found + " RENAME TO " + installed_as + ";");
}

}  // namespace pb::store
