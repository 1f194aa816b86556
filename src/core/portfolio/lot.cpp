#include "core/portfolio/lot.hpp"

#include <algorithm>
#include <cmath>

namespace pb::core {

double rounding_of(const Closing& closing, const SplitRatio& since, const Lot& lot) {
  constexpr double half_last_decimal = 5e-7;
  constexpr double share_of_quantity = 1e-6;
  constexpr double of_sums = 1e-12;
  const double exact = closing.quantity * of_sums;
  if (since == SplitRatio{} && !lot.origin) return exact;
  return std::max(exact, std::min(half_last_decimal, closing.quantity * share_of_quantity));
}

OpenQuantity::OpenQuantity(const Lot& lot, const CorporateActions& actions)
    : lot_(lot), splits_(actions.splits(lot.symbol)) {
  after_.reserve(lot.closings.size());
  Left left{std::fabs(lot.quantity), 0};
  for (const Closing& closing : lot.closings) {
    const SplitRatio since = CorporateActions::quantity_ratio(splits_, lot.entry_date, closing.trade_date);
    left.open -= since.to_old_shares(closing.quantity);
    left.rounding += since.to_old_shares(rounding_of(closing, since, lot));
    after_.push_back(left);
  }
}

double OpenQuantity::as_entered(Date day) const {
  const auto& closings = lot_.closings;
  const auto next = std::upper_bound(closings.begin(), closings.end(), day,
                                     [](Date date, const Closing& closing) { return date < closing.trade_date; });
  if (next == closings.begin()) return std::fabs(lot_.quantity);
  const Left& left = after_[static_cast<std::size_t>(next - closings.begin()) - 1];
  return left.open > left.rounding ? left.open : 0;
}

double OpenQuantity::asof(Date day) const {
  if (day < lot_.entry_date || (lot_.exit_date && *lot_.exit_date <= day)) return 0;
  const double open = std::copysign(as_entered(day), lot_.quantity);
  return CorporateActions::quantity_ratio(splits_, lot_.entry_date, day).to_new_shares(open);
}

std::vector<Closing> closings_through(const Lot& lot, Date day, const CorporateActions& actions) {
  std::vector<Closing> result;
  for (const Closing& closing : lot.closings)
    if (closing.trade_date <= day) result.push_back(closing);
  if (lot.exit_date && *lot.exit_date <= day && lot.exit_price) {
    const double rest = OpenQuantity(lot, actions).as_entered(*lot.exit_date);
    if (rest > 0) {
      const auto& splits = actions.splits(lot.symbol);
      const SplitRatio since = CorporateActions::quantity_ratio(splits, lot.entry_date, *lot.exit_date);
      result.push_back({*lot.exit_date, since.to_new_shares(rest), *lot.exit_price});
    }
  }
  return result;
}

double quantity_asof(const Lot& lot, Date day, const CorporateActions& actions) {
  return OpenQuantity(lot, actions).asof(day);
}

double multiplier_asof(const Lot& lot, Date day, const CorporateActions& actions) {
  if (!lot.is_option()) return lot.multiplier;
  return CorporateActions::multiplier_ratio(actions.splits(lot.symbol), lot.entry_date, day)
      .to_new_shares(lot.multiplier);
}

Money realized_pnl(const Lot& lot, const Closing& closing, const CorporateActions& actions) {
  const double entry =
      actions.split_ratio(lot.symbol, lot.entry_date, closing.trade_date).to_new_price(lot.entry_price);
  return to_money(static_cast<long double>(closing.price - entry) * std::copysign(closing.quantity, lot.quantity) *
                  multiplier_asof(lot, closing.trade_date, actions));
}

}  // namespace pb::core
