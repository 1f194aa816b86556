#include "store/factor_store.hpp"

#include <set>
#include <utility>

#include "core/error.hpp"
#include "core/portfolio/ranges.hpp"
#include "pg/query.hpp"
#include "store/row_check.hpp"

namespace pb::store {

using pg::Args;
using pg::nullable;
using pg::required;
using pg::RowView;
using pg::Type;

std::vector<FactorDefinition> load_factors(const Store& store, std::vector<std::string>* left_out) {
  std::vector<FactorDefinition> factors;
  pg::each_row("SELECT name, model, long_symbol, short_symbol FROM " + store.table("factor_definitions") +
                   " WHERE is_active ORDER BY display_order, name, model",
               {}, {nullable(Type::text), nullable(Type::text), nullable(Type::text), nullable(Type::text)},
               [&](const RowView& row) {
                 RowCheck check(row);
                 FactorDefinition factor{check.name(0, "name", core::longest_name),
                                         check.name(1, "model", core::longest_name),
                                         check.name(2, "long_symbol", core::longest_symbol),
                                         check.name_or_empty(3, "short_symbol", core::longest_symbol)};
                 if (!check.problem())
                   factors.push_back(std::move(factor));
                 else if (left_out != nullptr)
                   left_out->push_back("factor_definitions: " + check.problem()->column + " is " +
                                       check.problem()->value + " in the factor " + shortened(factor.name));
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
                   " WHERE series = $1 AND date BETWEEN $2 AND $3 AND " +
                   in_range("rate", core::least_rate, core::greatest_rate) + " ORDER BY date",
               Args{Type::text, Type::date, Type::date}.add(series).add(from).add(to),
               {required(Type::date, "interest_rates.date"), required(Type::float8, "interest_rates.rate")},
               [&](const RowView& row) {
                 quotes.push_back({row.date(0), row.float8(1)});
               });
  return quotes;
}

}  // namespace pb::store
