#include "engine/vega_exposure.hpp"

#include <cmath>

#include "core/limits.hpp"
#include "engine/lot_exposures.hpp"

namespace pb::engine {

VegaExposure vega_exposure(Inputs& inputs, core::Date day, const core::Uuid& portfolio_id) {
  constexpr double points = 100;  // of a volatility of 1.00
  VegaExposure exposure;
  for (const OpenOption& option : open_options(inputs, day, portfolio_id)) {
    ++exposure.options;
    const double of_one =
        option.greeks == nullptr ? core::nan : option.greeks->vega * option.greeks->implied_volatility * points;
    if (!std::isfinite(of_one))
      ++exposure.without;
    else
      exposure.dollars += option.shares() * of_one;
  }
  return exposure;
}

}  // namespace pb::engine
