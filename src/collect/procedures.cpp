// What SQL calls of the second library.
#include "collect/collect_fundamentals.hpp"
#include "collect/collect_prices.hpp"
#include "core/error.hpp"
#include "pg/function.hpp"

namespace pb::collect {

// collect_market_data(target_date, symbols, kinds, deadline)
PB_FUNCTION(pb_collect_market_data) {
  MarketDataRequest request{.target = call.date(0), .symbols = call.texts(1), .kinds = call.texts(2)};
  request.deadline_minutes = call.int4(3);
  if (request.deadline_minutes && *request.deadline_minutes < 1)
    throw core::Error(core::sqlstate::invalid_parameter, "deadline must be positive",
                      "It is " + std::to_string(*request.deadline_minutes) + ".",
                      "Pass minutes, or leave it out for portfolio_batch.collect_deadline.");
  collect_market_data(call, request);
  call.return_null();
}

// collect_for_batch(target_date): what daily_batch collects before it computes. A target that is no session means the
// one before, as for the batch.
PB_FUNCTION(pb_collect_for_batch) {
  collect_market_data(call, {.target = call.date(0), .tells_of_nothing = false});
  collect_fundamentals_for_batch(call, call.date(0));
  call.return_null();
}

}  // namespace pb::collect
