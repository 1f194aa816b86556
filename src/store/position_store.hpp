#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/money.hpp"
#include "core/uuid.hpp"
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

}  // namespace pb::store
