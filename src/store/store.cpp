#include "store/store.hpp"

#include "core/error.hpp"
#include "pg/catalog.hpp"
#include "pg/query.hpp"

namespace pb::store {

std::string analytics_schema(const pg::Call& call) {
  const std::string configured = pg::current_settings().schema;
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
                                     "equity_changes",
                                     "tags",
                                     "position_tags",
                                     "tag_usage",
                                     "market_data_cache",
                                     "corporate_actions",
                                     "interest_rates",
                                     "company_profiles",
                                     "income_statements",
                                     "balance_sheets",
                                     "cash_flows",
                                     "analyst_estimates",
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
                                     "batch_job_schedules"};

// As the owner of the tables where the caller is a superuser and the owner is none. Where the owner is a superuser too,
// the call keeps his rights: then none of the tables may be in the hands of another role, which could attach to it what
// it likes, even where it only could put its table in the place of ours because it owns the schema.
void begin_work(const pg::Call& call, const std::string& schema) {
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

}  // namespace

Store::Store(const pg::Call& call)
    : settings_(pg::current_settings()),
      schema_(analytics_schema(call)),
      quoted_schema_(pg::quote_identifier(schema_)) {
  begin_work(call, schema_);
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

}  // namespace pb::store

PB_FUNCTION(pb_analytics_schema) { call.return_name(pb::store::analytics_schema(call)); }

// tables_schema(installed_as): the same for the functions of the extension, which name each other by the schema that it
// was installed in.
PB_FUNCTION(pb_tables_schema) {
  using namespace pb;
  const std::string installed_as = call.text(0).value();
  if (const std::string found = pg::quote_identifier(call.own_schema()); found != installed_as)
    throw core::Error(core::sqlstate::object_not_ready,
                      "the schema of portfolio_batch was renamed from " + installed_as + " to " + found,
                      "Its functions name each other by the schema that the extension was created in.",
                      "ALTER SCHEMA " + found + " RENAME TO " + installed_as + ";");
  call.return_name(store::analytics_schema(call));
}

// What stands before a function of the helpers' schema whose name ends with _as_caller or _as_owner: it runs as
// pg::Work says, with the caller's rights, or with the owner's where the caller is a superuser.
PB_FUNCTION(pb_as_caller) {
  call.begin_work();
  call.return_result_of(pb::store::helper_schema, "_as_caller");
}

PB_FUNCTION(pb_as_owner) {
  pb::store::begin_work(call, pb::store::analytics_schema(call));
  call.return_result_of(pb::store::helper_schema, "_as_owner");
}
