#include "store/factor_store.hpp"

#include <set>

#include "core/error.hpp"
#include "pg/query.hpp"

namespace pb::store {

using pg::Args;
using pg::nullable;
using pg::required;
using pg::RowView;
using pg::Type;

std::vector<FactorDefinition> load_factors(const Store& store) {
  std::vector<FactorDefinition> factors;
  pg::each_row(
      "SELECT name, model, long_symbol, short_symbol FROM " + store.table("factor_definitions") +
          " WHERE is_active ORDER BY display_order, name, model",
      {},
      {required(Type::text, "factor_definitions.name"), required(Type::text, "factor_definitions.model"),
       nullable(Type::text), nullable(Type::text)},
      [&](const RowView& row) {
        factors.push_back({row.text_or_empty(0), row.text_or_empty(1), row.text_or_empty(2), row.text_or_empty(3)});
      });
  return factors;
}

void require_distinct_names(const Store& store, std::span<const FactorDefinition> factors) {
  std::set<std::string> names;
  for (const FactorDefinition& factor : factors)
    if (!names.insert(factor.name).second)
      throw core::Error(core::sqlstate::invalid_parameter, "two active factors are named \"" + factor.name + "\"",
                        "Results and scenarios tell factors apart by their names.",
                        "Rename one of them in " + store.table("factor_definitions") + ", or set is_active = false.");
}

std::vector<core::YieldQuote> load_yields(const Store& store, const std::string& series, core::Date from,
                                          core::Date to) {
  std::vector<core::YieldQuote> quotes;
  pg::each_row("SELECT date, rate::float8 FROM " + store.table("interest_rates") +
                   " WHERE series = $1 AND date BETWEEN $2 AND $3 AND rate IS NOT NULL ORDER BY date",
               Args{Type::text, Type::date, Type::date}.add(series).add(from).add(to),
               {required(Type::date, "interest_rates.date"), required(Type::float8, "interest_rates.rate")},
               [&](const RowView& row) {
                 quotes.push_back({row.date(0), row.float8(1)});
               });
  return quotes;
}

}  // namespace pb::store
