// What a portfolio's date is computed from, in parts that have a digest each.
#pragma once
#include "core/no_postgres.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace pb::engine {

enum class InputPart : std::uint8_t {
  settings,
  factors,
  scenarios,
  calendar,
  yields,
  benchmark,
  factor_prices,
  prices,
  replays,
  book,
  actions,
  deltas,
  profiles,
  tags,
  snapshots,
};

struct InputPartText {
  InputPart part;
  const char* name;
  const char* covers;
  const char* of_date;  // why it differs from date to date though nobody changed it; nullptr: it does not
};

// The one list of the parts. portfolio_snapshots.input_parts has their digests in this order: a new part belongs at the
// end. Parts of the date are stored with each portfolio too: a date's portfolios may be computed at different times.
inline constexpr std::array input_parts{
    InputPartText{InputPart::settings, "settings", "settings, method of the estimators", nullptr},
    InputPartText{InputPart::factors, "factors", "factor_definitions", nullptr},
    InputPartText{InputPart::scenarios, "scenarios", "stress_test_scenarios", nullptr},
    InputPartText{InputPart::calendar, "calendar", "sessions in reach, sessions a year", "window"},
    InputPartText{InputPart::yields, "yields", "interest_rates in reach", "window"},
    InputPartText{InputPart::benchmark, "benchmark", "benchmarks_sector_weights", nullptr},
    InputPartText{InputPart::factor_prices, "factor_prices", "prices of the market and the factors", "price window"},
    InputPartText{InputPart::prices, "prices", "prices of what is held", "price window"},
    InputPartText{InputPart::replays, "replays", "prices of the past that scenarios replay", nullptr},
    InputPartText{InputPart::book, "book", "equity, inception, flows, cash, lots, closings, marks", nullptr},
    InputPartText{InputPart::actions, "actions", "corporate_actions of the lots", nullptr},
    InputPartText{InputPart::deltas, "deltas", "position_greeks", "of the date"},
    InputPartText{InputPart::profiles, "profiles", "company_profiles of what is held", nullptr},
    InputPartText{InputPart::tags, "tags", "tags of the user", nullptr},
    InputPartText{InputPart::snapshots, "snapshots", "snapshots before the date, the month, the year", "of the date"}};

constexpr bool in_order_of_parts() {
  for (std::size_t i = 0; i < input_parts.size(); ++i)
    if (static_cast<std::size_t>(input_parts[i].part) != i) return false;
  return true;
}
static_assert(in_order_of_parts());

// A digest of each part.
class PartDigests {
 public:
  std::int64_t& operator[](InputPart part) { return values_[static_cast<std::size_t>(part)]; }
  std::int64_t operator[](InputPart part) const { return values_[static_cast<std::size_t>(part)]; }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

 private:
  std::array<std::int64_t, input_parts.size()> values_{};
};

}  // namespace pb::engine
