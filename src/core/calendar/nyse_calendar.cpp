#include "core/calendar/nyse_calendar.hpp"

#include <algorithm>
#include <string>

#include "core/error.hpp"

namespace pb::core {

namespace {

using std::chrono::day;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::last;
using std::chrono::minutes;
using std::chrono::month;
using std::chrono::weekday;
using std::chrono::year;
using std::chrono::year_month_day;

using std::chrono::April;
using std::chrono::December;
using std::chrono::February;
using std::chrono::January;
using std::chrono::July;
using std::chrono::June;
using std::chrono::March;
using std::chrono::May;
using std::chrono::November;
using std::chrono::October;
using std::chrono::September;

using std::chrono::Friday;
using std::chrono::Monday;
using std::chrono::Saturday;
using std::chrono::Sunday;
using std::chrono::Thursday;
using std::chrono::Wednesday;

// The early closes there have been: 14:00 until 1992, 13:00 since 1993.
constexpr int two_pm = 14 * 60;
constexpr int one_pm = 13 * 60;

struct EarlyClose {
  Date date;
  int close_minute;
};

// Refuses days outside the covered range, where an answer would be a guess.
void require_covered(Date date) {
  if (date < nyse_first_day || date > nyse_last_day) {
    throw Error(sqlstate::date_out_of_range, "date " + to_iso(date) + " is outside the NYSE calendar",
                "The calendar covers " + to_iso(nyse_first_day) + " to " + to_iso(nyse_last_day) + ".");
  }
}

// Says whether a day is Saturday or Sunday; the exchange has not traded on Saturdays since 1952.
bool is_weekend(Date date) {
  const weekday wd{date};
  return wd == Saturday || wd == Sunday;
}

// Moves a fixed-date holiday to the day it is observed: Saturday to the Friday before, Sunday to the Monday after.
Date observed(Date holiday) {
  const weekday wd{holiday};
  if (wd == Saturday) return holiday - days{1};
  if (wd == Sunday) return holiday + days{1};
  return holiday;
}

// Computes Gregorian Easter Sunday (Meeus/Jones/Butcher), on which Good Friday depends.
Date easter_sunday(year y) {
  const int n = static_cast<int>(y);
  const int golden = n % 19;
  const int century = n / 100;
  const int in_century = n % 100;
  const int correction = (century - (century + 8) / 25 + 1) / 3;
  const int full_moon = (19 * golden + century - century / 4 - correction + 15) % 30;
  const int to_sunday = (32 + 2 * (century % 4) + 2 * (in_century / 4) - full_moon - in_century % 4) % 7;
  const int late = (golden + 11 * full_moon + 22 * to_sunday) / 451;
  const int from_march = full_moon + to_sunday - 7 * late + 114;
  return y / month{static_cast<unsigned>(from_march / 31)} / day{static_cast<unsigned>(from_march % 31 + 1)};
}

// Lists the holidays of a year by the rules of its time, in ascending order.
std::vector<Date> regular_holidays(year y) {
  std::vector<Date> holidays;
  // New Year's Day moves to Monday from a Sunday but is not observed when it falls on a Saturday: the Friday before is
  // the last business day of the year, and the exchange stays open for year-end accounting.
  const Date new_year = y / January / 1;
  if (weekday{new_year} != Saturday) holidays.push_back(observed(new_year));
  // Martin Luther King Jr. Day: a holiday of the exchange since 1998, later than the federal holiday (1986).
  if (y >= year{1998}) holidays.push_back(y / January / Monday[3]);
  // Washington's Birthday (Presidents' Day), third Monday since 1971.
  holidays.push_back(y / February / Monday[3]);
  holidays.push_back(easter_sunday(y) - days{2});  // Good Friday
  // Memorial Day, last Monday since 1971.
  holidays.push_back(y / May / Monday[last]);
  // Juneteenth, since 2022. The federal holiday began in 2021, too late in that year for the exchange to close.
  if (y >= year{2022}) holidays.push_back(observed(y / June / 19));
  holidays.push_back(observed(y / July / 4));       // Independence Day
  holidays.push_back(y / September / Monday[1]);    // Labor Day
  holidays.push_back(y / November / Thursday[4]);   // Thanksgiving Day
  holidays.push_back(observed(y / December / 25));  // Christmas Day
  return holidays;
}

// Gives the day of the early close around Independence Day, if the year has one (the rule exists since 1995).
std::optional<Date> independence_early_close(year y) {
  if (y < year{1995}) return std::nullopt;
  const Date eve = y / July / 3;
  const weekday wd{eve};
  // On Friday the 3rd is itself the holiday (the 4th is a Saturday); on a weekend there is no session to shorten.
  if (wd == Friday || wd == Saturday || wd == Sunday) return std::nullopt;
  // Until 2012, a holiday on Thursday shortened the Friday after it; since 2013, the Wednesday before it.
  if (wd == Wednesday && y < year{2013}) return eve + days{2};
  return eve;
}

// Lists the early closes of a year by the rules of its time, in ascending order.
std::vector<EarlyClose> regular_early_closes(year y) {
  std::vector<EarlyClose> closes;
  const int close_minute = y < year{1993} ? two_pm : one_pm;
  if (const auto independence = independence_early_close(y)) closes.push_back({*independence, close_minute});
  // The Friday after Thanksgiving, since 1992.
  if (y >= year{1992}) closes.push_back({Date{y / November / Thursday[4]} + days{1}, close_minute});
  // Christmas Eve, throughout; on Friday the 24th is itself the holiday, on a weekend there is no session to shorten.
  const Date christmas_eve = y / December / 24;
  if (!is_weekend(christmas_eve) && weekday{christmas_eve} != Friday) closes.push_back({christmas_eve, close_minute});
  return closes;
}

// Appends the regular sessions of one year that lie within from..to.
void append_sessions(year y, Date from, Date to, std::vector<Session>& sessions) {
  const std::vector<Date> holidays = regular_holidays(y);
  const std::vector<EarlyClose> early_closes = regular_early_closes(y);
  const Date end = std::min<Date>(to, y / December / 31);
  for (Date date = std::max<Date>(from, y / January / 1); date <= end; date += days{1}) {
    if (is_weekend(date) || std::binary_search(holidays.begin(), holidays.end(), date)) continue;
    const auto early = std::find_if(early_closes.begin(), early_closes.end(),
                                    [date](const EarlyClose& close) { return close.date == date; });
    const bool is_early = early != early_closes.end();
    sessions.push_back({date, nyse_open_minute, is_early ? early->close_minute : nyse_close_minute, is_early});
  }
}

// Turns a New York wall-clock time into an instant.
std::chrono::sys_seconds to_utc(Date date, int minute) {
  return date + minutes{minute} - new_york_utc_offset(date, minute);
}

}  // namespace

std::vector<Session> nyse_sessions(Date from, Date to) {
  require_covered(from);
  require_covered(to);
  std::vector<Session> sessions;
  if (from > to) return sessions;
  const year last_year = year_month_day{to}.year();
  for (year y = year_month_day{from}.year(); y <= last_year; ++y) append_sessions(y, from, to, sessions);
  return sessions;
}

const std::vector<SpecialDay>& nyse_special_days() {
  constexpr std::nullopt_t closed = std::nullopt;
  static const std::vector<SpecialDay> special_days{
      {year{1994} / April / 27, false, closed, "National day of mourning for President Nixon"},
      // Early closes announced for that year alone: Christmas fell on Thursday in 2008 and 2014 too, without one.
      {year{1997} / December / 26, true, one_pm, "Early close on the Friday after Christmas"},
      {year{1999} / December / 31, true, one_pm, "Early close on the eve of the year 2000"},
      {year{2001} / September / 11, false, closed, "Terrorist attacks of September 11"},
      {year{2001} / September / 12, false, closed, "Terrorist attacks of September 11"},
      {year{2001} / September / 13, false, closed, "Terrorist attacks of September 11"},
      {year{2001} / September / 14, false, closed, "Terrorist attacks of September 11"},
      {year{2003} / December / 26, true, one_pm, "Early close on the Friday after Christmas"},
      {year{2004} / June / 11, false, closed, "National day of mourning for President Reagan"},
      {year{2007} / January / 2, false, closed, "National day of mourning for President Ford"},
      {year{2012} / October / 29, false, closed, "Hurricane Sandy"},
      {year{2012} / October / 30, false, closed, "Hurricane Sandy"},
      {year{2018} / December / 5, false, closed, "National day of mourning for President George H. W. Bush"},
      {year{2025} / January / 9, false, closed, "National day of mourning for President Carter"},
  };
  return special_days;
}

std::chrono::seconds new_york_utc_offset(Date date, int minute) {
  require_covered(date);
  if (minute < 0 || minute >= 24 * 60) {
    throw Error(sqlstate::invalid_parameter, "minute " + std::to_string(minute) + " is not within a day",
                "Minutes count from midnight, 0 to 1439.");
  }
  // Uniform Time Act as amended in 1986 (from 1987), then Energy Policy Act of 2005 (from 2007).
  const year y = year_month_day{date}.year();
  const bool extended = y >= year{2007};
  const Date first_day = extended ? y / March / Sunday[2] : y / April / Sunday[1];
  const Date last_day = extended ? Date{y / November / Sunday[1]} : Date{y / October / Sunday[last]};
  // Both changes happen at 02:00 on the clock that is about to be left.
  const auto local = date + minutes{minute};
  const bool daylight = local >= first_day + hours{2} && local < last_day + hours{2};
  return daylight ? hours{-4} : hours{-5};
}

std::chrono::sys_seconds open_at(const Session& session) { return to_utc(session.date, session.open_minute); }

std::chrono::sys_seconds close_at(const Session& session) { return to_utc(session.date, session.close_minute); }

}  // namespace pb::core
