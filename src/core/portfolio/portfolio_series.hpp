#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// What a portfolio holds of one symbol.
struct SeriesAsset {
  double weight;                      // signed exposure over net asset value
  Eigen::Ref<const Vector> returns;   // simple, one a session, NaN where there is none
  std::optional<double> market_beta;  // none where it could not be estimated
};

// How a symbol takes part in the portfolio's series.
enum class SeriesPart : std::uint8_t {
  own,       // with its own returns on all sessions
  proxied,   // on some sessions with what its beta makes of the market's return
  left_out,  // not at all: returns are missing and there is no beta to stand in for them
};

// The returns a portfolio of today's weights would have had.
struct PortfolioSeries {
  Vector returns;                 // simple, one a session up to the last, NaN where there is none
  std::vector<SeriesPart> parts;  // one for each asset, in their order
};

// r_p,t = sum of w_i r_i,t over the newest `sessions` sessions up to and including the given one, at fixed weights; the
// rest of net asset value is cash and earns nothing. Where r_i,t is missing, market_beta_i x r_m,t stands in: 0 would
// say that the symbol did not move, and dropping the day for all would let one new listing shorten the whole history. A
// symbol without a beta is left out when it lacks any return of the history, which begins with the first session on
// which the market or one of the assets has one. A session on which neither a symbol nor the market has a return has no
// portfolio return. A symbol that nets to weight 0 is exactly known, and needs no returns. Nothing after the session is
// read; the first session of a panel has no return.
PortfolioSeries portfolio_series(std::span<const SeriesAsset> assets, const Eigen::Ref<const Vector>& market_returns,
                                 int session, int sessions);

}  // namespace pb::core
