#include "core/portfolio/lot.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "support.hpp"

namespace lot_test {
namespace {

using pb::core::Closing;
using pb::core::closings_through;
using pb::core::CorporateActions;
using pb::core::Date;
using pb::core::Lot;
using pb::core::Money;
using pb::core::OpenQuantity;
using pb::core::quantity_asof;
using pb::core::realized_pnl;
using pb::core::SplitRatio;
using pb::core::to_iso;
using pb::core::to_money;
using pb::test::day;

const CorporateActions no_actions;

Lot lot_of(double quantity, double entry_price, const char* entry_date) {
  Lot lot;
  lot.symbol = "A";
  lot.position_type = quantity > 0 ? "LONG" : "SHORT";
  lot.quantity = quantity;
  lot.entry_price = entry_price;
  lot.entry_date = day(entry_date);
  return lot;
}

Closing closing(const char* date, double quantity, double price) { return {day(date), quantity, price}; }

TEST(Lot, KindComesFromTypeAndClass) {
  Lot lot = lot_of(1, 1, "2024-01-02");
  EXPECT_FALSE(lot.is_option());
  EXPECT_FALSE(lot.is_private());
  for (const char* type : {"LC", "LP", "SC", "SP"}) {
    lot.position_type = type;
    EXPECT_TRUE(lot.is_option()) << type;
  }
  lot.position_type = "LONG";
  lot.investment_class = pb::core::InvestmentClass::private_asset;
  EXPECT_TRUE(lot.is_private());
}

TEST(Lot, QuantityIsWhatIsLeftAtTheEndOfTheDay) {
  Lot lot = lot_of(-100, 50, "2024-03-04");
  lot.closings = {closing("2024-03-06", 30, 48), closing("2024-03-08", 70, 49)};
  EXPECT_EQ(quantity_asof(lot, day("2024-03-03"), no_actions), 0);
  EXPECT_EQ(quantity_asof(lot, day("2024-03-04"), no_actions), -100);
  EXPECT_EQ(quantity_asof(lot, day("2024-03-05"), no_actions), -100);
  EXPECT_EQ(quantity_asof(lot, day("2024-03-06"), no_actions), -70);
  EXPECT_EQ(quantity_asof(lot, day("2024-03-08"), no_actions), 0);
}

// 100 shares become 33.333333 by a 1:3 reverse split; selling those leaves nothing, though 100 / 3 has more decimals.
TEST(Lot, RoundingOfAClosingAfterASplitLeavesNothing) {
  CorporateActions actions;
  actions.add_split("A", {day("2024-03-05"), {1.0, 3}});
  Lot lot = lot_of(100, 50, "2024-03-04");
  lot.closings = {closing("2024-03-06", 33.333333, 150)};
  EXPECT_EQ(quantity_asof(lot, day("2024-03-06"), actions), 0);
  lot.closings = {closing("2024-03-06", 33.333332, 150)};
  EXPECT_GT(quantity_asof(lot, day("2024-03-06"), actions), 0);
}

TEST(Lot, QuantityCountsSharesOfTheDay) {
  CorporateActions actions;
  actions.add_split("A", {day("2024-03-06"), {4}});
  Lot lot = lot_of(50, 400, "2024-03-04");
  lot.closings = {closing("2024-03-05", 10, 410), closing("2024-03-07", 80, 103)};
  EXPECT_EQ(quantity_asof(lot, day("2024-03-05"), actions), 40);
  EXPECT_EQ(quantity_asof(lot, day("2024-03-06"), actions), 160);
  EXPECT_EQ(quantity_asof(lot, day("2024-03-07"), actions), 80);
  // A split on the day of the purchase is already in the quantity bought.
  EXPECT_EQ(quantity_asof(lot_of(200, 100, "2024-03-06"), day("2024-03-07"), actions), 200);
}

TEST(Lot, IsClosedByItsClosingsWhateverTheSplitRatio) {
  CorporateActions actions;
  actions.add_split("A", {day("2024-03-05"), {3.0, 7}});
  Lot lot = lot_of(1, 10, "2024-03-04");
  for (int i = 0; i < 3; ++i) lot.closings.push_back(closing("2024-03-06", 1.0 / 7, 25));
  EXPECT_EQ(quantity_asof(lot, day("2024-03-06"), actions), 0);
}

TEST(Lot, ExitWithoutEventsClosesTheRest) {
  CorporateActions actions;
  actions.add_split("A", {day("2024-03-06"), {2}});
  Lot lot = lot_of(100, 20, "2024-03-04");
  lot.closings = {closing("2024-03-05", 40, 21)};
  lot.exit_date = day("2024-03-07");
  lot.exit_price = 11;
  EXPECT_EQ(closings_through(lot, day("2024-03-04"), actions).size(), 0u);
  EXPECT_EQ(closings_through(lot, day("2024-03-06"), actions).size(), 1u);
  const std::vector<Closing> all = closings_through(lot, day("2024-03-07"), actions);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].trade_date, day("2024-03-07"));
  EXPECT_EQ(all[1].quantity, 120);
  EXPECT_EQ(all[1].price, 11);
  EXPECT_EQ(quantity_asof(lot, day("2024-03-06"), actions), 120);
  EXPECT_EQ(quantity_asof(lot, day("2024-03-07"), actions), 0);
}

TEST(Lot, ExitThatEventsExplainAddsNothing) {
  Lot lot = lot_of(100, 20, "2024-03-04");
  lot.closings = {closing("2024-03-05", 40, 21), closing("2024-03-07", 60, 22)};
  lot.exit_date = day("2024-03-07");
  lot.exit_price = 22;
  EXPECT_EQ(closings_through(lot, day("2024-03-08"), no_actions).size(), 2u);
}

TEST(Lot, RealizedHasTheSignOfTheLot) {
  EXPECT_EQ(realized_pnl(lot_of(100, 10, "2024-03-04"), closing("2024-03-05", 40, 12.5), no_actions), to_money(100));
  EXPECT_EQ(realized_pnl(lot_of(-100, 10, "2024-03-04"), closing("2024-03-05", 40, 12.5), no_actions), to_money(-100));
  Lot call = lot_of(2, 3.5, "2024-03-04");
  call.multiplier = 100;
  EXPECT_EQ(realized_pnl(call, closing("2024-03-05", 2, 3), no_actions), to_money(-100));
}

TEST(Lot, RealizedComparesPricesOfTheSameShares) {
  CorporateActions actions;
  actions.add_split("A", {day("2024-03-06"), {4}});
  const Lot lot = lot_of(50, 400, "2024-03-04");
  EXPECT_EQ(realized_pnl(lot, closing("2024-03-05", 10, 410), actions), to_money(100));
  EXPECT_EQ(realized_pnl(lot, closing("2024-03-07", 80, 103), actions), to_money(240));
}

// 1:3: 100 shares at 10 are a third as many at 30; no part of a cent is lost.
TEST(Lot, RealizedAfterASplitInThirdsIsExact) {
  CorporateActions actions;
  actions.add_split("A", {day("2024-03-05"), {1, 3}});
  EXPECT_EQ(realized_pnl(lot_of(300, 10, "2024-03-04"), closing("2024-03-06", 100, 30), actions), Money{});
}

// The definition, closing by closing for each day.
double open_by_definition(const Lot& lot, Date date, const CorporateActions& actions) {
  double open = std::fabs(lot.quantity);
  double rounding = 0;
  for (const Closing& closing : lot.closings) {
    if (closing.trade_date > date) continue;
    const SplitRatio since = actions.split_ratio(lot.symbol, lot.entry_date, closing.trade_date);
    open -= closing.quantity * since.old_shares / since.new_shares;
    rounding += 5e-7 * since.old_shares / since.new_shares;
  }
  return open > rounding ? open : 0;
}

double quantity_by_definition(const Lot& lot, Date date, const CorporateActions& actions) {
  if (date < lot.entry_date || (lot.exit_date && *lot.exit_date <= date)) return 0;
  const SplitRatio since = actions.split_ratio(lot.symbol, lot.entry_date, date);
  return std::copysign(open_by_definition(lot, date, actions), lot.quantity) * since.new_shares / since.old_shares;
}

TEST(Lot, OpenQuantityIsThatOfItsDefinitionToTheBit) {
  std::mt19937_64 random(20240304);
  const auto up_to = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  const Date first = day("2024-03-01");
  int open = 0;
  for (int round = 0; round < 500; ++round) {
    Lot lot = lot_of((up_to(1) == 0 ? -1 : 1) * (1 + up_to(100000) / 7.0), 50, "2024-03-04");
    CorporateActions actions;
    for (int i = up_to(3); i > 0; --i)
      actions.add_split("A", {first + std::chrono::days(up_to(40)), {1.0 + up_to(9), 1.0 + up_to(9)}});
    if (up_to(20) == 0) actions.add_problem("A", {first + std::chrono::days(up_to(40)), "ratio", "NaN", "1", true});
    const int count = up_to(30);
    for (int i = 0; i < count; ++i)
      lot.closings.push_back(
          {lot.entry_date + std::chrono::days(up_to(30)), std::fabs(lot.quantity) * up_to(1000) / (500.0 * count), 48});
    std::stable_sort(lot.closings.begin(), lot.closings.end(),
                     [](const Closing& a, const Closing& b) { return a.trade_date < b.trade_date; });
    if (up_to(3) == 0) {
      lot.exit_date = lot.entry_date + std::chrono::days(up_to(40));
      lot.exit_price = 51;
    }
    const OpenQuantity quantity(lot, actions);
    for (Date date = first; date < first + std::chrono::days(50); date += std::chrono::days(1)) {
      const double expected = quantity_by_definition(lot, date, actions);
      const bool same = std::isnan(expected) ? std::isnan(quantity.asof(date)) : quantity.asof(date) == expected;
      ASSERT_TRUE(same) << round << " " << to_iso(date) << ": " << quantity.asof(date) << " is not " << expected;
      ASSERT_EQ(quantity.as_entered(date), open_by_definition(lot, date, actions)) << round << " " << to_iso(date);
      open += expected != 0 ? 1 : 0;
    }
  }
  EXPECT_GT(open, 1000);
}

}  // namespace
}  // namespace lot_test
