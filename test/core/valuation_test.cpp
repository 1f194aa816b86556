#include "core/portfolio/valuation.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace valuation_test {
namespace {

using pb::core::CorporateActions;
using pb::core::InvestmentClass;
using pb::core::Lot;
using pb::core::LotValue;
using pb::core::MarkQuality;
using pb::core::PricePanel;
using pb::core::Sessions;
using pb::test::day;
using pb::test::make_panel;

constexpr int max_stale_sessions = 5;

// Monday 2024-03-04 to Friday 2024-03-15.
const Sessions sessions = pb::test::weekdays(day("2024-03-04"), 10);

Lot lot_of(const char* symbol, double quantity, double entry_price, pb::core::Date entry_date) {
  Lot lot;
  lot.symbol = symbol;
  lot.position_type = quantity > 0 ? "LONG" : "SHORT";
  lot.quantity = quantity;
  lot.entry_price = entry_price;
  lot.entry_date = entry_date;
  return lot;
}

LotValue value_of(const Lot& lot, pb::core::Date date, const PricePanel& panel, const CorporateActions& actions = {}) {
  return value_lot(lot, date, {&panel, &actions, max_stale_sessions});
}

TEST(Valuation, MarketValueIsSignedAndMultiplied) {
  const PricePanel panel = make_panel(sessions, {{"A", sessions[1], 11}, {"C", sessions[1], 3.5}});
  const LotValue value = value_of(lot_of("A", -100, 10, sessions[0]), sessions[1], panel);
  EXPECT_EQ(value.quantity, -100);
  EXPECT_EQ(value.price, 11);
  EXPECT_EQ(value.price_date, sessions[1]);
  EXPECT_EQ(value.market_value, -1100);
  EXPECT_EQ(value.quality, MarkQuality::current);
  Lot call = lot_of("C", 2, 4, sessions[0]);
  call.multiplier = 100;
  EXPECT_EQ(value_of(call, sessions[1], panel).market_value, 700);
}

TEST(Valuation, OldPriceIsStaleThenUnpricedButCarried) {
  const PricePanel panel = make_panel(sessions, {{"A", sessions[1], 11}});
  const Lot lot = lot_of("A", 100, 10, sessions[0]);
  EXPECT_EQ(value_of(lot, sessions[1], panel).quality, MarkQuality::current);
  EXPECT_EQ(value_of(lot, sessions[2], panel).quality, MarkQuality::stale);
  EXPECT_EQ(value_of(lot, sessions[6], panel).quality, MarkQuality::stale);
  EXPECT_EQ(value_of(lot, sessions[7], panel).quality, MarkQuality::unpriced);
  EXPECT_EQ(value_of(lot, sessions[7], panel).market_value, 1100);
  EXPECT_EQ(value_of(lot, sessions[7], panel).price_date, sessions[1]);
}

TEST(Valuation, PriceFromBeforeTheTradeIsNotUsed) {
  const PricePanel panel = make_panel(sessions, {{"A", sessions[0], 9}, {"A", sessions[3], 11}});
  const Lot lot = lot_of("A", 100, 10, sessions[1]);
  EXPECT_EQ(value_of(lot, sessions[1], panel).price, 10);
  EXPECT_EQ(value_of(lot, sessions[1], panel).quality, MarkQuality::current);
  EXPECT_EQ(value_of(lot, sessions[2], panel).price, 10);
  EXPECT_EQ(value_of(lot, sessions[2], panel).quality, MarkQuality::stale);
  EXPECT_EQ(value_of(lot, sessions[3], panel).price, 11);
  // The close of the trade date is newer than the trade.
  EXPECT_EQ(value_of(lot_of("A", 100, 10, sessions[0]), sessions[0], panel).price, 9);
}

TEST(Valuation, UnknownSymbolIsCarriedAtItsTradePriceThroughSplits) {
  CorporateActions actions;
  actions.add_split("NONE", {sessions[2], {4}});
  const PricePanel panel = make_panel(sessions, {{"A", sessions[0], 9}});
  const LotValue value = value_of(lot_of("NONE", 50, 400, sessions[0]), sessions[9], panel, actions);
  EXPECT_EQ(value.quantity, 200);
  EXPECT_EQ(value.price, 100);
  EXPECT_EQ(value.market_value, 20'000);
  EXPECT_EQ(value.quality, MarkQuality::unpriced);
}

TEST(Valuation, OptionIsWorthItsOwnPriceOnly) {
  const PricePanel panel = make_panel(sessions, {{"AAPL", sessions[1], 180}, {"AAPL C", sessions[1], 6}});
  Lot option = lot_of("AAPL C", 1, 5, sessions[0]);
  option.position_type = "LC";
  option.investment_class = InvestmentClass::option;
  option.multiplier = 100;
  option.underlying_symbol = "AAPL";
  EXPECT_EQ(value_of(option, sessions[1], panel).market_value, 600);
  option.symbol = "AAPL P";  // has no price
  EXPECT_EQ(value_of(option, sessions[1], panel).market_value, 500);
}

TEST(Valuation, PrivateAssetIsManualAtAnyAge) {
  const PricePanel panel = make_panel(sessions, {{"FUND", sessions[5], 130}});
  Lot fund = lot_of("FUND", 10, 100, day("2023-01-03"));
  fund.investment_class = InvestmentClass::private_asset;
  EXPECT_EQ(value_of(fund, sessions[1], panel).price, 100);
  fund.marks = {{sessions[2], 120}};
  // The mark counts from its date on, until a newer one is there.
  EXPECT_EQ(value_of(fund, sessions[1], panel).price, 100);
  EXPECT_EQ(value_of(fund, sessions[2], panel).price, 120);
  EXPECT_EQ(value_of(fund, sessions[4], panel).price, 120);
  EXPECT_EQ(value_of(fund, sessions[5], panel).price, 130);
  for (const auto date : {sessions[1], sessions[4], sessions[9], day("2029-01-02")}) {
    EXPECT_EQ(value_of(fund, date, panel).quality, MarkQuality::manual);
  }
  // Others are valued at the market.
  fund.investment_class = InvestmentClass::public_market;
  EXPECT_EQ(value_of(fund, sessions[4], panel).price, 100);
}

// A mark counts until the next one, whatever comes later; of a mark and a close of one day the mark counts.
TEST(Valuation, MarksByHandAreAHistory) {
  const PricePanel panel = make_panel(sessions, {{"FUND", sessions[6], 130}});
  Lot fund = lot_of("FUND", 10, 100, sessions[0]);
  fund.investment_class = InvestmentClass::private_asset;
  fund.marks = {{sessions[1], 110}, {sessions[4], 120}, {sessions[6], 125}};
  EXPECT_EQ(value_of(fund, sessions[0], panel).price, 100);
  EXPECT_EQ(value_of(fund, sessions[1], panel).price, 110);
  EXPECT_EQ(value_of(fund, sessions[3], panel).price, 110);
  EXPECT_EQ(value_of(fund, sessions[3], panel).price_date, sessions[1]);
  EXPECT_EQ(value_of(fund, sessions[4], panel).price, 120);
  EXPECT_EQ(value_of(fund, sessions[6], panel).price, 125);
  // One from before the trade, which is newer, does not count; one of the day of the trade does.
  fund.entry_date = sessions[2];
  EXPECT_EQ(value_of(fund, sessions[3], panel).price, 100);
  fund.entry_date = sessions[1];
  EXPECT_EQ(value_of(fund, sessions[3], panel).price, 110);
  // Worthless is a price.
  fund.marks = {{sessions[1], 0}};
  EXPECT_EQ(value_of(fund, sessions[3], panel).market_value, 0);
}

TEST(Valuation, SplitsDivideMarksByHand) {
  CorporateActions actions;
  actions.add_split("FUND", {sessions[2], {10}});
  const PricePanel panel = make_panel(sessions, {}, actions);
  Lot fund = lot_of("FUND", 100, 500, sessions[0]);
  fund.investment_class = InvestmentClass::private_asset;
  fund.marks = {{sessions[1], 560}, {sessions[4], 60}};
  for (const int t : {1, 2, 3}) EXPECT_EQ(value_of(fund, sessions[t], panel, actions).market_value, 56000) << t;
  EXPECT_EQ(value_of(fund, sessions[2], panel, actions).price, 56);
  EXPECT_EQ(value_of(fund, sessions[4], panel, actions).market_value, 60000);
}

TEST(Valuation, NothingIsOpenBeforeTheTrade) {
  const PricePanel panel = make_panel(sessions, {{"A", sessions[0], 9}});
  const LotValue value = value_of(lot_of("A", 100, 10, sessions[1]), sessions[0], panel);
  EXPECT_EQ(value.quantity, 0);
  EXPECT_EQ(value.market_value, 0);
}

Lot option_of(const char* type, double quantity, double strike, pb::core::Date expiration) {
  Lot option = lot_of("U X", quantity, 5, sessions[0]);
  option.position_type = type;
  option.investment_class = InvestmentClass::option;
  option.multiplier = 100;
  option.underlying_symbol = "U";
  option.strike_price = strike;
  option.expiration_date = expiration;
  return option;
}

TEST(Valuation, ExpiredOptionIsWorthItsIntrinsicValue) {
  const PricePanel panel = make_panel(
      sessions, {{"U", sessions[0], 100}, {"U", sessions[4], 104}, {"U", sessions[5], 130}, {"U X", sessions[3], 7}});
  const auto value = [&](const char* type, double quantity, double strike, pb::core::Date date) {
    return value_of(option_of(type, quantity, strike, sessions[4]), date, panel);
  };
  // Until then its own price counts, even an old one.
  EXPECT_EQ(value("LC", 2, 100, sessions[3]).price, 7);
  for (const auto date : {sessions[4], sessions[5], sessions[9], day("2025-01-02")}) {
    EXPECT_EQ(value("LC", 2, 100, date).market_value, 800);
    EXPECT_EQ(value("SC", -2, 100, date).market_value, -800);
    EXPECT_EQ(value("LP", 1, 110, date).market_value, 600);
    EXPECT_EQ(value("SP", -1, 110, date).market_value, -600);
    EXPECT_EQ(value("LC", 2, 110, date).market_value, 0);
    EXPECT_EQ(value("LC", 2, 110, date).quality, MarkQuality::expired);
    EXPECT_EQ(value("LC", 2, 110, date).price_date, sessions[4]);
  }
}

TEST(Valuation, ExpiredOptionWithoutUnderlyingOrStrikeStaysAtItsLastMark) {
  const PricePanel panel = make_panel(sessions, {{"U", day("2024-02-20"), 100}, {"U X", sessions[3], 7}});
  // The close of the underlying is from 17 days before the expiration.
  const LotValue old = value_of(option_of("LC", 1, 90, sessions[4]), sessions[9], panel);
  EXPECT_EQ(old.price, 7);
  EXPECT_EQ(old.quality, MarkQuality::unpriced);
  const PricePanel priced = make_panel(sessions, {{"U", sessions[4], 100}, {"U X", sessions[3], 7}});
  const double none = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(value_of(option_of("LC", 1, none, sessions[4]), sessions[9], priced).price, 7);
}

TEST(Valuation, SplitsOfTheUnderlyingChangeContractStrikeAndMultiplier) {
  CorporateActions actions;
  actions.add_split("U", {sessions[2], {4}});
  actions.add_split("U", {sessions[4], {3, 2}});
  actions.add_split("U", {sessions[8], {2}});
  actions.follow("U X", "U");
  const PricePanel panel =
      make_panel(sessions, {{"U X", sessions[1], 20}, {"U X", sessions[2], 5}, {"U", sessions[6], 80}}, actions);
  const Lot option = option_of("LC", 5, 400, sessions[6]);
  const LotValue after = value_of(option, sessions[2], panel, actions);
  EXPECT_EQ(after.quantity, 20);
  EXPECT_EQ(after.multiplier, 100);
  EXPECT_EQ(after.market_value, 10'000);
  const LotValue odd = value_of(option, sessions[4], panel, actions);
  EXPECT_EQ(odd.quantity, 20);
  EXPECT_EQ(odd.multiplier, 150);
  EXPECT_NEAR(odd.market_value, 10'000, 1e-9);
  // 400 is 66.67 after both; the third split comes after the expiration and changes nothing.
  EXPECT_NEAR(value_of(option, sessions[7], panel, actions).market_value, 20 * 150 * (80 - 400 / 6.0), 1e-9);
  EXPECT_NEAR(value_of(option, sessions[8], panel, actions).market_value, 20 * 150 * (80 - 400 / 6.0), 1e-9);
}

}  // namespace
}  // namespace valuation_test
