#include "core/portfolio/cash_events.hpp"

#include <gtest/gtest.h>

#include "core/portfolio/accounting.hpp"
#include "support.hpp"

namespace cash_events_test {
namespace {

using pb::core::CashEvent;
using pb::core::CashKind;
using pb::core::CorporateActions;
using pb::core::Date;
using pb::core::Holdings;
using pb::core::Lot;
using pb::core::Money;
using pb::core::PortfolioLevels;
using pb::core::to_money;
using pb::test::day;
using pb::test::lot_of;

Money money(double amount) { return to_money(static_cast<long double>(amount)); }

// 100 shares of A since January, 40 of B sold short, dividends of A each quarter and of B once.
class CashEvents : public ::testing::Test {
 protected:
  CashEvents()
      : lots_{lot_of(1, "A", 100, 50, day("2024-01-02")), lot_of(2, "B", -40, 20, day("2024-01-02")),
              lot_of(3, "A", 10, 55, day("2024-05-20"))} {
    actions_.add_dividend("A", {day("2024-02-01"), 0.5});
    actions_.add_dividend("A", {day("2024-05-02"), 0.6});
    actions_.add_dividend("A", {day("2024-08-01"), 0.7});
    actions_.add_dividend("B", {day("2024-03-01"), 0.25});
    panel_.emplace(pb::test::make_panel(pb::test::weekdays(day("2024-01-02"), 250),
                                        {{"A", day("2024-01-02"), 50}, {"B", day("2024-01-02"), 20}}, actions_));
  }

  PortfolioLevels levels(Date date, const std::vector<CashEvent>& events,
                         std::vector<pb::core::LotLevel>* lots = nullptr) {
    return levels_on(date, {.initial_equity = money(10'000), .lots = lots_, .flows = {}, .events = events},
                     {&*panel_, &actions_, 1000}, lots);
  }
  double dividends(Date date, const std::vector<CashEvent>& events) {
    return to_double(levels(date, events).dividends_to_date);
  }
  CashEvent of_symbol(const char* date, const char* symbol, double amount, std::optional<Date> ex_date = std::nullopt) {
    return {day(date), CashKind::dividend, money(amount), std::nullopt, symbol, ex_date};
  }

  std::vector<Lot> lots_;
  CorporateActions actions_;
  std::optional<pb::core::PricePanel> panel_;
};

TEST_F(CashEvents, DividendIsCountedOnItsExDateAndOnce) {
  EXPECT_DOUBLE_EQ(dividends(day("2024-02-01"), {}), 50);
  const std::vector<CashEvent> paid{of_symbol("2024-02-15", "A", 50)};
  EXPECT_DOUBLE_EQ(dividends(day("2024-02-14"), paid), 50);
  EXPECT_DOUBLE_EQ(dividends(day("2024-02-15"), paid), 50);
  // The account says less: the difference is a loss of the day it says so.
  const std::vector<CashEvent> less{of_symbol("2024-02-15", "A", 42.5)};
  EXPECT_DOUBLE_EQ(dividends(day("2024-02-14"), less), 50);
  EXPECT_DOUBLE_EQ(dividends(day("2024-02-15"), less), 42.5);
  // One that corporate_actions does not know counts in full.
  EXPECT_DOUBLE_EQ(dividends(day("2024-01-15"), {of_symbol("2024-01-15", "A", 8)}), 8);
  EXPECT_DOUBLE_EQ(dividends(day("2024-01-15"), {of_symbol("2024-01-15", "NONE", 8)}), 8);
}

TEST_F(CashEvents, ShortPositionsPayTheirDividends) {
  EXPECT_DOUBLE_EQ(dividends(day("2024-03-01"), {}), 50 - 10);
  EXPECT_DOUBLE_EQ(dividends(day("2024-03-20"), {of_symbol("2024-03-20", "B", -10)}), 50 - 10);
}

TEST_F(CashEvents, EachEventIsMatchedWithTheOldestDividendNotYetReceived) {
  std::vector<CashEvent> events{of_symbol("2024-02-15", "A", 51), of_symbol("2024-05-16", "A", 62)};
  EXPECT_DOUBLE_EQ(dividends(day("2024-05-16"), events), 51 + 62 - 10);
  // A second payment on the dividend of February finds none left, and counts in full.
  events.insert(events.begin() + 1, of_symbol("2024-02-16", "A", 3));
  EXPECT_DOUBLE_EQ(dividends(day("2024-05-16"), events), 51 + 3 + 62 - 10);
  // One that was never reported is given up after a hundred days: that of May 16 is not the one of February.
  EXPECT_DOUBLE_EQ(dividends(day("2024-05-16"), {of_symbol("2024-05-16", "A", 62)}), 50 + 62 - 10);
  // An ex-date that is named is the one, whatever is older.
  EXPECT_DOUBLE_EQ(dividends(day("2024-05-06"), {of_symbol("2024-05-06", "A", 61, day("2024-05-02"))}), 50 + 61 - 10);
}

TEST_F(CashEvents, EventsOfALotAreItsOwn) {
  const CashEvent first{day("2024-08-15"), CashKind::dividend, money(69), lots_[0].id, "", std::nullopt};
  const CashEvent fee{day("2024-08-15"), CashKind::commission, money(-4), lots_[2].id, "", std::nullopt};
  const CashEvent other{day("2024-08-15"), CashKind::fee, money(-25), std::nullopt, "", std::nullopt};
  std::vector<pb::core::LotLevel> without;
  std::vector<pb::core::LotLevel> with;
  const Date date = day("2024-08-15");
  levels(date, {}, &without);
  const PortfolioLevels total = levels(date, {first, fee, other}, &with);
  // The lot was counted 60 in May, within a hundred days no more, and 70 in August.
  EXPECT_NEAR(static_cast<double>(with[0].cumulative_pnl - without[0].cumulative_pnl), -1, 1e-12);
  EXPECT_NEAR(static_cast<double>(with[2].cumulative_pnl - without[2].cumulative_pnl), -4, 1e-12);
  EXPECT_EQ(with[1].cumulative_pnl, without[1].cumulative_pnl);
  EXPECT_EQ(total.unallocated_to_date, money(-25));
  EXPECT_EQ(total.fees_to_date, money(-25));
  EXPECT_EQ(total.cash_pnl_to_date, money(-29));
}

// Gross of fees, and nothing else: 2 % before a fee of 0.5 %.
TEST_F(CashEvents, ReturnsBeforeFeesLeaveOutFees) {
  const std::vector<CashEvent> events{
      {day("2024-01-03"), CashKind::fee, money(-50), std::nullopt, "", std::nullopt},
      {day("2024-01-03"), CashKind::interest, money(200), std::nullopt, "", std::nullopt}};
  pb::core::Ledger ledger;
  const PortfolioLevels before = levels(day("2024-01-02"), events);
  ledger[day("2024-01-02")] = ledger_entry(before);
  const PortfolioLevels after = levels(day("2024-01-03"), events);
  const auto period = period_result(day("2024-01-03"), after, {}, ledger);
  EXPECT_EQ(period.daily_pnl, money(150));
  EXPECT_DOUBLE_EQ(period.daily_return.value(), 0.015);
  EXPECT_DOUBLE_EQ(period.gross_return.value(), 0.02);
}

// The sample account of Portfolio Performance (ClientIndexTest, computed in Excel): deposits, a withdrawal, interest
// and fees, day by day; its returns are after fees. The amounts are given in cents, the returns were computed with
// more.
TEST(Returns, AgreeWithTheSampleAccountOfPortfolioPerformance) {
  const std::vector<pb::core::CapitalFlow> flows{{day("2011-12-31"), money(10'000)},
                                                 {day("2012-01-02"), money(200)},
                                                 {day("2012-01-03"), money(-400)},
                                                 {day("2012-01-06"), money(5400)},
                                                 {day("2012-01-07"), money(-3697.04)}};
  std::vector<CashEvent> events;
  const auto book = [&](const char* date, CashKind kind, double amount) {
    events.push_back({day(date), kind, money(amount), std::nullopt, "", std::nullopt});
  };
  book("2012-01-01", CashKind::interest, 230);
  book("2012-01-02", CashKind::interest, 200);
  book("2012-01-03", CashKind::fee, -234.41);
  book("2012-01-04", CashKind::interest, 293.99);
  book("2012-01-05", CashKind::interest, 293.99);
  book("2012-01-06", CashKind::interest, 195.99);
  book("2012-01-07", CashKind::fee, -882.52);
  book("2012-01-08", CashKind::fee, -1003.85);
  const double expected[] = {0,           .023,       .019175455,   -.0220517,   .0294117647,
                             .0285714286, .012261967, -.0545454545, -.0865384615};
  const CorporateActions actions;
  const auto panel = pb::test::make_panel(pb::test::weekdays(day("2011-12-26"), 15), {});
  pb::core::Ledger ledger;
  double cumulative = 1;
  for (int i = 0; i < 9; ++i) {
    const Date date = day("2011-12-31") + std::chrono::days(i);
    const PortfolioLevels now = pb::core::levels_on(
        date, {.initial_equity = Money{}, .lots = {}, .flows = flows, .events = events}, {&panel, &actions, 5});
    const auto period = period_result(date, now, flows, ledger);
    ledger[date] = ledger_entry(now);
    EXPECT_NEAR(period.daily_return.value(), expected[i], 5e-7) << i;
    cumulative *= 1 + *period.daily_return;
  }
  EXPECT_NEAR(cumulative - 1, -.056182678, 1e-6);
}

// An account worth 496,000 at the close before its inception: 100,000 cash and 4,000 shares at 99, bought years ago for
// 37.50. Its P&L begins there.
TEST(Opening, LotsFromBeforeTheInceptionEnterAtTheirValue) {
  std::vector<Lot> lots{lot_of(1, "OLD", 4000, 37.5, day("2019-05-06")), lot_of(2, "GONE", 10, 1, day("2019-05-06"))};
  lots[1].exit_date = day("2020-01-02");
  lots[1].exit_price = 9;
  CorporateActions actions;
  actions.add_dividend("OLD", {day("2024-08-29"), 1});
  actions.add_dividend("OLD", {day("2024-09-04"), 0.5});
  const auto panel = pb::test::make_panel(
      pb::test::weekdays(day("2024-08-26"), 10),
      {{"OLD", day("2024-08-30"), 99}, {"OLD", day("2024-09-03"), 100}, {"OLD", day("2024-09-04"), 101}}, actions);
  const Holdings holdings{
      .initial_equity = money(496'000), .lots = lots, .flows = {}, .events = {}, .opening = day("2024-08-30")};
  const pb::core::ValuationInputs inputs{&panel, &actions, 5};
  EXPECT_EQ(levels_on(day("2024-08-30"), holdings, inputs).equity(), money(496'000));
  EXPECT_EQ(levels_on(day("2024-09-03"), holdings, inputs).equity(), money(500'000));
  const PortfolioLevels second = levels_on(day("2024-09-04"), holdings, inputs);
  EXPECT_EQ(second.equity(), money(506'000));
  EXPECT_EQ(second.cumulative_pnl(), money(10'000));
  EXPECT_EQ(second.cash, money(102'000));
  EXPECT_EQ(second.realized_to_date, Money{});
  // Sold: the gain since entry is realized, the P&L since the opening is not more than it was.
  lots[0].closings = {{day("2024-09-04"), 4000, 101}};
  const PortfolioLevels sold =
      levels_on(day("2024-09-04"), {holdings.initial_equity, lots, {}, {}, holdings.opening}, inputs);
  EXPECT_EQ(sold.equity(), money(506'000));
  EXPECT_EQ(sold.realized_to_date, money(254'000));
}

}  // namespace
}  // namespace cash_events_test
