// When fundamentals are asked for again. Pure: the state, the day and the calendar are handed in.
//
// Statements follow the fiscal quarter that is expected, not the age of what is there: nothing is asked between a
// complete quarter and the report of the next one. Each schedule is a list of days; a kind is due when one of them has
// come since the last answer, so that a collector that was down for a week asks once and not seven times.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/calendar/sessions.hpp"
#include "core/market/fundamentals.hpp"

namespace pb::collect {

// What the decision on one kind of data of a symbol depends on.
struct FundamentalFacts {
  market::InstrumentClass instrument = market::InstrumentClass::equity;
  market::FundamentalState state = {};            // of the kind
  std::optional<market::Earnings> earnings = {};  // of the symbol, whatever the kind
};

// As of which session it is decided. The time counts for the pause after a failure alone.
struct Moment {
  core::Date as_of;
  std::int64_t now;  // microseconds since the Unix epoch
};

struct DueDecision {
  bool is_due;
  std::string reason;
  std::optional<core::Date> next_due;  // the day it is due, or was; none where it is never asked
};

// Whether statements, estimates, earnings_dates or profiles of a symbol are to be asked for. The sessions reach from
// before the earnings date and the last answer to some weeks after as_of; what lies beyond them is counted in weekdays.
//
// In this order: options and private assets are never asked, funds and others for their profile alone; a session before
// that of the last answer is not collected again; after a failure 1 hour, 4 hours, 1 day, then 3 days pass; after an
// answer without data 7, 14, 28, 56, then 90 days. Then, by kind:
// * statements: 1, 2, 3, 5, 8, 13, 21 and 34 sessions after the earnings date; without one 25, 40, 45, 60, 75 and 90
//   days after the end of the expected quarter; then weekly until 200 days after it, then every 30 days, and from 400
//   days on every 90. All of it is read again for restatements 90 days after the last answer, unless it is asked for
//   within 14 days.
// * estimates: every 7 sessions; every session from 10 before the earnings date to 3 after it.
// * earnings_dates: every 10 sessions; every 3 where the date is an estimate or at most 21 days away; every session in
//   the 5 days before it, and in the 34 sessions after it while it is not said to be reported.
// * profiles: every 30 days.
DueDecision decide_due(market::Kind kind, const FundamentalFacts& facts, const Moment& moment,
                       const core::Sessions& sessions);

// The state after an attempt. An answer, with data or without, is counted from the session; a plan that does not
// include the kind is an answer without. A failure leaves what is known as it is, and so does not being asked at all.
market::FundamentalState after_attempt(market::FundamentalState state, market::Outcome outcome, const Moment& moment);

// How the sources and providers that may be asked for a kind follow each other for a symbol. Statements of several
// providers are never mixed: the one whose series is kept is asked alone, as long as it is among them and has not
// answered three times in a row that it has nothing.
std::vector<std::string> providers_in_order(const market::FundamentalState& state, market::Kind kind,
                                            const std::vector<std::string>& by_priority);

// How the attempts of one after the other end together: with data where one had some, else with a failure where one
// failed, so that it is soon tried again, else without data; skipped where none was asked.
market::Outcome joint_outcome(const std::vector<market::Outcome>& outcomes);

// The earnings date that is kept, of those that a provider named and the one that is known: the report of the period
// whose statements are awaited, as long as they are; else the next one to come, else the newest. A report that is
// awaited and that the provider names no more, as it goes on to the next one, has taken place.
std::optional<market::Earnings> earnings_to_keep(const std::vector<market::EarningsDate>& dates,
                                                 const std::optional<market::Earnings>& known,
                                                 const std::optional<core::Date>& awaited, core::Date as_of);

// The end of the fiscal period that follows, from the ends of those that are there (ascending): a year after what
// followed the same period of last year, whatever months the fiscal year has; else the distance of the last two, 3, 6
// or 12 months; else 3 months. None where there is none.
std::optional<core::Date> expected_period_end(std::span<const core::Date> period_ends);

}  // namespace pb::collect
