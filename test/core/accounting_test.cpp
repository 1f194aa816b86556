#include "core/portfolio/accounting.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "books.hpp"
#include "core/portfolio/lot_results.hpp"
#include "support.hpp"

namespace accounting_test {
namespace {

using pb::core::CapitalFlow;
using pb::core::CorporateActions;
using pb::core::Date;
using pb::core::Holdings;
using pb::core::Ledger;
using pb::core::Lot;
using pb::core::LotLevel;
using pb::core::Money;
using pb::core::PeriodResult;
using pb::core::PortfolioLevels;
using pb::core::PricePanel;
using pb::core::to_money;
using pb::core::ValuationInputs;
using pb::test::Book;
using pb::test::day;
using pb::test::Price;
using pb::test::Record;

constexpr int max_stale_sessions = 5;

struct Snapshot {
  PortfolioLevels levels;
  PeriodResult period;
};

using Snapshots = std::map<Date, Snapshot>;

// Snapshots of the days in the order given, each from the ones before it, as the nightly run makes them.
Snapshots roll(const Holdings& holdings, std::span<const Date> days, const ValuationInputs& inputs) {
  Ledger ledger;
  Snapshots snapshots;
  for (const Date date : days) {
    const PortfolioLevels levels = levels_on(date, holdings, inputs);
    snapshots[date] = {levels, period_result(date, levels, holdings.flows, ledger)};
    ledger[date] = ledger_entry(levels);
  }
  return snapshots;
}

// ---- reference books -----------------------------------------------------------------------------------------------

std::string money_text(Money amount) {
  const std::int64_t units = amount.units;
  std::string digits = std::to_string(units < 0 ? -units : units);
  digits.insert(0, digits.size() < 5 ? 5 - digits.size() : 0, '0');
  return (units < 0 ? "-" : "") + digits.substr(0, digits.size() - 4) + "." + digits.substr(digits.size() - 4);
}

void expect_row(const Record& expected, const Snapshot& actual) {
  SCOPED_TRACE(expected.text("portfolio_id") + " " + expected.text("snapshot_date"));
  const auto& [levels, period] = actual;
  const std::pair<const char*, Money> amounts[] = {
      {"equity_balance", levels.equity()},
      {"daily_pnl", period.daily_pnl},
      {"mtd_pnl", period.mtd_pnl},
      {"ytd_pnl", period.ytd_pnl},
      {"cumulative_pnl", levels.cumulative_pnl()},
      {"daily_realized_pnl", period.daily_realized},
      {"daily_capital_flow", period.daily_flow},
      {"total_market_value", levels.net_market_value()},
      {"cash_value", levels.cash},
      {"total_long", levels.long_value},
      {"total_short", levels.short_value},
      {"gross_exposure", levels.gross_exposure()},
  };
  for (const auto& [column, amount] : amounts) EXPECT_EQ(money_text(amount), expected.text(column)) << column;
  const std::pair<const char*, int> counts[] = {
      {"long_count", levels.long_count},     {"short_count", levels.short_count},
      {"option_count", levels.option_count}, {"private_positions", levels.private_positions},
      {"stale_prices", levels.stale_prices}, {"unpriced_positions", levels.unpriced_positions},
      {"symbol_count", levels.symbol_count},
  };
  for (const auto& [column, count] : counts) EXPECT_EQ(count, expected.integer(column)) << column;
  EXPECT_NEAR(period.daily_return.value(), expected.number("daily_return"), 1e-12);
}

TEST(AccountingCases, AgreeWithFiguresWorkedByHand) {
  const pb::test::Fixture fixture = pb::test::read_fixture("accounting_cases.json");
  const pb::core::Sessions sessions = pb::test::weekdays(day("2024-02-27"), 6);
  const PricePanel panel = make_panel(sessions, fixture.prices, fixture.actions);
  const ValuationInputs inputs{&panel, &fixture.actions, max_stale_sessions};
  std::map<std::string, Snapshots> computed;
  for (const Book& book : fixture.books) {
    std::vector<CapitalFlow> flows = book.flows;
    const bool has_late = !book.late_flows.empty();
    computed[book.name + (has_late ? "_before" : "")] =
        roll({book.initial_equity, book.lots, flows}, book.sessions, inputs);
    flows.insert(flows.end(), book.late_flows.begin(), book.late_flows.end());
    if (has_late) computed[book.name + "_after"] = roll({book.initial_equity, book.lots, flows}, book.sessions, inputs);
  }
  const std::vector<Record> expected = pb::test::read_csv(pb::test::golden_file("accounting_cases.csv"));
  EXPECT_EQ(expected.size(), 51u);
  for (const Record& row : expected) {
    SCOPED_TRACE(row.text("case"));
    expect_row(row, computed.at(row.text("case")).at(day(row.text("snapshot_date"))));
  }
}

// A fixture on the real prices, rolled over the sessions from its first on; book by book.
struct RealBooks {
  pb::test::Fixture fixture;
  std::map<std::string, Snapshots> snapshots;
};

RealBooks roll_real_books(const char* fixture_name, const char* first_session, std::size_t count) {
  RealBooks books{pb::test::read_fixture(fixture_name), {}};
  const CorporateActions& actions = books.fixture.actions;
  std::vector<Price> prices = pb::test::read_shared_prices();
  const pb::core::Sessions sessions = pb::test::sessions_of(prices, "SPY");
  for (Price& price : prices) price.split_adjusted = true;
  prices.insert(prices.end(), books.fixture.prices.begin(), books.fixture.prices.end());
  const PricePanel panel = make_panel(sessions, prices, actions);
  const ValuationInputs inputs{&panel, &actions, max_stale_sessions};
  const int first = sessions.index(day(first_session)).value();
  const std::span days = std::span(sessions.dates()).subspan(static_cast<std::size_t>(first), count);
  for (const Book& book : books.fixture.books)
    books.snapshots[book.id] =
        roll({book.initial_equity, book.lots, book.flows, book.events, book.opening}, days, inputs);
  return books;
}

TEST(AccountingReal, BooksOnRealPricesAgreeToTheLastUnit) {
  PB_SKIP_WITHOUT_SHARED_DATA();
  const RealBooks books = roll_real_books("real_portfolios.json", "2024-08-28", 87);
  for (const Record& row : pb::test::read_csv(pb::test::golden_file("accounting_real.csv")))
    expect_row(row, books.snapshots.at(row.text("portfolio_id")).at(day(row.text("snapshot_date"))));
}

// Lots from before the inception, options through a split and past their expiration, fees and dividends received.
TEST(AccountingReal, AccountThatWasManagedElsewhereAgreesToTheLastUnit) {
  PB_SKIP_WITHOUT_SHARED_DATA();
  const RealBooks books = roll_real_books("real_account.json", "2024-06-03", 147);
  const Snapshots& computed = books.snapshots.begin()->second;
  const std::vector<Record> expected = pb::test::read_csv(pb::test::golden_file("accounting_account.csv"));
  EXPECT_EQ(expected.size(), 147u);
  for (const Record& row : expected) {
    const Snapshot& snapshot = computed.at(day(row.text("snapshot_date")));
    expect_row(row, snapshot);
    EXPECT_EQ(money_text(snapshot.levels.dividends_to_date), row.text("cumulative_dividends"));
    EXPECT_EQ(money_text(snapshot.levels.cash_pnl_to_date), row.text("cumulative_cash_pnl"));
    EXPECT_EQ(money_text(snapshot.levels.fees_to_date), row.text("cumulative_fees"));
    EXPECT_NEAR(snapshot.period.gross_return.value(), row.number("gross_return"), 1e-12);
  }
}

// Spin-offs, one of a spin-off, a merger for cash and shares, a new name, a return of capital to a short, a delisting
// and a stock dividend, with closings of what was spun off: followed forward by the oracle, computed date by date here.
TEST(AccountingReal, AccountWhoseSharesBecomeOthersAgreesToTheLastUnit) {
  PB_SKIP_WITHOUT_SHARED_DATA();
  const RealBooks books = roll_real_books("converted_account.json", "2024-01-03", 123);
  const Snapshots& computed = books.snapshots.begin()->second;
  const std::vector<Record> expected = pb::test::read_csv(pb::test::golden_file("converted_account.csv"));
  EXPECT_EQ(expected.size(), 123u);
  for (const Record& row : expected) {
    SCOPED_TRACE(row.text("snapshot_date"));
    const auto& [levels, period] = computed.at(day(row.text("snapshot_date")));
    EXPECT_EQ(money_text(levels.equity()), row.text("equity_balance"));
    EXPECT_EQ(money_text(levels.cash), row.text("cash_value"));
    EXPECT_EQ(money_text(levels.long_value), row.text("total_long"));
    EXPECT_EQ(money_text(levels.short_value), row.text("total_short"));
    EXPECT_EQ(money_text(levels.cumulative_pnl()), row.text("cumulative_pnl"));
    EXPECT_EQ(money_text(period.daily_pnl), row.text("daily_pnl"));
    EXPECT_EQ(money_text(period.daily_realized), row.text("daily_realized_pnl"));
    EXPECT_EQ(money_text(levels.dividends_to_date), row.text("cumulative_dividends"));
  }
}

// ---- invariants on a random book -----------------------------------------------------------------------------------

// Eight symbols with gaps, off-session prices, splits and dividends; forty lots long and short, partly closed; flows on
// any day. Quantities and prices are decimals, as they arrive from numeric columns.
class RandomBook : public ::testing::TestWithParam<unsigned> {
 protected:
  RandomBook() : random_(GetParam()), sessions_(pb::test::weekdays(day("2023-11-13"), session_count)) {
    make_prices();
    for (int i = 0; i < 40; ++i) lots_.push_back(random_lot());
    for (int i = 0; i < 10; ++i) flows_.push_back({any_day(), Money{integer(-50'000'000, 90'000'000)}});
    panel_.emplace(make_panel(sessions_, prices_, actions_));
  }

  Holdings holdings() const { return {initial_equity, lots_, flows_}; }
  ValuationInputs inputs() const { return {&*panel_, &actions_, max_stale_sessions}; }
  PortfolioLevels levels(Date date) const { return levels_on(date, holdings(), inputs()); }

  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }
  Date any_day() { return sessions_[0] + std::chrono::days(integer(0, 80)); }
  double decimal_price() { return static_cast<double>(integer(1'000'000, 90'000'000)) / 1e5; }

  static constexpr int session_count = 60;
  static constexpr Money initial_equity{10'000'000'000};
  std::mt19937_64 random_;
  pb::core::Sessions sessions_;
  std::vector<Price> prices_;
  CorporateActions actions_;
  std::vector<Lot> lots_;
  std::vector<CapitalFlow> flows_;
  std::optional<PricePanel> panel_;

 private:
  static std::string symbol(std::int64_t i) { return std::string(1, static_cast<char>('A' + i)); }

  void make_prices() {
    for (int i = 0; i < 8; ++i) {
      for (const Date date : sessions_.dates())
        if (integer(0, 9) > 0) prices_.push_back({symbol(i), date, decimal_price()});
      actions_.add_dividend(symbol(i), {any_day(), static_cast<double>(integer(1, 300)) / 100});
    }
    actions_.add_split("B", {sessions_[20], {4}});
    actions_.add_split("C", {sessions_[40], {0.1}});
    prices_.push_back({"D", sessions_[4] + std::chrono::days(1), decimal_price()});
  }

  Lot random_lot() {
    Lot lot;
    lot.symbol = symbol(integer(0, 8));  // the last of them has no prices
    const bool is_long = integer(0, 2) > 0;
    lot.position_type = is_long ? "LONG" : "SHORT";
    const auto quantity = static_cast<double>(integer(2, 2000));
    lot.quantity = is_long ? quantity : -quantity;
    lot.entry_price = decimal_price();
    lot.entry_date = any_day();
    if (integer(0, 1) == 0) {
      const Date trade_date = lot.entry_date + std::chrono::days(integer(0, 30));
      const double shares = actions_.split_ratio(lot.symbol, lot.entry_date, trade_date).to_new_shares(quantity / 2);
      lot.closings.push_back({trade_date, shares, decimal_price()});
    }
    if (integer(0, 2) == 0) {
      lot.exit_date = lot.entry_date + std::chrono::days(integer(30, 50));
      lot.exit_price = decimal_price();
    }
    return lot;
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, RandomBook, ::testing::Range(1u, 11u));

void expect_same_values(const PortfolioLevels& actual, const PortfolioLevels& expected) {
  EXPECT_EQ(actual.cash, expected.cash);
  EXPECT_EQ(actual.long_value, expected.long_value);
  EXPECT_EQ(actual.short_value, expected.short_value);
  EXPECT_EQ(actual.equity(), expected.equity());
  EXPECT_EQ(actual.flows_to_date, expected.flows_to_date);
  EXPECT_EQ(actual.long_count, expected.long_count);
  EXPECT_EQ(actual.short_count, expected.short_count);
  EXPECT_EQ(actual.stale_prices, expected.stale_prices);
  EXPECT_EQ(actual.unpriced_positions, expected.unpriced_positions);
  EXPECT_EQ(actual.symbol_count, expected.symbol_count);
}

TEST_P(RandomBook, SumsAddUpInIntegerUnits) {
  Money chain = initial_equity;
  Money realized;
  Money month;
  for (const auto& [date, snapshot] : roll(holdings(), sessions_.dates(), inputs())) {
    const auto& [levels, period] = snapshot;
    SCOPED_TRACE(pb::core::to_iso(date));
    chain += period.daily_pnl + period.daily_flow;
    EXPECT_EQ(levels.equity(), chain);
    EXPECT_EQ(levels.equity(), levels.cash + levels.long_value + levels.short_value);
    EXPECT_EQ(levels.cumulative_pnl(), levels.equity() - initial_equity - levels.flows_to_date);
    EXPECT_EQ(levels.gross_exposure(), levels.long_value - levels.short_value);
    EXPECT_EQ(levels.net_market_value(), levels.long_value + levels.short_value);
    EXPECT_GE(levels.long_value, Money{});
    EXPECT_LE(levels.short_value, Money{});
    realized += period.daily_realized;
    EXPECT_EQ(levels.realized_to_date, realized);
    const bool new_month = period.previous_date && std::chrono::year_month_day{*period.previous_date}.month() !=
                                                       std::chrono::year_month_day{date}.month();
    month = new_month ? period.daily_pnl : month + period.daily_pnl;
    EXPECT_EQ(period.mtd_pnl, month);
  }
}

// P&L is the sum over the lots rounded once, of the whole book; long and short value give way by less than a unit.
TEST_P(RandomBook, LotsAddUpToTheLevels) {
  for (const Date date : sessions_.dates()) {
    SCOPED_TRACE(pb::core::to_iso(date));
    std::vector<LotLevel> lots;
    const PortfolioLevels all = levels_on(date, holdings(), inputs(), &lots);
    expect_same_values(all, levels(date));
    ASSERT_EQ(lots.size(), lots_.size());
    long double pnl = 0;
    long double long_value = 0;
    long double short_value = 0;
    Money realized;
    for (std::size_t i = 0; i < lots.size(); ++i) {
      EXPECT_EQ(lots[i].value.quantity, quantity_asof(lots_[i], date, actions_)) << i;
      pnl += lots[i].cumulative_pnl;
      realized += lots[i].realized_to_date;
      (lots[i].value.market_value > 0 ? long_value : short_value) += lots[i].value.market_value;
      // As if it were all of the book.
      const PortfolioLevels alone = levels_on(date, {Money{}, {&lots_[i], 1}, {}}, inputs());
      EXPECT_NEAR(lots[i].cumulative_pnl * Money::scale, alone.cumulative_pnl().units, 0.501);
      EXPECT_EQ(lots[i].realized_to_date, alone.realized_to_date) << i;
    }
    EXPECT_NEAR(pnl * Money::scale, all.cumulative_pnl().units, 0.501);
    EXPECT_NEAR(long_value * Money::scale, all.long_value.units, 1.001);
    EXPECT_NEAR(short_value * Money::scale, all.short_value.units, 1.001);
    EXPECT_EQ(realized, all.realized_to_date);
  }
}

// What each lot earned in a day, exact to a unit, adds up to the day's P&L: none is left that belongs to no lot.
TEST_P(RandomBook, DailyPnlIsAllOfLots) {
  std::vector<LotLevel> before(lots_.size());
  Money cumulative;
  for (const Date date : sessions_.dates()) {
    SCOPED_TRACE(pb::core::to_iso(date));
    std::vector<LotLevel> today;
    const PortfolioLevels levels = levels_on(date, holdings(), inputs(), &today);
    std::vector<long double> earned;
    for (std::size_t i = 0; i < lots_.size(); ++i) earned.push_back(today[i].cumulative_pnl - before[i].cumulative_pnl);
    const Money pnl = levels.cumulative_pnl() - cumulative;
    const pb::core::Allocation allocation = pb::core::allocate(earned, pnl);
    EXPECT_EQ(allocation.rest, Money{});
    EXPECT_EQ(std::accumulate(allocation.amounts.begin(), allocation.amounts.end(), Money{}), pnl);
    for (std::size_t i = 0; i < lots_.size(); ++i)
      EXPECT_NEAR(allocation.amounts[i].units, earned[i] * Money::scale, 1.51) << i;
    before = today;
    cumulative = levels.cumulative_pnl();
  }
}

TEST_P(RandomBook, OrderOfLotsChangesNothing) {
  std::map<Date, PortfolioLevels> before;
  for (const Date date : sessions_.dates()) before[date] = levels(date);
  std::shuffle(lots_.begin(), lots_.end(), random_);
  std::shuffle(flows_.begin(), flows_.end(), random_);
  for (const Date date : sessions_.dates()) {
    expect_same_values(levels(date), before[date]);
    EXPECT_EQ(levels(date).realized_to_date, before[date].realized_to_date);
  }
}

TEST_P(RandomBook, SplittingEveryLotInTwoChangesNothingButTheirNumber) {
  std::map<Date, PortfolioLevels> before;
  for (const Date date : sessions_.dates()) before[date] = levels(date);
  std::vector<Lot> halves;
  std::int64_t closings = 0;
  for (Lot lot : lots_) {
    lot.quantity /= 2;
    for (auto& closing : lot.closings) closing.quantity /= 2;
    closings += static_cast<std::int64_t>(lot.closings.size()) + (lot.exit_date ? 1 : 0);
    halves.insert(halves.end(), 2, lot);
  }
  lots_ = halves;
  for (const Date date : sessions_.dates()) {
    const PortfolioLevels after = levels(date);
    for (int PortfolioLevels::*count : {&PortfolioLevels::long_count, &PortfolioLevels::short_count,
                                        &PortfolioLevels::stale_prices, &PortfolioLevels::unpriced_positions})
      before[date].*count *= 2;
    expect_same_values(after, before[date]);
    // Realized P&L is booked by closing, each rounded on its own.
    EXPECT_LE(std::abs((after.realized_to_date - before[date].realized_to_date).units), 2 * closings);
  }
}

TEST_P(RandomBook, SkippedDaysLoseNothing) {
  const Snapshots all = roll(holdings(), sessions_.dates(), inputs());
  std::vector<Date> some;
  for (const Date date : sessions_.dates())
    if (date == sessions_.dates().back() || integer(0, 2) == 0) some.push_back(date);
  const Snapshots sparse = roll(holdings(), some, inputs());
  Money pnl;
  std::optional<Date> previous;
  for (const auto& [date, snapshot] : sparse) {
    expect_same_values(snapshot.levels, all.at(date).levels);
    EXPECT_EQ(snapshot.period.previous_date, previous);
    previous = date;
    pnl += snapshot.period.daily_pnl;
  }
  EXPECT_EQ(pnl, all.rbegin()->second.levels.cumulative_pnl());
}

// The day filled in later takes its share of the P&L from the day after it, and all ends as if nothing had been
// missing.
TEST_P(RandomBook, FillingAGapLaterGivesTheSameSnapshots) {
  const Snapshots straight = roll(holdings(), sessions_.dates(), inputs());
  Ledger ledger;
  for (const Date date : sessions_.dates())
    if (date != sessions_[30]) ledger[date] = ledger_entry(levels(date));
  for (const int session : {30, 31}) {
    const Date date = sessions_[session];
    const PeriodResult period = period_result(date, levels(date), holdings().flows, ledger);
    EXPECT_EQ(period.daily_pnl, straight.at(date).period.daily_pnl);
    EXPECT_EQ(period.mtd_pnl, straight.at(date).period.mtd_pnl);
    EXPECT_EQ(period.daily_flow, straight.at(date).period.daily_flow);
    EXPECT_EQ(period.daily_return, straight.at(date).period.daily_return);
    ledger[date] = ledger_entry(levels(date));
  }
}

TEST_P(RandomBook, LateFlowIsNotProfit) {
  const Snapshots before = roll(holdings(), sessions_.dates(), inputs());
  const Date saturday = day("2023-12-16");
  const Money amount = to_money(2500);
  flows_.push_back({saturday, amount});
  for (const auto& [date, after] : roll(holdings(), sessions_.dates(), inputs())) {
    const Snapshot& old = before.at(date);
    const Money booked = date > saturday ? amount : Money{};
    EXPECT_EQ(after.period.daily_pnl, old.period.daily_pnl);
    EXPECT_EQ(after.levels.cumulative_pnl(), old.levels.cumulative_pnl());
    EXPECT_EQ(after.levels.equity() - old.levels.equity(), booked);
    EXPECT_EQ(after.levels.cash - old.levels.cash, booked);
    EXPECT_EQ(after.period.daily_flow - old.period.daily_flow, date == day("2023-12-18") ? amount : Money{});
  }
}

// Nothing dated after a day may change a result of the day.
TEST_P(RandomBook, LaterTradesPricesAndFlowsChangeNothing) {
  const Date last = sessions_[35];
  const PortfolioLevels before = levels(last);
  std::erase_if(lots_, [&](const Lot& lot) { return lot.entry_date > last; });
  for (Lot& lot : lots_) {
    std::erase_if(lot.closings, [&](const auto& closing) { return closing.trade_date > last; });
    if (lot.exit_date > last) lot.exit_date.reset();
  }
  std::erase_if(flows_, [&](const CapitalFlow& flow) { return flow.date > last; });
  std::erase_if(prices_, [&](const Price& price) { return price.date > last; });
  panel_.emplace(make_panel(sessions_, prices_, actions_));
  expect_same_values(levels(last), before);
  EXPECT_EQ(levels(last).realized_to_date, before.realized_to_date);
}

// ---- single rules --------------------------------------------------------------------------------------------------

struct OneLot {
  pb::core::Sessions sessions = pb::test::weekdays(day("2024-03-04"), 5);
  CorporateActions actions;
  std::vector<Price> prices{{"A", sessions[0], 10}, {"A", sessions[1], 12}};
  Lot lot;

  OneLot() {
    lot.symbol = "A";
    lot.position_type = "LONG";
    lot.quantity = 100;
    lot.entry_price = 10;
    lot.entry_date = sessions[0];
  }

  Snapshots snapshots(Money initial_equity, std::vector<CapitalFlow> flows = {}) const {
    const PricePanel panel = make_panel(sessions, prices, actions);
    return roll({initial_equity, std::span(&lot, 1), flows}, sessions.dates(), {&panel, &actions, max_stale_sessions});
  }
};

TEST(Accounting, EmptyBookKeepsItsCash) {
  const OneLot setting;
  const PricePanel panel = make_panel(setting.sessions, setting.prices);
  const PortfolioLevels levels =
      pb::core::levels_on(setting.sessions[0], {to_money(100), {}, {}}, {&panel, &setting.actions, max_stale_sessions});
  EXPECT_EQ(levels.cash, to_money(100));
  EXPECT_EQ(levels.equity(), to_money(100));
  EXPECT_EQ(levels.long_count + levels.short_count, 0);
}

TEST(Accounting, BoughtOnMarginCashIsNegative) {
  const OneLot setting;
  const Snapshots snapshots = setting.snapshots(to_money(400));
  EXPECT_EQ(snapshots.at(setting.sessions[1]).levels.cash, to_money(-600));
  EXPECT_EQ(snapshots.at(setting.sessions[1]).levels.equity(), to_money(600));
  EXPECT_DOUBLE_EQ(snapshots.at(setting.sessions[1]).period.daily_return.value(), 0.5);
}

TEST(Accounting, ReturnNeedsPositiveEquityBeforeIt) {
  const OneLot setting;
  EXPECT_EQ(setting.snapshots(Money{}).at(setting.sessions[0]).period.daily_return, std::nullopt);
  EXPECT_EQ(setting.snapshots(to_money(-5)).at(setting.sessions[1]).period.daily_return, std::nullopt);
}

TEST(Accounting, ContributionsWorkFromTheStartOfTheirDay) {
  const OneLot setting;
  const Snapshots funded = setting.snapshots(Money{}, {{setting.sessions[0], to_money(1000)}});
  EXPECT_EQ(funded.at(setting.sessions[0]).period.return_base, to_money(1000));
  EXPECT_EQ(funded.at(setting.sessions[0]).period.daily_return, 0.0);
  EXPECT_DOUBLE_EQ(funded.at(setting.sessions[1]).period.daily_return.value(), 0.2);
  const Snapshots later = setting.snapshots(to_money(1000), {{setting.sessions[1], to_money(3000)}});
  EXPECT_DOUBLE_EQ(later.at(setting.sessions[1]).period.daily_return.value(), 0.05);
}

TEST(Accounting, WithdrawalsWorkUntilTheEndOfTheirDay) {
  const OneLot setting;
  const Snapshots snapshots = setting.snapshots(to_money(1000), {{setting.sessions[1], to_money(-900)}});
  EXPECT_EQ(snapshots.at(setting.sessions[1]).levels.equity(), to_money(300));
  EXPECT_EQ(snapshots.at(setting.sessions[1]).period.return_base, to_money(1000));
  EXPECT_DOUBLE_EQ(snapshots.at(setting.sessions[1]).period.daily_return.value(), 0.2);
}

// A flow dated before the last snapshot that this one is measured from, which did not know of it.
TEST(Accounting, FlowsBookedLateWorkFromTheNextSnapshot) {
  const auto levels = [](double equity, double flows) {
    PortfolioLevels result;
    result.cash = to_money(equity);
    result.flows_to_date = to_money(flows);
    return result;
  };
  const Ledger ledger{{day("2024-03-04"), ledger_entry(levels(1000, 0))}};
  const std::vector<CapitalFlow> paid_in{{day("2024-03-01"), to_money(500)}};
  const PeriodResult in = period_result(day("2024-03-05"), levels(1650, 500), paid_in, ledger);
  EXPECT_EQ(in.return_base, to_money(1500));
  EXPECT_DOUBLE_EQ(in.daily_return.value(), 0.1);
  const std::vector<CapitalFlow> paid_out{{day("2024-03-01"), to_money(-500)}};
  EXPECT_EQ(period_result(day("2024-03-05"), levels(600, -500), paid_out, ledger).return_base, to_money(1000));
}

TEST(Accounting, OptionOfASymbolWithDividendsGetsNone) {
  OneLot setting;
  setting.actions.add_dividend("A", {setting.sessions[1], 1});
  EXPECT_EQ(setting.snapshots({}).at(setting.sessions[1]).levels.cash, to_money(-900));
  setting.lot.position_type = "LC";
  EXPECT_EQ(setting.snapshots({}).at(setting.sessions[1]).levels.cash, to_money(-1000));
}

TEST(Accounting, DividendFollowsTheMultiplierAsTheMarketValueDoes) {
  OneLot setting;
  setting.actions.add_dividend("A", {setting.sessions[1], 1});
  setting.lot.multiplier = 10;
  EXPECT_EQ(setting.snapshots({}).at(setting.sessions[1]).levels.cash, to_money(-9000));
}

// A pass over all closings for each dividend would be 1.6 thousand million steps.
TEST(Accounting, DividendsOfALotThatIsSoldShareByShare) {
  constexpr int shares = 40000;
  OneLot setting;
  setting.lot.quantity = shares;
  for (int i = 1; i <= shares; ++i) {
    const Date date = setting.lot.entry_date + std::chrono::days(i);
    setting.actions.add_dividend("A", {date, 1});
    setting.lot.closings.push_back({date, 1, 10});
  }
  const PricePanel panel = make_panel(setting.sessions, setting.prices, setting.actions);
  const PortfolioLevels levels =
      pb::core::levels_on(setting.lot.closings.back().trade_date, {Money{}, std::span(&setting.lot, 1), {}},
                          {&panel, &setting.actions, max_stale_sessions});
  EXPECT_EQ(levels.cash, to_money(0.5 * shares * (shares + 1)));
}

TEST(Accounting, DividendAndSplitOfOneDayCountTheSharesBefore) {
  OneLot setting;
  setting.actions.add_split("A", {setting.sessions[1], {2}});
  setting.actions.add_dividend("A", {setting.sessions[1], 1});
  const Snapshots snapshots = setting.snapshots({});
  EXPECT_EQ(snapshots.at(setting.sessions[1]).levels.cash, to_money(-900));
  EXPECT_EQ(snapshots.at(setting.sessions[1]).levels.long_value, to_money(2400));
}

TEST(Accounting, RealizedIsAClassificationOnly) {
  OneLot setting;
  setting.lot.closings = {{setting.sessions[2], 100, 12}};
  const Snapshots snapshots = setting.snapshots({});
  // The marks have booked the 200 on the day before.
  EXPECT_EQ(snapshots.at(setting.sessions[1]).period.daily_pnl, to_money(200));
  EXPECT_EQ(snapshots.at(setting.sessions[2]).period.daily_realized, to_money(200));
  EXPECT_EQ(snapshots.at(setting.sessions[2]).period.daily_pnl, Money{});
}

// Cash for shares that nobody held would look like profit.
TEST(Accounting, ClosingMoreThanWasOpenedIsRefused) {
  OneLot setting;
  const auto refusal = [&] { return pb::test::sqlstate_of([&] { setting.snapshots({}); }); };
  setting.lot.closings = {{setting.sessions[1], 60, 12}, {setting.sessions[2], 40, 12}};
  EXPECT_EQ(refusal(), "");
  setting.lot.closings[1].quantity = 41;
  EXPECT_EQ(refusal(), "22000");
  // An event after the exit sells the same shares again.
  setting.lot.closings = {{setting.sessions[3], 40, 12}};
  setting.lot.exit_date = setting.sessions[2];
  setting.lot.exit_price = 12;
  EXPECT_EQ(refusal(), "22000");
  // 300 shares of which a split made 128.571429, to the sixth decimal.
  setting.lot.exit_date.reset();
  setting.lot.quantity = 300;
  setting.actions.add_split("A", {setting.sessions[1], {3.0, 7}});
  setting.lot.closings = {{setting.sessions[2], 128.571429, 12}};
  EXPECT_EQ(refusal(), "");
  setting.lot.closings[0].quantity = 128.571432;
  EXPECT_EQ(refusal(), "22000");
}

TEST(Accounting, MonthAndYearStartFromTheLastSnapshotBeforeThem) {
  const auto levels_with_pnl = [](double pnl) {
    PortfolioLevels levels;
    levels.cash = to_money(pnl);
    return levels;
  };
  Ledger ledger;
  for (const auto& [date, pnl] : {std::pair{"2023-11-15", 10.0}, {"2023-12-20", 30.0}, {"2024-01-31", 70.0}})
    ledger[day(date)] = ledger_entry(levels_with_pnl(pnl));
  const PeriodResult period = period_result(day("2024-02-05"), levels_with_pnl(100), {}, ledger);
  EXPECT_EQ(period.previous_date, day("2024-01-31"));
  EXPECT_EQ(period.daily_pnl, to_money(30));
  EXPECT_EQ(period.mtd_pnl, to_money(30));
  EXPECT_EQ(period.ytd_pnl, to_money(70));
  // A snapshot of the day itself, or after it, is no base.
  ledger[day("2024-02-05")] = ledger_entry(levels_with_pnl(5000));
  ledger[day("2024-02-06")] = ledger_entry(levels_with_pnl(6000));
  EXPECT_EQ(period_result(day("2024-02-05"), levels_with_pnl(100), {}, ledger).daily_pnl, to_money(30));
  // The first snapshot of a book measures from its initial equity.
  EXPECT_EQ(period_result(day("2023-11-01"), levels_with_pnl(4), {}, ledger).ytd_pnl, to_money(4));
}

}  // namespace
}  // namespace accounting_test
