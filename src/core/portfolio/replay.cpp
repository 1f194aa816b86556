#include "core/portfolio/replay.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.hpp"
#include "core/limits.hpp"

namespace pb::core {

namespace {

// The model's return of one session; NaN without a model, or when a factor it needs did not move that we know of.
double modeled_return(const Eigen::Ref<const Matrix>& factor_moves, const Vector& betas, int session) {
  if (betas.size() == 0) return nan;
  double sum = 0;
  for (Eigen::Index f = 0; f < betas.size(); ++f)
    if (betas(f) != 0) sum += betas(f) * factor_moves(session, f);
  return sum;
}

// A share of a whole; its parts may add up to a little more than the whole by rounding.
double share(double part, double whole) { return std::min(part / whole, 1.0); }

}  // namespace

std::optional<ReplayWindow> replay_window(const Sessions& sessions, Date start, Date end, Date asof) {
  if (!(start < end))
    throw Error(sqlstate::invalid_parameter,
                "a replay must start before it ends: " + to_iso(start) + " to " + to_iso(end));
  const ReplayWindow window{sessions.count_through(start) - 1, sessions.count_through(end) - 1};
  if (window.base < 0 || window.last <= window.base || sessions[window.last] > asof) return std::nullopt;
  return window;
}

SymbolReplay replay_symbol(const Eigen::Ref<const Vector>& returns, const Eigen::Ref<const Matrix>& factor_moves,
                           const ReplayBetas& betas, const ReplayWindow& window) {
  if (betas.factors.size() != 0 && betas.factors.size() != factor_moves.cols())
    throw Error(sqlstate::invalid_parameter, "a replay needs one beta for each factor");
  SymbolReplay replay;
  double growth = 1;
  for (int t = window.base + 1; t <= window.last; ++t) {
    double daily = returns(t);
    if (!std::isfinite(daily)) {
      daily = modeled_return(factor_moves, betas.factors, t);
      int& sessions = std::isfinite(daily) ? replay.by_factors : replay.by_market;
      if (!std::isfinite(daily)) daily = betas.market * factor_moves(t, 0);
      if (!std::isfinite(daily)) return replay;
      daily = std::max(daily, -1.0);
      ++sessions;
    }
    growth *= 1 + daily;
  }
  replay.total_return = growth - 1;
  return replay;
}

PortfolioReplay replay_portfolio(std::span<const ReplayPosition> positions, double gross) {
  double covered = 0;
  double proxied = 0;
  double by_factors = 0;
  double by_market = 0;
  double pnl = 0;
  bool is_known = positions.empty();
  for (const ReplayPosition& position : positions) {
    const SymbolReplay& symbol = *position.symbol;
    if (!symbol.total_return.has_value()) continue;
    is_known = true;
    covered += position.gross;
    if (symbol.proxied()) proxied += position.gross;
    if (symbol.by_factors > 0) by_factors += position.gross;
    if (symbol.by_market > 0) by_market += position.gross;
    pnl += position.net * *symbol.total_return;
  }
  PortfolioReplay result;
  result.coverage = share(covered, gross);
  result.proxied = share(proxied, gross);
  result.by_factors = share(by_factors, gross);
  result.by_market = share(by_market, gross);
  if (is_known) result.pnl = pnl;
  result.reason = result.pnl.reason();
  if (is_known && result.coverage < full_replay_coverage) result.reason = Reason::partial_coverage;
  return result;
}

}  // namespace pb::core
