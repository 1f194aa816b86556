#include "collect/plan/fundamentals.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

namespace pb::collect {

namespace {

using core::Date;
using market::EarningsStatus;
using market::InstrumentClass;
using market::Kind;
using std::chrono::days;

constexpr std::int64_t microseconds_per_hour = 3'600'000'000;

std::string due_counted(std::int64_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// The element for a count from 1, the last one for all larger counts.
template <std::size_t Size>
int due_step(const std::array<int, Size>& steps, int count) {
  return steps[std::min(static_cast<std::size_t>(std::max(count, 1)), Size) - 1];
}

bool is_weekday(Date day) {
  const std::chrono::weekday weekday{day};
  return weekday != std::chrono::Saturday && weekday != std::chrono::Sunday;
}

// The session so many after the day; negative: before it. Beyond the calendar, weekdays.
Date session_after(const core::Sessions& sessions, Date day, int count) {
  const int at = sessions.count_through(day) - 1 + count;
  // A day that is no session counts as the one before it; one session before it is that one.
  const int before = count < 0 && !sessions.index(day) ? at + 1 : at;
  const bool is_covered = !sessions.empty() && sessions[0] <= day && day <= sessions.dates().back();
  if (is_covered && before >= 0 && before < sessions.size()) return sessions[before];
  Date found = day;
  for (int left = std::abs(count); left > 0;)
    if (is_weekday(found += days{count < 0 ? -1 : 1})) --left;
  return found;
}

// How many sessions lie after the one day, up to the other.
int sessions_since(const core::Sessions& sessions, Date from, Date to) {
  return std::max(0, sessions.count_through(to) - sessions.count_through(from));
}

// The days of a schedule around as_of.
struct Slots {
  std::optional<Date> reached = {};  // the newest on or before as_of
  std::optional<Date> next = {};     // the first after it

  void add(Date slot, Date as_of) {
    if (slot <= as_of)
      reached = reached ? std::max(*reached, slot) : slot;
    else
      next = next ? std::min(*next, slot) : slot;
  }
};

DueDecision due(std::string reason, Date since) { return {true, std::move(reason), since}; }
DueDecision not_due(std::string reason, std::optional<Date> next = std::nullopt) {
  return {false, std::move(reason), next};
}

// Why it is never asked for; nullptr: it is.
const char* never_asked(Kind kind, InstrumentClass instrument) {
  switch (instrument) {
    case InstrumentClass::option:
      return "options have no fundamentals";
    case InstrumentClass::private_asset:
      return "private positions are not asked for";
    case InstrumentClass::etf:
    case InstrumentClass::fund:
      return kind == Kind::profiles ? nullptr : "funds report no earnings";
    case InstrumentClass::other:
      return kind == Kind::profiles ? nullptr : "only companies report earnings";
    case InstrumentClass::equity:
      break;
  }
  return nullptr;
}

std::optional<DueDecision> pause_after_failure(const market::FundamentalState& state, const Moment& moment) {
  constexpr std::array hours{1, 4, 24, 72};
  if (state.failure_count == 0 || !state.last_attempt_at) return std::nullopt;
  const int pause = due_step(hours, state.failure_count);
  const std::int64_t again = *state.last_attempt_at + pause * microseconds_per_hour;
  if (moment.now >= again) return std::nullopt;
  const Date day = std::chrono::floor<days>(core::Instant{std::chrono::microseconds{again}});
  return not_due("failed " + due_counted(state.failure_count, "time") + " in a row, again " +
                     due_counted(pause, "hour") + " after the last",
                 day);
}

DueDecision after_no_data(const market::FundamentalState& state, Date as_of) {
  constexpr std::array pauses{7, 14, 28, 56, 90};
  const int pause = due_step(pauses, state.no_data_count);
  const Date again = *state.answered_for + days{pause};
  const std::string reason =
      "no data on " + core::to_iso(*state.answered_for) + ", again after " + due_counted(pause, "day");
  return again <= as_of ? due(reason, again) : not_due(reason, again);
}

// Whether the earnings date is that of the quarter: it follows its end by no more than a late report takes, and no
// report of the next quarter comes as soon.
bool belongs(const market::Earnings& earnings, Date period_end) {
  return earnings.last > period_end && earnings.last <= period_end + days{100};
}

// The days on which statements of a quarter are asked for.
Slots statement_slots(Date expected, const std::optional<market::Earnings>& earnings, Date as_of,
                      const core::Sessions& sessions) {
  constexpr std::array sessions_after{1, 2, 3, 5, 8, 13, 21, 34};
  constexpr std::array days_after{25, 40, 45, 60, 75, 90};
  Slots slots;
  Date slot = expected;
  const auto add = [&](Date day) { slots.add(slot = day, as_of); };
  if (earnings)
    for (const int count : sessions_after) add(session_after(sessions, earnings->last, count));
  else
    for (const int count : days_after) add(expected + days{count});
  while (slot <= as_of) add(slot + days{slot < expected + days{200} ? 7 : slot < expected + days{400} ? 30 : 90});
  return slots;
}

DueDecision decide_statements(const FundamentalFacts& facts, Date as_of, const core::Sessions& sessions) {
  const auto& state = facts.state;
  const Date answered = *state.answered_for;
  if (!state.expected_period_end) {
    const Date again = answered + days{30};
    const std::string reason = "no quarter has all three statements yet, again after 30 days";
    return again <= as_of ? due(reason, again) : not_due(reason, again);
  }
  const Date expected = *state.expected_period_end;
  const std::string quarter = "the period to " + core::to_iso(expected);
  const auto earnings = facts.earnings && belongs(*facts.earnings, expected) ? facts.earnings : std::nullopt;
  const Slots slots = statement_slots(expected, earnings, as_of, sessions);
  if (slots.reached && *slots.reached > answered) {
    if (earnings)
      return due(quarter + " is reported on " + core::to_iso(earnings->last) + ", " +
                     due_counted(sessions_since(sessions, earnings->last, as_of), "session") + " ago, and not complete",
                 *slots.reached);
    return due(quarter + " ended " + due_counted((as_of - expected).count(), "day") +
                   " ago, no earnings date is known, and it is not complete",
               *slots.reached);
  }
  // All of it is read when the next quarter is, so that what is soon asked anyway is left to that.
  Date reread = answered + days{90};
  if (slots.next && *slots.next <= std::max(reread, as_of) + days{14}) reread = std::max(reread, *slots.next);
  if (reread <= as_of) return due("read again for restatements, 90 days after the last answer", reread);
  const Date next = slots.next ? std::min(*slots.next, reread) : reread;
  if (slots.reached) return not_due(quarter + " was not complete on " + core::to_iso(answered), next);
  if (earnings) return not_due(quarter + " is reported on " + core::to_iso(earnings->last), next);
  return not_due(quarter + " is expected next, no earnings date is known", next);
}

// A decision of what is asked for again after some sessions.
DueDecision every(int step, const std::string& why, Date answered, Date as_of, const core::Sessions& sessions,
                  std::optional<Date> sooner = std::nullopt) {
  Date again = session_after(sessions, answered, step);
  if (sooner && *sooner > as_of && *sooner < again) again = *sooner;
  const std::string reason =
      "every " + (step == 1 ? std::string("session") : due_counted(step, "session")) + ": " + why;
  return again <= as_of ? due(reason, again) : not_due(reason, again);
}

DueDecision decide_estimates(const FundamentalFacts& facts, Date as_of, const core::Sessions& sessions) {
  const Date answered = *facts.state.answered_for;
  if (!facts.earnings) return every(7, "no earnings date is known", answered, as_of, sessions);
  const Date first = session_after(sessions, facts.earnings->first, -10);
  const Date last = session_after(sessions, facts.earnings->last, 3);
  const std::string day = core::to_iso(facts.earnings->last);
  if (first <= as_of && as_of <= last) return every(1, "earnings are reported on " + day, answered, as_of, sessions);
  return every(7, "the earnings date " + day + " is not near", answered, as_of, sessions, first);
}

DueDecision decide_earnings_date(const FundamentalFacts& facts, Date as_of, const core::Sessions& sessions) {
  constexpr int sessions_to_slip = 34;
  const Date answered = *facts.state.answered_for;
  if (!facts.earnings) return every(10, "no earnings date is known", answered, as_of, sessions);
  const market::Earnings& earnings = *facts.earnings;
  const std::string day = core::to_iso(earnings.last);
  if (earnings.status == EarningsStatus::reported)
    return every(10, "those of " + day + " are reported, the next date is not known", answered, as_of, sessions);
  if (earnings.last < as_of) {
    if (sessions_since(sessions, earnings.last, as_of) <= sessions_to_slip)
      return every(1, "the earnings date " + day + " has passed, and nothing says that it was kept", answered, as_of,
                   sessions);
    return every(10, "the earnings date " + day + " has passed long ago", answered, as_of, sessions);
  }
  const Date near = earnings.first - days{5};
  if (near <= as_of) return every(1, "the earnings date " + day + " is near", answered, as_of, sessions);
  if (earnings.status != EarningsStatus::confirmed)
    return every(3, "the earnings date " + day + " is an estimate", answered, as_of, sessions, near);
  if (earnings.first - days{21} <= as_of)
    return every(3, "the earnings date " + day + " is at most 21 days away", answered, as_of, sessions, near);
  return every(10, "the earnings date " + day + " is confirmed", answered, as_of, sessions, earnings.first - days{21});
}

DueDecision decide_profile(const market::FundamentalState& state, Date as_of) {
  const Date again = *state.answered_for + days{30};
  const std::string reason = "every 30 days";
  return again <= as_of ? due(reason, again) : not_due(reason, again);
}

// The same day some months later; the end of a month stays one.
Date months_later(Date day, int count) {
  const std::chrono::year_month_day ymd{day};
  const std::chrono::year_month month = ymd.year() / ymd.month() + std::chrono::months{count};
  const Date end = market::end_of_month(month);
  if (day == market::end_of_month(ymd.year() / ymd.month())) return end;
  return std::min(end, Date{month / std::chrono::day{1}} + days{static_cast<unsigned>(ymd.day()) - 1});
}

}  // namespace

DueDecision decide_due(Kind kind, const FundamentalFacts& facts, const Moment& moment, const core::Sessions& sessions) {
  const auto& state = facts.state;
  if (const char* why = never_asked(kind, facts.instrument)) return not_due(why);
  if (state.answered_for && *state.answered_for > moment.as_of)
    return not_due("answered as of " + core::to_iso(*state.answered_for) + ", a later session", *state.answered_for);
  if (auto pause = pause_after_failure(state, moment)) return *std::move(pause);
  if (!state.answered_for) return due(state.last_attempt_at ? "never answered" : "never asked", moment.as_of);
  if (state.no_data_count > 0) return after_no_data(state, moment.as_of);
  switch (kind) {
    case Kind::statements:
      return decide_statements(facts, moment.as_of, sessions);
    case Kind::estimates:
      return decide_estimates(facts, moment.as_of, sessions);
    case Kind::earnings_dates:
      return decide_earnings_date(facts, moment.as_of, sessions);
    case Kind::profiles:
      return decide_profile(state, moment.as_of);
    default:
      return not_due("not a kind of fundamentals");
  }
}

market::FundamentalState after_attempt(market::FundamentalState state, market::Outcome outcome, const Moment& moment) {
  using market::Outcome;
  if (outcome == Outcome::skipped || outcome == Outcome::deadline) return state;
  state.last_attempt_at = moment.now;
  const bool has_data = outcome == Outcome::ok || outcome == Outcome::pending;
  if (!has_data && outcome != Outcome::no_data && outcome != Outcome::plan_limit) {
    ++state.failure_count;
    return state;
  }
  state.answered_for = moment.as_of;
  state.failure_count = 0;
  state.no_data_count = has_data ? 0 : state.no_data_count + 1;
  if (has_data) state.last_success_at = moment.now;
  return state;
}

std::vector<std::string> providers_in_order(const market::FundamentalState& state, Kind kind,
                                            const std::vector<std::string>& by_priority) {
  constexpr int patience = 3;
  const bool is_kept = std::find(by_priority.begin(), by_priority.end(), state.provider) != by_priority.end();
  if (kind != Kind::statements || !is_kept || state.no_data_count >= patience) return by_priority;
  return {state.provider};
}

market::Outcome joint_outcome(const std::vector<market::Outcome>& outcomes) {
  const auto rank = [](market::Outcome outcome) {
    switch (outcome) {
      case market::Outcome::ok:
        return 0;
      case market::Outcome::pending:
        return 1;
      case market::Outcome::no_data:
      case market::Outcome::plan_limit:
        return 3;
      case market::Outcome::deadline:
        return 4;
      case market::Outcome::skipped:
        return 5;
      default:
        return 2;
    }
  };
  market::Outcome joint = market::Outcome::skipped;
  for (const market::Outcome outcome : outcomes)
    if (rank(outcome) < rank(joint)) joint = outcome;
  return joint;
}

std::optional<market::Earnings> earnings_to_keep(const std::vector<market::EarningsDate>& dates,
                                                 const std::optional<market::Earnings>& known,
                                                 const std::optional<Date>& awaited, Date as_of) {
  const auto status_of = [](const market::EarningsDate& date) {
    if (date.is_reported) return EarningsStatus::reported;
    if (date.first != date.last) return EarningsStatus::window;
    return date.is_estimate ? EarningsStatus::estimate : EarningsStatus::confirmed;
  };
  const market::EarningsDate* chosen = nullptr;
  // The awaited report first, then what is still to come, the nearest first, then what has passed, the newest first.
  const auto order = [&](const market::EarningsDate& date) {
    const bool is_awaited = awaited && belongs({date.first, date.last}, *awaited);
    return std::tuple(!is_awaited, date.is_reported || date.last < as_of, std::chrono::abs(date.last - as_of));
  };
  for (const market::EarningsDate& date : dates)
    if (chosen == nullptr || order(date) < order(*chosen)) chosen = &date;
  if (chosen == nullptr) return known;
  const market::Earnings found{chosen->first, chosen->last, status_of(*chosen)};
  if (!awaited || !known || belongs(found, *awaited) || !belongs(*known, *awaited) || known->last > as_of) return found;
  return market::Earnings{known->first, known->last, EarningsStatus::reported};
}

std::optional<Date> expected_period_end(std::span<const Date> period_ends) {
  if (period_ends.empty()) return std::nullopt;
  const Date last = period_ends.back();
  const Date year_before = months_later(last, -12);
  for (std::size_t i = 0; i + 1 < period_ends.size(); ++i)
    if (std::chrono::abs(period_ends[i] - year_before) <= days{10})
      if (const Date next = months_later(period_ends[i + 1], 12); next > last) return next;
  int months = 3;
  if (period_ends.size() > 1) {
    const auto distance = (last - period_ends[period_ends.size() - 2]).count();
    months = distance > 300 ? 12 : distance > 135 ? 6 : 3;
  }
  return months_later(last, months);
}

}  // namespace pb::collect
