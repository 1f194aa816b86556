// What becomes of an answer about the fundamentals of a symbol: rows, and the state from which the next attempt
// follows.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "collect/plan/fundamentals.hpp"
#include "core/market/data.hpp"
#include "store/fundamentals_store.hpp"
#include "store/store.hpp"

namespace pb::collect {

struct Accepted {
  std::int64_t rows_received = 0;
  std::int64_t rows_written = 0;
  std::string message = {};                            // what does not add up; empty: nothing to say
  market::Outcome outcome = market::Outcome::no_data;  // an answer that holds nothing is one without data
};

// Stores what a provider answered and tells the state of it; of statements also which period is expected next.
Accepted accept_answer(const store::Store& store, const store::FundamentalSymbol& symbol, market::Kind kind,
                       const std::string& provider, const market::SymbolAnswer& answer, core::Date as_of,
                       market::FundamentalState& state);

}  // namespace pb::collect
