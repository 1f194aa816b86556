#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/portfolio/lot.hpp"
#include "core/reason.hpp"
#include "core/text/uuid.hpp"
#include "engine/inputs.hpp"

namespace pb::engine {

// An open lot as the risk engines see it.
struct RiskPosition {
  const core::Lot* lot;
  double value;         // signed market value
  double exposure;      // signed dollars that move with the symbol, an option's by its delta; NaN when not known
  int symbol;           // whose returns it follows, by its place in RiskBook::symbols; -1 when none
  core::Reason reason;  // why there is no such symbol: private or option_without_delta; else none
};

// What a portfolio has in one symbol, all its lots together: splitting a lot changes nothing.
struct SymbolExposure {
  int symbol;
  double net;    // signed dollars
  double gross;  // sum of the lots' absolute exposures
};

struct RiskPortfolio {
  core::Uuid id;
  std::optional<double> net_asset_value;  // none without a snapshot of the day
  std::vector<RiskPosition> positions;
  std::vector<SymbolExposure> exposures;  // ascending by symbol
  double gross = 0;                       // absolute exposures, or values where the exposure is not known

  bool has_equity() const { return net_asset_value && *net_asset_value > 0; }
};

// The positions of a day's portfolios with the symbols whose returns they follow. A beta belongs to a symbol: engines
// estimate once for each of these, and sum over exposures.
struct RiskBook {
  core::Date day;
  int session = 0;                   // of the panel
  int sessions_per_year = 0;         // of the calendar, to annualize variances
  std::vector<std::string> symbols;  // ascending by bytes
  std::vector<int> columns;          // of the panel, one for each symbol
  std::vector<bool> priced;          // whether the symbol has a price on or before the day
  std::vector<bool> left_out;        // whether a price of the symbol was left out because it cannot be used
  std::vector<std::optional<core::Date>> split_jumps;  // of the symbol's newest return that a split left out
  int max_stale_sessions = 0;  // how old a price may be, and so the newest observation of an estimate
  std::vector<RiskPortfolio> portfolios;
};

// Why a symbol of the book has no estimate, from what its series alone says: prices that were left out explain what is
// missing, and a symbol that never had a price says so.
core::Reason missing_price_reason(const RiskBook& book, std::size_t symbol, core::Reason reason);

// The flag of an estimate of a symbol beside what its number of observations says: split_in_prices where a return since
// the first day is left out because the adjusted closes jump by the ratio of a split, stale where the newest
// observation is older than max_stale_sessions.
core::Quality quality_of_window(const RiskBook& book, std::size_t symbol, core::Date first, int newest_session,
                                core::Quality quality);

// How much of a portfolio's gross exposure has an estimate that is stale; NaN without exposure.
template <class IsStale>
double stale_share(const RiskPortfolio& portfolio, IsStale&& is_stale) {
  double stale = 0;
  for (const SymbolExposure& held : portfolio.exposures)
    if (is_stale(held.symbol)) stale += held.gross;
  return stale / portfolio.gross;
}

// ", 1 portfolio without snapshot" where that is so: what is over net asset value cannot be told of these.
std::string without_snapshot(const RiskBook& book);

RiskBook make_risk_book(Inputs& inputs, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
