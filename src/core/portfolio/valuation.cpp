#include "core/portfolio/valuation.hpp"

#include <algorithm>
#include <iterator>

namespace pb::core {

namespace {

// The trade itself is a mark of the entry date; later splits divide it like any price.
Mark entry_mark(const Lot& lot, Date day, const ValuationInputs& inputs) {
  const SplitRatio since = inputs.actions->split_ratio(lot.symbol, lot.entry_date, day);
  return {since.to_new_price(lot.entry_price), lot.entry_date, inputs.panel->sessions().age(lot.entry_date, day)};
}

const HandMark* newest_hand_mark(const Lot& lot, Date day) {
  const auto next = std::upper_bound(lot.marks.begin(), lot.marks.end(), day,
                                     [](Date date, const HandMark& mark) { return date < mark.date; });
  return next == lot.marks.begin() ? nullptr : &*std::prev(next);
}

// The newest of the trade, the close and, of a private lot, the mark by hand; of two of one day the last of these.
// Splits since divide each.
Mark newest_mark(const Lot& lot, Date day, const ValuationInputs& inputs) {
  Mark best = entry_mark(lot, day, inputs);
  if (const auto column = inputs.panel->column(lot.symbol)) {
    const auto mark = inputs.panel->mark_asof(*column, day, *inputs.actions);
    if (mark && mark->date >= lot.entry_date) best = *mark;
  }
  const HandMark* hand = lot.is_private() ? newest_hand_mark(lot, day) : nullptr;
  if (hand != nullptr && hand->date >= best.date) {
    const SplitRatio since = inputs.actions->split_ratio(lot.symbol, hand->date, day);
    best = {since.to_new_price(hand->price), hand->date, 0};
  }
  return best;
}

}  // namespace

LotValue value_lot(const Lot& lot, Date day, const ValuationInputs& inputs) {
  const Mark mark = newest_mark(lot, day, inputs);
  LotValue value;
  value.quantity = quantity_asof(lot, day, *inputs.actions);
  value.price = mark.price;
  value.price_date = mark.date;
  value.market_value = value.quantity * mark.price * lot.multiplier;
  if (lot.is_private())
    value.quality = MarkQuality::manual;
  else if (mark.stale_sessions > inputs.max_stale_sessions)
    value.quality = MarkQuality::unpriced;
  else if (mark.stale_sessions > 0)
    value.quality = MarkQuality::stale;
  return value;
}

}  // namespace pb::core
