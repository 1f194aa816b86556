#include "store/name_store.hpp"

#include "pg/select.hpp"
#include "pg/subtransaction.hpp"

namespace pb::store {

using pg::Args;
using pg::field;
using pg::Type;

namespace {

// What definitions name as well is told of nobody. Without definitions, nothing is.
std::vector<std::string> symbols_of_definitions(const Store& store) {
  std::vector<std::string> symbols{store.settings().market_symbol};
  (void)pg::isolate([&] {
    struct Row {
      std::string symbol;
    };
    static const auto columns =
        pg::select("factor_definitions", field("DISTINCT s.symbol", &Row::symbol, "long_symbol"));
    columns.from(store.table("factor_definitions") +
                     " f CROSS JOIN LATERAL unnest(ARRAY[f.long_symbol, f.short_symbol]) s (symbol)"
                     " WHERE f.is_active AND s.symbol IS NOT NULL",
                 {}, [&](Row& row) { symbols.push_back(std::move(row.symbol)); });
  });
  return symbols;
}

}  // namespace

std::vector<PortfolioName> names_within(const Store& store, std::span<const core::Uuid> portfolio_ids,
                                        std::string_view text) {
  const std::vector<std::string> shared = symbols_of_definitions(store);
  using Row = PortfolioName;
  static const auto columns =
      pg::select("portfolios", field("n.portfolio_id", &Row::portfolio_id, "id"), field("n.name", &Row::name));
  std::vector<PortfolioName> names;
  columns.from("(SELECT f.id, u.name FROM " + store.table("portfolios") +
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
               [&](Row& row) { names.push_back(std::move(row)); });
  return names;
}

}  // namespace pb::store
