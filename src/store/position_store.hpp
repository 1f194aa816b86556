#pragma once
#include "core/no_postgres.hpp"

#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/portfolio/money.hpp"
#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// What phase 2.5 writes on a lot. The price of a lot that is closed is absent and not touched. A price without a day is
// that of a trade too old to value the lot: it and the unrealized P&L are written only where there have been some
// before.
struct PositionValue {
  core::Uuid portfolio_id;
  core::Uuid position_id;
  std::optional<double> last_price;
  std::optional<core::Date> last_price_date;
  core::Money market_value;
  core::Money unrealized_pnl;
  core::Money realized_pnl;
};

// Updates the batch's columns of positions, and only rows that differ.
std::int64_t write_position_values(const Store& store, std::span<const PositionValue> rows);

// The sensitivities of an option on a day, per share of the underlying; NaN what is not stored.
struct Greeks {
  double delta;  // change of the option price per unit of the underlying
  double gamma;  // of delta per unit of the underlying
  double theta;  // of the option price per calendar day
  double vega;   // of the option price per volatility point
  double underlying_price;
  double implied_volatility;  // annualized, a decimal
};

// Sums of quantity x multiplier x Greek over the open options of a portfolio; NaN where it has none, or where one of
// them lacks that Greek.
struct GreekTotals {
  double delta = std::numeric_limits<double>::quiet_NaN();
  double gamma = std::numeric_limits<double>::quiet_NaN();
  double theta = std::numeric_limits<double>::quiet_NaN();
  double vega = std::numeric_limits<double>::quiet_NaN();
};

// Greeks by portfolio and position.
using GreeksOfLots = std::map<std::pair<core::Uuid, core::Uuid>, Greeks>;

// The Greeks of exactly that day; those of another day say nothing about this one.
GreeksOfLots load_greeks(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::store
