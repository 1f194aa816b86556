#include "core/portfolio/conversions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/portfolio/accounting.hpp"
#include "support.hpp"

namespace conversions_test {
namespace {

using pb::core::apply_conversions;
using pb::core::ClosableQuantities;
using pb::core::Closing;
using pb::core::Conversion;
using pb::core::CorporateActions;
using pb::core::Date;
using pb::core::Lot;
using pb::core::LotLevel;
using pb::core::PortfolioLevels;
using pb::core::to_double;
using pb::core::UnplacedClosing;
using pb::test::day;
using pb::test::Price;

const Date entry = day("2024-02-01");
const Date ex_date = day("2024-02-05");
const Date eve = day("2024-02-02");

Lot lot_of(const char* symbol, double quantity, double price) {
  return pb::test::lot_of(1, symbol, quantity, price, entry);
}

std::vector<Lot> converted(const std::vector<Lot>& lots, const CorporateActions& actions) {
  std::vector<UnplacedClosing> unplaced;
  std::vector<Lot> made = apply_conversions(lots, actions, unplaced);
  EXPECT_TRUE(unplaced.empty());
  return made;
}

CorporateActions with(const char* symbol, Conversion conversion) {
  CorporateActions actions;
  actions.add_conversion(symbol, std::move(conversion));
  return actions;
}

PortfolioLevels levels(Date date, const std::vector<Lot>& lots, const std::vector<Price>& prices,
                       const CorporateActions& actions, std::vector<LotLevel>* of_lots = nullptr) {
  const auto panel = pb::test::make_panel(pb::test::weekdays(entry, 10), prices, actions);
  return levels_on(date, {.initial_equity = pb::core::to_money(1e6L), .lots = lots, .flows = {}}, {&panel, &actions, 5},
                   of_lots);
}

// General Electric distributed one GE Vernova for four GE. By Form 8937, 81.1 % of the cost stay.
Conversion spin_off() {
  return {.ex_date = ex_date, .kind = "spin_off", .stays = true, .legs = {{"GEV", {1, 4}, 0.189}}};
}

TEST(Conversions, ASpinOffDividesTheCostAndIsNoGain) {
  const CorporateActions actions = with("GE", spin_off());
  const std::vector<Lot> lots = converted({lot_of("GE", 400, 100)}, actions);
  ASSERT_EQ(lots.size(), 3U);
  const Lot& before = lots[0];
  const auto spun = std::find_if(lots.begin(), lots.end(), [](const Lot& lot) { return lot.symbol == "GEV"; });
  const auto rest = std::find_if(lots.begin() + 1, lots.end(), [](const Lot& lot) { return lot.symbol == "GE"; });
  EXPECT_EQ(rest->id, before.id);
  EXPECT_NE(spun->id, before.id);
  EXPECT_DOUBLE_EQ(rest->quantity, 400);
  EXPECT_DOUBLE_EQ(rest->entry_price, 81.1);
  EXPECT_DOUBLE_EQ(spun->quantity, 100);
  EXPECT_DOUBLE_EQ(spun->entry_price, 4 * 18.9);
  EXPECT_DOUBLE_EQ(rest->quantity * rest->entry_price + spun->quantity * spun->entry_price, 40000);
  EXPECT_EQ(spun->acquired(), entry);
  EXPECT_EQ(lots[*before.next].symbol, "GE");

  // 150 before is 115 and a quarter of 140 after.
  const std::vector<Price> prices{{"GE", eve, 150}, {"GE", ex_date, 115}, {"GEV", ex_date, 140}};
  std::vector<LotLevel> at_eve;
  std::vector<LotLevel> at_ex_date;
  const PortfolioLevels then = levels(eve, lots, prices, actions, &at_eve);
  const PortfolioLevels now = levels(ex_date, lots, prices, actions, &at_ex_date);
  EXPECT_EQ(to_double(then.cumulative_pnl()), 20000);
  EXPECT_EQ(to_double(now.cumulative_pnl()), 20000);
  EXPECT_EQ(now.realized_to_date, pb::core::Money{});
  // No lot gains by it either: the parent's gain is what both are worth.
  const auto spun_place = static_cast<std::size_t>(spun - lots.begin());
  EXPECT_NEAR(static_cast<double>(at_ex_date[spun_place].cumulative_pnl), 0, 1e-9);
}

TEST(Conversions, ARenamedShareIsTheSamePosition) {
  const CorporateActions actions =
      with("FB", {.ex_date = ex_date, .kind = "symbol_change", .legs = {{"META", {1, 1}, 1}}});
  const std::vector<Lot> lots = converted({lot_of("FB", 10, 200)}, actions);
  ASSERT_EQ(lots.size(), 2U);
  EXPECT_EQ(lots[1].symbol, "META");
  EXPECT_EQ(lots[1].id, lots[0].id);
  EXPECT_DOUBLE_EQ(lots[1].entry_price, 200);
  EXPECT_EQ(quantity_asof(lots[0], eve, actions), 10);
  EXPECT_EQ(quantity_asof(lots[1], eve, actions), 0);
  EXPECT_EQ(quantity_asof(lots[0], ex_date, actions), 0);
  EXPECT_EQ(quantity_asof(lots[1], ex_date, actions), 10);
}

// Cash of 20 a share on a cost of 50: by its share of the cost, or as a return of cost where nobody says.
TEST(Conversions, AMergerForCashAndSharesRealizesTheCash) {
  Conversion merger{.ex_date = ex_date, .kind = "merger", .legs = {{"NEW", {1, 2}, 1}}, .cash = 20};
  const CorporateActions plain = with("OLD", merger);
  std::vector<Lot> lots = converted({lot_of("OLD", 100, 50)}, plain);
  EXPECT_DOUBLE_EQ(lots[1].quantity, 50);
  EXPECT_DOUBLE_EQ(lots[1].entry_price, 60);  // (50 - 20) a share of two
  EXPECT_EQ(to_double(levels(ex_date, lots, {{"NEW", ex_date, 70}}, plain).realized_to_date), 0);

  merger.cash_cost_share = 0.25;
  const CorporateActions shared = with("OLD", merger);
  lots = converted({lot_of("OLD", 100, 50)}, shared);
  EXPECT_DOUBLE_EQ(lots[1].entry_price, 75);
  const PortfolioLevels now = levels(ex_date, lots, {{"NEW", ex_date, 70}}, shared);
  EXPECT_EQ(to_double(now.realized_to_date), 100 * (20 - 12.5));
  EXPECT_EQ(to_double(now.cumulative_pnl()), 100 * 20 + 50 * 70 - 5000);
}

TEST(Conversions, CashAloneEndsTheLotAndAShortPaysIt) {
  const CorporateActions actions = with("GONE", {.ex_date = ex_date, .kind = "delisting", .cash = 3});
  for (const double quantity : {100.0, -100.0}) {
    const std::vector<Lot> lots = converted({lot_of("GONE", quantity, 10)}, actions);
    ASSERT_EQ(lots.size(), 1U);
    const PortfolioLevels now = levels(ex_date, lots, {{"GONE", eve, 4}}, actions);
    EXPECT_EQ(to_double(now.realized_to_date), -7 * quantity);
    EXPECT_EQ(to_double(now.cash), 1e6 - 7 * quantity);
    EXPECT_EQ(now.long_count + now.short_count, 0);
  }
}

TEST(Conversions, AReturnOfCapitalLowersTheCostAndIsAGainAboveIt) {
  const CorporateActions actions =
      with("TRUST", {.ex_date = ex_date, .kind = "return_of_capital", .stays = true, .cash = 8});
  const std::vector<Lot> dear = converted({lot_of("TRUST", 10, 50)}, actions);
  EXPECT_DOUBLE_EQ(dear[1].entry_price, 42);
  const std::vector<Lot> cheap = converted({lot_of("TRUST", 10, 5)}, actions);
  EXPECT_DOUBLE_EQ(cheap[1].entry_price, 0);
  EXPECT_EQ(to_double(levels(ex_date, cheap, {{"TRUST", ex_date, 4}}, actions).realized_to_date), 30);
}

// A sale on the ex-date is of what was made. One that names the symbol is of that, by its later name as well.
TEST(Conversions, ClosingsGoToWhatTheySold) {
  CorporateActions actions = with("GE", spin_off());
  actions.add_conversion("GEV", {.ex_date = day("2024-02-07"), .kind = "symbol_change", .legs = {{"VERN", {1, 1}, 1}}});
  Lot lot = lot_of("GE", 400, 100);
  lot.closings = {{eve, 40, 150},
                  {ex_date, 60, 115},
                  {ex_date, 30, 140, "GEV"},
                  {day("2024-02-08"), 10, 141, "VERN"},
                  {day("2024-02-08"), 100, 116, "GE"}};
  const std::vector<Lot> lots = converted({lot}, actions);
  const Date last = day("2024-02-09");
  std::map<std::string, double> held;
  for (const Lot& each : lots) held[each.symbol] += quantity_asof(each, last, actions);
  EXPECT_DOUBLE_EQ(held["GE"], 400 - 40 - 60 - 100);
  EXPECT_DOUBLE_EQ(held["GEV"], 0);
  EXPECT_DOUBLE_EQ(held["VERN"], 90 - 30 - 10);
  // What is left to sell on the eve is what nothing sold later needs.
  EXPECT_DOUBLE_EQ(ClosableQuantities(lots, actions).of(0, eve), 200);
  lot.closings.push_back({last, 45, 140, "VERN"});
  const std::vector<Lot> more = converted({lot}, actions);
  EXPECT_NEAR(ClosableQuantities(more, actions).of(0, eve), 360 * 5.0 / 90, 1e-9);
}

TEST(Conversions, ClosingsOfWhatALotNeverWasAreNamed) {
  Lot lot = lot_of("GE", 400, 100);
  lot.closings = {{eve, 1, 150, "GEV"}, {day("2024-02-06"), 2, 150, "XYZ"}};
  std::vector<UnplacedClosing> unplaced;
  apply_conversions({lot}, with("GE", spin_off()), unplaced);
  ASSERT_EQ(unplaced.size(), 2U);
  EXPECT_EQ(unplaced[0].symbol, "GEV");
  EXPECT_EQ(unplaced[1].symbol, "XYZ");

  lot = lot_of("GONE", 100, 10);
  lot.exit_date = day("2024-02-06");
  lot.exit_price = 2;
  unplaced.clear();
  apply_conversions({lot}, with("GONE", {.ex_date = ex_date, .kind = "delisting", .cash = 3}), unplaced);
  ASSERT_EQ(unplaced.size(), 1U);
  EXPECT_TRUE(unplaced[0].is_exit);
}

// After the splits of the day, in the order of their numbers; not for what was bought on the day or sold before it.
TEST(Conversions, SeveralOfOneDayApplyOneAfterTheOther) {
  CorporateActions actions;
  actions.add_split("A", {ex_date, {2}});
  actions.add_conversion("A", {.ex_date = ex_date, .kind = "return_of_capital", .stays = true, .cash = 5});
  actions.add_conversion("A", {.ex_date = ex_date, .kind = "spin_off", .stays = true, .legs = {{"B", {1}, 0.4}}});
  Lot bought = lot_of("A", 10, 100);
  bought.id.bytes[15] = 2;
  bought.entry_date = ex_date;
  Lot sold = lot_of("A", 10, 100);
  sold.id.bytes[15] = 3;
  sold.closings = {{eve, 10, 100}};
  const std::vector<Lot> lots = converted({lot_of("A", 10, 100), bought, sold}, actions);
  double cost = 0;
  for (const Lot& lot : lots) {
    if (lot.id == bought.id || lot.id == sold.id) {
      EXPECT_FALSE(lot.origin || lot.is_converted());
      continue;
    }
    if (quantity_asof(lot, ex_date, actions) == 0) continue;
    EXPECT_DOUBLE_EQ(lot.quantity, 20);
    EXPECT_DOUBLE_EQ(lot.entry_price, lot.symbol == "A" ? 27 : 18);
    cost += lot.quantity * lot.entry_price;
  }
  EXPECT_DOUBLE_EQ(cost, 1000 - 20 * 5);
  EXPECT_EQ(lots.size(), 6U);
}

// Whatever happens to shares, the P&L of a book is the cash that came in and what is held, less the cash that went out:
// counted here share by share and day by day, with no cost anywhere.
TEST(Conversions, RandomBooksEarnWhatTheirSharesDo) {
  std::mt19937_64 random(20261130);
  const auto number = [&](int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); };
  const std::vector<std::string> symbols{"A", "B", "C", "D"};
  const auto sessions = pb::test::weekdays(entry, 10);
  const std::vector<Date>& dates = sessions.dates();
  int conversions = 0;
  int closings = 0;
  for (int book = 0; book < 5000; ++book) {
    std::vector<Price> prices;
    std::map<std::pair<std::string, Date>, double> price;
    for (const std::string& symbol : symbols)
      for (const Date date : dates) {
        price[{symbol, date}] = number(1, 400) / 4.0;
        prices.push_back({symbol.c_str(), date, price[{symbol, date}]});
      }
    // Names change in the order of the alphabet, so that they do not go round.
    CorporateActions actions;
    std::map<std::pair<std::string, Date>, std::vector<Conversion>> of_day;
    for (std::size_t from = 0; from + 1 < symbols.size(); ++from)
      for (std::size_t i = 2; i < dates.size(); ++i) {
        if (number(0, 5) != 0) continue;
        Conversion conversion{.ex_date = dates[i], .kind = "merger"};
        conversion.stays = number(0, 1) == 0;
        conversion.cash = number(0, 2) == 0 ? number(0, 40) / 4.0 : 0;
        if (number(0, 3) != 0)
          conversion.legs.push_back({symbols[static_cast<std::size_t>(number(static_cast<int>(from) + 1, 3))],
                                     {static_cast<double>(number(1, 4)), static_cast<double>(number(1, 2))},
                                     conversion.stays ? number(0, 4) / 4.0 : 1});
        of_day[{symbols[from], dates[i]}].push_back(conversion);
        actions.add_conversion(symbols[from], conversion);
        ++conversions;
      }
    std::vector<Lot> opened;
    std::vector<std::map<std::string, double>> held(3);
    std::vector<std::map<std::string, int>> sources(3);  // of the shares of a symbol that a lot has
    std::vector<std::string> name(3);                    // of the shares that go on as the lot itself
    for (unsigned char i = 0; i < 3; ++i) {
      Lot lot = lot_of(symbols[static_cast<std::size_t>(number(0, 2))].c_str(), 8 * number(1, 20), number(1, 100));
      if (number(0, 3) == 0) {
        lot.quantity = -lot.quantity;
        lot.position_type = "SHORT";
      }
      lot.id.bytes[15] = static_cast<unsigned char>(i + 1);
      opened.push_back(lot);
    }
    // Day by day: what is held of each symbol, and the cash.
    double cash = 1e6;
    for (std::size_t i = 0; i < opened.size(); ++i) {
      cash -= opened[i].quantity * opened[i].entry_price;
      held[i][opened[i].symbol] = opened[i].quantity;
      sources[i][opened[i].symbol] = 1;
      name[i] = opened[i].symbol;
    }
    std::map<Date, double> equity;
    for (const Date date : dates) {
      for (std::size_t i = 0; i < opened.size(); ++i) {
        const std::map<std::string, double> before = held[i];
        for (const auto& [symbol, count] : before) {
          double left = count;
          for (const Conversion& conversion : of_day[{symbol, date}]) {
            cash += left * conversion.cash;
            for (const Conversion::Leg& leg : conversion.legs) {
              held[i][leg.symbol] += leg.ratio.to_new_shares(left);
              sources[i][leg.symbol] += sources[i][symbol];
            }
            if (conversion.stays) continue;
            if (symbol == name[i]) name[i] = conversion.legs.empty() ? "" : conversion.legs[0].symbol;
            held[i][symbol] -= left;
            left = 0;
          }
        }
        // Shares of two ways to one symbol are of two positions, of which the name alone tells none.
        for (auto& [symbol, count] : held[i]) {
          if (count == 0 || sources[i][symbol] != 1 || number(0, 5) != 0) continue;
          const double sold = count * number(1, 4) / 4;
          const double at = number(1, 400) / 4.0;
          cash += sold * at;
          count -= sold;
          opened[i].closings.push_back({date, std::abs(sold), at, symbol == name[i] ? "" : symbol});
          ++closings;
        }
      }
      double value = cash;
      for (const auto& of_lot : held)
        for (const auto& [symbol, count] : of_lot) value += count * price[{symbol, date}];
      equity[date] = value;
    }
    const std::vector<Lot> lots = converted(opened, actions);
    const Date last = dates.back();
    for (const Date date : dates) {
      std::vector<LotLevel> of_lots;
      const PortfolioLevels now = levels(date, lots, prices, actions, &of_lots);
      ASSERT_NEAR(to_double(now.equity()), equity[date], 1e-3) << "book " << book << " on " << pb::core::to_iso(date);
      long double sum = 0;
      for (const LotLevel& level : of_lots) sum += level.cumulative_pnl;
      ASSERT_NEAR(static_cast<double>(sum), to_double(now.cumulative_pnl()), 1e-3);
    }
    // Of each lot, cost is neither made nor lost: what it was opened with is what its closings, the cash of its end and
    // what it became have taken of it, and what is left.
    for (std::size_t i = 0; i < lots.size(); ++i) {
      const Lot& lot = lots[i];
      const double open =
          std::abs(quantity_asof(lot, lot.is_converted() ? *lot.exit_date - std::chrono::days(1) : last, actions));
      double made_of_it = 0;
      for (const Lot& made : lots)
        if (made.origin && made.origin->from == lot.id && lot.is_converted() && made.entry_date == *lot.exit_date &&
            (made.is_spun_off() || &made == &lots[lot.next.value_or(i)]))
          made_of_it += made.quantity * made.entry_price;
      if (!lot.is_converted()) continue;
      const double sign = lot.quantity > 0 ? 1 : -1;
      const double of_cash = open * sign * (*lot.converted_for - (*lot.exit_price - lot.entry_price));
      ASSERT_NEAR(made_of_it + of_cash, open * sign * lot.entry_price, 1e-6) << "book " << book;
    }
  }
  EXPECT_GT(conversions, 5000);
  EXPECT_GT(closings, 5000);
}

}  // namespace
}  // namespace conversions_test
