#include "core/portfolio/valuation.hpp"

namespace pb::core {

namespace {

// The trade itself is a mark of the entry date; later splits divide it like any price.
Mark entry_mark(const Lot& lot, Date day, const ValuationInputs& inputs) {
  const SplitRatio since = inputs.actions->split_ratio(lot.symbol, lot.entry_date, day);
  return {since.to_new_price(lot.entry_price), lot.entry_date, inputs.panel->sessions().age(lot.entry_date, day)};
}

Mark newest_mark(const Lot& lot, Date day, const ValuationInputs& inputs) {
  Mark best = entry_mark(lot, day, inputs);
  if (const auto column = inputs.panel->column(lot.symbol)) {
    const auto mark = inputs.panel->mark_asof(*column, day, *inputs.actions);
    if (mark && mark->date >= lot.entry_date) best = *mark;
  }
  if (lot.is_private() && lot.manual_price && lot.manual_price_date && *lot.manual_price_date <= day &&
      *lot.manual_price_date >= best.date)
    best = {*lot.manual_price, *lot.manual_price_date, 0};
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
