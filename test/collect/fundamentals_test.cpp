#include "collect/plan/fundamentals.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace fundamentals_test {

using pb::core::Date;
using pb::core::Sessions;
using std::chrono::days;
using namespace pb::collect;
using namespace pb::market;

Date day(const char* text) { return pb::core::from_iso(text).value(); }

// Weekdays without a few holidays serve as sessions.
Sessions sessions_of(const char* from, const char* to) {
  std::vector<Date> dates;
  for (Date at = day(from); at <= day(to); at += days{1}) {
    const std::chrono::weekday weekday{at};
    const std::chrono::year_month_day ymd{at};
    const bool is_holiday = ymd.month() == std::chrono::December && ymd.day() == std::chrono::day{25};
    if (weekday != std::chrono::Saturday && weekday != std::chrono::Sunday && !is_holiday) dates.push_back(at);
  }
  return Sessions(dates);
}

const Sessions& calendar() {
  static const Sessions sessions = sessions_of("2022-12-01", "2027-12-31");
  return sessions;
}

std::int64_t evening_of(Date as_of) {
  return std::chrono::duration_cast<std::chrono::microseconds>((as_of + std::chrono::hours{22}).time_since_epoch())
      .count();
}

DueDecision decide(Kind kind, const FundamentalFacts& facts, Date as_of) {
  return decide_due(kind, facts, {as_of, evening_of(as_of)}, calendar());
}

// A company that reports one quarter after another, asked every evening.
struct Report {
  Date period_end;
  Date earnings;    // the day it really reports
  Date statements;  // the day a provider has income statement and balance sheet
  Date cash_flow;   // and the cash flow statement
};

struct Company {
  std::vector<Report> reports;
  // What a provider says on a day of the next earnings date; none: nothing.
  std::function<std::optional<Earnings>(Date)> earnings = [](Date) { return std::nullopt; };
  FundamentalFacts facts = {};
  std::map<Kind, std::vector<Date>> asked = {};

  std::vector<Date> complete(Date as_of) const {
    std::vector<Date> ends;
    for (const Report& report : reports)
      if (report.statements <= as_of && report.cash_flow <= as_of) ends.push_back(report.period_end);
    return ends;
  }

  // One evening after another; the state is kept as the collector keeps it.
  void live(const char* from, const char* to) {
    FundamentalState dates;
    for (const Date as_of : calendar().dates()) {
      if (as_of < day(from) || as_of > day(to)) continue;
      FundamentalFacts about_dates{facts.instrument, dates, facts.earnings};
      if (decide(Kind::earnings_dates, about_dates, as_of).is_due) {
        asked[Kind::earnings_dates].push_back(as_of);
        dates.answered_for = as_of;
        if (const auto said = earnings(as_of)) facts.earnings = said;
      }
      if (!decide(Kind::statements, facts, as_of).is_due) continue;
      asked[Kind::statements].push_back(as_of);
      facts.state.answered_for = as_of;
      const auto ends = complete(as_of);
      if (ends.empty()) continue;
      facts.state.last_period_end = ends.back();
      facts.state.expected_period_end = expected_period_end(ends);
    }
  }

  std::vector<std::string> asked_for(Kind kind) const {
    std::vector<std::string> texts;
    const auto found = asked.find(kind);
    if (found != asked.end())
      for (const Date at : found->second) texts.push_back(pb::core::to_iso(at));
    return texts;
  }
};

using Texts = std::vector<std::string>;

Report report(const char* end, const char* earnings, const char* statements, const char* cash_flow) {
  return {day(end), day(earnings), day(statements), day(cash_flow)};
}

// The earnings date as a provider has it that knows all of them: the first one whose report is not 20 days old.
std::function<std::optional<Earnings>(Date)> known_dates(const std::vector<Report>& reports) {
  return [reports](Date as_of) -> std::optional<Earnings> {
    for (const Report& at : reports)
      if (as_of <= at.earnings + days{20})
        return Earnings{at.earnings, at.earnings,
                        as_of > at.earnings ? EarningsStatus::reported : EarningsStatus::confirmed};
    return std::nullopt;
  };
}

TEST(ExpectedPeriod, FollowsWhateverMonthsTheFiscalYearHas) {
  const auto next = [](std::vector<const char*> ends) {
    std::vector<Date> dates;
    for (const char* end : ends) dates.push_back(day(end));
    const auto found = expected_period_end(dates);
    return found ? pb::core::to_iso(*found) : "none";
  };
  EXPECT_EQ(next({}), "none");
  EXPECT_EQ(next({"2024-03-31"}), "2024-06-30");
  EXPECT_EQ(next({"2023-11-30"}), "2024-02-29");                // ends of months stay ends
  EXPECT_EQ(next({"2024-07-31", "2024-10-31"}), "2025-01-31");  // a January year end
  EXPECT_EQ(next({"2024-03-31", "2024-06-30"}), "2024-09-30");  // a September year end
  EXPECT_EQ(next({"2023-06-30", "2023-12-31"}), "2024-06-30");  // half years
  EXPECT_EQ(next({"2022-12-31", "2023-12-31"}), "2024-12-31");  // years
  // Three quarters of 12 weeks and one of 16, whose ends are near no end of a month: as last year.
  EXPECT_EQ(next({"2023-11-26", "2024-02-18", "2024-05-12", "2024-08-31", "2024-11-24"}), "2025-02-18");
  EXPECT_EQ(next({"2024-02-18", "2024-05-12", "2024-08-31", "2024-11-24", "2025-02-16"}), "2025-05-12");
  EXPECT_EQ(next({"2024-02-29"}), "2024-05-31");
  // A fiscal year that was changed: last year's pattern has nothing to say.
  EXPECT_EQ(next({"2023-03-31", "2023-06-30", "2023-09-30", "2023-12-31", "2024-02-29"}), "2024-05-31");
}

TEST(ExpectedPeriod, NamesAPeriodByTheNearestEndOfAMonth) {
  const auto named = [](const char* text) { return pb::core::to_iso(canonical_period_end(day(text))); };
  EXPECT_EQ(named("2024-09-28"), "2024-09-30");
  EXPECT_EQ(named("2024-12-31"), "2024-12-31");
  EXPECT_EQ(named("2025-02-01"), "2025-01-31");
  EXPECT_EQ(named("2024-03-10"), "2024-02-29");
  EXPECT_EQ(named("2024-03-11"), "2024-03-11");  // 11 days after February, 20 before the end of March
  EXPECT_EQ(named("2024-03-21"), "2024-03-31");
  EXPECT_EQ(named("2024-03-20"), "2024-03-20");
  EXPECT_EQ(named("2025-01-03"), "2024-12-31");
}

TEST(Statements, AreAskedOnceAQuarterWhereAllComesAtOnce) {
  Company company;
  company.reports = {report("2024-09-30", "2024-10-31", "2024-11-01", "2024-11-01"),
                     report("2024-12-31", "2025-01-30", "2025-01-31", "2025-01-31"),
                     report("2025-03-31", "2025-05-01", "2025-05-02", "2025-05-02"),
                     report("2025-06-30", "2025-07-31", "2025-08-01", "2025-08-01"),
                     report("2025-09-30", "2025-10-30", "2025-10-31", "2025-10-31")};
  company.earnings = known_dates(company.reports);
  company.live("2025-01-02", "2025-12-31");
  EXPECT_EQ(company.asked_for(Kind::statements),
            (Texts{"2025-01-02", "2025-01-31", "2025-05-02", "2025-08-01", "2025-10-31"}));
}

TEST(Statements, OfAJanuaryYearEndFollowItsQuarters) {
  Company company;
  company.reports = {report("2024-10-31", "2024-11-20", "2024-11-21", "2024-11-21"),
                     report("2025-01-31", "2025-02-26", "2025-02-27", "2025-02-28"),
                     report("2025-04-30", "2025-05-28", "2025-05-29", "2025-05-29"),
                     report("2025-07-31", "2025-08-27", "2025-08-28", "2025-08-28"),
                     report("2025-10-31", "2025-11-19", "2025-11-20", "2025-11-20")};
  company.earnings = known_dates(company.reports);
  company.live("2025-01-02", "2025-12-31");
  EXPECT_EQ(company.asked_for(Kind::statements),
            (Texts{"2025-01-02", "2025-02-27", "2025-02-28", "2025-05-29", "2025-08-28", "2025-11-20"}));
}

TEST(Statements, WaitForACashFlowThatComesLate) {
  Company company;
  company.reports = {report("2024-12-31", "2025-01-30", "2025-01-31", "2025-01-31"),
                     report("2025-03-31", "2025-05-01", "2025-05-02", "2025-05-13")};
  company.earnings = known_dates(company.reports);
  company.live("2025-03-03", "2025-06-30");
  // 1, 2, 3, 5 and 8 sessions after 1 May; the eighth is 13 May, when the cash flow is there.
  EXPECT_EQ(company.asked_for(Kind::statements),
            (Texts{"2025-03-03", "2025-05-02", "2025-05-05", "2025-05-06", "2025-05-08", "2025-05-13"}));
  EXPECT_EQ(company.facts.state.last_period_end, day("2025-03-31"));
  EXPECT_EQ(company.facts.state.expected_period_end, day("2025-06-30"));
}

TEST(Statements, FollowAnEarningsDateThatSlips) {
  Company company;
  company.reports = {report("2024-12-31", "2025-01-30", "2025-01-31", "2025-01-31"),
                     report("2025-03-31", "2025-05-20", "2025-05-21", "2025-05-21")};
  // Said to be 6 May until the 7th, when the date moves by two weeks.
  company.earnings = [](Date as_of) -> std::optional<Earnings> {
    const Date said = day(as_of < day("2025-05-07") ? "2025-05-06" : "2025-05-20");
    return Earnings{said, said, as_of > day("2025-05-20") ? EarningsStatus::reported : EarningsStatus::estimate};
  };
  company.live("2025-03-03", "2025-06-30");
  EXPECT_EQ(company.asked_for(Kind::statements), (Texts{"2025-03-03", "2025-05-21"}));
  // The date is asked for each evening while it is near or has passed unkept, and not each evening before.
  const auto asked = company.asked_for(Kind::earnings_dates);
  for (const char* near :
       {"2025-05-01", "2025-05-02", "2025-05-05", "2025-05-06", "2025-05-07", "2025-05-20", "2025-05-21"})
    EXPECT_NE(std::find(asked.begin(), asked.end(), near), asked.end()) << near;
  EXPECT_EQ(std::find(asked.begin(), asked.end(), "2025-03-04"), asked.end());
}

TEST(Statements, WithoutAnEarningsDateFollowTheFilingDeadlines) {
  Company company;
  company.reports = {report("2024-12-31", "2025-02-20", "2025-02-21", "2025-02-21"),
                     report("2025-03-31", "2025-05-09", "2025-05-12", "2025-05-12"),
                     report("2025-06-30", "2025-08-08", "2025-08-11", "2025-08-11")};
  company.live("2025-03-03", "2025-09-30");
  // 25, 40 and 45 days after 31 March; 25, 40 and 45 days after 30 June. A day without session is made up for.
  EXPECT_EQ(company.asked_for(Kind::statements),
            (Texts{"2025-03-03", "2025-04-25", "2025-05-12", "2025-07-25", "2025-08-11"}));
}

TEST(Statements, OfAQuarterThatNeverComesAreAskedForMoreAndMoreSeldom) {
  Company company;
  company.reports = {report("2024-12-31", "2025-01-30", "2025-01-31", "2025-01-31")};
  company.live("2025-02-03", "2027-06-30");
  const auto in = [&](const char* from, const char* to) {
    const auto& asked = company.asked[Kind::statements];
    return std::count_if(asked.begin(), asked.end(), [&](Date at) { return at >= day(from) && at <= day(to); });
  };
  EXPECT_EQ(in("2025-02-04", "2025-06-30"), 6);   // 25, 40, 45, 60, 75 and 90 days
  EXPECT_EQ(in("2025-07-01", "2025-09-30"), 13);  // weekly
  EXPECT_EQ(in("2025-12-01", "2026-03-31"), 4);   // every 30 days
  EXPECT_EQ(in("2026-07-01", "2027-06-30"), 4);   // every 90 days
}

// Nothing good is due for ever: with all statements there, no two evenings in a row ask again, whatever is said of
// earnings dates.
TEST(Statements, ThatAreCompleteAreNotDueNightAfterNight) {
  for (const bool dates_are_known : {false, true}) {
    Company company;
    std::vector<Report> reports;
    for (int quarter = 0; quarter < 12; ++quarter) {
      const std::chrono::year_month month = std::chrono::year{2023} / 3 + std::chrono::months{3 * quarter};
      const Date end = end_of_month(month);
      reports.push_back({end, end + days{33}, end + days{34}, end + days{34}});
    }
    company.reports = reports;
    if (dates_are_known) company.earnings = known_dates(reports);
    company.live("2023-06-01", "2025-12-31");
    const auto& asked = company.asked[Kind::statements];
    for (std::size_t i = 1; i < asked.size(); ++i)
      EXPECT_GE((asked[i] - asked[i - 1]).count(), 4)
          << pb::core::to_iso(asked[i]) << (dates_are_known ? " with dates" : " without dates");
    EXPECT_LE(asked.size(), dates_are_known ? 14u : 36u);
    EXPECT_EQ(company.facts.state.last_period_end, day("2025-09-30"));
  }
}

TEST(Statements, AreAskedOnceAfterAPauseAndNotForEachDayOfIt) {
  FundamentalFacts facts;
  facts.state.answered_for = day("2025-02-03");
  facts.state.expected_period_end = day("2025-03-31");
  facts.earnings = Earnings{day("2025-05-01"), day("2025-05-01"), EarningsStatus::confirmed};
  const auto decision = decide(Kind::statements, facts, day("2025-05-09"));  // six sessions after
  EXPECT_TRUE(decision.is_due);
  EXPECT_EQ(decision.reason, "the period to 2025-03-31 is reported on 2025-05-01, 6 sessions ago, and not complete");
  EXPECT_EQ(decision.next_due, day("2025-05-08"));
  facts.state.answered_for = day("2025-05-09");
  EXPECT_FALSE(decide(Kind::statements, facts, day("2025-05-12")).is_due);
  EXPECT_EQ(decide(Kind::statements, facts, day("2025-05-12")).next_due, day("2025-05-13"));
  EXPECT_TRUE(decide(Kind::statements, facts, day("2025-05-13")).is_due);
}

// A report that belongs to the quarter after the next would have it wait for three months.
TEST(Statements, DoNotWaitForTheReportOfTheNextQuarter) {
  FundamentalFacts facts;
  facts.state.answered_for = day("2025-05-02");
  facts.state.expected_period_end = day("2025-03-31");
  facts.earnings = Earnings{day("2025-07-14"), day("2025-07-14"), EarningsStatus::estimate};  // 105 days after
  EXPECT_EQ(decide(Kind::statements, facts, day("2025-05-09")).next_due, day("2025-05-10"));
  facts.earnings->first = facts.earnings->last = day("2025-03-31");  // and an old one is of no use either
  EXPECT_EQ(decide(Kind::statements, facts, day("2025-05-09")).next_due, day("2025-05-10"));
}

TEST(Statements, AreReadAgainForRestatements) {
  FundamentalFacts facts;
  facts.state.answered_for = day("2025-02-03");
  facts.state.expected_period_end = day("2025-06-30");  // far enough for no slot
  EXPECT_FALSE(decide(Kind::statements, facts, day("2025-05-02")).is_due);
  EXPECT_EQ(decide(Kind::statements, facts, day("2025-05-02")).next_due, day("2025-05-04"));
  EXPECT_TRUE(decide(Kind::statements, facts, day("2025-05-05")).is_due);
}

TEST(Statements, ThatNeverWereCompleteAreAskedMonthly) {
  FundamentalFacts facts;
  facts.state.answered_for = day("2025-02-03");
  EXPECT_FALSE(decide(Kind::statements, facts, day("2025-03-04")).is_due);
  EXPECT_TRUE(decide(Kind::statements, facts, day("2025-03-05")).is_due);
}

TEST(Estimates, AreAskedWeeklyAndEachSessionAroundEarnings) {
  FundamentalFacts facts;
  facts.state.answered_for = day("2025-04-01");  // a Tuesday
  EXPECT_FALSE(decide(Kind::estimates, facts, day("2025-04-09")).is_due);
  EXPECT_TRUE(decide(Kind::estimates, facts, day("2025-04-10")).is_due);
  facts.earnings = Earnings{day("2025-05-01"), day("2025-05-01"), EarningsStatus::confirmed};
  const Date window = day("2025-04-17");  // ten sessions before 1 May
  facts.state.answered_for = window - days{2};
  EXPECT_FALSE(decide(Kind::estimates, facts, window - days{1}).is_due);
  EXPECT_EQ(decide(Kind::estimates, facts, window - days{1}).next_due, window);
  EXPECT_TRUE(decide(Kind::estimates, facts, window).is_due);
  facts.state.answered_for = day("2025-05-05");
  EXPECT_TRUE(decide(Kind::estimates, facts, day("2025-05-06")).is_due);  // three sessions after
  facts.state.answered_for = day("2025-05-06");
  EXPECT_FALSE(decide(Kind::estimates, facts, day("2025-05-07")).is_due);
}

TEST(EarningsDates, AreAskedMoreOftenTheNearerTheyAre) {
  FundamentalFacts facts;
  facts.state.answered_for = day("2025-03-03");
  const auto next = [&](const char* as_of) {
    return pb::core::to_iso(*decide(Kind::earnings_dates, facts, day(as_of)).next_due);
  };
  EXPECT_EQ(next("2025-03-04"), "2025-03-17");  // ten sessions
  facts.earnings = Earnings{day("2025-05-01"), day("2025-05-01"), EarningsStatus::confirmed};
  EXPECT_EQ(next("2025-03-04"), "2025-03-17");
  facts.earnings->status = EarningsStatus::estimate;
  EXPECT_EQ(next("2025-03-04"), "2025-03-06");  // three
  facts.earnings->status = EarningsStatus::confirmed;
  facts.state.answered_for = day("2025-04-08");
  EXPECT_EQ(next("2025-04-09"), "2025-04-10");  // 21 days before
  EXPECT_EQ(next("2025-04-10"), "2025-04-11");  // three sessions from then on
  facts.state.answered_for = day("2025-04-25");
  EXPECT_EQ(next("2025-04-28"), "2025-04-28");  // each session in the last 5 days
  facts.state.answered_for = day("2025-05-01");
  EXPECT_TRUE(decide(Kind::earnings_dates, facts, day("2025-05-02")).is_due);
  facts.earnings->status = EarningsStatus::reported;
  EXPECT_FALSE(decide(Kind::earnings_dates, facts, day("2025-05-02")).is_due);
  EXPECT_EQ(next("2025-05-02"), "2025-05-15");
  // A date that was kept by nobody is not asked for each session for ever.
  facts.earnings->status = EarningsStatus::estimate;
  facts.state.answered_for = day("2025-07-01");
  EXPECT_EQ(next("2025-07-02"), "2025-07-15");
}

TEST(EarningsDates, OfAWindowCountFromBothItsEnds) {
  FundamentalFacts facts;
  facts.earnings = Earnings{day("2025-04-28"), day("2025-05-02"), EarningsStatus::window};
  facts.state.answered_for = day("2025-04-22");
  EXPECT_TRUE(decide(Kind::earnings_dates, facts, day("2025-04-23")).is_due);  // 5 days before the first
  facts.state = {};
  facts.state.answered_for = day("2025-02-14");
  facts.state.expected_period_end = day("2025-03-31");
  EXPECT_FALSE(decide(Kind::statements, facts, day("2025-05-02")).is_due);  // the last day counts
  EXPECT_EQ(decide(Kind::statements, facts, day("2025-05-02")).next_due, day("2025-05-05"));
}

TEST(Profiles, AreAskedEveryThirtyDays) {
  FundamentalFacts facts;
  EXPECT_EQ(decide(Kind::profiles, facts, day("2025-05-02")).reason, "never asked");
  facts.state.answered_for = day("2025-05-02");
  EXPECT_FALSE(decide(Kind::profiles, facts, day("2025-05-30")).is_due);
  EXPECT_TRUE(decide(Kind::profiles, facts, day("2025-06-02")).is_due);
}

TEST(Due, NobodyAsksForStatementsOfWhatIsNoCompany) {
  for (const auto instrument : {InstrumentClass::etf, InstrumentClass::fund, InstrumentClass::other,
                                InstrumentClass::option, InstrumentClass::private_asset}) {
    FundamentalFacts facts;
    facts.instrument = instrument;
    for (const Kind kind : {Kind::statements, Kind::estimates, Kind::earnings_dates}) {
      const auto decision = decide(kind, facts, day("2025-05-02"));
      EXPECT_FALSE(decision.is_due);
      EXPECT_FALSE(decision.next_due.has_value());
      EXPECT_FALSE(decision.reason.empty());
    }
    const bool has_profile = instrument != InstrumentClass::option && instrument != InstrumentClass::private_asset;
    EXPECT_EQ(decide(Kind::profiles, facts, day("2025-05-02")).is_due, has_profile);
  }
}

TEST(Due, NoDataIsAskedForMoreAndMoreSeldom) {
  const int pauses[] = {7, 14, 28, 56, 90, 90};
  for (int count = 1; count <= 6; ++count) {
    FundamentalFacts facts;
    facts.state.answered_for = day("2025-02-03");
    facts.state.no_data_count = count;
    for (const Kind kind : {Kind::statements, Kind::estimates, Kind::earnings_dates, Kind::profiles}) {
      const Date again = day("2025-02-03") + days{pauses[count - 1]};
      EXPECT_FALSE(decide(kind, facts, again - days{1}).is_due) << count;
      EXPECT_TRUE(decide(kind, facts, again).is_due) << count;
      EXPECT_EQ(decide(kind, facts, again - days{1}).next_due, again);
    }
  }
}

TEST(Due, AFailureIsTriedAgainAfterHoursAndThenDays) {
  const int pauses[] = {1, 4, 24, 72, 72};
  const Date as_of = day("2025-05-02");
  for (int count = 1; count <= 5; ++count) {
    FundamentalFacts facts;
    facts.state.failure_count = count;
    facts.state.last_attempt_at = evening_of(as_of);
    const std::int64_t again = evening_of(as_of) + pauses[count - 1] * std::int64_t{3'600'000'000};
    EXPECT_FALSE(decide_due(Kind::profiles, facts, {as_of, again - 1}, calendar()).is_due) << count;
    const auto decision = decide_due(Kind::profiles, facts, {as_of, again}, calendar());
    EXPECT_TRUE(decision.is_due) << count;
    EXPECT_EQ(decision.reason, "never answered");
  }
}

// A failure leaves what is due due, and what is not due as it was.
TEST(Due, AFailureChangesNothingElse) {
  FundamentalFacts facts;
  facts.state.answered_for = day("2025-05-02");
  facts.state.failure_count = 1;
  facts.state.last_attempt_at = evening_of(day("2025-05-05"));
  EXPECT_FALSE(decide(Kind::profiles, facts, day("2025-05-20")).is_due);
  EXPECT_TRUE(decide(Kind::profiles, facts, day("2025-06-02")).is_due);
}

TEST(Due, ASessionBeforeTheLastAnswerIsNotCollectedAgain) {
  FundamentalFacts facts;
  facts.state.answered_for = day("2025-05-02");
  for (const Kind kind : {Kind::statements, Kind::estimates, Kind::earnings_dates, Kind::profiles})
    EXPECT_EQ(decide(kind, facts, day("2024-05-02")).reason, "answered as of 2025-05-02, a later session");
}

TEST(Attempts, CountByHowTheyEnd) {
  const Moment moment{day("2025-05-02"), 77};
  FundamentalState state;
  state.answered_for = day("2025-04-02");
  state.last_success_at = 5;
  state.no_data_count = 2;
  state.failure_count = 3;
  const FundamentalState ok = after_attempt(state, Outcome::ok, moment);
  EXPECT_EQ(ok.answered_for, day("2025-05-02"));
  EXPECT_EQ(ok.last_success_at, 77);
  EXPECT_EQ(ok.no_data_count, 0);
  EXPECT_EQ(ok.failure_count, 0);
  for (const Outcome nothing : {Outcome::no_data, Outcome::plan_limit}) {
    const FundamentalState after = after_attempt(state, nothing, moment);
    EXPECT_EQ(after.answered_for, day("2025-05-02"));
    EXPECT_EQ(after.last_success_at, 5);
    EXPECT_EQ(after.no_data_count, 3);
    EXPECT_EQ(after.failure_count, 0);
  }
  for (const Outcome failure :
       {Outcome::rate_limit, Outcome::auth, Outcome::blocked, Outcome::transient, Outcome::malformed}) {
    const FundamentalState after = after_attempt(state, failure, moment);
    EXPECT_EQ(after.answered_for, day("2025-04-02"));
    EXPECT_EQ(after.last_success_at, 5);
    EXPECT_EQ(after.last_attempt_at, 77);
    EXPECT_EQ(after.no_data_count, 2);
    EXPECT_EQ(after.failure_count, 4);
  }
  for (const Outcome not_asked : {Outcome::skipped, Outcome::deadline}) {
    const FundamentalState after = after_attempt(state, not_asked, moment);
    EXPECT_EQ(after.last_attempt_at, std::nullopt);
    EXPECT_EQ(after.failure_count, 3);
  }
}

TEST(Providers, OfASeriesOfStatementsAreNotMixed) {
  using Names = std::vector<std::string>;
  const Names all{"one", "two", "three"};
  FundamentalState state;
  EXPECT_EQ(providers_in_order(state, Kind::statements, all), all);
  state.provider = "two";
  EXPECT_EQ(providers_in_order(state, Kind::statements, all), Names{"two"});
  EXPECT_EQ(providers_in_order(state, Kind::profiles, all), all);
  state.no_data_count = 2;
  EXPECT_EQ(providers_in_order(state, Kind::statements, all), Names{"two"});
  state.no_data_count = 3;
  EXPECT_EQ(providers_in_order(state, Kind::statements, all), all);
  state = {.provider = "gone"};
  EXPECT_EQ(providers_in_order(state, Kind::statements, all), all);
}

TEST(Providers, EndTogetherByTheBestOfThem) {
  EXPECT_EQ(joint_outcome({}), Outcome::skipped);
  EXPECT_EQ(joint_outcome({Outcome::skipped, Outcome::no_data}), Outcome::no_data);
  EXPECT_EQ(joint_outcome({Outcome::no_data, Outcome::transient}), Outcome::transient);
  EXPECT_EQ(joint_outcome({Outcome::transient, Outcome::ok}), Outcome::ok);
  EXPECT_EQ(joint_outcome({Outcome::plan_limit, Outcome::deadline}), Outcome::plan_limit);
}

TEST(Earnings, TheReportOfTheAwaitedPeriodIsKept) {
  const auto at = [](const char* on, bool is_reported = false) {
    return EarningsDate{day(on), day(on), false, is_reported};
  };
  const Date as_of = day("2025-05-02");
  const auto kept = [&](const std::vector<EarningsDate>& dates, const std::optional<Earnings>& known,
                        std::optional<Date> awaited) {
    const auto found = earnings_to_keep(dates, known, awaited, as_of);
    return found ? pb::core::to_iso(found->last) + (found->status == EarningsStatus::reported ? " reported" : "")
                 : "none";
  };
  EXPECT_EQ(kept({}, std::nullopt, std::nullopt), "none");
  EXPECT_EQ(kept({at("2025-01-30", true), at("2025-05-01", true), at("2025-07-31"), at("2025-10-30")}, std::nullopt,
                 std::nullopt),
            "2025-07-31");
  EXPECT_EQ(kept({at("2025-01-30", true), at("2025-05-01", true), at("2025-07-31")}, std::nullopt, day("2025-03-31")),
            "2025-05-01 reported");
  EXPECT_EQ(kept({at("2025-01-30", true), at("2025-05-01", true)}, std::nullopt, std::nullopt), "2025-05-01 reported");
  // The provider names the next report alone, and statements of the last one are not complete.
  const Earnings last{day("2025-05-01"), day("2025-05-01"), EarningsStatus::confirmed};
  EXPECT_EQ(kept({at("2025-07-31")}, last, day("2025-03-31")), "2025-05-01 reported");
  EXPECT_EQ(kept({at("2025-07-31")}, last, day("2025-06-30")), "2025-07-31");
  // A report that is still to come and moves is moved.
  const Earnings next{day("2025-05-08"), day("2025-05-08"), EarningsStatus::estimate};
  EXPECT_EQ(kept({at("2025-05-15")}, next, day("2025-03-31")), "2025-05-15");
  EXPECT_EQ(kept({}, next, day("2025-03-31")), "2025-05-08");
  const auto window =
      earnings_to_keep({{day("2025-05-05"), day("2025-05-09"), true}}, std::nullopt, std::nullopt, as_of);
  EXPECT_EQ(window->status, EarningsStatus::window);
}

// What lies beyond the calendar is counted in weekdays: a calendar that ends is no reason to ask each night.
TEST(Due, BeyondTheCalendarWeekdaysCount) {
  FundamentalFacts facts;
  facts.state.answered_for = day("2025-05-02");
  const Sessions empty;
  const auto decision = decide_due(Kind::estimates, facts, {day("2025-05-02"), 0}, empty);
  EXPECT_FALSE(decision.is_due);
  EXPECT_EQ(decision.next_due, day("2025-05-13"));
  const auto late = sessions_of("2026-01-01", "2026-03-31");  // begins after the last answer
  EXPECT_TRUE(decide_due(Kind::estimates, facts, {day("2026-01-02"), 0}, late).is_due);
}

}  // namespace fundamentals_test
