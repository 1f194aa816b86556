#include "store/store.hpp"

#include "core/distributions.hpp"
#include "core/error.hpp"
#include "pg/catalog.hpp"
#include "pg/query.hpp"

namespace pb::store {

std::string analytics_schema(const pg::Call& call) {
  const std::string configured = pg::current_settings().schema;
  return configured.empty() ? call.own_schema() : configured;
}

Store::Store(const pg::Call& call)
    : settings_(pg::current_settings()),
      schema_(analytics_schema(call)),
      quoted_schema_(pg::quote_identifier(schema_)),
      quoted_functions_(pg::quote_identifier(call.own_schema())) {
  require({"portfolios", "positions", "market_data_cache", "trading_sessions", "portfolio_snapshots"});
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
