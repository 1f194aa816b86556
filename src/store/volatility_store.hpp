#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "core/calendar/date.hpp"
#include "core/reason.hpp"
#include "core/stats/volatility.hpp"
#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

struct SymbolVolatility {
  std::string symbol;
  core::Volatility volatility;
  core::Reason reason;        // why figures are missing
  int sessions_per_year;      // by which they are annualized
  std::int64_t input_digest;  // of its prices
};

// Replaces the day's rows of these symbols in symbol_volatility. Symbols that the store leaves to others are left out.
std::int64_t write_symbol_volatilities(const Store& store, core::Date day, std::span<const SymbolVolatility> rows);

// The volatility of a portfolio's return series.
struct SnapshotVolatility {
  core::Uuid portfolio_id;
  core::Volatility volatility;
  int sessions_per_year = 0;                                   // by which it is annualized
  double coverage = std::numeric_limits<double>::quiet_NaN();  // share of gross exposure in the series
  double proxied = std::numeric_limits<double>::quiet_NaN();   // share in it that betas fill in part
  core::Reason reason = core::Reason::none;
};

std::int64_t write_snapshot_volatilities(const Store& store, core::Date day, std::span<const SnapshotVolatility> rows);

}  // namespace pb::store
