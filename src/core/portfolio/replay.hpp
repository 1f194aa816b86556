#pragma once
#include "core/no_postgres.hpp"

#include <limits>
#include <optional>
#include <span>

#include "core/calendar/date.hpp"
#include "core/calendar/sessions.hpp"
#include "core/stats/estimate.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// The sessions of a historical replay: from the close of `base` to the close of `last`.
struct ReplayWindow {
  int base;
  int last;
};

// The window between two days, each standing for the last session on or before it: a day without a session has the
// close of the one before. The sessions are all that the calendar has from the first day to the last. None unless a
// session is on or before the first day, another one follows by the last, and that is on or before `asof`: a replay as
// of a day knows nothing later. Throws 22023 unless the first day is before the last.
std::optional<ReplayWindow> replay_window(const Sessions& sessions, Date start, Date end, Date asof);

// What stands in for a symbol that has no return of its own, the better one first.
struct ReplayBetas {
  Vector factors = {};                                       // one a factor; empty for a symbol without a factor model
  double market = std::numeric_limits<double>::quiet_NaN();  // to the first factor alone; NaN for one without a beta
};

// What a symbol did in a window, or would have done.
struct SymbolReplay {
  Estimate<double> total_return =
      Estimate<double>::missing(Reason::insufficient_data);  // a decimal over the whole window
  int by_factors = 0;                                        // sessions on which the factor model stood in
  int by_market = 0;                                         // sessions on which the market beta did

  bool proxied() const { return by_factors + by_market > 0; }
};

// Compounds the symbol's simple returns over the window, prod(1 + r) - 1. On a session without a return its factor
// model stands in with sum_f beta_f x move_f; where a factor with a beta other than 0 has no move on that session, as
// before its fund existed, the market beta does; neither with less than -100 %. The alpha of the model does not take
// part: it belongs to the window of its fit. Missing with insufficient_data when a session has neither. Returns: one a
// session. Moves: sessions x factors, the market first. Throws 22023 unless the betas are one a factor.
SymbolReplay replay_symbol(const Eigen::Ref<const Vector>& returns, const Eigen::Ref<const Matrix>& factor_moves,
                           const ReplayBetas& betas, const ReplayWindow& window);

// A symbol in a replay: what is held of it now in signed dollars, all its lots together, and what it did.
struct ReplayPosition {
  double net;
  double gross;  // sum of the lots' absolute exposures
  const SymbolReplay* symbol;
};

// Below this share of the gross exposure a P&L is one of a part of the book.
inline constexpr double full_replay_coverage = 0.95;

// P&L of holding the present exposures unchanged through the window, a loss negative; not capped. Positions whose
// symbol has no return are left out and lower the coverage; without any that has, the P&L is missing. Of no positions
// at all the P&L is 0. The shares are of the gross exposure of the lots, 0 to 1, so that lots that net out count; NaN
// without exposure.
struct PortfolioReplay {
  Estimate<double> pnl = Estimate<double>::missing(Reason::insufficient_data);
  double coverage = 0;    // share with a return
  double proxied = 0;     // share whose return is in part not its own
  double by_factors = 0;  // share for which a factor model stood in on some session
  double by_market = 0;   // share for which a market beta did
  // Why the P&L is missing, or partial_coverage where it is that of a part of the book.
  Reason reason = Reason::none;
};

// Gross is the exposure of the whole book, what has no symbol included.
PortfolioReplay replay_portfolio(std::span<const ReplayPosition> positions, double gross);

}  // namespace pb::core
