// Whether a provider has restated its history, as it does after a split: then what is stored is of another basis than
// what it delivers, and all of the history is fetched again.
#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collect/plan/gates.hpp"
#include "core/market/data.hpp"

namespace pb::collect {

struct Restatement {
  enum class Kind {
    none,
    split,     // a split that was not known
    restated,  // all closes differ by one ratio, which is that of no split
    adjusted,  // closes are the same, and adjusted closes differ by one ratio, as after each dividend
    suspect,   // all closes differ by the ratio of a split that nobody announces
  };
  Kind kind = Kind::none;
  double ratio = 1;  // of the delivered close to the stored one
};

// The delivered series against the final prices of the same source and basis that are stored, and the splits that are
// known. A common ratio takes 5 prices; it differs from 1 by more than 0.5 percent and spreads by less than 0.2 percent
// (adjusted closes: differs by more than 0.005 percent, since dividends are small, and spreads by a tenth of that).
Restatement find_restatement(const market::PriceSeries& series, std::span<const market::Action> delivered_actions,
                             const std::string& source, std::span<const StoredBar> stored,
                             std::span<const market::Action> known_actions);

// The stored bars of the source and the basis of a whole delivered history that are not in it, brought to its basis by
// the ratio of the nearest day that both have: else they would be left on the old one. Empty where no day is common.
std::vector<StoredBar> rebase_missing(const market::PriceSeries& series, const std::string& source,
                                      std::span<const StoredBar> stored);

// Whether the ratio is that of a split, n:1, 1:n up to 50 or n:m up to 10, to 0.2 percent.
bool is_ratio_of_split(double ratio);

}  // namespace pb::collect
