#pragma once
#include "core/no_postgres.hpp"

#include <string_view>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/portfolio/lot.hpp"
#include "core/reason.hpp"
#include "core/text/uuid.hpp"
#include "engine/inputs.hpp"
#include "store/position_store.hpp"

namespace pb::engine {

// An open lot as the risk engines see it.
struct LotExposure {
  const core::Lot* lot;
  double value;             // signed market value
  double exposure;          // signed dollars that move with the symbol, an option's by its delta; NaN when not known
  std::string_view symbol;  // whose returns it follows; empty when none
  core::Reason reason;      // why there is no such symbol: private, option_without_delta, expired; else none

  // Its exposure, or its value where that is not known; not negative.
  double size() const;
};

struct LotExposures {
  std::vector<LotExposure> lots;  // in the order of the portfolio's
  // Whether they add up to what can be counted. Where they do not, there is no snapshot either, and nothing to measure.
  bool countable = true;
};

// The exposures of a portfolio's open lots on a day.
LotExposures lot_exposures(Inputs& inputs, core::Date day, const core::Uuid& portfolio_id);

// An open option that has not expired, with its Greeks of the day; nullptr where there are none.
struct OpenOption {
  const Held* held;
  const store::Greeks* greeks;

  double shares() const { return held->value.quantity * held->value.multiplier; }
};

// Those of a portfolio on a day. Good as long as the inputs are asked for the same day.
std::vector<OpenOption> open_options(Inputs& inputs, core::Date day, const core::Uuid& portfolio_id);

// The Greeks of a portfolio's open options together; what has expired moves with nothing any more.
store::GreekTotals greek_totals(Inputs& inputs, core::Date day, const core::Uuid& portfolio_id);

}  // namespace pb::engine
