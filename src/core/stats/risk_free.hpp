#pragma once
#include "core/no_postgres.hpp"

#include <span>

#include "core/calendar/sessions.hpp"
#include "core/stats/linear_algebra.hpp"
#include "core/stats/rate_beta.hpp"

namespace pb::core {

// What a riskless investment earned by session, from yields a year on an investment basis (bond equivalent, as DGS3MO):
// the newest quote of the session before or an earlier day, over the calendar days between the two sessions and 365,
// simple. It was known when the session began. NaN in the first session, and where the newest quote is more than ten
// days older than the session before. Quotes ascend by date.
Vector risk_free_returns(std::span<const YieldQuote> quotes, const Sessions& sessions);

}  // namespace pb::core
