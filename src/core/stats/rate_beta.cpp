#include "core/stats/rate_beta.hpp"

#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <string>

#include "core/error.hpp"
#include "core/limits.hpp"

namespace pb::core {

namespace {

void require_quotes(std::span<const YieldQuote> quotes) {
  for (std::size_t i = 0; i < quotes.size(); ++i) {
    if (i > 0 && quotes[i].date <= quotes[i - 1].date)
      throw Error(sqlstate::data_exception, "yields must be in the order of their dates, one a day",
                  to_iso(quotes[i].date) + " follows " + to_iso(quotes[i - 1].date) + ".");
    if (!std::isfinite(quotes[i].percent))
      throw Error(sqlstate::data_exception, "yields must be finite", "That of " + to_iso(quotes[i].date) + " is not.");
  }
}

}  // namespace

RateChanges no_changes(Eigen::Index sessions) {
  return {Vector::Constant(sessions, nan), std::vector<int>(static_cast<std::size_t>(sessions), 0)};
}

RateChanges yield_changes(std::span<const YieldQuote> quotes, const Sessions& sessions) {
  require_quotes(quotes);
  RateChanges changes = no_changes(sessions.size());
  std::optional<int> before;
  double percent_before = nan;
  for (const YieldQuote& quote : quotes) {
    const std::optional<int> session = sessions.index(quote.date);
    if (!session) continue;
    if (before && *session - *before <= longest_rate_interval) {
      changes.change(*session) = (quote.percent - percent_before) / 100;
      changes.start[static_cast<std::size_t>(*session)] = *before;
    }
    before = session;
    percent_before = quote.percent;
  }
  return changes;
}

bool serve_for(const RateChanges& changes, int session, const WindowSettings& settings) {
  const std::vector<int> found =
      newest_sessions(session, settings.window, [&](int t) { return std::isfinite(changes.change(t)); });
  return !found.empty() && static_cast<int>(found.size()) >= settings.min_observations &&
         session - found.back() <= oldest_rate_change;
}

RateChanges implied_changes(const Eigen::Ref<const Vector>& fund_returns, double duration) {
  if (!(duration > 0) || !std::isfinite(duration))
    throw Error(sqlstate::invalid_parameter, "duration must be positive and finite",
                "It is " + std::to_string(duration) + ".");
  RateChanges changes = no_changes(fund_returns.size());
  std::iota(changes.start.begin(), changes.start.end(), -1);
  changes.change = -fund_returns / duration;
  return changes;
}

Vector session_changes(const RateChanges& changes) {
  Vector single = changes.change;
  for (Eigen::Index t = 0; t < single.size(); ++t)
    if (changes.start[static_cast<std::size_t>(t)] != t - 1) single(t) = nan;
  return single;
}

Vector interval_returns(const Eigen::Ref<const Vector>& returns, const RateChanges& changes) {
  Vector compounded = Vector::Constant(returns.size(), nan);
  for (Eigen::Index t = 1; t < returns.size(); ++t) {
    if (!std::isfinite(changes.change(t))) continue;
    const Eigen::Index length = t - changes.start[static_cast<std::size_t>(t)];
    // A single session's return as it is: adding 1 and taking it off again would cost digits.
    compounded(t) = length == 1 ? returns(t) : (returns.segment(t - length + 1, length).array() + 1).prod() - 1;
  }
  return compounded;
}

RateBetas fit_rate_betas(const Eigen::Ref<const Matrix>& returns, std::span<const int> columns, int market_column,
                         const RateChanges& changes, int session, const Sessions& sessions,
                         const WindowSettings& settings, Poll poll) {
  if (changes.change.size() != returns.rows())
    throw Error(sqlstate::invalid_parameter, "rate changes need one row for each session",
                std::to_string(changes.change.size()) + " rows for " + std::to_string(returns.rows()) + " sessions.");
  Matrix factors(returns.rows(), 2);
  factors.col(0) = interval_returns(returns.col(market_column), changes);
  factors.col(1) = changes.change;
  Matrix compounded(returns.rows(), static_cast<Eigen::Index>(columns.size()));
  std::vector<int> places(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i % 256 == 0) poll();
    places[i] = static_cast<int>(i);
    compounded.col(static_cast<Eigen::Index>(i)) = interval_returns(returns.col(columns[i]), changes);
  }
  FactorModelSettings model = spread_model();
  model.history = settings;
  return {fit_factor_model(compounded, places, factors, session, sessions, model, poll)};
}

}  // namespace pb::core
