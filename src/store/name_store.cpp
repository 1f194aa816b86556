#include "store/name_store.hpp"

#include "pg/query.hpp"
#include "pg/subtransaction.hpp"

namespace pb::store {

using pg::Args;
using pg::nullable;
using pg::required;
using pg::RowView;
using pg::Type;

namespace {

// What definitions name as well is told of nobody. Without definitions, nothing is.
std::vector<std::string> symbols_of_definitions(const Store& store) {
  std::vector<std::string> symbols{store.settings().market_symbol};
  (void)pg::isolate([&] {
    pg::each_row("SELECT DISTINCT s.symbol FROM " + store.table("factor_definitions") +
                     " f CROSS JOIN LATERAL unnest(ARRAY[f.long_symbol, f.short_symbol]) s (symbol)"
                     " WHERE f.is_active AND s.symbol IS NOT NULL",
                 Args{}, {required(Type::text, "factor_definitions.long_symbol")},
                 [&](const RowView& row) { symbols.push_back(row.text_or_empty(0)); });
  });
  return symbols;
}

}  // namespace

std::vector<PortfolioName> names_within(const Store& store, std::span<const core::Uuid> portfolio_ids,
                                        std::string_view text) {
  const std::vector<std::string> shared = symbols_of_definitions(store);
  std::vector<PortfolioName> names;
  pg::each_row("SELECT n.portfolio_id, n.name FROM (SELECT f.id, u.name FROM " + store.table("portfolios") +
                   " f CROSS JOIN LATERAL unnest(ARRAY[f.id::text, f.name]) u (name) WHERE f.id = ANY ($1)"
                   " UNION SELECT p.portfolio_id, u.name FROM " +
                   store.table("positions") +
                   " p CROSS JOIN LATERAL unnest(ARRAY[p.id::text, p.symbol, p.underlying_symbol]) u (name)"
                   " WHERE p.portfolio_id = ANY ($1)) n (portfolio_id, name)"
                   " WHERE n.name <> '' AND n.name <> ALL ($3) AND strpos($2, n.name) > 0",
               Args{Type::uuid_array, Type::text, Type::text_array}
                   .add(portfolio_ids)
                   .add(text)
                   .add(std::span<const std::string>(shared)),
               {required(Type::uuid, "portfolios.id"), required(Type::text, "portfolios.name")},
               [&](const RowView& row) {
                 names.push_back({row.uuid(0), row.text_or_empty(1)});
               });
  return names;
}

}  // namespace pb::store
