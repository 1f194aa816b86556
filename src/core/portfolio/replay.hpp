#pragma once
#include "core/no_postgres.hpp"

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

// The window between two days, each standing for the last session on or before it. None unless the sessions reach from
// the first day to the last and the window ends on or before session `asof`: a replay as of a day knows nothing later.
// Throws 22023 unless the first day is before the last.
std::optional<ReplayWindow> replay_window(const Sessions& sessions, Date start, Date end, int asof);

// What a symbol did in a window, or would have done.
struct SymbolReplay {
  Estimate<double> total_return =
      Estimate<double>::missing(Reason::insufficient_data);  // a decimal over the whole window
  int proxied_sessions = 0;

  bool proxied() const { return proxied_sessions > 0; }
};

// Compounds the symbol's simple returns over the window, prod(1 + r) - 1. On sessions without a return its factor model
// stands in with sum_f beta_f x move_f, but not less than -100 %. The alpha of the model does not take part: it belongs
// to the window of its fit. Missing with insufficient_data when a session has neither a return nor the moves of all
// factors with a beta other than 0. Returns: one a session. Moves: sessions x factors. Betas: one a factor, or empty
// for a symbol without a model.
SymbolReplay replay_symbol(const Eigen::Ref<const Vector>& returns, const Eigen::Ref<const Matrix>& factor_moves,
                           const Vector& betas, const ReplayWindow& window);

// A position in a replay: exposure now, signed dollars, and what its symbol did.
struct ReplayPosition {
  double exposure;
  const SymbolReplay* symbol;
};

// P&L of holding the present exposures unchanged through the window, a loss negative; not capped. The shares are of
// gross exposure. Positions whose symbol has no return are left out and lower the coverage; without any that has, the
// P&L is missing. Of no positions at all the P&L is 0.
struct PortfolioReplay {
  Estimate<double> pnl = Estimate<double>::missing(Reason::insufficient_data);
  double coverage = 0;  // share with a return
  double proxied = 0;   // share whose return is in part the model's
};

PortfolioReplay replay_portfolio(std::span<const ReplayPosition> positions);

}  // namespace pb::core
