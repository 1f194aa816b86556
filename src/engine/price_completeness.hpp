#pragma once
#include "core/no_postgres.hpp"

#include <string>

#include "engine/inputs.hpp"

namespace pb::engine {

// How many of the symbols that a portfolio's open lots are valued by had a price on a day.
struct PriceCompleteness {
  int expected = 0;          // had a price in one of the five sessions before
  int priced = 0;            // of these, also on the day
  bool provisional = false;  // one of these has none on the day, or any has one that its source may still change

  // Whether the day is to be published only once more prices have come.
  bool is_below(double min_coverage) const { return expected > 0 && priced < min_coverage * expected; }
  std::string text() const;  // "priced 3 of 25 symbols"
};

PriceCompleteness price_completeness(Inputs& inputs, const store::Portfolio& portfolio, core::Date day);

// Whether a day that is not published yet waits for prices: below portfolio_batch.min_coverage, for at most three
// sessions. A forced run publishes at once.
bool waits_for_prices(Inputs& inputs, const PriceCompleteness& prices, core::Date day);

}  // namespace pb::engine
