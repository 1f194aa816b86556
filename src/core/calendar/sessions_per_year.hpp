#pragma once
#include "core/no_postgres.hpp"

#include "core/calendar/sessions.hpp"

namespace pb::core {

// Sessions of a year by convention: a variance per session times this is one per year. A constant of the calendar, from
// the days of the week on which it regularly has sessions: 252 for five of them (an exchange that keeps holidays), 365
// for all seven, else as many sevenths of 365, rounded. The regular days are those with sessions in at least half of
// the weeks among the last 364 days up to and including the session, or as far back as the sessions reach; so single
// extra sessions and holidays change nothing, and what comes later does not either.
// Throws 22023 when the session is none of them.
int sessions_per_year(const Sessions& sessions, int session);

}  // namespace pb::core
