#include "engine/vega_exposure.hpp"

#include <cmath>

#include "core/limits.hpp"

namespace pb::engine {

VegaExposure vega_exposure(Inputs& inputs, core::Date day, const core::Uuid& portfolio_id) {
  constexpr double points = 100;  // of a volatility of 1.00
  VegaExposure exposure;
  for (const Held& held : inputs.held(day, portfolio_id)) {
    if (!held.lot->is_option() || held.value.quality == core::MarkQuality::expired) continue;
    ++exposure.options;
    const store::GreeksOfLots& greeks = inputs.greeks(day);
    const auto found = greeks.find({portfolio_id, held.lot->id});
    const double of_one =
        found == greeks.end() ? core::nan : found->second.vega * found->second.implied_volatility * points;
    if (!std::isfinite(of_one))
      ++exposure.without;
    else
      exposure.dollars += held.value.quantity * held.value.multiplier * of_one;
  }
  return exposure;
}

}  // namespace pb::engine
