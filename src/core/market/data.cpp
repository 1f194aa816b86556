#include "core/market/data.hpp"

#include <array>
#include <cstddef>

namespace pb::market {

const char* to_word(Outcome outcome) {
  static constexpr std::array words{"OK",      "NO_DATA",   "PLAN_LIMIT", "PENDING",  "RATE_LIMIT", "AUTH",
                                    "BLOCKED", "TRANSIENT", "MALFORMED",  "DEADLINE", "SKIPPED"};
  return words[static_cast<std::size_t>(outcome)];
}

const char* to_word(Kind kind) {
  static constexpr std::array words{"prices",   "options",    "corporate_actions", "yields",
                                    "profiles", "statements", "estimates",         "earnings_dates"};
  return words[static_cast<std::size_t>(kind)];
}

}  // namespace pb::market
