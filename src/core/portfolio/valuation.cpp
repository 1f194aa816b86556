#include "core/portfolio/valuation.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
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

// What exercising an expired option was worth; none before it expires and where nobody can tell. The age of the close
// is counted in days: sessions before the panel are not known.
std::optional<Mark> settlement_mark(const Lot& lot, Date day, const ValuationInputs& inputs) {
  constexpr std::chrono::days oldest{10};
  if (!lot.is_expired(day) || !std::isfinite(lot.strike_price)) return std::nullopt;
  const Date expiration = *lot.expiration_date;
  const auto column = inputs.panel->column(lot.underlying_symbol);
  const auto underlying = column ? inputs.panel->mark_asof(*column, expiration, *inputs.actions) : std::nullopt;
  if (!underlying || expiration - underlying->date > oldest) return std::nullopt;
  const auto& splits = inputs.actions->splits(lot.symbol);
  const double strike =
      CorporateActions::split_ratio(splits, lot.entry_date, expiration).to_new_price(lot.strike_price);
  const double gain = lot.is_call() ? underlying->price - strike : strike - underlying->price;
  const SplitRatio since = CorporateActions::split_ratio(splits, expiration, day);
  return Mark{since.to_new_price(std::max(gain, 0.0)), expiration, 0};
}

// The newest of the trade, the close and, of a private lot, the mark by hand; of two of one day the last of these.
// Splits since divide each.
Mark newest_mark(const Lot& lot, Date day, const ValuationInputs& inputs) {
  Mark best = entry_mark(lot, day, inputs);
  if (const auto column = inputs.panel->column(lot.symbol)) {
    const auto mark = inputs.panel->mark_asof(*column, day, *inputs.actions);
    if (mark && mark->date >= lot.acquired()) best = *mark;
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
  const std::optional<Mark> settlement = settlement_mark(lot, day, inputs);
  const Mark mark = settlement ? *settlement : newest_mark(lot, day, inputs);
  LotValue value;
  value.quantity = quantity_asof(lot, day, *inputs.actions);
  value.multiplier = multiplier_asof(lot, day, *inputs.actions);
  value.price = mark.price;
  value.price_date = mark.date;
  value.market_value = value.quantity * mark.price * value.multiplier;
  if (settlement)
    value.quality = MarkQuality::expired;
  else if (lot.is_private())
    value.quality = MarkQuality::manual;
  else if (mark.stale_sessions > inputs.max_stale_sessions)
    value.quality = MarkQuality::unpriced;
  else if (mark.stale_sessions > 0)
    value.quality = MarkQuality::stale;
  return value;
}

}  // namespace pb::core
