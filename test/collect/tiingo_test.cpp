#include <gtest/gtest.h>

#include "provider_testing.hpp"

namespace tiingo_test {
namespace {

using namespace provider_testing;
using pb::collect::make_tiingo;

const Query june = query(Kind::prices, {"ZZTA"}, "2025-06-06", "2025-06-11");

TEST(Tiingo, ReadsRawPricesWithTheirActions) {
  const auto tiingo = make_tiingo(configuration("2025-06-11"));
  const Talk result = talk(*tiingo, june, {response(200, payload("tiingo/prices.json"))});
  EXPECT_EQ("https://api.tiingo.com", result.requests.at(0).base);
  EXPECT_EQ("/tiingo/daily/ZZTA/prices?startDate=2025-06-06&endDate=2025-06-11&format=json&resampleFreq=daily",
            result.requests[0].path);
  EXPECT_EQ("Token SECRETKEY0123456789", header(result.requests[0], "Authorization"));
  EXPECT_EQ(std::vector<std::string>{"Authorization"}, result.requests[0].secret_headers);
  const auto& answer = result.answer.symbols[0];
  EXPECT_EQ(Outcome::ok, answer.outcome);
  EXPECT_FALSE(answer.prices.is_split_adjusted);
  EXPECT_EQ("USD", answer.prices.currency);
  ASSERT_EQ(3U, answer.prices.bars.size());
  expect_bar(answer.prices.bars[0], "2025-06-06", 1208.88, 41238580, 120.86);
  expect_bar(answer.prices.bars[1], "2025-06-10", 121.79, 314162700, 121.76);
  expect_bar(answer.prices.bars[2], "2025-06-11", 120.91, 222551200, 120.89);
  EXPECT_EQ(123.1, answer.prices.bars[1].high);
  ASSERT_EQ(2U, answer.actions.size());
  EXPECT_EQ("split", answer.actions[0].kind);
  EXPECT_EQ("2025-06-10", pb::core::to_iso(answer.actions[0].ex_date));
  EXPECT_EQ(10, answer.actions[0].numerator);
  EXPECT_EQ(1, answer.actions[0].denominator);
  EXPECT_EQ("dividend", answer.actions[1].kind);
  EXPECT_EQ(0.01, answer.actions[1].amount);
}

TEST(Tiingo, FindsTheFractionOfAFactor) {
  const auto tiingo = make_tiingo(configuration("2025-06-11"));
  const Talk result = talk(*tiingo, june, {response(200, payload("tiingo/reverse_split.json"))});
  EXPECT_EQ(Outcome::pending, result.answer.symbols[0].outcome);
  EXPECT_EQ(1, result.answer.symbols[0].actions.at(0).numerator);
  EXPECT_EQ(3, result.answer.symbols[0].actions.at(0).denominator);
}

TEST(Tiingo, DeliversActionsAlone) {
  const auto tiingo = make_tiingo(configuration("2025-06-11"));
  const Query asked = query(Kind::corporate_actions, {"BRK.B"}, "2025-06-07", "2025-06-11");
  const Talk result = talk(*tiingo, asked, {response(200, payload("tiingo/prices.json"))});
  EXPECT_EQ(0U, result.requests.at(0).path.find("/tiingo/daily/BRK-B/prices?"));
  EXPECT_EQ(2U, result.answer.symbols[0].actions.size());
  EXPECT_TRUE(result.answer.symbols[0].prices.bars.empty());
  EXPECT_EQ(Outcome::ok, result.answer.symbols[0].outcome);
  EXPECT_EQ("NO_DATA", ending(*tiingo, query(Kind::corporate_actions, {"ZZTA"}, "2025-06-06", "2025-06-06"),
                              response(200, payload("tiingo/prices.json"))));
}

TEST(Tiingo, EndsByStatus) {
  const auto tiingo = make_tiingo(configuration("2025-06-11"));
  const auto with = [&](int status, const std::string& body) { return ending(*tiingo, june, response(status, body)); };
  EXPECT_EQ("NO_DATA", with(200, "[]"));
  EXPECT_EQ("NO_DATA", with(404, payload("tiingo/not_found.json")));
  EXPECT_EQ("AUTH!", with(401, payload("tiingo/bad_token.json")));
  EXPECT_EQ("AUTH!", with(403, payload("tiingo/bad_token.json")));
  EXPECT_EQ("PLAN_LIMIT", with(403, payload("tiingo/no_permission.json")));
  EXPECT_EQ("RATE_LIMIT!", with(429, payload("tiingo/over_limit.json")));
  EXPECT_EQ("RATE_LIMIT!", with(200, payload("tiingo/over_limit.json")));
  EXPECT_EQ("RATE_LIMIT!", with(200, "Error: You have run over your 50 unique symbol limit."));
  EXPECT_EQ("TRANSIENT!", with(503, ""));
  EXPECT_EQ("BLOCKED!", with(200, "<html></html>"));
  EXPECT_EQ("MALFORMED", with(200, "{}"));
  EXPECT_EQ("MALFORMED", with(200, "nothing"));
  EXPECT_EQ("MALFORMED", with(200, R"([{"close":1}])"));
  EXPECT_EQ("MALFORMED", with(200, R"([{"date":"2025-06-06","close":1},)"));
}

TEST(Tiingo, ServesPricesAndActionsOfStocks) {
  const auto tiingo = make_tiingo(configuration("2025-06-11"));
  EXPECT_TRUE(tiingo->needs_key());
  EXPECT_TRUE(tiingo->serves(Kind::prices, {"ZZTA"}));
  EXPECT_TRUE(tiingo->serves(Kind::corporate_actions, {"ZZTA"}));
  EXPECT_FALSE(tiingo->serves(Kind::options, {"ZZTA251219C00150000"}));
  EXPECT_FALSE(tiingo->serves(Kind::yields, {"DGS10"}));
  for (const char* bad : {"^GSPC", "ZZ/TA", "..", "EURUSD=X"}) EXPECT_FALSE(tiingo->serves(Kind::prices, {bad})) << bad;
  EXPECT_EQ(1U, tiingo->instruments_per_query(Kind::prices));
  EXPECT_EQ(1000, tiingo->limits().requests_per_day);
}

}  // namespace
}  // namespace tiingo_test
