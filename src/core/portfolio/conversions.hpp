#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/portfolio/corporate_actions.hpp"
#include "core/portfolio/lot.hpp"

namespace pb::core {

// What one share that is converted comes to: what it cost is divided between the cash that is paid for it, the shares
// that it becomes, and itself where it stays.
struct ConvertedCost {
  double of_cash;              // which is realized against the cash
  std::vector<double> of_leg;  // for each leg, per share converted
  double of_rest;              // stays with the share; 0 where it does not stay
};

ConvertedCost converted_cost(const Conversion& conversion, double cost);

// A closing, or the exit of a lot, of shares that the lot was not at that time.
struct UnplacedClosing {
  Uuid opened_as;
  bool is_exit = false;
  Date trade_date;
  std::string symbol;  // empty: what the lot itself was
};

// Makes of each lot what the conversions of its symbol make of it: one lot for each stretch of time between them. The
// lot ends on the ex-date at its cost and the cash that is paid, and what it becomes begins there with the rest of the
// cost, so that the conversion itself is no gain but for cash above its cost. What goes on as the same position keeps
// its id; shares that are spun off get one that follows from the lot, the symbol and the day. Closings go to what they
// sold by then. A conversion takes what was open at the end of the day before; a trade on the ex-date is of what it
// made. Options have no conversions of their own. The lots come back in the order of entry dates and ids, linked by
// Lot::previous and Lot::next.
std::vector<Lot> apply_conversions(std::vector<Lot> lots, const CorporateActions& actions,
                                   std::vector<UnplacedClosing>& unplaced);

// How much can still be closed of lots that were converted: nothing that was closed since, of a lot or of what it
// became, may be sold twice. It refers to the lots and the actions.
class ClosableQuantities {
 public:
  ClosableQuantities(const std::vector<Lot>& lots, const CorporateActions& actions);

  // Of one lot, by its place, on a day on which it is open: signed, in shares of that day.
  double of(std::size_t lot, Date day) const;

 private:
  const std::vector<Lot>& lots_;
  const CorporateActions& actions_;
  std::map<std::pair<Uuid, Date>, std::vector<std::size_t>> spun_off_;  // by the lot that they come from, and the day
};

}  // namespace pb::core
