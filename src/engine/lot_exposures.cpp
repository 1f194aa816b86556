#include "engine/lot_exposures.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/limits.hpp"
#include "core/portfolio/ranges.hpp"

namespace pb::engine {

namespace {

using core::nan;

// Delta x quantity x multiplier x price of the underlying. An option's own price does not move like its underlying.
double option_exposure(Inputs& inputs, core::Date day, const Held& held) {
  const store::GreeksOfLots& greeks = inputs.greeks(day);
  const auto found = greeks.find({held.lot->portfolio_id, held.lot->id});
  if (found == greeks.end() || held.lot->underlying_symbol.empty()) return nan;
  const store::Market& market = inputs.market();
  double price = found->second.underlying_price;
  if (const auto column = market.panel.column(held.lot->underlying_symbol))
    if (const auto mark = market.panel.mark_asof(*column, day, market.actions)) price = mark->price;
  return found->second.delta * held.value.quantity * held.value.multiplier * price;
}

LotExposure describe(Inputs& inputs, core::Date day, const Held& held) {
  const core::Lot& lot = *held.lot;
  const double value = held.value.market_value;
  if (lot.is_private()) return {&lot, value, nan, {}, core::Reason::private_asset};
  if (held.value.quality == core::MarkQuality::expired) return {&lot, value, nan, {}, core::Reason::expired};
  if (lot.investment_class != core::InvestmentClass::option)
    return {&lot, value, value, lot.symbol, core::Reason::none};
  const double exposure = option_exposure(inputs, day, held);
  if (!std::isfinite(exposure)) return {&lot, value, nan, {}, core::Reason::option_without_delta};
  return {&lot, value, exposure, lot.underlying_symbol, core::Reason::none};
}

bool is_countable(const std::vector<LotExposure>& lots) {
  double gross = 0;
  for (const LotExposure& lot : lots) gross += lot.size();
  return core::is_money(gross);
}

}  // namespace

double LotExposure::size() const { return std::fabs(symbol.empty() ? value : exposure); }

LotExposures lot_exposures(Inputs& inputs, core::Date day, const core::Uuid& portfolio_id) {
  LotExposures result;
  for (const Held& held : inputs.held(day, portfolio_id)) result.lots.push_back(describe(inputs, day, held));
  if (is_countable(result.lots)) return result;
  // A delta may be anything. Where exposures are more than can be counted, those of options are not known.
  for (LotExposure& lot : result.lots)
    if (!lot.symbol.empty() && lot.lot->investment_class == core::InvestmentClass::option)
      lot = {lot.lot, lot.value, nan, {}, core::Reason::exposure_out_of_range};
  result.countable = is_countable(result.lots);
  return result;
}

std::vector<OpenOption> open_options(Inputs& inputs, core::Date day, const core::Uuid& portfolio_id) {
  std::vector<OpenOption> options;
  for (const Held& held : inputs.held(day, portfolio_id)) {
    if (!held.lot->is_option() || held.value.quality == core::MarkQuality::expired) continue;
    const store::GreeksOfLots& all = inputs.greeks(day);
    const auto found = all.find({portfolio_id, held.lot->id});
    options.push_back({&held, found == all.end() ? nullptr : &found->second});
  }
  return options;
}

store::GreekTotals greek_totals(Inputs& inputs, core::Date day, const core::Uuid& portfolio_id) {
  constexpr std::array greeks{&store::Greeks::delta, &store::Greeks::gamma, &store::Greeks::theta,
                              &store::Greeks::vega};
  const std::vector<Held>& held = inputs.held(day, portfolio_id);
  if (std::none_of(held.begin(), held.end(), [](const Held& h) { return h.lot->is_option(); })) return {};
  std::array<double, greeks.size()> sums{};
  for (const OpenOption& option : open_options(inputs, day, portfolio_id))
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] += option.greeks == nullptr ? nan : option.shares() * option.greeks->*greeks[i];
  return {.delta = sums[0], .gamma = sums[1], .theta = sums[2], .vega = sums[3]};
}

}  // namespace pb::engine
