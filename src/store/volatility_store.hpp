#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <limits>
#include <span>

#include "core/calendar/date.hpp"
#include "core/stats/volatility.hpp"
#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// A position's volatility: that of its symbol.
struct PositionVolatility {
  core::Uuid portfolio_id;
  core::Uuid position_id;
  const core::Volatility* volatility;  // nullptr: not estimated for positions of this kind
  const char* reason;                  // why figures are missing; nullptr when none is
};

// Replaces the day's rows of these portfolios.
std::int64_t write_position_volatilities(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                                         std::span<const PositionVolatility> rows);

// The volatility of a portfolio's return series.
struct SnapshotVolatility {
  core::Uuid portfolio_id;
  core::Volatility volatility;
  double coverage = std::numeric_limits<double>::quiet_NaN();  // share of gross exposure in the series
  double proxied = std::numeric_limits<double>::quiet_NaN();   // share in it that betas fill in part
  const char* reason = nullptr;
};

std::int64_t write_snapshot_volatilities(const Store& store, core::Date day, std::span<const SnapshotVolatility> rows);

}  // namespace pb::store
