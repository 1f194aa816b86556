// Five thousand small books of everything that can be booked: lots with closings and exits, options that expire,
// private assets with marks, splits, dividends, flows, cash events, and lots from before the inception.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "core/portfolio/accounting.hpp"
#include "support.hpp"

namespace random_books_test {
namespace {

using pb::core::CapitalFlow;
using pb::core::CashEvent;
using pb::core::CashKind;
using pb::core::CorporateActions;
using pb::core::Date;
using pb::core::Holdings;
using pb::core::InvestmentClass;
using pb::core::Ledger;
using pb::core::Lot;
using pb::core::LotLevel;
using pb::core::Money;
using pb::core::PeriodResult;
using pb::core::PortfolioLevels;
using pb::core::ValuationInputs;
using pb::test::day;

constexpr unsigned books = 5000;
constexpr int session_count = 12;

struct Snapshot {
  PortfolioLevels levels;
  PeriodResult period;
};

class Books {
 public:
  explicit Books(unsigned seed) : random_(seed), sessions_(pb::test::weekdays(day("2024-01-22"), session_count)) {
    make_market();
    if (integer(0, 2) == 0) opening_ = sessions_[0] - std::chrono::days(3);
    const std::int64_t lots = integer(1, 8);
    for (std::int64_t i = 0; i < lots; ++i) lots_.push_back(random_lot(static_cast<unsigned char>(i + 1)));
    for (std::int64_t i = integer(0, 4); i > 0; --i)
      flows_.push_back({any_day(), Money{integer(-90'000'000, 90'000'000)}});
    for (std::int64_t i = integer(0, 6); i > 0; --i) events_.push_back(random_event());
    sort_events();
    panel_.emplace(pb::test::make_panel(sessions_, prices_, actions_));
  }

  const std::vector<Date>& days() const { return sessions_.dates(); }
  std::mt19937_64& random() { return random_; }
  static constexpr Money initial_equity{10'000'000'000};

  PortfolioLevels levels(Date date, std::vector<LotLevel>* lots = nullptr) const {
    return levels_on(
        date,
        {.initial_equity = initial_equity, .lots = lots_, .flows = flows_, .events = events_, .opening = opening_},
        {&*panel_, &actions_, 5}, lots);
  }

  // Writes the snapshot of a day and those after it, as the batch does.
  void run(Date date, Ledger& ledger, std::map<Date, Snapshot>& snapshots) const {
    std::vector<Date> dates{date};
    for (auto later = ledger.upper_bound(date); later != ledger.end(); ++later) dates.push_back(later->first);
    for (const Date each : dates) {
      const PortfolioLevels now = levels(each);
      snapshots[each] = {now, period_result(each, now, flows_, ledger)};
      ledger[each] = ledger_entry(now);
    }
  }

  // Takes some of the bookings out of the book; the second call puts them back.
  void hold_back() {
    std::shuffle(lots_.begin(), lots_.end(), random_);
    std::shuffle(flows_.begin(), flows_.end(), random_);
    move_half(lots_, held_lots_);
    move_half(flows_, held_flows_);
    move_half(events_, held_events_);
    for (Lot& lot : lots_) {
      held_closings_[lot.id] = lot.closings;
      if (integer(0, 1) == 0) lot.closings.clear();
    }
  }
  void book_the_rest() {
    for (Lot& lot : lots_) lot.closings = held_closings_[lot.id];
    lots_.insert(lots_.end(), held_lots_.begin(), held_lots_.end());
    flows_.insert(flows_.end(), held_flows_.begin(), held_flows_.end());
    events_.insert(events_.end(), held_events_.begin(), held_events_.end());
    std::sort(lots_.begin(), lots_.end(), [](const Lot& a, const Lot& b) { return a.id < b.id; });
    sort_events();
  }

  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  template <class Booking>
  void move_half(std::vector<Booking>& bookings, std::vector<Booking>& held) {
    const auto half = bookings.begin() + static_cast<std::ptrdiff_t>(bookings.size() / 2);
    held.assign(half, bookings.end());
    bookings.erase(half, bookings.end());
  }
  void sort_events() {
    std::stable_sort(events_.begin(), events_.end(), [](const CashEvent& a, const CashEvent& b) {
      return std::tuple(a.date, a.amount.units, static_cast<int>(a.kind), a.symbol, a.position_id) <
             std::tuple(b.date, b.amount.units, static_cast<int>(b.kind), b.symbol, b.position_id);
    });
  }

  Date any_day() { return sessions_[0] + std::chrono::days(integer(0, 15)); }
  double price() { return static_cast<double>(integer(1'000'000, 90'000'000)) / 1e5; }

  void make_market() {
    for (const char* symbol : {"A", "B", "C", "A C"}) {
      for (const Date date : sessions_.dates())
        if (integer(0, 6) > 0) prices_.push_back({symbol, date, price()});
      prices_.push_back({symbol, sessions_[0] - std::chrono::days(3), price()});
    }
    actions_.add_split("A", {any_day(), {static_cast<double>(integer(1, 4)), static_cast<double>(integer(1, 3))}});
    actions_.add_split("B", {any_day(), {1, 3}});
    actions_.add_dividend("A", {any_day(), static_cast<double>(integer(1, 300)) / 100});
    actions_.add_dividend("B", {any_day(), 0.25});
    actions_.add_dividend("B", {any_day(), 0.5});
    actions_.follow("A C", "A");
  }

  Lot random_lot(unsigned char number) {
    Lot lot;
    lot.id.bytes[15] = number;
    const std::int64_t kind = integer(0, 4);
    lot.symbol = kind == 4 ? "A C" : std::string(1, static_cast<char>('A' + integer(0, 3)));
    const bool is_long = integer(0, 2) > 0;
    lot.quantity = static_cast<double>(integer(2, 2000)) * (is_long ? 1 : -1);
    lot.position_type = kind == 4 ? (is_long ? "LC" : "SP") : is_long ? "LONG" : "SHORT";
    lot.entry_price = price();
    lot.entry_date = any_day() - std::chrono::days(opening_ && integer(0, 1) == 0 ? 40 : 0);
    if (kind == 4) {
      lot.investment_class = InvestmentClass::option;
      lot.multiplier = 100;
      lot.underlying_symbol = "A";
      lot.strike_price = price();
      lot.expiration_date = any_day();
    } else if (kind == 3) {
      lot.investment_class = InvestmentClass::private_asset;
      lot.marks = {{lot.entry_date + std::chrono::days(2), price()}, {lot.entry_date + std::chrono::days(5), price()}};
    }
    if (integer(0, 1) == 0) {
      const Date trade = lot.entry_date + std::chrono::days(integer(0, 20));
      const auto ratio = CorporateActions::quantity_ratio(actions_.splits(lot.symbol), lot.entry_date, trade);
      const double half = std::floor(std::fabs(lot.quantity) / 2);
      if (half > 0) lot.closings.push_back({trade, std::round(ratio.to_new_shares(half) * 1e6) / 1e6, price()});
    }
    if (integer(0, 3) == 0) {
      lot.exit_date = lot.entry_date + std::chrono::days(integer(20, 50));
      lot.exit_price = price();
    }
    return lot;
  }

  CashEvent random_event() {
    CashEvent event{};
    event.date = any_day();
    event.kind = static_cast<CashKind>(integer(0, 7));
    event.amount = Money{integer(-5'000'000, 5'000'000)};
    if (event.kind == CashKind::dividend) event.symbol = integer(0, 1) == 0 ? "A" : "B";
    if (integer(0, 1) == 0) {
      event.position_id.emplace();
      event.position_id->bytes[15] = static_cast<unsigned char>(integer(1, 9));
    }
    return event;
  }

  std::mt19937_64 random_;
  pb::core::Sessions sessions_;
  std::optional<Date> opening_;
  std::vector<pb::test::Price> prices_;
  CorporateActions actions_;
  std::vector<Lot> lots_, held_lots_;
  std::vector<CapitalFlow> flows_, held_flows_;
  std::vector<CashEvent> events_, held_events_;
  std::map<pb::core::Uuid, std::vector<pb::core::Closing>> held_closings_;
  std::optional<pb::core::PricePanel> panel_;
};

std::map<Date, Snapshot> run_forward(const Books& book) {
  Ledger ledger;
  std::map<Date, Snapshot> snapshots;
  for (const Date date : book.days()) book.run(date, ledger, snapshots);
  return snapshots;
}

TEST(RandomBooks, ChainsAddUpToTheLastUnit) {
  for (unsigned seed = 1; seed <= books; ++seed) {
    SCOPED_TRACE(seed);
    const Books book(seed);
    Money chain = Books::initial_equity;
    for (const auto& [date, snapshot] : run_forward(book)) {
      const auto& [levels, period] = snapshot;
      chain += period.daily_pnl + period.daily_flow;
      ASSERT_EQ(levels.equity(), chain) << pb::core::to_iso(date);
      std::vector<LotLevel> lots;
      book.levels(date, &lots);
      long double of_lots = 0;
      for (const LotLevel& lot : lots) of_lots += lot.cumulative_pnl;
      // Two amounts are rounded, once each: P&L, and what of it belongs to no lot.
      ASSERT_NEAR(of_lots * Money::scale, (levels.cumulative_pnl() - levels.unallocated_to_date).units, 1.001)
          << pb::core::to_iso(date);
    }
  }
}

// Whatever was missing when a date was first run, and in whatever order dates are run again once all is booked: the
// snapshots are those of running forward once.
TEST(RandomBooks, RerunningAnyDateInAnyOrderIsRunningForwardOnce) {
  for (unsigned seed = 1; seed <= books; ++seed) {
    SCOPED_TRACE(seed);
    Books book(seed);
    Ledger ledger;
    std::map<Date, Snapshot> snapshots;
    std::vector<Date> order = book.days();
    book.hold_back();
    std::shuffle(order.begin(), order.end(), book.random());
    for (const Date date : order)
      if (book.integer(0, 2) > 0) book.run(date, ledger, snapshots);
    book.book_the_rest();
    std::shuffle(order.begin(), order.end(), book.random());
    for (const Date date : order) book.run(date, ledger, snapshots);
    for (const auto& [date, expected] : run_forward(book)) {
      const auto& [levels, period] = snapshots.at(date);
      SCOPED_TRACE(pb::core::to_iso(date));
      ASSERT_EQ(levels.equity(), expected.levels.equity());
      ASSERT_EQ(levels.cash, expected.levels.cash);
      ASSERT_EQ(levels.realized_to_date, expected.levels.realized_to_date);
      ASSERT_EQ(levels.dividends_to_date, expected.levels.dividends_to_date);
      ASSERT_EQ(levels.fees_to_date, expected.levels.fees_to_date);
      ASSERT_EQ(period.previous_date, expected.period.previous_date);
      ASSERT_EQ(period.daily_pnl, expected.period.daily_pnl);
      ASSERT_EQ(period.mtd_pnl, expected.period.mtd_pnl);
      ASSERT_EQ(period.daily_flow, expected.period.daily_flow);
      ASSERT_EQ(period.daily_return, expected.period.daily_return);
      ASSERT_EQ(period.gross_return, expected.period.gross_return);
    }
  }
}

}  // namespace
}  // namespace random_books_test
