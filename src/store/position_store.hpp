#pragma once
#include "core/no_postgres.hpp"

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

// What phase 2.5 writes on a lot. A price that is not to be touched (a private asset's own mark) is absent.
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

// An option's sensitivity to its underlying on a day.
struct Delta {
  double delta;             // change of the option price per unit of the underlying
  double underlying_price;  // NaN when not stored
};

// Deltas by portfolio and position.
using Deltas = std::map<std::pair<core::Uuid, core::Uuid>, Delta>;

// The deltas of exactly that day; a delta of another day says nothing about this one.
Deltas load_deltas(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::store
