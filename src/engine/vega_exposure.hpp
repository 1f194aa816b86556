#pragma once
#include "core/no_postgres.hpp"

#include "core/calendar/date.hpp"
#include "core/text/uuid.hpp"
#include "engine/inputs.hpp"

namespace pb::engine {

// What a portfolio's open options earn from their implied volatilities alone: the sum of quantity x multiplier x vega x
// implied volatility in points, in the currency per 1.00 of a relative move of all of them. Vega is the change of an
// option's price per point: of 20 % volatility, a move of +0.5 is 10 points.
struct VegaExposure {
  double dollars = 0;  // of the options that have vega and implied volatility
  int options = 0;
  int without = 0;  // options that have not both

  bool known() const { return options == 0 || without < options; }
};

// By the Greeks of exactly that day.
VegaExposure vega_exposure(Inputs& inputs, core::Date day, const core::Uuid& portfolio_id);

}  // namespace pb::engine
