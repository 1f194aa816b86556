#include "store/factor_store.hpp"

#include <set>
#include <utility>

#include "core/error.hpp"
#include "core/portfolio/ranges.hpp"
#include "pg/select.hpp"
#include "store/row_check.hpp"

namespace pb::store {

using pg::Args;
using pg::field;
using pg::Type;

std::vector<FactorDefinition> load_factors(const Store& store, std::vector<std::string>* left_out) {
  struct Row {
    std::optional<std::string_view> name, model, long_symbol, short_symbol;
  };
  static const auto columns =
      pg::select("factor_definitions", field("name", &Row::name), field("model", &Row::model),
                 field("long_symbol", &Row::long_symbol), field("short_symbol", &Row::short_symbol));
  std::vector<FactorDefinition> factors;
  columns.from(store.table("factor_definitions") + " WHERE is_active ORDER BY display_order, name, model", {},
               [&](const Row& row) {
                 RowCheck check;
                 FactorDefinition factor{check.name(row.name, "name", core::longest_name),
                                         check.name(row.model, "model", core::longest_name),
                                         check.name(row.long_symbol, "long_symbol", core::longest_symbol),
                                         check.name_or_empty(row.short_symbol, "short_symbol", core::longest_symbol)};
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
  using Row = core::YieldQuote;
  static const auto columns =
      pg::select("interest_rates", field("date", &Row::date), field("rate::float8", &Row::percent, "rate"));
  std::vector<core::YieldQuote> quotes;
  columns.from(store.table("interest_rates") + " WHERE series = $1 AND date BETWEEN $2 AND $3 AND " +
                   in_range("rate", core::least_rate, core::greatest_rate) + " ORDER BY date",
               Args{Type::text, Type::date, Type::date}.add(series).add(from).add(to),
               [&](const Row& row) { quotes.push_back(row); });
  return quotes;
}

}  // namespace pb::store
