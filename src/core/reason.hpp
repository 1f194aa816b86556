// Why a figure is missing, what is to be said of one that is there, and how much history is behind it: the words of the
// columns reason and quality_flag.
#pragma once
#include "core/no_postgres.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pb::core {

enum class Reason : std::uint8_t {
  none,
  // Of a symbol.
  no_prices,
  invalid_price,
  insufficient_data,
  constant_series,
  singular,
  outlier,
  no_risk_free_rate,
  // Of a lot.
  private_asset,
  option_without_delta,
  option_without_greeks,
  option_without_vega,
  exposure_out_of_range,
  stale_price,
  provisional_price,
  unpriced,
  expired,
  closed,
  // Of a portfolio.
  no_equity,
  no_exposure,
  no_options,
  no_risk,          // the hedges leave none to divide by
  short_positions,  // in a figure of long-only books
  single_symbol,
  below_filters,
  too_many_symbols,
  no_factor_covariance,
  partial_coverage,  // the figure is there, of a part of the book
  out_of_range,
  invalid_scenario,
};

// The word that tables hold; empty for none.
constexpr std::string_view to_word(Reason reason) {
  constexpr std::array<std::string_view, 30> words{"",
                                                   "no_prices",
                                                   "invalid_price",
                                                   "insufficient_data",
                                                   "constant_series",
                                                   "singular",
                                                   "outlier",
                                                   "no_risk_free_rate",
                                                   "private",
                                                   "option_without_delta",
                                                   "option_without_greeks",
                                                   "option_without_vega",
                                                   "exposure_out_of_range",
                                                   "stale_price",
                                                   "provisional_price",
                                                   "unpriced",
                                                   "expired",
                                                   "closed",
                                                   "no_equity",
                                                   "no_exposure",
                                                   "no_options",
                                                   "no_risk",
                                                   "short_positions",
                                                   "single_symbol",
                                                   "below_filters",
                                                   "too_many_symbols",
                                                   "no_factor_covariance",
                                                   "partial_coverage",
                                                   "out_of_range",
                                                   "invalid_scenario"};
  static_assert(words.size() == static_cast<std::size_t>(Reason::invalid_scenario) + 1);
  return words[static_cast<std::size_t>(reason)];
}

// How far an estimate can be relied on, the best first: by its number of observations; that a return was left out of
// its window for a split in the prices; that its newest observation is old, so that it does not speak of its date; that
// there is none. Where several apply, the last of them is the flag.
enum class Quality : std::uint8_t { full_history, limited_history, split_in_prices, stale, insufficient_data };

constexpr Quality worse_of(Quality a, Quality b) { return a < b ? b : a; }

constexpr std::string_view to_word(Quality quality) {
  constexpr std::array<std::string_view, 5> words{"full_history", "limited_history", "split_in_prices", "stale",
                                                  "insufficient_data"};
  static_assert(words.size() == static_cast<std::size_t>(Quality::insufficient_data) + 1);
  return words[static_cast<std::size_t>(quality)];
}

}  // namespace pb::core
