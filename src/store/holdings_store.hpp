#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/portfolio/money.hpp"
#include "core/reason.hpp"
#include "core/text/uuid.hpp"
#include "pg/rows.hpp"
#include "store/store.hpp"

namespace pb::store {

// What a portfolio held on a day and what each lot did since the snapshot before, a lot at each place of the arrays.
// Lots that were closed since then are among them, with a quantity of 0.
struct HoldingsRow {
  core::Uuid portfolio_id;
  core::Date date;
  std::vector<core::Uuid> position_ids;
  std::vector<std::optional<std::string>> symbols;  // whose estimates are the lot's; none for a lot without
  pg::Numerics quantities;                          // signed
  pg::Numerics prices;                              // NaN for a closed lot
  std::vector<std::optional<core::Date>> price_dates;
  std::vector<double> exposures;            // signed, an option's by its delta; NaN when not known
  std::vector<std::int64_t> market_values;  // these and the next two in ten-thousandths
  std::vector<std::int64_t> daily_pnl;
  std::vector<std::int64_t> realized_pnl;
  std::vector<core::Reason> reasons;
  core::Money unallocated_pnl;  // of the snapshot's daily P&L, what belongs to no lot
};

// Writes portfolio_holdings; one row a portfolio and day.
std::int64_t write_holdings(const Store& store, std::span<const HoldingsRow> rows);

}  // namespace pb::store
