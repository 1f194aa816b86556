#include "engine/lot_exposures.hpp"

#include <cmath>
#include <limits>

#include "core/portfolio/ranges.hpp"

namespace pb::engine {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Delta x quantity x multiplier x price of the underlying. An option's own price does not move like its underlying.
double option_exposure(Inputs& inputs, core::Date day, const Held& held) {
  const store::Deltas& deltas = inputs.deltas(day);
  const auto found = deltas.find({held.lot->portfolio_id, held.lot->id});
  if (found == deltas.end() || held.lot->underlying_symbol.empty()) return nan;
  const store::Market& market = inputs.market();
  double price = found->second.underlying_price;
  if (const auto column = market.panel.column(held.lot->underlying_symbol))
    if (const auto mark = market.panel.mark_asof(*column, day, market.actions)) price = mark->price;
  return found->second.delta * held.value.quantity * held.lot->multiplier * price;
}

LotExposure describe(Inputs& inputs, core::Date day, const Held& held) {
  const core::Lot& lot = *held.lot;
  const double value = held.value.market_value;
  if (lot.is_private()) return {&lot, value, nan, {}, core::Reason::private_asset};
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

}  // namespace pb::engine
