#include <gtest/gtest.h>

#include "provider_testing.hpp"

namespace fmp_test {
namespace {

using namespace provider_testing;
using pb::collect::make_fmp;

Response ok(const std::string& name) { return response(200, payload("fmp/" + name)); }

const Query november = query(Kind::prices, {"ZZTA"}, "2025-10-31", "2025-11-04");

std::string item(const pb::market::Statement& statement, std::string_view name) {
  for (const auto& [column, digits] : statement.items)
    if (column == name) return digits;
  return "none";
}

TEST(Fmp, ReadsPricesNewestFirstAndAdjustedCloses) {
  const auto fmp = make_fmp(configuration("2025-11-04"));
  const Talk result = talk(*fmp, november, {ok("full.json"), ok("dividend_adjusted.json")});
  EXPECT_EQ("https://financialmodelingprep.com", result.requests.at(0).base);
  EXPECT_EQ("/stable/historical-price-eod/full?symbol=ZZTA&from=2025-10-31&to=2025-11-04&apikey=SECRETKEY0123456789",
            result.requests[0].path);
  EXPECT_EQ(0U, result.requests.at(1).path.find("/stable/historical-price-eod/dividend-adjusted?symbol=ZZTA&from="));
  EXPECT_TRUE(result.requests[0].redirect_hosts.empty());
  const auto& prices = result.answer.symbols[0].prices;
  EXPECT_EQ(Outcome::ok, result.answer.symbols[0].outcome);
  EXPECT_TRUE(prices.is_split_adjusted);
  ASSERT_EQ(3U, prices.bars.size());
  expect_bar(prices.bars[0], "2025-10-31", 125.07, {}, {});
  expect_bar(prices.bars[1], "2025-11-03", 126.36, 64000, 126.1);
  expect_bar(prices.bars[2], "2025-11-04", 125.02, 63896200, 125.02);
  EXPECT_EQ(126.0, prices.bars[1].open);
}

TEST(Fmp, KeepsPricesWithoutAdjustedCloses) {
  const auto fmp = make_fmp(configuration("2025-11-04"));
  const Response premium = response(402, "Exclusive Endpoint");
  const Talk first = talk(*fmp, november, {ok("full.json"), premium});
  EXPECT_EQ(Outcome::ok, first.answer.symbols[0].outcome);
  EXPECT_EQ(3U, first.answer.symbols[0].prices.bars.size());
  EXPECT_FALSE(first.answer.symbols[0].prices.bars[1].adj_close);
  // Not asked again in the run.
  EXPECT_EQ(1U, talk(*fmp, november, {ok("full.json")}).requests.size());
  const auto other = make_fmp(configuration("2025-11-04"));
  const Talk limited = talk(*other, november, {ok("full.json"), response(429, payload("fmp/limit_reached.json"))});
  EXPECT_EQ(Outcome::rate_limit, limited.answer.outcome);
  EXPECT_EQ(Outcome::ok, limited.answer.symbols[0].outcome);
  EXPECT_EQ(3U, limited.answer.symbols[0].prices.bars.size());
  EXPECT_EQ(Outcome::ok, talk(*other, november, {ok("full.json"), response(200, "[1]")}).answer.symbols[0].outcome);
}

TEST(Fmp, ReadsTheOlderShape) {
  const auto fmp = make_fmp(configuration("2025-11-04"));
  const Talk result = talk(*fmp, november, {ok("wrapped.json")});
  expect_bar(result.answer.symbols[0].prices.bars.at(0), "2025-11-04", 125.02, 63896200, 124.9);
  EXPECT_EQ("NO_DATA", ending(*fmp, november, response(200, "{}")));
}

TEST(Fmp, TellsWhereTheNewestSessionIsMissing) {
  const auto fmp = make_fmp(configuration("2025-11-05"));
  const Talk result =
      talk(*fmp, query(Kind::prices, {"ZZTA"}, "2025-11-03", "2025-11-05"), {ok("full.json"), ok("none.json")});
  EXPECT_EQ(Outcome::pending, result.answer.symbols[0].outcome);
  EXPECT_EQ(2U, result.answer.symbols[0].prices.bars.size());
}

TEST(Fmp, EndsByStatusAndWords) {
  const auto fmp = make_fmp(configuration("2025-11-04"));
  const auto with = [&](int status, const std::string& body) { return ending(*fmp, november, response(status, body)); };
  EXPECT_EQ("NO_DATA", with(200, "[]"));
  EXPECT_EQ("NO_DATA", with(404, "[]"));
  EXPECT_EQ("NO_DATA", with(404, "<html>404</html>"));
  EXPECT_EQ("AUTH!", with(401, payload("fmp/invalid_key.json")));
  EXPECT_EQ("AUTH!", with(200, payload("fmp/invalid_key.json")));
  EXPECT_EQ("AUTH!", with(403, payload("fmp/legacy.json")));
  EXPECT_EQ("AUTH!", with(200, payload("fmp/legacy.json")));
  EXPECT_EQ("AUTH!", with(403, "{}"));
  EXPECT_EQ("PLAN_LIMIT", with(402, payload("fmp/premium_symbol.txt")));
  EXPECT_EQ("PLAN_LIMIT", with(402, ""));
  EXPECT_EQ("PLAN_LIMIT", with(200, payload("fmp/premium_symbol.txt")));
  EXPECT_EQ("PLAN_LIMIT", with(403, payload("fmp/nested_error.json")));
  EXPECT_EQ("PLAN_LIMIT", with(200, payload("fmp/nested_error.json")));
  EXPECT_EQ("RATE_LIMIT!", with(429, payload("fmp/limit_reached.json")));
  EXPECT_EQ("RATE_LIMIT!", with(200, payload("fmp/limit_reached.json")));
  EXPECT_EQ("MALFORMED", with(200, R"({"Error Message":"something else"})"));
  EXPECT_EQ("MALFORMED", with(200, R"({"price":1})"));
  EXPECT_EQ("MALFORMED", with(200, R"([{"close":1}])"));
  EXPECT_EQ("MALFORMED", with(200, "[1,2]"));
  EXPECT_EQ("MALFORMED", with(200, payload("fmp/full.json").substr(0, 300)));
  EXPECT_EQ("BLOCKED!", with(200, "<html></html>"));
  EXPECT_EQ("TRANSIENT!", with(500, "{}"));
  const Talk legacy = talk(*fmp, november, {response(403, payload("fmp/legacy.json"))});
  EXPECT_EQ(0U, legacy.answer.symbols[0].text.find("Legacy Endpoint : Due to"));
  const Talk echo = talk(*fmp, november, {response(402, "no: /stable/x?symbol=A&apikey=SECRETKEY0123456789&b=1")});
  EXPECT_EQ("no: /stable/x?symbol=A&apikey=[key]&b=1", echo.answer.symbols[0].text);
}

TEST(Fmp, ReadsActions) {
  const auto fmp = make_fmp(configuration("2025-11-04"));
  const Query asked = query(Kind::corporate_actions, {"BRK.B"}, "2025-01-01", "2025-11-04");
  const Talk result = talk(*fmp, asked, {ok("splits.json"), ok("dividends.json")});
  EXPECT_EQ("/stable/splits?symbol=BRK-B&apikey=SECRETKEY0123456789", result.requests.at(0).path);
  EXPECT_EQ("/stable/dividends?symbol=BRK-B&apikey=SECRETKEY0123456789", result.requests.at(1).path);
  const auto& actions = result.answer.symbols[0].actions;
  ASSERT_EQ(4U, actions.size());
  EXPECT_EQ("stock_dividend", actions[0].kind);
  EXPECT_EQ(105, actions[0].numerator);
  EXPECT_EQ("dividend", actions[1].kind);
  // As paid, before the split that came later.
  EXPECT_EQ(0.26, actions[1].amount);
  EXPECT_EQ("split", actions[2].kind);
  EXPECT_EQ(10, actions[2].numerator);
  EXPECT_EQ(1, actions[2].denominator);
  EXPECT_EQ("2025-08-11", pb::core::to_iso(actions[3].ex_date));
  EXPECT_EQ(Outcome::no_data, talk(*fmp, asked, {ok("none.json"), ok("none.json")}).answer.symbols[0].outcome);
}

TEST(Fmp, ReadsProfiles) {
  const auto fmp = make_fmp(configuration("2025-11-04"));
  const Talk result = talk(*fmp, query(Kind::profiles, {"ZZTA"}, "2025-11-04", "2025-11-04"), {ok("profile.json")});
  EXPECT_EQ("/stable/profile?symbol=ZZTA&apikey=SECRETKEY0123456789", result.requests.at(0).path);
  const std::vector<std::pair<std::string, std::string>> wanted{{"company_name", "Zeta Alpha Inc."},
                                                                {"sector", "Technology"},
                                                                {"industry", "Consumer Electronics"},
                                                                {"exchange", "NASDAQ"},
                                                                {"country", "US"},
                                                                {"market_cap", "2500000000"},
                                                                {"description", "Makes things."},
                                                                {"employees", "164000"},
                                                                {"website", "https://www.zzta.example"},
                                                                {"beta", "1.094"},
                                                                {"week_52_low", "98.5"},
                                                                {"week_52_high", "148.25"},
                                                                {"is_etf", "false"},
                                                                {"is_fund", "false"}};
  EXPECT_EQ(wanted, result.answer.symbols[0].profile.value().columns);
  EXPECT_FALSE(result.answer.symbols[0].profile->is_inactive);
}

TEST(Fmp, ReadsStatements) {
  const auto fmp = make_fmp(configuration("2025-11-04"));
  const Query asked = query(Kind::statements, {"ZZTA"}, "2025-11-04", "2025-11-04");
  const Talk result = talk(*fmp, asked,
                           {ok("income_quarter.json"), ok("income_annual.json"), ok("none.json"),
                            ok("balance_annual.json"), ok("none.json"), ok("cash_annual.json")});
  EXPECT_EQ("/stable/income-statement?symbol=ZZTA&period=quarter&limit=20&apikey=SECRETKEY0123456789",
            result.requests.at(0).path);
  EXPECT_EQ(0U, result.requests.at(1).path.find("/stable/income-statement?symbol=ZZTA&period=annual&limit=10&"));
  EXPECT_EQ(0U, result.requests.at(2).path.find("/stable/balance-sheet-statement?symbol=ZZTA&period=quarter&"));
  EXPECT_EQ(0U, result.requests.at(5).path.find("/stable/cash-flow-statement?symbol=ZZTA&period=annual&"));
  const auto& statements = result.answer.symbols[0].statements;
  ASSERT_EQ(5U, statements.size());
  EXPECT_EQ("income_statements", statements[0].table);
  EXPECT_EQ('q', statements[0].frequency);
  EXPECT_EQ("2025-06-30", pb::core::to_iso(statements[0].period_date));
  EXPECT_EQ("2025-06-28", pb::core::to_iso(statements[0].reported_period_date.value()));
  EXPECT_EQ("2025-07-31", pb::core::to_iso(statements[0].known_on.value()));
  EXPECT_EQ("USD", statements[0].currency);
  EXPECT_EQ(2025, statements[0].fiscal_year);
  EXPECT_EQ(3, statements[0].fiscal_quarter);
  EXPECT_EQ("94036000000", item(statements[0], "total_revenue"));
  EXPECT_EQ("1.56", item(statements[0], "diluted_eps"));
  EXPECT_EQ("none", item(statements[0], "interest_expense"));
  EXPECT_EQ("12000000", item(statements[1], "interest_expense"));
  EXPECT_EQ('a', statements[2].frequency);
  EXPECT_EQ(2024, statements[2].fiscal_year);
  EXPECT_FALSE(statements[2].fiscal_quarter);
  EXPECT_EQ("balance_sheets", statements[3].table);
  EXPECT_EQ("106629000000", item(statements[3], "total_debt"));
  EXPECT_EQ("85750000000", item(statements[3], "long_term_debt"));
  EXPECT_EQ("-19154000000", item(statements[3], "retained_earnings"));
  EXPECT_EQ("cash_flows", statements[4].table);
  EXPECT_EQ("-9447000000", item(statements[4], "capital_expenditures"));
  EXPECT_EQ("-15234000000", item(statements[4], "dividends_paid"));
  EXPECT_EQ(Outcome::ok, result.answer.symbols[0].outcome);
}

TEST(Fmp, AsksForFewerPeriodsWhereThePlanWantsIt) {
  const auto fmp = make_fmp(configuration("2025-11-04"));
  const Query asked = query(Kind::statements, {"ZZTA"}, "2025-11-04", "2025-11-04");
  const Response limit = response(402, payload("fmp/premium_limit.txt"));
  const Talk result =
      talk(*fmp, asked,
           {limit, ok("income_quarter.json"), ok("income_annual.json"),
            response(402, payload("fmp/premium_symbol.txt")), ok("none.json"), ok("none.json"), ok("none.json")});
  EXPECT_NE(std::string::npos, result.requests.at(1).path.find("period=quarter&limit=5&"));
  EXPECT_NE(std::string::npos, result.requests.at(2).path.find("period=annual&limit=5&"));
  EXPECT_EQ(Outcome::ok, result.answer.symbols[0].outcome);
  EXPECT_EQ(0U, result.answer.symbols[0].text.find("Premium Query Parameter: 'symbol'"));
  const Response symbol = response(402, payload("fmp/premium_symbol.txt"));
  const Talk none = talk(*fmp, asked, {symbol, symbol, symbol, symbol, symbol, ok("none.json")});
  EXPECT_EQ(Outcome::plan_limit, none.answer.symbols[0].outcome);
  EXPECT_EQ(Outcome::ok, none.answer.outcome);
  const Talk nothing = talk(*fmp, asked, std::vector<Response>(6, ok("none.json")));
  EXPECT_EQ(Outcome::no_data, nothing.answer.symbols[0].outcome);
}

TEST(Fmp, ReadsEstimatesOfPastPeriodsToo) {
  const auto fmp = make_fmp(configuration("2025-11-04"));
  const Talk result = talk(*fmp, query(Kind::estimates, {"ZZTA"}, "2025-11-04", "2025-11-04"),
                           {ok("estimates_quarter.json"), ok("estimates_annual.json")});
  EXPECT_EQ(0U,
            result.requests.at(0).path.find("/stable/analyst-estimates?symbol=ZZTA&period=quarter&page=0&limit=10&"));
  const auto& estimates = result.answer.symbols[0].estimates;
  ASSERT_EQ(3U, estimates.size());
  EXPECT_EQ("2026-03-31", pb::core::to_iso(estimates[0].period_date));
  EXPECT_EQ('q', estimates[0].frequency);
  using Columns = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ((Columns{{"revenue_avg", "105000000000.5"},
                     {"revenue_low", "101000000000"},
                     {"revenue_high", "109000000000"},
                     {"revenue_analysts", "14"},
                     {"eps_avg", "1.85"},
                     {"eps_low", "1.71"},
                     {"eps_high", "1.99"},
                     {"eps_analysts", "11"}}),
            estimates[0].columns);
  EXPECT_EQ((Columns{{"revenue_avg", "89500000000"},
                     {"revenue_low", "88000000000"},
                     {"revenue_high", "91000000000"},
                     {"revenue_analysts", "20"},
                     {"eps_avg", "1.43"},
                     {"eps_analysts", "18"}}),
            estimates[1].columns);
  EXPECT_EQ('a', estimates[2].frequency);
  EXPECT_EQ("2026-09-30", pb::core::to_iso(estimates[2].period_date));
  EXPECT_EQ(
      (Columns{
          {"revenue_avg", "430000000000"}, {"revenue_analysts", "25"}, {"eps_avg", "8.1"}, {"eps_analysts", "12"}}),
      estimates[2].columns);
}

TEST(Fmp, ReadsEarningsDates) {
  const auto fmp = make_fmp(configuration("2025-11-04"));
  const Talk result =
      talk(*fmp, query(Kind::earnings_dates, {"ZZTA"}, "2025-11-04", "2025-11-04"), {ok("earnings.json")});
  EXPECT_EQ(0U, result.requests.at(0).path.find("/stable/earnings?symbol=ZZTA&limit=8&"));
  const auto& dates = result.answer.symbols[0].earnings_dates;
  ASSERT_EQ(3U, dates.size());
  EXPECT_EQ("2025-10-30", pb::core::to_iso(dates[0].first));
  EXPECT_TRUE(dates[0].is_reported);
  EXPECT_FALSE(dates[0].is_estimate);
  EXPECT_EQ("2025-09-27", pb::core::to_iso(dates[0].period_date.value()));
  EXPECT_EQ("2026-01-29", pb::core::to_iso(dates[1].last));
  EXPECT_FALSE(dates[1].is_reported);
  EXPECT_TRUE(dates[1].is_estimate);
  EXPECT_FALSE(dates[2].is_estimate);
}

TEST(Fmp, AsksForYieldsNinetyDaysAtATime) {
  const auto fmp = make_fmp(configuration("2025-11-04"));
  const Talk result = talk(*fmp, query(Kind::yields, {"DGS10", "DGS30"}, "2025-08-01", "2025-11-04"),
                           {ok("none.json"), ok("treasury.json")});
  EXPECT_EQ(0U, result.requests.at(0).path.find("/stable/treasury-rates?from=2025-08-01&to=2025-10-29&"));
  EXPECT_EQ(0U, result.requests.at(1).path.find("/stable/treasury-rates?from=2025-10-30&to=2025-11-04&"));
  ASSERT_EQ(2U, result.answer.symbols[0].yields.size());
  EXPECT_EQ("2025-11-03", pb::core::to_iso(result.answer.symbols[0].yields[0].date));
  EXPECT_EQ(4.13, result.answer.symbols[0].yields[0].rate);
  EXPECT_EQ(1U, result.answer.symbols[1].yields.size());
}

TEST(Fmp, ServesAllButOptions) {
  const auto fmp = make_fmp(configuration("2025-11-04"));
  EXPECT_TRUE(fmp->needs_key());
  for (const Kind kind :
       {Kind::prices, Kind::corporate_actions, Kind::profiles, Kind::statements, Kind::estimates, Kind::earnings_dates})
    EXPECT_TRUE(fmp->serves(kind, {"ZZTA"})) << to_word(kind);
  EXPECT_TRUE(fmp->serves(Kind::prices, {"^GSPC"}));
  EXPECT_FALSE(fmp->serves(Kind::statements, {"^GSPC"}));
  EXPECT_FALSE(fmp->serves(Kind::options, {"ZZTA251219C00150000"}));
  EXPECT_FALSE(fmp->serves(Kind::prices, {"ZZTA251219C00150000"}));
  EXPECT_FALSE(fmp->serves(Kind::prices, {"A&apikey=x"}));
  EXPECT_FALSE(fmp->serves(Kind::yields, {"FEDFUNDS"}));
  EXPECT_TRUE(fmp->serves(Kind::yields, {"DGS10"}));
  EXPECT_EQ(250, fmp->limits().requests_per_day);
  // Of an exchange abroad the letter after the dot stays.
  const Talk result = talk(*fmp, query(Kind::profiles, {"VOD.L"}, "2025-11-04", "2025-11-04"), {ok("none.json")});
  EXPECT_EQ(0U, result.requests.at(0).path.find("/stable/profile?symbol=VOD.L&"));
  const Talk index = talk(*fmp, query(Kind::prices, {"^GSPC"}, "2025-11-04", "2025-11-04"), {ok("none.json")});
  EXPECT_NE(std::string::npos, index.requests.at(0).path.find("symbol=%5EGSPC&"));
}

}  // namespace
}  // namespace fmp_test
