#include "core/portfolio/portfolio_series.hpp"

#include <algorithm>
#include <cmath>

#include "core/limits.hpp"

namespace pb::core {

namespace {

// The first session of [first, end) that has a return, or `end`.
int first_return(const Eigen::Ref<const Vector>& returns, int first, int end) {
  while (first < end && !std::isfinite(returns(first))) ++first;
  return first;
}

int history_start(std::span<const SeriesAsset> assets, const Eigen::Ref<const Vector>& market_returns, int first,
                  int session) {
  int start = first_return(market_returns, first, session + 1);
  for (const SeriesAsset& asset : assets) start = std::min(start, first_return(asset.returns, first, start));
  return start;
}

SeriesPart part_of(const SeriesAsset& asset, int start, int length) {
  if (asset.weight == 0 || asset.returns.segment(start, length).allFinite()) return SeriesPart::own;
  return asset.market_beta ? SeriesPart::proxied : SeriesPart::left_out;
}

}  // namespace

PortfolioSeries portfolio_series(std::span<const SeriesAsset> assets, const Eigen::Ref<const Vector>& market_returns,
                                 int session, int sessions) {
  const int first = std::min(std::max(1, session - sessions + 1), session + 1);
  const int start = history_start(assets, market_returns, first, session);
  const int length = session + 1 - start;
  PortfolioSeries result{Vector::Constant(session + 1, nan), {}};
  result.parts.reserve(assets.size());
  for (const SeriesAsset& asset : assets) result.parts.push_back(part_of(asset, start, length));
  const auto in_series = [](SeriesPart part) { return part != SeriesPart::left_out; };
  if (std::none_of(result.parts.begin(), result.parts.end(), in_series)) return result;

  const auto market = market_returns.segment(start, length).array();
  auto series = result.returns.tail(length).array();
  series.setZero();
  for (std::size_t i = 0; i < assets.size(); ++i) {
    const SeriesAsset& asset = assets[i];
    const auto own = asset.returns.segment(start, length).array();
    if (asset.weight == 0 || result.parts[i] == SeriesPart::left_out) continue;
    if (result.parts[i] == SeriesPart::own)
      series += asset.weight * own;
    else  // a missing return of the market makes the sum missing
      series += asset.weight * own.isFinite().select(own, *asset.market_beta * market);
  }
  return result;
}

}  // namespace pb::core
