#include "core/portfolio/replay.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/error.hpp"

namespace pb::core {

namespace {

// The model's return of one session; NaN when a factor it needs did not move that we know of.
double modeled_return(const Eigen::Ref<const Matrix>& factor_moves, const Vector& betas, int session) {
  if (betas.size() == 0) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (Eigen::Index f = 0; f < betas.size(); ++f)
    if (betas(f) != 0) sum += betas(f) * factor_moves(session, f);
  return sum;
}

}  // namespace

std::optional<ReplayWindow> replay_window(const Sessions& sessions, Date start, Date end, int asof) {
  if (!(start < end))
    throw Error(sqlstate::invalid_parameter,
                "a replay must start before it ends: " + to_iso(start) + " to " + to_iso(end));
  const ReplayWindow window{sessions.count_through(start) - 1, sessions.count_through(end) - 1};
  const bool reached = window.last + 1 < sessions.size() || (window.last >= 0 && sessions[window.last] == end);
  if (window.base < 0 || window.last <= window.base || window.last > asof || !reached) return std::nullopt;
  return window;
}

SymbolReplay replay_symbol(const Eigen::Ref<const Vector>& returns, const Eigen::Ref<const Matrix>& factor_moves,
                           const Vector& betas, const ReplayWindow& window) {
  if (betas.size() != 0 && betas.size() != factor_moves.cols())
    throw Error(sqlstate::invalid_parameter, "a replay needs one beta for each factor");
  SymbolReplay replay;
  double growth = 1;
  for (int t = window.base + 1; t <= window.last; ++t) {
    double daily = returns(t);
    if (!std::isfinite(daily)) {
      daily = modeled_return(factor_moves, betas, t);
      if (!std::isfinite(daily)) return replay;
      daily = std::max(daily, -1.0);
      ++replay.proxied_sessions;
    }
    growth *= 1 + daily;
  }
  replay.total_return = growth - 1;
  return replay;
}

PortfolioReplay replay_portfolio(std::span<const ReplayPosition> positions) {
  double gross = 0;
  double covered = 0;
  double proxied = 0;
  double pnl = 0;
  for (const ReplayPosition& position : positions) {
    const double size = std::fabs(position.exposure);
    gross += size;
    if (!position.symbol->total_return.has_value()) continue;
    covered += size;
    if (position.symbol->proxied()) proxied += size;
    pnl += position.exposure * *position.symbol->total_return;
  }
  PortfolioReplay result;
  if (gross > 0) {
    result.coverage = covered / gross;
    result.proxied = proxied / gross;
  }
  if (covered > 0 || gross == 0) result.pnl = pnl;
  return result;
}

}  // namespace pb::core
