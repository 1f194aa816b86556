// The batch as procedures, which commit date by date.
#include "batch/procedures.hpp"

#include "core/error.hpp"
#include "function/entry.hpp"

namespace pb::function {

namespace {

std::int32_t positive_argument(const pg::Call& call, int index, const char* name, std::int32_t otherwise,
                               const char* hint) {
  const std::int32_t value = call.int4(index).value_or(otherwise);
  if (value < 1)
    throw core::Error(core::sqlstate::invalid_parameter, std::string(name) + " must be positive",
                      "It is " + std::to_string(value) + ".", hint);
  return value;
}

}  // namespace

// daily_batch(target_date, portfolio_ids, max_dates, workers, block)
PB_FUNCTION(pb_daily_batch) {
  batch::Limits limits;
  if (!call.is_null(2))
    limits.max_dates = positive_argument(call, 2, "max_dates", 1, "Leave it out to process every missing session.");
  if (!call.is_null(3))
    limits.workers =
        positive_argument(call, 3, "workers", 1,
                          "Pass 1 to run everything in this session, or leave it out for portfolio_batch.workers.");
  limits.block =
      positive_argument(call, 4, "block", 0, "Pass how many sessions are committed together, or leave it out for one.");
  batch::run_missing(call, "daily_batch", call.date(0), limits, portfolios_argument(call, 1));
  call.return_null();
}

// rescan_sessions(days, portfolio_ids): what is missing comes first.
PB_FUNCTION(pb_rescan_sessions) {
  const std::int32_t days = positive_argument(call, 0, "days", 90, "Leave it out for 90.");
  const auto portfolio_ids = portfolios_argument(call, 1);
  batch::run_missing(call, "rescan_sessions", std::nullopt, {}, portfolio_ids);
  batch::run_again(call, days, portfolio_ids);
  call.return_null();
}

}  // namespace pb::function
