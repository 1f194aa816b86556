#pragma once
#include "core/no_postgres.hpp"

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "core/portfolio/cash_events.hpp"
#include "core/portfolio/lot.hpp"
#include "core/portfolio/money.hpp"
#include "core/portfolio/valuation.hpp"

namespace pb::core {

struct CapitalFlow {
  Date date;
  Money amount;  // contributions positive, withdrawals negative
};

// What a portfolio starts from and what it holds.
struct Holdings {
  Money initial_equity;
  std::span<const Lot> lots;
  std::span<const CapitalFlow> flows;
  std::span<const CashEvent> events = {};  // by date
  // The session before the inception, at whose close the initial equity is measured: lots that were held by then are
  // part of it at what they were worth. None where the portfolio begins with its first trade.
  std::optional<Date> opening = std::nullopt;
};

// Takes out what was booked on or before the opening: it is in the initial equity.
void leave_out_until(Date opening, std::vector<CapitalFlow>& flows, std::vector<CashEvent>& events);

// A portfolio at the end of one day. Each level is computed from all trades, flows and dividends up to the day, not
// from the day before: a skipped session, a late booking or a corrected price loses nothing, and computing a day
// twice gives the same. Equity is the exact sum rounded once, here, and everything derived from it is exact, P&L too.
// What equity is made of is rounded such that it adds up to it (see allocate).
struct PortfolioLevels {
  Money cash;         // initial equity + flows + trade cash + dividends + cash events; may be negative
  Money long_value;   // market value of positions with positive exposure
  Money short_value;  // negative
  Money flows_to_date;
  Money realized_to_date;     // against entry prices, also of lots from before the opening
  Money dividends_to_date;    // as counted on their ex-dates, corrected by what the account reported
  Money fees_to_date;         // negative; what returns before fees leave out
  Money cash_pnl_to_date;     // of all cash events but dividends, the fees among them
  Money unallocated_to_date;  // of the P&L, what belongs to no lot
  Money initial_equity;
  // Open lots, as position_history has them.
  int long_count = 0;
  int short_count = 0;
  int option_count = 0;
  int private_positions = 0;
  int stale_prices = 0;
  int unpriced_positions = 0;
  int symbol_count = 0;  // their distinct symbols

  Money net_market_value() const { return long_value + short_value; }
  Money gross_exposure() const { return long_value - short_value; }
  Money equity() const { return cash + net_market_value(); }
  Money cumulative_pnl() const { return equity() - initial_equity - flows_to_date; }
};

// What one lot has come to by the end of a day.
struct LotLevel {
  long double cumulative_pnl = 0;  // cash that it brought, and its value, since its entry or the opening
  Money realized_to_date;
  LotValue value;  // with a quantity of 0 where it is not open
};

// With lots: also what each of the lots has come to, in their order.
PortfolioLevels levels_on(Date day, const Holdings& holdings, const ValuationInputs& inputs,
                          std::vector<LotLevel>* lots = nullptr);

// What later days need to know of an earlier snapshot.
struct LedgerEntry {
  Money equity;
  Money cumulative_pnl;
  Money flows_to_date;
  Money realized_to_date;
  Money fees_to_date;
};

// A portfolio's snapshots by date.
using Ledger = std::map<Date, LedgerEntry>;

LedgerEntry ledger_entry(const PortfolioLevels& levels);

// The changes since earlier snapshots. Daily P&L is the change of cumulative P&L since the previous snapshot, so the
// P&L of a gap is never lost; daily P&L + flows + initial equity add up to equity exactly.
struct PeriodResult {
  std::optional<Date> previous_date;
  Money daily_pnl;
  Money mtd_pnl;  // since the last snapshot before the month
  Money ytd_pnl;  // since the last snapshot before the year
  Money daily_flow;
  Money daily_realized;
  // The capital that worked since the snapshot before: its equity, and contributions since. A contribution works from
  // the start of its day and a withdrawal until the end of its day, so that neither is a gain or a loss.
  Money return_base;
  // (equity + withdrawals) / (equity before + contributions) - 1, which is daily P&L over the return base; none when
  // that is not positive.
  std::optional<double> daily_return;
  // The same before fees: (daily P&L - fees) over the return base.
  std::optional<double> gross_return;
};

PeriodResult period_result(Date day, const PortfolioLevels& levels, std::span<const CapitalFlow> flows,
                           const Ledger& ledger);

}  // namespace pb::core
