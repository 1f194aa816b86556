#pragma once
#include "core/no_postgres.hpp"

#include <span>
#include <vector>

#include "engine/context.hpp"
#include "store/coverage_store.hpp"

namespace pb::engine {

// Phase 1. Compares the symbols that the day needs with the prices that are there: with a price of the day, with a
// stale one, with none. It reads only; what is missing is named, and never replaced.
Report report_coverage(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

// A symbol that the day needs, and how its price is: current, stale, missing or invalid.
struct SymbolCoverage {
  store::WantedSymbol symbol;
  const char* status;
};

// The same symbol by symbol, in the order of the symbols.
std::vector<SymbolCoverage> symbol_coverage(const store::Store& store, core::Date day,
                                            std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
