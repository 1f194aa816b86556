#include "collect/provider/edgar.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "collect/http/dispatcher.hpp"
#include "collect/provider/provider.hpp"

namespace edgar_test {

using namespace pb::collect;
using pb::market::Decimal;
using pb::market::Statement;

pb::core::Date day(const char* text) { return pb::core::from_iso(text).value(); }

std::string file(const std::string& name) {
  std::ifstream in(std::string(PB_COLLECT_TEST_DIR) + "/edgar/" + name);
  EXPECT_TRUE(in.good()) << name;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<Statement> statements(const char* name) {
  const auto facts = edgar::read_facts(file(name));
  EXPECT_TRUE(facts.has_value());
  return facts ? edgar::statements_of(*facts) : std::vector<Statement>{};
}

const Statement* find(const std::vector<Statement>& all, const char* table, const char* end, char frequency) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Statement& at) {
    return at.table == table && at.period_date == day(end) && at.frequency == frequency;
  });
  return found == all.end() ? nullptr : &*found;
}

// The digits of an item; "none" without it, "no statement" without its statement.
std::string item(const std::vector<Statement>& all, const char* table, const char* end, char frequency,
                 const char* column) {
  const Statement* statement = find(all, table, end, frequency);
  if (statement == nullptr) return "no statement";
  for (const auto& [name, digits] : statement->items)
    if (name == column) return digits;
  return "none";
}

TEST(Decimals, KeepTheirDigits) {
  const auto text = [](const char* digits) {
    const auto number = Decimal::parse(digits);
    return number ? number->str() : "none";
  };
  EXPECT_EQ(text("-12.50"), "-12.50");
  EXPECT_EQ(text("9.9803E10"), "99803000000");
  EXPECT_EQ(text("1e-3"), "0.001");
  EXPECT_EQ(text(".5"), "0.5");
  EXPECT_EQ(text("123456789012345678901234567890123456"), "123456789012345678901234567890123456");
  for (const char* bad : {"", "-", "1.2.3", "abc", "1e40", "1e", "1e+", "0x1", "NaN", "Infinity", "1 2",
                          "1234567890123456789012345678901234567"})
    EXPECT_EQ(text(bad), "none") << bad;
  EXPECT_EQ(Decimal::parse("94.9")->minus(*Decimal::parse("95"))->str(), "-0.1");
  EXPECT_EQ(Decimal::parse("0.3")->minus(*Decimal::parse("0.1"))->str(), "0.2");
  EXPECT_EQ(Decimal::parse("-2.5")->rounded().str(), "-3");
  EXPECT_EQ(Decimal::parse("2.49")->rounded().str(), "2");
}

TEST(EdgarStatements, QuartersAreGivenOrTheDifferenceOfTwoPeriods) {
  const auto all = statements("companyfacts.json");
  const auto revenue = [&](const char* end, char frequency) {
    return item(all, "income_statements", end, frequency, "total_revenue");
  };
  EXPECT_EQ(revenue("2022-12-31", 'q'), "1000");
  EXPECT_EQ(revenue("2023-03-31", 'q'), "1100");
  EXPECT_EQ(revenue("2023-06-30", 'q'), "1200");
  EXPECT_EQ(revenue("2023-09-30", 'q'), "1300.25");  // 4600.25 of the year less 3300 of nine months
  EXPECT_EQ(revenue("2023-09-30", 'a'), "4600.25");
  const auto cash = [&](const char* end, char frequency) {
    return item(all, "cash_flows", end, frequency, "operating_cash_flow");
  };
  EXPECT_EQ(cash("2022-12-31", 'q'), "200");
  EXPECT_EQ(cash("2023-03-31", 'q'), "250");
  EXPECT_EQ(cash("2023-06-30", 'q'), "250");
  EXPECT_EQ(cash("2023-09-30", 'q'), "300");
  EXPECT_EQ(cash("2023-09-30", 'a'), "1000");
  EXPECT_EQ(item(all, "cash_flows", "2023-03-31", 'q', "capital_expenditures"), "-40");
}

TEST(EdgarStatements, PerShareFiguresAreNotSubtracted) {
  const auto all = statements("companyfacts.json");
  EXPECT_EQ(item(all, "income_statements", "2023-06-30", 'q', "diluted_eps"), "0.12");
  EXPECT_EQ(item(all, "income_statements", "2023-09-30", 'q', "diluted_eps"), "none");
  EXPECT_EQ(item(all, "income_statements", "2023-09-30", 'q', "diluted_average_shares"), "none");
  EXPECT_EQ(item(all, "income_statements", "2023-09-30", 'a', "diluted_eps"), "0.46");
}

TEST(EdgarStatements, TheNewestFilingCountsFromItsOwnDayOn) {
  const auto all = statements("companyfacts.json");
  EXPECT_EQ(item(all, "income_statements", "2023-03-31", 'q', "net_income"), "105");
  EXPECT_EQ(find(all, "income_statements", "2023-03-31", 'q')->known_on, day("2023-06-20"));
  // A comparative that repeats a value a year later makes it no younger.
  EXPECT_EQ(find(all, "income_statements", "2022-12-31", 'q')->known_on, day("2023-02-03"));
  EXPECT_EQ(find(all, "cash_flows", "2023-03-31", 'q')->known_on, day("2023-05-05"));
}

TEST(EdgarStatements, BalancesHaveAnEndOnly) {
  const auto all = statements("companyfacts.json");
  EXPECT_EQ(item(all, "balance_sheets", "2023-06-30", 'q', "total_assets"), "5200");
  EXPECT_EQ(item(all, "balance_sheets", "2023-09-30", 'a', "total_assets"), "5300");
  EXPECT_EQ(item(all, "balance_sheets", "2023-09-30", 'q', "total_assets"), "5300");
  EXPECT_EQ(item(all, "balance_sheets", "2023-06-30", 'q', "total_liabilities"), "3198");
  EXPECT_EQ(item(all, "balance_sheets", "2023-06-30", 'q', "total_stockholders_equity"), "1992");
  EXPECT_EQ(item(all, "balance_sheets", "2023-06-30", 'q', "intangible_assets"), "342");
}

TEST(EdgarStatements, PeriodsAreNamedByTheirOwnEndsAndNotByTheFilings) {
  const auto all = statements("companyfacts.json");
  const Statement* first = find(all, "income_statements", "2022-12-31", 'q');
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->reported_period_date, day("2022-12-31"));
  EXPECT_EQ(first->fiscal_year, 2023);
  EXPECT_EQ(first->fiscal_quarter, 1);
  EXPECT_EQ(find(all, "income_statements", "2023-03-31", 'q')->reported_period_date, day("2023-04-01"));
  EXPECT_EQ(find(all, "income_statements", "2023-09-30", 'q')->fiscal_quarter, 4);
  EXPECT_EQ(find(all, "income_statements", "2023-09-30", 'a')->fiscal_quarter, std::nullopt);
  std::vector<std::string> keys;
  for (const Statement& at : all) keys.push_back(at.table + at.frequency + pb::core::to_iso(at.period_date));
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

TEST(EdgarStatements, OfAJanuaryYearEndInAnotherCurrency) {
  const auto all = statements("january.json");
  const auto revenue = [&](const char* end, char frequency) {
    return item(all, "income_statements", end, frequency, "total_revenue");
  };
  EXPECT_EQ(revenue("2023-10-31", 'q'), "1000000000000000003");
  EXPECT_EQ(revenue("2024-01-31", 'q'), "1000000000000000006");  // beyond what a double holds
  EXPECT_EQ(revenue("2024-01-31", 'a'), "4000000000000000013");
  const Statement* year = find(all, "income_statements", "2024-01-31", 'a');
  EXPECT_EQ(year->currency, "CNY");
  EXPECT_EQ(year->eps_currency, "USD");
  EXPECT_EQ(year->fiscal_year, 2024);
  EXPECT_EQ(item(all, "income_statements", "2024-01-31", 'a', "diluted_eps"), "-1.5");
  const Statement* next = find(all, "income_statements", "2024-04-30", 'q');
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->fiscal_year, 2025);
  EXPECT_EQ(next->fiscal_quarter, 1);
  EXPECT_EQ(find(all, "income_statements", "2024-04-30", 'a'), nullptr);  // twelve months in a quarterly report
}

TEST(EdgarFacts, WhatIsNoDocumentIsNone) {
  EXPECT_FALSE(edgar::read_facts("").has_value());
  EXPECT_FALSE(edgar::read_facts("[]").has_value());
  EXPECT_FALSE(edgar::read_facts(R"({"cik": 1})").has_value());
  EXPECT_FALSE(edgar::read_facts(file("companyfacts.json").substr(0, 3000)).has_value());
  EXPECT_TRUE(edgar::read_facts(R"({"facts": {}})").has_value());
}

// A fact without a day or a number is left out; the others stay.
TEST(EdgarFacts, BadFactsAreLeftOut) {
  const auto facts = edgar::read_facts(R"({"facts": {"us-gaap": {"Assets": {"label": null, "units": {"USD": [
      {"end": "2023-12-31", "val": null, "filed": "2024-02-01", "form": "10-K"},
      {"end": "2023-13-31", "val": 1, "filed": "2024-02-01", "form": "10-K"},
      {"end": "2023-12-31", "val": 1, "filed": null, "form": "10-K"},
      {"start": "2024-12-31", "end": "2023-12-31", "val": 1, "filed": "2024-02-01", "form": "10-K"},
      {"start": "", "end": "2023-12-31", "val": 1, "filed": "2024-02-01", "form": "10-K"},
      {"end": "2023-12-31", "val": 7.10, "filed": "2024-02-01", "form": "10-K", "frame": "CY2023Q4I"}]}}}}})");
  ASSERT_TRUE(facts.has_value());
  ASSERT_EQ(facts->size(), 1u);
  EXPECT_EQ(facts->front().value.str(), "7.10");
  EXPECT_TRUE(facts->front().is_annual_report);
}

struct Asked {
  SymbolAnswer symbol;
  Answer answer;
  http::Request request;
};

Asked ask(Provider& provider, const Instrument& instrument, const http::Response& response) {
  const auto conversation = provider.ask({Kind::statements, {instrument}, day("2024-01-02"), day("2024-01-02")});
  Asked asked;
  asked.request = conversation->first();
  EXPECT_FALSE(conversation->then(response).has_value());
  asked.answer = conversation->answer();
  EXPECT_EQ(asked.answer.symbols.size(), 1u);
  asked.symbol = asked.answer.symbols.front();
  return asked;
}

http::Response response(int status, std::string body) {
  http::Response made;
  made.status = status;
  made.body = std::move(body);
  return made;
}

std::unique_ptr<Provider> opened(const http::Response& list) {
  Configuration configuration;
  configuration.contact = "data@example.org";
  auto provider = make_edgar(configuration);
  const auto session = provider->open_session(Kind::statements);
  EXPECT_NE(session, nullptr);
  const http::Request request = session->first();
  EXPECT_EQ(request.base + request.path, "https://www.sec.gov/files/company_tickers.json");
  session->then(list);
  return provider;
}

TEST(EdgarProvider, AsksForTheFactsOfTheCompanyWithAContactAddress) {
  const auto provider = opened(response(200, file("company_tickers.json")));
  EXPECT_EQ(provider->open_session(Kind::statements), nullptr);  // once
  const auto asked = ask(*provider, {.symbol = "ZZTA"}, response(200, file("companyfacts.json")));
  EXPECT_EQ(asked.request.base + asked.request.path, "https://data.sec.gov/api/xbrl/companyfacts/CIK0001000001.json");
  EXPECT_EQ(asked.request.headers.front().first, "User-Agent");
  EXPECT_EQ(asked.request.headers.front().second, "portfolio_batch/1.0.0 (data@example.org)");
  Configuration named;
  named.contact = "data@example.org";
  named.user_agent = "desk/2";
  EXPECT_EQ(ask(*make_edgar(named), {.symbol = "ZZTA", .provider_symbol = "7"}, response(404, ""))
                .request.headers.front()
                .second,
            "desk/2 data@example.org");
  EXPECT_EQ(asked.symbol.outcome, Outcome::ok);
  EXPECT_EQ(asked.symbol.symbol, "ZZTA");
  EXPECT_FALSE(asked.symbol.statements.empty());
  // Classes of shares have a dash there; an alias may be the key itself.
  EXPECT_EQ(ask(*provider, {.symbol = "ZZTB.B"}, response(200, file("january.json"))).request.path,
            "/api/xbrl/companyfacts/CIK0001000002.json");
  EXPECT_EQ(ask(*provider, {.symbol = "ZZTC", .provider_symbol = "CIK0000000077"}, response(404, "")).request.path,
            "/api/xbrl/companyfacts/CIK0000000077.json");
}

TEST(EdgarProvider, WithoutAContactNothingIsSent) {
  const auto provider = make_edgar({});
  EXPECT_EQ(provider->open_session(Kind::statements), nullptr);
  const auto asked = ask(*provider, {.symbol = "ZZTA"}, {});
  EXPECT_EQ(asked.symbol.outcome, Outcome::skipped);
  EXPECT_EQ(asked.answer.outcome, Outcome::ok);
  EXPECT_EQ(asked.answer.requests, 0);
  EXPECT_TRUE(asked.request.base.empty());
  EXPECT_NE(asked.symbol.text.find("contact"), std::string::npos);
}

// Answers that need no request come without one, also from the dispatcher.
TEST(EdgarProvider, IsNotConnectedToWithoutAContact) {
  const auto provider = make_edgar({});
  http::Dispatcher dispatcher({}, {[](int, int) {}, [] { return std::int64_t{1000000}; }});
  http::ProviderState state;
  const auto asked = dispatcher.ask(*provider, provider->limits(), state,
                                    {{Kind::statements, {{"ZZTA"}}, day("2024-01-02"), day("2024-01-02")},
                                     {Kind::statements, {{"ZZTB"}}, day("2024-01-02"), day("2024-01-02")}},
                                    60000000);
  ASSERT_EQ(asked.size(), 2u);
  for (const http::Asked& one : asked) {
    ASSERT_EQ(one.answer.symbols.size(), 1u);
    EXPECT_EQ(one.answer.symbols[0].outcome, Outcome::skipped);
    EXPECT_NE(one.answer.symbols[0].text.find("contact"), std::string::npos);
    EXPECT_EQ(one.answer.requests, 0);
  }
  EXPECT_EQ(state.requests_sent, 0);
}

TEST(EdgarProvider, EndsByWhatCameBack) {
  const auto provider = opened(response(200, file("company_tickers.json")));
  const auto outcome = [&](const http::Response& came) {
    return ask(*provider, {.symbol = "ZZTA"}, came).symbol.outcome;
  };
  EXPECT_EQ(ask(*provider, {.symbol = "ZZTX"}, {}).symbol.outcome, Outcome::no_data);
  EXPECT_EQ(outcome(response(404, "<html>")), Outcome::no_data);
  EXPECT_EQ(outcome(response(403, "<html>")), Outcome::blocked);
  EXPECT_EQ(outcome(response(429, "")), Outcome::rate_limit);
  EXPECT_EQ(outcome(response(503, "")), Outcome::transient);
  EXPECT_EQ(outcome(response(200, "<html>")), Outcome::blocked);
  EXPECT_EQ(outcome(response(200, "{\"facts\": ")), Outcome::malformed);
  EXPECT_EQ(outcome(response(200, "{\"facts\": {}}")), Outcome::no_data);
  http::Response lost;
  lost.failure = http::Failure::timeout;
  EXPECT_EQ(outcome(lost), Outcome::transient);
  EXPECT_EQ(ask(*provider, {.symbol = "ZZTA"}, response(403, "")).answer.outcome, Outcome::blocked);
  EXPECT_EQ(ask(*provider, {.symbol = "ZZTA"}, response(404, "")).answer.outcome, Outcome::ok);
}

TEST(EdgarProvider, WithoutTheListOfCompaniesNobodyIsCalledUnknown) {
  const auto provider = opened(response(403, "<html>"));
  EXPECT_EQ(ask(*provider, {.symbol = "ZZTA"}, {}).symbol.outcome, Outcome::blocked);
  EXPECT_NE(provider->open_session(Kind::statements), nullptr);
  EXPECT_EQ(ask(*opened(response(200, "{}")), {.symbol = "ZZTA"}, {}).symbol.outcome, Outcome::malformed);
}

TEST(EdgarProvider, ServesStatementsAlone) {
  const auto provider = make_edgar({});
  EXPECT_TRUE(provider->serves(Kind::statements, {.symbol = "ZZTA"}));
  EXPECT_FALSE(provider->serves(Kind::prices, {.symbol = "ZZTA"}));
  EXPECT_FALSE(provider->serves(Kind::statements, {.symbol = "^ZZTA"}));
}

}  // namespace edgar_test
