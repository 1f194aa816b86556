#pragma once
#include "core/no_postgres.hpp"

#include <span>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/calendar/sessions.hpp"
#include "core/poll.hpp"
#include "core/stats/factor_model.hpp"
#include "core/stats/linear_algebra.hpp"
#include "core/stats/window.hpp"

namespace pb::core {

// A yield as it is published: 4.25 means 4.25 % a year.
struct YieldQuote {
  Date date;
  double percent;
};

// A longer interval than this many sessions between two quotes is a hole in the series, not an observation: it would
// count a month's move as one day's.
inline constexpr int longest_rate_interval = 5;

// Yields whose newest change ends more than this many sessions before the day are not used for it: a fund's returns are
// nearer to what rates have done since than a series that has nothing of it.
inline constexpr int oldest_rate_change = 10;

// Changes of an interest rate by the session they end on, with the session they start from. A return of the same
// interval is the compounded one of the sessions after the start.
struct RateChanges {
  Vector change;           // decimal: 0.01 is 100 basis points; NaN where no interval ends
  std::vector<int> start;  // of use only where there is a change
};

// Keeps the sessions that have a quote, then differences: a day without a quote lengthens the interval around it, and a
// quote of a day without a session is not used. Filling gaps before differencing would make a zero and a doubled move.
// Throws 22000 unless dates ascend and quotes are finite.
RateChanges yield_changes(std::span<const YieldQuote> quotes, const Sessions& sessions);

// Whether the changes serve for estimates as of a session: as many as they need in the reach of the window, the newest
// of them no older than oldest_rate_change.
bool serve_for(const RateChanges& changes, int session, const WindowSettings& settings);

// A change on no session.
RateChanges no_changes(Eigen::Index sessions);

// The changes that a bond fund's returns imply when no yields are at hand: -return / duration, with the fund's modified
// duration in years. Throws 22023 unless the duration is positive and finite.
RateChanges implied_changes(const Eigen::Ref<const Vector>& fund_returns, double duration);

// The changes of single sessions alone; NaN where an interval is longer, as over a day without quotes. For covariances
// with moves of one session.
Vector session_changes(const RateChanges& changes);

// Compounds simple returns (sessions x columns) over the intervals of the changes; NaN where a session's is missing.
Vector interval_returns(const Eigen::Ref<const Vector>& returns, const RateChanges& changes);

// Sensitivities of many symbols to the market and to the rate, in the order of the columns asked for.
struct RateBetas {
  // Factor 0 is the market, factor 1 the change of the rate. Windows are dated by the sessions that intervals end on.
  FactorFits fits;

  bool estimated(int symbol) const { return fits.estimated(symbol); }
  // Return per change of the yield by 1.00, which is 10,000 basis points: a bond's is negative.
  double rate_beta(int symbol) const { return fits.beta(1, symbol); }
  double rate_std_error(int symbol) const { return fits.std_error(1, symbol); }
  double market_beta(int symbol) const { return fits.beta(0, symbol); }
  // Years: the loss, in percent, when the yield rises by one percentage point and the market stands still.
  double duration(int symbol) const { return -rate_beta(symbol); }
  double r_squared(int symbol) const { return fits.fits.r_squared(symbol); }
};

// Estimates r_i = alpha + b_m r_m + b_r dy + e jointly by ordinary least squares with Newey-West errors, on the newest
// intervals that end up to and including the session and on which symbol, market and yield are all there. Without the
// market beside it, a rate beta mostly measures equity beta, because stocks and bonds move together or apart by regime.
RateBetas fit_rate_betas(const Eigen::Ref<const Matrix>& returns, std::span<const int> columns, int market_column,
                         const RateChanges& changes, int session, const Sessions& sessions,
                         const WindowSettings& settings, Poll poll = no_poll);

}  // namespace pb::core
