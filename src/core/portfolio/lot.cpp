#include "core/portfolio/lot.hpp"

#include <cmath>

namespace pb::core {

namespace {

// Quantities have six decimals on the day of their trade, so each closing may be off by half of the last one.
constexpr double half_last_decimal = 5e-7;

// Quantity still open after the given closings, unsigned and in shares of the entry date; nothing where what is left
// is no more than their rounding, which a split between entry and closing makes visible.
double open_as_entered(const Lot& lot, const std::vector<Closing>& closings, Date day,
                       const CorporateActions& actions) {
  double open = std::fabs(lot.quantity);
  double rounding = 0;
  for (const Closing& closing : closings) {
    if (closing.trade_date > day) continue;
    const double factor = actions.split_factor(lot.symbol, lot.entry_date, closing.trade_date);
    open -= closing.quantity / factor;
    rounding += half_last_decimal / factor;
  }
  return open > rounding ? open : 0;
}

}  // namespace

std::vector<Closing> closings_through(const Lot& lot, Date day, const CorporateActions& actions) {
  std::vector<Closing> result;
  for (const Closing& closing : lot.closings)
    if (closing.trade_date <= day) result.push_back(closing);
  if (lot.exit_date && *lot.exit_date <= day && lot.exit_price) {
    const double rest = open_as_entered(lot, lot.closings, *lot.exit_date, actions);
    if (rest > 0) {
      const double factor = actions.split_factor(lot.symbol, lot.entry_date, *lot.exit_date);
      result.push_back({*lot.exit_date, rest * factor, *lot.exit_price, std::nullopt});
    }
  }
  return result;
}

double quantity_asof(const Lot& lot, Date day, const CorporateActions& actions) {
  if (day < lot.entry_date || (lot.exit_date && *lot.exit_date <= day)) return 0;
  const double open = open_as_entered(lot, lot.closings, day, actions);
  return std::copysign(open, lot.quantity) * actions.split_factor(lot.symbol, lot.entry_date, day);
}

Money realized_pnl(const Lot& lot, const Closing& closing, const CorporateActions& actions) {
  if (closing.realized) return *closing.realized;
  const double entry = lot.entry_price / actions.split_factor(lot.symbol, lot.entry_date, closing.trade_date);
  return to_money(static_cast<long double>(closing.price - entry) * std::copysign(closing.quantity, lot.quantity) *
                  lot.multiplier);
}

}  // namespace pb::core
