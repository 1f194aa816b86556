#include <gtest/gtest.h>

#include "provider_testing.hpp"

namespace polygon_test {
namespace {

using namespace provider_testing;
using pb::collect::make_polygon;

Response ok(const std::string& name) { return response(200, payload("polygon/" + name)); }

const Query november = query(Kind::prices, {"ZZTA"}, "2025-10-31", "2025-11-04");

void expect_secret_header(const Talk& result) {
  for (const Request& request : result.requests) {
    EXPECT_EQ("Bearer SECRETKEY0123456789", header(request, "Authorization"));
    EXPECT_EQ(std::vector<std::string>{"Authorization"}, request.secret_headers);
    EXPECT_EQ(std::string::npos, request.path.find(key));
    EXPECT_TRUE(request.redirect_hosts.empty());
  }
}

// The first page, with the address of the next.
std::string page(const std::string& next) {
  std::string body = payload("polygon/aggregates.json");
  body.insert(body.rfind('}'), ",\"next_url\":\"" + next + "\"");
  return body;
}

TEST(Polygon, ReadsAggregatesAcrossTheChangeOfTheClock) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  const Talk result = talk(*polygon, november, {ok("aggregates.json")});
  EXPECT_EQ("https://api.massive.com", result.requests.at(0).base);
  EXPECT_EQ("/v2/aggs/ticker/ZZTA/range/1/day/2025-10-31/2025-11-04?adjusted=true&sort=asc&limit=50000",
            result.requests[0].path);
  expect_secret_header(result);
  const auto& prices = result.answer.symbols[0].prices;
  EXPECT_EQ(Outcome::ok, result.answer.symbols[0].outcome);
  EXPECT_TRUE(prices.is_split_adjusted);
  EXPECT_EQ("USD", prices.currency);
  ASSERT_EQ(3U, prices.bars.size());
  expect_bar(prices.bars[0], "2025-10-31", 125.07, 112117471);
  expect_bar(prices.bars[1], "2025-11-03", 126.36, 64000);
  expect_bar(prices.bars[2], "2025-11-04", 125.02, 98765432);
  EXPECT_EQ(128.6557, prices.bars[1].high);
  EXPECT_EQ(126.0, prices.bars[1].open);
  EXPECT_EQ(125.08, prices.bars[1].low);
}

TEST(Polygon, TellsNothingFromPending) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  EXPECT_EQ("NO_DATA", ending(*polygon, november, ok("aggregates_none.json")));
  const Query later = query(Kind::prices, {"ZZTA"}, "2025-11-03", "2025-11-05");
  const Talk result = talk(*polygon, later, {ok("aggregates.json")});
  EXPECT_EQ(Outcome::pending, result.answer.symbols[0].outcome);
  // The bar before the range is not in the answer.
  EXPECT_EQ(2U, result.answer.symbols[0].prices.bars.size());
}

TEST(Polygon, TakesDelayedBarsOfPastSessionsAlone) {
  const auto asked = query(Kind::prices, {"ZZTA"}, "2025-11-03", "2025-11-04");
  Configuration noon = configuration("2025-11-04");
  noon.now -= 6 * 3600;
  const Talk early = talk(*make_polygon(noon), asked, {ok("aggregates_delayed.json")});
  EXPECT_EQ(Outcome::pending, early.answer.symbols[0].outcome);
  ASSERT_EQ(1U, early.answer.symbols[0].prices.bars.size());
  const Talk late = talk(*make_polygon(configuration("2025-11-04")), asked, {ok("aggregates_delayed.json")});
  EXPECT_EQ(Outcome::ok, late.answer.symbols[0].outcome);
  EXPECT_EQ(2U, late.answer.symbols[0].prices.bars.size());
}

TEST(Polygon, AsksForOptionsByTheirOsiSymbol) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  const Query asked = query(Kind::options, {"ZZTA  251219C00150000"}, "2025-11-04", "2025-11-04");
  const Talk result = talk(*polygon, asked, {ok("option.json")});
  EXPECT_EQ(
      "/v2/aggs/ticker/O%3AZZTA251219C00150000/range/1/day/2025-11-04/2025-11-04?adjusted=true&sort=asc&limit=50000",
      result.requests.at(0).path);
  expect_bar(result.answer.symbols[0].prices.bars.at(0), "2025-11-04", 3.25, 12);
  EXPECT_EQ("USD", result.answer.symbols[0].prices.currency);
  // A day without trades has no bar.
  EXPECT_EQ("NO_DATA", ending(*polygon, asked, ok("aggregates_none.json")));
  EXPECT_TRUE(polygon->serves(Kind::options, {"ZZTA251219C00150000"}));
  EXPECT_TRUE(polygon->serves(Kind::options, {"O:ZZTA1251219P00150000"}));
  for (const char* bad :
       {"ZZTA", "251219C00150000", "ZZTA251219X00150000", "ZZTA251219C0015000", "1ZTA251219C00150000"})
    EXPECT_FALSE(polygon->serves(Kind::options, {bad})) << bad;
  EXPECT_FALSE(polygon->serves(Kind::prices, {"ZZTA251219C00150000"}));
}

TEST(Polygon, AsksForAllStocksOfADayAtOnce) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  EXPECT_GT(polygon->instruments_per_query(Kind::prices), 1000U);
  // From a Friday to a Tuesday, with a day on which nothing traded.
  const Query asked = query(Kind::prices, {"ZZTA", "ZZTB", "BRK.B", "ZZTC"}, "2025-10-31", "2025-11-04");
  const Talk result =
      talk(*polygon, asked, {ok("aggregates_none.json"), ok("grouped_2025-11-03.json"), ok("grouped_2025-11-04.json")});
  EXPECT_EQ("/v2/aggs/grouped/locale/us/market/stocks/2025-10-31?adjusted=true", result.requests.at(0).path);
  EXPECT_EQ("/v2/aggs/grouped/locale/us/market/stocks/2025-11-03?adjusted=true", result.requests.at(1).path);
  EXPECT_EQ("/v2/aggs/grouped/locale/us/market/stocks/2025-11-04?adjusted=true", result.requests.at(2).path);
  expect_secret_header(result);
  const auto& symbols = result.answer.symbols;
  ASSERT_EQ(2U, symbols[0].prices.bars.size());
  expect_bar(symbols[0].prices.bars[0], "2025-11-03", 126.36, 1500000);
  expect_bar(symbols[0].prices.bars[1], "2025-11-04", 125.02, 1500000);
  EXPECT_EQ(Outcome::ok, symbols[0].outcome);
  EXPECT_TRUE(symbols[0].prices.is_split_adjusted);
  EXPECT_EQ(Outcome::ok, symbols[1].outcome);
  EXPECT_EQ(Outcome::pending, symbols[2].outcome);
  EXPECT_EQ(Outcome::no_data, symbols[3].outcome);
  EXPECT_EQ("MALFORMED", ending(*polygon, asked, ok("grouped_2025-11-03.json")));
  EXPECT_EQ("PLAN_LIMIT", ending(*polygon, asked, response(403, payload("polygon/not_entitled.json"))));
}

TEST(Polygon, AsksSymbolBySymbolWhereThatIsLess) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  const Query asked = query(Kind::prices, {"ZZTA", "ZZTX", "ZZTB"}, "2025-10-31", "2025-11-04");
  const Talk result =
      talk(*polygon, asked,
           {ok("aggregates.json"), response(404, payload("polygon/not_found.json")), ok("aggregates.json")});
  EXPECT_NE(std::string::npos, result.requests.at(2).path.find("/ZZTB/"));
  EXPECT_EQ(3U, result.answer.symbols[0].prices.bars.size());
  EXPECT_EQ(Outcome::no_data, result.answer.symbols[1].outcome);
  EXPECT_EQ("status 404: Ticker not found.", result.answer.symbols[1].text);
  EXPECT_EQ(3U, result.answer.symbols[2].prices.bars.size());
  // A symbol that the plan does not include is none of the others' fault.
  const Talk refused =
      talk(*polygon, asked,
           {response(403, payload("polygon/not_entitled.json")), ok("aggregates.json"), ok("aggregates.json")});
  EXPECT_EQ(Outcome::plan_limit, refused.answer.symbols[0].outcome);
  EXPECT_EQ(Outcome::ok, refused.answer.symbols[1].outcome);
  EXPECT_EQ(3U, refused.answer.symbols[2].prices.bars.size());
  // What was answered before a limit stays.
  const Talk limited = talk(*polygon, asked, {ok("aggregates.json"), response(429, payload("polygon/too_many.json"))});
  EXPECT_EQ(Outcome::rate_limit, limited.answer.outcome);
  EXPECT_EQ(3U, limited.answer.symbols[0].prices.bars.size());
}

TEST(Polygon, TurnsPagesOnItsOwnHostsAlone) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  const std::string path = "/v2/aggs/ticker/ZZTA/range/1/day/1762232400000/2025-11-04?cursor=bGltaXQ";
  const Talk result =
      talk(*polygon, november, {response(200, page("https://api.polygon.io" + path)), ok("aggregates.json")});
  EXPECT_EQ("https://api.polygon.io", result.requests.at(1).base);
  EXPECT_EQ(path, result.requests[1].path);
  expect_secret_header(result);
  EXPECT_EQ(3U, result.answer.symbols[0].prices.bars.size());
  for (const std::string& next : std::vector<std::string>{
           "https://api.massive.com.evil.test" + path, "https://evil.test" + path, "http://api.polygon.io" + path,
           "https://api.polygon.io@evil.test" + path, "https://api.polygon.io/v2/aggs/ticker/ZZTB/range/1/day/1/2",
           std::string("https://api.polygon.io/v2/aggs/ticker/ZZTA/range/../../x"), std::string("file:///etc/passwd"),
           std::string("https://api.polygon.io"), "https://api.polygon.io" + path + "\\r\\nX: y"})
    EXPECT_EQ("MALFORMED", ending(*polygon, november, response(200, page(next)))) << next;
}

TEST(Polygon, EndsPagesThatRepeatThemselvesOrNeverEnd) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  const std::string next = "https://api.massive.com/v2/aggs/ticker/ZZTA/range/1/day/1/2?cursor=";
  const Talk loop = talk(*polygon, november, {response(200, page(next + "a")), response(200, page(next + "a"))});
  EXPECT_EQ(Outcome::malformed, loop.answer.symbols[0].outcome);
  EXPECT_EQ("the pages repeat themselves", loop.answer.symbols[0].text);
  EXPECT_EQ("MALFORMED", ending(*polygon, november,
                                response(200, page("https://api.massive.com/v2/aggs/ticker/ZZTA/range/1/day/2025-10-31/"
                                                   "2025-11-04?adjusted=true&sort=asc&limit=50000"))));
  std::vector<Response> pages;
  for (int i = 0; i < 50; ++i) pages.push_back(response(200, page(next + std::to_string(i))));
  EXPECT_EQ("there are more than 50 pages", talk(*polygon, november, pages).answer.symbols[0].text);
}

TEST(Polygon, ClampsTheRangeToThePlan) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  const Query asked = query(Kind::prices, {"ZZTA"}, "2020-01-02", "2025-11-04");
  const Response refused = response(403, payload("polygon/timeframe.json"));
  const Talk result = talk(*polygon, asked, {refused, ok("aggregates.json")});
  EXPECT_NE(std::string::npos, result.requests.at(1).path.find("/day/2023-11-06/2025-11-04?"));
  EXPECT_EQ(Outcome::ok, result.answer.symbols[0].outcome);
  EXPECT_EQ("the plan begins on 2023-11-06", result.answer.symbols[0].text);
  const Talk twice = talk(*polygon, asked, {refused, refused});
  EXPECT_EQ(Outcome::plan_limit, twice.answer.symbols[0].outcome);
  EXPECT_EQ(Outcome::ok, twice.answer.outcome);
  EXPECT_EQ("PLAN_LIMIT", ending(*polygon, november, refused));
  EXPECT_EQ("PLAN_LIMIT", ending(*polygon, query(Kind::prices, {"ZZTA"}, "2020-01-02", "2020-02-03"), refused));
}

TEST(Polygon, ReadsActions) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  const Query asked = query(Kind::corporate_actions, {"ZZTA"}, "2025-01-01", "2025-11-05");
  const Talk result = talk(*polygon, asked, {ok("splits.json"), ok("dividends.json")});
  EXPECT_EQ("/stocks/v1/splits?ticker=ZZTA&execution_date.gte=2025-01-01&execution_date.lte=2025-11-05&limit=1000",
            result.requests.at(0).path);
  EXPECT_EQ(
      "/stocks/v1/dividends?ticker=ZZTA&ex_dividend_date.gte=2025-01-01&ex_dividend_date.lte=2025-11-05&limit=1000",
      result.requests.at(1).path);
  expect_secret_header(result);
  const auto& actions = result.answer.symbols[0].actions;
  ASSERT_EQ(3U, actions.size());
  EXPECT_EQ("dividend", actions[0].kind);
  EXPECT_EQ(0.26, actions[0].amount);
  EXPECT_EQ("2025-05-12", pb::core::to_iso(actions[0].ex_date));
  EXPECT_EQ("split", actions[1].kind);
  EXPECT_EQ(10, actions[1].numerator);
  EXPECT_EQ(1, actions[1].denominator);
  EXPECT_EQ("stock_dividend", actions[2].kind);
  EXPECT_EQ(105, actions[2].numerator);
  // The endpoints before.
  const Response none = response(404, "404 page not found");
  const Talk old = talk(*polygon, asked, {none, ok("splits_v3.json"), ok("dividends_v3.json")});
  EXPECT_EQ(0U, old.requests.at(1).path.find("/v3/reference/splits?"));
  EXPECT_EQ(0U, old.requests.at(2).path.find("/v3/reference/dividends?"));
  ASSERT_EQ(2U, old.answer.symbols[0].actions.size());
  EXPECT_EQ(0.22, old.answer.symbols[0].actions[0].amount);
  EXPECT_EQ(Outcome::no_data, talk(*polygon, asked, {ok("none.json"), ok("none.json")}).answer.symbols[0].outcome);
}

TEST(Polygon, ReadsYields) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  const Query asked = query(Kind::yields, {"DGS10", "DGS30", "DGS20"}, "2025-11-03", "2025-11-04");
  const Talk result = talk(*polygon, asked, {ok("yields.json")});
  EXPECT_EQ("/fed/v1/treasury-yields?date.gte=2025-11-03&date.lte=2025-11-04&sort=date.asc&limit=50000",
            result.requests.at(0).path);
  ASSERT_EQ(1U, result.answer.symbols[0].yields.size());
  EXPECT_EQ(4.13, result.answer.symbols[0].yields[0].rate);
  EXPECT_EQ(2U, result.answer.symbols[1].yields.size());
  EXPECT_EQ(Outcome::no_data, result.answer.symbols[2].outcome);
  EXPECT_FALSE(polygon->serves(Kind::yields, {"FEDFUNDS"}));
}

TEST(Polygon, ReadsProfiles) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  const Talk result = talk(*polygon, query(Kind::profiles, {"ZZTA"}, "2025-11-05", "2025-11-05"), {ok("ticker.json")});
  EXPECT_EQ("/v3/reference/tickers/ZZTA", result.requests.at(0).path);
  const auto& profile = result.answer.symbols[0].profile.value();
  const std::vector<std::pair<std::string, std::string>> wanted{{"company_name", "Zeta Alpha Inc."},
                                                                {"industry", "ELECTRONIC COMPUTERS"},
                                                                {"exchange", "XNAS"},
                                                                {"market_cap", "2.5e9"},
                                                                {"description", "Makes things."},
                                                                {"employees", "1640"},
                                                                {"website", "https://www.zzta.example"},
                                                                {"is_etf", "false"},
                                                                {"is_fund", "false"}};
  EXPECT_EQ(wanted, profile.columns);
  EXPECT_FALSE(profile.is_inactive);
  const Talk gone =
      talk(*polygon, query(Kind::profiles, {"ZZTE"}, "2025-11-05", "2025-11-05"), {ok("ticker_inactive.json")});
  EXPECT_TRUE(gone.answer.symbols[0].profile.value().is_inactive);
  EXPECT_EQ((std::pair<std::string, std::string>{"is_etf", "true"}), gone.answer.symbols[0].profile->columns.at(1));
}

std::string item(const pb::market::Statement& statement, std::string_view name) {
  for (const auto& [column, digits] : statement.items)
    if (column == name) return digits;
  return "none";
}

TEST(Polygon, ReadsStatements) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  const Query asked = query(Kind::statements, {"ZZTA"}, "2025-11-05", "2025-11-05");
  const Talk result = talk(*polygon, asked,
                           {ok("income_quarterly.json"), ok("income_annual.json"), ok("balance_quarterly.json"),
                            ok("none.json"), ok("cash_quarterly.json"), ok("none.json")});
  EXPECT_EQ("/stocks/financials/v1/income-statements?tickers=ZZTA&timeframe=quarterly&limit=100&sort=period_end.desc",
            result.requests.at(0).path);
  EXPECT_NE(std::string::npos, result.requests.at(3).path.find("/balance-sheets?tickers=ZZTA&timeframe=annual"));
  EXPECT_NE(std::string::npos, result.requests.at(4).path.find("/cash-flow-statements?"));
  const auto& statements = result.answer.symbols[0].statements;
  ASSERT_EQ(4U, statements.size());
  EXPECT_EQ("income_statements", statements[0].table);
  EXPECT_EQ("2025-06-30", pb::core::to_iso(statements[0].period_date));
  EXPECT_EQ("2025-06-28", pb::core::to_iso(statements[0].reported_period_date.value()));
  EXPECT_EQ("2025-08-01", pb::core::to_iso(statements[0].known_on.value()));
  EXPECT_EQ('q', statements[0].frequency);
  EXPECT_EQ(2025, statements[0].fiscal_year);
  EXPECT_EQ(3, statements[0].fiscal_quarter);
  EXPECT_EQ("94036000000", item(statements[0], "total_revenue"));
  EXPECT_EQ("14948179000", item(statements[0], "diluted_average_shares"));
  EXPECT_EQ("none", item(statements[0], "interest_expense"));
  EXPECT_EQ('a', statements[1].frequency);
  EXPECT_FALSE(statements[1].fiscal_quarter);
  EXPECT_EQ("3.91035E11", item(statements[1], "total_revenue"));
  EXPECT_EQ("65800000000", item(statements[2], "total_stockholders_equity"));
  EXPECT_EQ("19268000000", item(statements[2], "short_term_debt"));
  EXPECT_EQ("none", item(statements[2], "total_debt"));
  EXPECT_EQ("-3462000000", item(statements[3], "capital_expenditures"));
  EXPECT_EQ("PLAN_LIMIT", ending(*polygon, asked, response(403, payload("polygon/not_entitled.json"))));
}

TEST(Polygon, EndsByStatus) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  const auto with = [&](int status, const std::string& body) {
    return ending(*polygon, november, response(status, body));
  };
  EXPECT_EQ("AUTH!", with(401, payload("polygon/unknown_key.json")));
  EXPECT_EQ("AUTH!", with(200, payload("polygon/unknown_key.json")));
  EXPECT_EQ("AUTH!", with(403, "{}"));
  EXPECT_EQ("PLAN_LIMIT", with(403, payload("polygon/not_entitled.json")));
  EXPECT_EQ("PLAN_LIMIT", with(200, payload("polygon/not_entitled.json")));
  EXPECT_EQ("NO_DATA", with(404, payload("polygon/not_found.json")));
  EXPECT_EQ("NO_DATA", with(200, payload("polygon/not_found.json")));
  EXPECT_EQ("RATE_LIMIT!", with(429, payload("polygon/too_many.json")));
  EXPECT_EQ("RATE_LIMIT!", with(200, payload("polygon/too_many.json")));
  EXPECT_EQ("TRANSIENT!", with(502, "<html>Bad Gateway</html>"));
  EXPECT_EQ("BLOCKED!", with(200, "<html></html>"));
  EXPECT_EQ("MALFORMED", with(200, payload("polygon/aggregates.json").substr(0, 200)));
  EXPECT_EQ("MALFORMED", with(200, "[]"));
  EXPECT_EQ("MALFORMED", with(200, R"({"status":"OK","results":[{"c":1}]})"));
  EXPECT_EQ("MALFORMED", with(200, R"({"status":"OK","results":[{"c":1,"t":1e300}]})"));
  EXPECT_EQ("MALFORMED", with(200, R"({"status":"OK","results":[{"c":01,"t":1}]})"));
  EXPECT_EQ("MALFORMED", with(200, R"({"status":"OK"} x)"));
  EXPECT_EQ("MALFORMED", with(200, std::string(100, '[') + std::string(100, ']')));
  EXPECT_EQ("MALFORMED", with(200, "{\"status\":\"\xff\"}"));
}

TEST(Polygon, ServesPlainSymbols) {
  const auto polygon = make_polygon(configuration("2025-11-05"));
  EXPECT_TRUE(polygon->needs_key());
  EXPECT_TRUE(polygon->serves(Kind::prices, {"BRK.B"}));
  EXPECT_TRUE(polygon->serves(Kind::prices, {"^GSPC", "I:SPX"}));
  EXPECT_TRUE(polygon->serves(Kind::prices, {"^GSPC"}));
  EXPECT_FALSE(polygon->serves(Kind::statements, {"^GSPC"}));
  EXPECT_FALSE(polygon->serves(Kind::profiles, {"BTC-USD"}));
  EXPECT_TRUE(polygon->serves(Kind::corporate_actions, {"BAC.PRK"}));
  for (const char* bad : {"VOD.L", "ZZ/TA", "ZZ..TA", "../x", "zzta", "", "ZZ%2F", "GC=F"})
    EXPECT_FALSE(polygon->serves(Kind::prices, {bad})) << bad;
  EXPECT_FALSE(polygon->serves(Kind::estimates, {"ZZTA"}));
  EXPECT_FALSE(polygon->serves(Kind::earnings_dates, {"ZZTA"}));
  EXPECT_EQ(1U, polygon->instruments_per_query(Kind::options));
  EXPECT_LT(polygon->limits().requests_per_second * 60, 5);
  EXPECT_EQ(5, polygon->limits().burst);
}

}  // namespace
}  // namespace polygon_test
