#pragma once
#include "core/no_postgres.hpp"

#include <span>

#include "core/portfolio/accounting.hpp"
#include "engine/context.hpp"
#include "engine/lot_exposures.hpp"
#include "store/holdings_store.hpp"

namespace pb::engine {

// What a portfolio held on a day and what each lot earned since the snapshot before it. The P&L of the lots adds up to
// that of the portfolio as its inputs are now; what the snapshot's P&L has beside it, because something was booked
// since for an earlier date, or cash events of no lot, is unallocated. The exposures are those of the day.
store::HoldingsRow holdings_of(Context& context, const store::Portfolio& portfolio, core::Date day,
                               const core::PeriodResult& period, const LotExposures& exposures);

// Writes what the portfolios held on the day, unless the context has done so for that day: the other results of the
// date refer to it.
Report write_holdings(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
