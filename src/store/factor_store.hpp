#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/stats/rate_beta.hpp"
#include "store/store.hpp"

namespace pb::store {

// A factor with the instruments whose returns stand for it.
struct FactorDefinition {
  std::string name;
  std::string model;  // market, ridge, spread or rate
  std::string long_symbol;
  std::string short_symbol;  // empty: no short leg
};

// The active factors in display order, then by name. Definitions that cannot be used are left out, and named in
// left_out where that is given.
std::vector<FactorDefinition> load_factors(const Store& store, std::vector<std::string>* left_out = nullptr);

// Throws 22023 when two factors have one name: results and scenarios could not tell them apart.
void require_distinct_names(const Store& store, std::span<const FactorDefinition> factors);

// The quotes of a yield series in [from, to], ascending.
std::vector<core::YieldQuote> load_yields(const Store& store, const std::string& series, core::Date from,
                                          core::Date to);

}  // namespace pb::store
