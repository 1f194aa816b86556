#pragma once
#include "core/no_postgres.hpp"

#include <optional>

#include "core/portfolio/corporate_actions.hpp"
#include "core/portfolio/lot.hpp"
#include "core/portfolio/price_panel.hpp"

namespace pb::core {

// How good the price is that a lot is valued at.
enum class MarkQuality {
  current,   // a price of the day itself
  stale,     // at most the permitted number of sessions old
  unpriced,  // older than permitted, or none since the trade: carried at the last mark, so that no P&L is invented
  manual,    // a private asset's own mark, at any age
  expired,   // an option from its expiration on: what it was worth by the close of its underlying on that day
};

// A lot on one day. Market value = quantity x price x multiplier, signed.
struct LotValue {
  double quantity = 0;
  double multiplier = 1;
  double price = 0;   // in shares of the day
  Date price_date{};  // the entry date where the trade price is the newest mark
  MarkQuality quality = MarkQuality::current;
  double market_value = 0;
};

// Everything valuation reads; all of it as of the day that is asked for.
struct ValuationInputs {
  const PricePanel* panel;
  const CorporateActions* actions;
  int max_stale_sessions;
};

// Values a lot that is open on the day. A price from before the trade is not used: the trade price is newer; for a
// lot that a corporate action made, the trade is that of the lot that was opened. An
// option is valued at its own price only until it expires; from then on it is worth its intrinsic value at the close of
// the underlying on the expiration date, max(0, S - K) of a call and max(0, K - S) of a put, 0 when it expired
// worthless. Where there is no close of the underlying on that date or within the ten days before, nor a strike, it
// stays at its last mark.
LotValue value_lot(const Lot& lot, Date day, const ValuationInputs& inputs);

}  // namespace pb::core
