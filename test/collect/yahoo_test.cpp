// Yahoo's answers: what becomes of each payload of test/collect/yahoo.
#include "provider_testing.hpp"

namespace yahoo_test {
namespace {

using namespace provider_testing;

Configuration here(std::string_view today = "2025-11-04") {
  Configuration result = configuration(today, "");
  result.local_date = [newyork = result.local_date](std::int64_t instant,
                                                    std::string_view zone) -> std::optional<Date> {
    using namespace std::chrono;
    if (zone == "UTC" || zone == "Europe/London") return floor<days>(sys_seconds(seconds(instant)));
    return newyork(instant, zone);
  };
  return result;
}

Response file(const std::string& name, int status = 200) { return response(status, payload("yahoo/" + name)); }

pb::collect::SymbolAnswer one(Kind kind, const std::string& symbol, const std::string& name, std::string_view from,
                              std::string_view to, int status = 200) {
  const auto yahoo = make_yahoo(here());
  return talk(*yahoo, query(kind, {symbol}, from, to), {file(name, status)}).answer.symbols.at(0);
}

pb::collect::SymbolAnswer chart(const std::string& name, std::string_view from = "2025-11-03",
                                std::string_view to = "2025-11-04") {
  return one(Kind::prices, "ZZTA", name, from, to);
}

std::string days_of(const pb::collect::SymbolAnswer& answer) {
  std::string result;
  for (const auto& bar : answer.prices.bars) result += (result.empty() ? "" : " ") + pb::core::to_iso(bar.date);
  return result;
}

std::string column(const std::vector<std::pair<std::string, std::string>>& columns, std::string_view name) {
  for (const auto& [key, value] : columns)
    if (key == name) return value;
  return "none";
}

// Two answers open a session.
void open(Provider& yahoo, const std::string& crumb = "a/B.c", const std::string& cookie = "A3=d=1&S=2; Path=/") {
  const auto session = yahoo.open_session(Kind::profiles);
  ASSERT_TRUE(session);
  session->first();
  Response cookies = response(404, "");
  cookies.headers = {{"set-cookie", cookie}, {"set-cookie", "bad"}};
  ASSERT_TRUE(session->then(cookies));
  ASSERT_FALSE(session->then(response(200, crumb)));
  ASSERT_EQ(Outcome::ok, session->answer().outcome);
}

TEST(YahooChart, PricesAreTheShortestDecimalsOfSinglePrecision) {
  const auto answer = chart("normal.json", "2025-10-30");
  EXPECT_EQ(Outcome::ok, answer.outcome);
  EXPECT_EQ("2025-10-30 2025-10-31 2025-11-03 2025-11-04", days_of(answer));
  const auto& bars = answer.prices.bars;
  expect_bar(bars.at(0), "2025-10-30", 129.04, 1000000, 129.04);
  expect_bar(bars.at(1), "2025-10-31", 75.0875, 1000000, 75.0875);
  expect_bar(bars.at(2), "2025-11-03", 235.06, 1000000, 235.06);
  EXPECT_EQ(128.04, bars.at(0).open);
  EXPECT_EQ(130.04, bars.at(0).high);
  EXPECT_EQ(127.04, bars.at(0).low);
  EXPECT_EQ("USD", answer.prices.currency);
  EXPECT_TRUE(answer.prices.is_split_adjusted);
  EXPECT_EQ(1762266600, answer.prices.market_time);
}

TEST(YahooChart, EventsBecomeActions) {
  const auto answer = chart("split_dividend.json", "2025-11-03", "2025-11-05");
  ASSERT_EQ(3u, answer.actions.size());
  EXPECT_EQ("split", answer.actions[0].kind);
  EXPECT_EQ(4, answer.actions[0].numerator);
  EXPECT_EQ(1, answer.actions[0].denominator);
  EXPECT_EQ("dividend", answer.actions[1].kind);
  EXPECT_EQ(day("2025-11-04"), answer.actions[1].ex_date);
  EXPECT_EQ(0.173, answer.actions[1].amount);
  EXPECT_EQ(1, answer.actions[2].numerator);
  EXPECT_EQ(10, answer.actions[2].denominator);
  EXPECT_EQ(50.1, answer.prices.bars.at(0).adj_close);
  const auto actions = one(Kind::corporate_actions, "ZZTA", "split_dividend.json", "2025-11-03", "2025-11-05");
  EXPECT_EQ(Outcome::ok, actions.outcome);
  EXPECT_EQ(3u, actions.actions.size());
  EXPECT_TRUE(actions.prices.bars.empty());
  EXPECT_EQ(Outcome::no_data, one(Kind::corporate_actions, "ZZTA", "normal.json", "2025-11-03", "2025-11-04").outcome);
}

// They come divided by the splits since, also by those after the days that are wanted.
TEST(YahooChart, DividendsAreAsPaid) {
  auto answer = chart("dividends_before_splits.json", "2025-10-30", "2025-11-06");
  ASSERT_EQ(6u, answer.actions.size());
  const std::vector<std::optional<double>> amounts{0.82, 0.25, std::nullopt, 0.25, std::nullopt, 0.3};
  for (std::size_t i = 0; i < amounts.size(); ++i) EXPECT_EQ(amounts[i], answer.actions[i].amount) << i;
  answer = chart("dividends_before_splits.json", "2025-10-30", "2025-10-30");
  ASSERT_EQ(1u, answer.actions.size());
  EXPECT_EQ(0.82, answer.actions[0].amount);
}

TEST(YahooChart, OnlyWhatIsSaidIsABar) {
  auto answer = chart("nulls.json", "2025-11-03", "2025-11-06");
  EXPECT_EQ(Outcome::pending, answer.outcome);
  EXPECT_EQ("2025-11-03 2025-11-05 2025-11-06", days_of(answer));
  EXPECT_FALSE(answer.prices.bars[1].open);
  EXPECT_FALSE(answer.prices.bars[1].volume);
  EXPECT_FALSE(answer.prices.bars[2].close);
  EXPECT_EQ(Outcome::no_data, chart("empty_range.json").outcome);
  EXPECT_EQ(Outcome::no_data, chart("no_timestamp.json").outcome);
  EXPECT_EQ(Outcome::malformed, chart("unequal.json").outcome);
  answer = chart("unknown_zone.json");
  EXPECT_EQ(Outcome::malformed, answer.outcome);
  EXPECT_NE(std::string::npos, answer.text.find("Mars"));
}

TEST(YahooChart, RowsAreOrderedClippedAndOneADay) {
  auto answer = chart("duplicate.json");
  EXPECT_EQ("2025-11-03 2025-11-04", days_of(answer));
  EXPECT_EQ(11.5, answer.prices.bars.at(1).close);
  answer = chart("live.json");
  EXPECT_EQ(Outcome::ok, answer.outcome);
  EXPECT_EQ(1762286406, answer.prices.market_time);
  EXPECT_EQ("2025-11-03 2025-11-04", days_of(chart("after_period.json")));
  EXPECT_EQ("2025-11-03 2025-11-04 2025-11-05", days_of(chart("unsorted.json", "2025-11-03", "2025-11-05")));
  EXPECT_EQ("2025-11-03", days_of(chart("fund_pending.json")));
  EXPECT_EQ(Outcome::pending, chart("fund_pending.json").outcome);
}

TEST(YahooChart, AbsurdAdjustmentsAreNone) {
  const auto answer = chart("infinity.json", "2025-11-03", "2025-11-06");
  ASSERT_EQ(4u, answer.prices.bars.size());
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(answer.prices.bars[i].adj_close) << i;
  EXPECT_EQ(11.9, answer.prices.bars[3].adj_close);
  EXPECT_EQ(12, answer.prices.bars[3].close);
}

TEST(YahooChart, HundredthsAreConvertedOnce) {
  const auto answer = one(Kind::prices, "ZZT.L", "pence.json", "2025-11-03", "2025-11-04");
  EXPECT_EQ("GBP", answer.prices.currency);
  EXPECT_EQ(75.3025, answer.prices.bars.at(0).close);
  EXPECT_EQ(1.2904, answer.prices.bars.at(1).close);
  EXPECT_EQ(1.2904, answer.prices.bars.at(1).adj_close);
  EXPECT_EQ(12345, answer.prices.bars.at(1).volume);
  EXPECT_EQ(0.125, answer.actions.at(0).amount);
  EXPECT_EQ(0.5, answer.actions.at(1).amount);
  const auto unknown = chart("no_currency.json");
  EXPECT_EQ("", unknown.prices.currency);
  EXPECT_EQ(10, unknown.prices.bars.at(0).adj_close);  // without adjusted prices: the close
}

TEST(YahooChart, DaysAreThoseOfTheExchange) {
  EXPECT_EQ("2025-10-31 2025-11-01 2025-11-02",
            days_of(one(Kind::prices, "ZZT-USD", "crypto_weekend.json", "2025-10-31", "2025-11-02")));
  // Midnight in New York in summer, delivered with the offset of winter.
  EXPECT_EQ("2025-07-01 2025-07-02",
            days_of(one(Kind::prices, "ZZ=F", "midnight_summer.json", "2025-07-01", "2025-07-02")));
}

TEST(YahooChart, RequestsNameWhatIsAsked) {
  auto configuration = here();
  configuration.contact = "ops@example.org";
  const auto yahoo = make_yahoo(configuration);
  const auto asked = yahoo->ask(query(Kind::prices, {"BRK.B"}, "2025-11-01", "2025-11-03"))->first();
  EXPECT_EQ("https://query2.finance.yahoo.com", asked.base);
  EXPECT_EQ(
      "/v8/finance/chart/BRK-B?period1=1761969600&period2=1762318800&interval=1d&includePrePost=false"
      "&events=div%2Csplits%2CcapitalGains",
      asked.path);
  EXPECT_EQ("portfolio_batch/1.0.0 (ops@example.org)", header(asked, "User-Agent"));
  EXPECT_FALSE(header(asked, "Cookie"));
  const auto path = [&](const char* symbol) {
    return yahoo->ask(query(Kind::prices, {symbol}, "2025-11-03", "2025-11-03"))->first().path.substr(18, 12);
  };
  EXPECT_EQ("%5EGSPC?peri", path("^GSPC"));
  EXPECT_EQ("EURUSD%3DX?p", path("EURUSD"));
  EXPECT_EQ(nullptr, yahoo->open_session(Kind::prices));
  EXPECT_EQ(nullptr, yahoo->open_session(Kind::statements));
  EXPECT_FALSE(yahoo->serves(Kind::prices, {"HOME_EQUITY"}));
  EXPECT_FALSE(yahoo->serves(Kind::prices, {"../x"}));
  EXPECT_FALSE(yahoo->serves(Kind::statements, {"^GSPC"}));
  EXPECT_FALSE(yahoo->serves(Kind::prices, {"ZZTA250117C00150000"}));
  EXPECT_TRUE(yahoo->serves(Kind::options, {"ZZTA250117C00150000"}));
}

TEST(YahooErrors, EachHasItsOutcome) {
  const auto yahoo = make_yahoo(here());
  const auto asked = query(Kind::prices, {"ZZTA"}, "2025-11-03", "2025-11-04");
  const auto end = [&](Response r) { return ending(*yahoo, asked, std::move(r)); };
  EXPECT_EQ("NO_DATA", end(file("delisted.json", 404)));
  EXPECT_EQ("No data found, symbol may be delisted", chart("delisted.json").text);
  EXPECT_EQ("NO_DATA", end(file("bad_range.json", 400)));
  EXPECT_EQ("NO_DATA", end(response(400, "400 Bad Request: Data doesn't exist for startDate = 1")));
  EXPECT_EQ("MALFORMED", end(file("unprocessable.json", 422)));
  EXPECT_EQ("MALFORMED", end(response(400, "Bad Request")));
  EXPECT_EQ("AUTH!", end(file("invalid_crumb.json", 401)));
  EXPECT_EQ("AUTH!", end(file("invalid_cookie.json", 401)));
  EXPECT_EQ("AUTH!", end(file("invalid_crumb.json", 403)));
  EXPECT_EQ("BLOCKED!", end(response(403, "Forbidden")));
  EXPECT_EQ("RATE_LIMIT!", end(file("too_many.txt", 429)));
  EXPECT_EQ("RATE_LIMIT!", end(file("too_many.txt", 200)));
  EXPECT_EQ("TRANSIENT!", end(response(999, "Request denied")));
  EXPECT_EQ("TRANSIENT!", end(response(503, "<html>")));
  EXPECT_EQ("TRANSIENT!", end(file("outage.html")));
  EXPECT_EQ("BLOCKED!", end(file("proof_of_work.html")));
  EXPECT_EQ("TRANSIENT!", end(response(200, "")));
  EXPECT_EQ("TRANSIENT!", end(response(404, "nothing here")));
  EXPECT_EQ("MALFORMED", end(response(200, payload("yahoo/normal.json").substr(0, 300))));
  EXPECT_EQ("MALFORMED", end(response(200, "{}")));
  EXPECT_EQ("MALFORMED", end(response(200, "{\"chart\":{\"result\":\"No data found\"}}")));
  EXPECT_EQ("TRANSIENT!", end(failure(pb::collect::http::Failure::connection)));
  EXPECT_EQ("TRANSIENT!", end(failure(pb::collect::http::Failure::certificate)));
  EXPECT_EQ("BLOCKED!", end(failure(pb::collect::http::Failure::forbidden_redirect)));
}

TEST(YahooSession, TakesACookieAndItsCrumb) {
  const auto yahoo = make_yahoo(here());
  const auto session = yahoo->open_session(Kind::estimates);
  EXPECT_EQ("https://fc.yahoo.com", session->first().base);
  Response cookies = response(502, "<html>");
  cookies.headers = {{"set-cookie", "A3=d=1; Domain=.yahoo.com"}, {"set-cookie", "A1=x"}, {"set-cookie", "B=a b; c"}};
  const auto next = session->then(cookies);
  ASSERT_TRUE(next);
  EXPECT_EQ("/v1/test/getcrumb", next->path);
  EXPECT_EQ("A3=d=1; A1=x", header(*next, "Cookie"));
  EXPECT_EQ(std::vector<std::string>{"Cookie"}, next->secret_headers);
  EXPECT_FALSE(session->then(response(200, "a/B.c\n")));
  EXPECT_EQ(Outcome::ok, session->answer().outcome);
  EXPECT_EQ(2, session->answer().requests);
  // Sent with every call, though prices need none.
  for (const Kind kind : {Kind::prices, Kind::profiles, Kind::statements}) {
    const auto asked = yahoo->ask(query(kind, {"ZZTA"}, "2025-11-03", "2025-11-04"))->first();
    EXPECT_TRUE(asked.path.ends_with("&crumb=a%2FB.c")) << asked.path;
    EXPECT_EQ("A3=d=1; A1=x", header(asked, "Cookie"));
  }
}

TEST(YahooSession, RefusesWhatIsNoCrumb) {
  const auto outcome = [](Response crumb) {
    const auto yahoo = make_yahoo(here());
    const auto session = yahoo->open_session(Kind::profiles);
    Response cookies = response(200, "");
    cookies.headers = {{"set-cookie", "A3=d"}};
    EXPECT_TRUE(session->then(cookies));
    EXPECT_FALSE(session->then(crumb));
    const auto asked = yahoo->ask(query(Kind::prices, {"ZZTA"}, "2025-11-03", "2025-11-04"))->first();
    EXPECT_EQ(std::string::npos, asked.path.find("crumb"));
    EXPECT_FALSE(header(asked, "Cookie"));
    return std::string(to_word(session->answer().outcome));
  };
  EXPECT_EQ("AUTH", outcome(response(200, "")));
  EXPECT_EQ("AUTH", outcome(response(200, std::string(33, 'a'))));
  EXPECT_EQ("AUTH", outcome(response(200, "two words")));
  EXPECT_EQ("AUTH", outcome(file("invalid_cookie.json", 401)));
  EXPECT_EQ("AUTH", outcome(file("invalid_cookie.json", 200)));
  EXPECT_EQ("BLOCKED", outcome(response(200, "<html></html>")));
  EXPECT_EQ("RATE_LIMIT", outcome(response(200, "Too Many Requests")));
  EXPECT_EQ("RATE_LIMIT", outcome(file("too_many.txt", 429)));
  EXPECT_EQ("TRANSIENT", outcome(response(500, "")));
  EXPECT_EQ("TRANSIENT", outcome(failure(pb::collect::http::Failure::timeout)));
  const auto yahoo = make_yahoo(here());
  const auto session = yahoo->open_session(Kind::profiles);
  EXPECT_FALSE(session->then(response(200, "no cookie")));
  EXPECT_EQ(Outcome::auth, session->answer().outcome);
}

TEST(YahooSession, ARefusedCrumbIsRenewedOnce) {
  const auto yahoo = make_yahoo(here());
  const auto profile = query(Kind::profiles, {"ZZTA"}, "2025-11-03", "2025-11-04");
  open(*yahoo);
  EXPECT_EQ("AUTH!", ending(*yahoo, profile, file("invalid_crumb.json", 401)));
  open(*yahoo, "second");
  EXPECT_TRUE(yahoo->ask(profile)->first().path.ends_with("&crumb=second"));
  EXPECT_EQ("AUTH", ending(*yahoo, profile, file("invalid_crumb.json", 403)));
}

TEST(YahooSession, PricesNeverFailForACrumb) {
  const auto yahoo = make_yahoo(here());
  open(*yahoo);
  const auto result = talk(*yahoo, query(Kind::prices, {"ZZTA"}, "2025-11-03", "2025-11-04"),
                           {file("invalid_crumb.json", 401), file("normal.json")});
  EXPECT_EQ(Outcome::ok, result.answer.symbols[0].outcome);
  EXPECT_NE(std::string::npos, result.requests[0].path.find("crumb="));
  EXPECT_EQ(std::string::npos, result.requests[1].path.find("crumb="));
}

TEST(YahooSummary, OneCallTellsAll) {
  const auto answer = one(Kind::profiles, "ZZTA", "summary.json", "2025-11-03", "2025-11-04");
  ASSERT_TRUE(answer.profile);
  const auto& columns = answer.profile->columns;
  EXPECT_EQ("Zeta Alpha Inc.", column(columns, "company_name"));
  EXPECT_EQ("Technology", column(columns, "sector"));
  EXPECT_EQ("NasdaqGS", column(columns, "exchange"));
  EXPECT_EQ("Mr. B. Chief", column(columns, "ceo"));
  EXPECT_EQ("164000", column(columns, "employees"));
  EXPECT_EQ("3500000000000", column(columns, "market_cap"));
  EXPECT_EQ("0.0041", column(columns, "dividend_yield"));
  EXPECT_EQ("288.62", column(columns, "week_52_high"));
  EXPECT_EQ("none", column(columns, "week_52_low"));
  EXPECT_EQ("none", column(columns, "forward_pe"));
  EXPECT_EQ("none", column(columns, "gross_margins"));
  EXPECT_EQ("8.31", column(columns, "forward_eps"));
  EXPECT_EQ("40", column(columns, "number_of_analyst_opinions"));
  EXPECT_EQ("09-27", column(columns, "fiscal_year_end"));
  EXPECT_EQ("2026-01-29", column(columns, "next_earnings_date"));
  EXPECT_EQ("1.61696", column(columns, "next_earnings_expected_eps"));
  EXPECT_EQ("false", column(columns, "is_etf"));
  ASSERT_EQ(3u, answer.estimates.size());
  EXPECT_EQ('q', answer.estimates[0].frequency);
  EXPECT_EQ(day("2025-12-31"), answer.estimates[0].period_date);
  EXPECT_EQ("94076168920", column(answer.estimates[0].columns, "revenue_avg"));
  EXPECT_EQ("0.0395", column(answer.estimates[0].columns, "revenue_growth"));
  EXPECT_EQ("0.058", column(answer.estimates[0].columns, "eps_growth"));
  EXPECT_EQ("28", column(answer.estimates[0].columns, "eps_analysts"));
  EXPECT_EQ("none", column(answer.estimates[0].columns, "revenue_high"));
  EXPECT_EQ('a', answer.estimates[1].frequency);
  // Revenue in CNY, earnings in USD: one row has one currency.
  EXPECT_EQ("CNY", column(answer.estimates[2].columns, "currency"));
  EXPECT_EQ("none", column(answer.estimates[2].columns, "eps_avg"));
  ASSERT_EQ(1u, answer.earnings_dates.size());
  EXPECT_EQ(day("2026-01-29"), answer.earnings_dates[0].first);
  EXPECT_EQ(day("2026-02-02"), answer.earnings_dates[0].last);
  EXPECT_TRUE(answer.earnings_dates[0].is_estimate);
  EXPECT_FALSE(answer.earnings_dates[0].is_reported);
  EXPECT_EQ(day("2025-12-31"), answer.earnings_dates[0].period_date);
}

TEST(YahooSummary, APastDayIsThatOfTheReport) {
  const auto answer = one(Kind::earnings_dates, "ZZTA", "summary_reported.json", "2025-11-03", "2025-11-04");
  EXPECT_EQ(Outcome::ok, answer.outcome);
  ASSERT_EQ(1u, answer.earnings_dates.size());
  EXPECT_TRUE(answer.earnings_dates[0].is_reported);
  EXPECT_FALSE(answer.earnings_dates[0].is_estimate);
  EXPECT_EQ(day("2025-09-30"), answer.earnings_dates[0].period_date);
  EXPECT_EQ("none", column(answer.profile->columns, "next_earnings_date"));
}

TEST(YahooSummary, ModulesMayBeMissing) {
  auto answer = one(Kind::profiles, "ZZTA", "summary_partial.json", "2025-11-03", "2025-11-04");
  EXPECT_EQ("Energy", column(answer.profile->columns, "sector"));
  EXPECT_EQ(1u, answer.profile->columns.size());
  EXPECT_EQ(Outcome::no_data, one(Kind::estimates, "ZZTA", "summary_partial.json", "2025-11-03", "2025-11-04").outcome);
  answer = one(Kind::profiles, "ZZTE", "summary_etf.json", "2025-11-03", "2025-11-04");
  EXPECT_EQ("true", column(answer.profile->columns, "is_etf"));
  EXPECT_EQ("none", column(answer.profile->columns, "sector"));
  answer = one(Kind::profiles, "ZZT.L", "summary_pence.json", "2025-11-03", "2025-11-04");
  EXPECT_EQ("75.3025", column(answer.profile->columns, "week_52_high"));
  EXPECT_EQ("60000000000", column(answer.profile->columns, "market_cap"));
  answer = one(Kind::estimates, "ZZTA", "no_summary.json", "2025-11-03", "2025-11-04", 404);
  EXPECT_EQ(Outcome::no_data, answer.outcome);
  EXPECT_NE(std::string::npos, answer.text.find("earningsTrend"));
}

TEST(YahooSummary, AQuoteTellsOfWhatHasNoSummary) {
  const auto yahoo = make_yahoo(here());
  const auto asked = query(Kind::profiles, {"ZZTX"}, "2025-11-03", "2025-11-04");
  auto result = talk(*yahoo, asked, {file("quote_not_found.json", 404), file("quote_delisted.json")});
  EXPECT_EQ(0u, result.requests[1].path.find("/v7/finance/quote?symbols=ZZTX&"));
  ASSERT_TRUE(result.answer.symbols[0].profile);
  EXPECT_TRUE(result.answer.symbols[0].profile->is_inactive);
  EXPECT_TRUE(result.answer.symbols[0].profile->columns.empty());
  result = talk(*yahoo, asked, {file("summary_none.json"), file("quote_none.json")});
  EXPECT_EQ(Outcome::no_data, result.answer.symbols[0].outcome);
  result = talk(*yahoo, asked, {file("quote_not_found.json", 404), file("quote_etf.json")});
  EXPECT_EQ("Zeta Fund", column(result.answer.symbols[0].profile->columns, "company_name"));
  EXPECT_EQ("none", column(result.answer.symbols[0].profile->columns, "dividend_yield"));  // in percent there
}

TEST(YahooStatements, LinesAreJoinedByDay) {
  const auto answer = one(Kind::statements, "ZZTA", "timeseries.json", "2025-11-03", "2025-11-04");
  EXPECT_EQ(Outcome::ok, answer.outcome);
  const auto find = [&](std::string_view table, char frequency, std::string_view period) {
    for (const auto& statement : answer.statements)
      if (statement.table == table && statement.frequency == frequency && statement.period_date == day(period))
        return statement;
    ADD_FAILURE() << table << " " << period;
    return pb::market::Statement{};
  };
  EXPECT_EQ(8u, answer.statements.size());
  const auto quarter = find("income_statements", 'q', "2025-09-30");
  EXPECT_EQ("1.02466E11", column(quarter.items, "total_revenue"));  // and not that of twelve months
  EXPECT_EQ("27466000000", column(quarter.items, "net_income"));
  EXPECT_EQ("CNY", quarter.currency);
  EXPECT_EQ("1.85", column(quarter.items, "diluted_eps"));
  EXPECT_EQ("USD", quarter.eps_currency);
  EXPECT_EQ("15000", column(quarter.items, "diluted_average_shares"));
  EXPECT_EQ("none", column(quarter.items, "ebit"));  // in another currency
  EXPECT_EQ("95359000000", column(find("income_statements", 'q', "2025-03-31").items, "total_revenue"));
  EXPECT_EQ("94036000000", column(find("income_statements", 'q', "2025-06-30").items, "total_revenue"));
  EXPECT_EQ("416161000000", column(find("income_statements", 'a', "2025-09-30").items, "total_revenue"));
  EXPECT_EQ("3933000000", column(find("income_statements", 'a', "2023-09-30").items, "interest_expense"));
  EXPECT_EQ("2", column(find("balance_sheets", 'a', "2025-09-30").items, "book_value_per_share"));
  EXPECT_EQ("-12715000000", column(find("cash_flows", 'a', "2025-09-30").items, "capital_expenditures"));
  EXPECT_EQ(Outcome::no_data,
            one(Kind::statements, "ZZTA", "timeseries_empty.json", "2025-11-03", "2025-11-04").outcome);
}

TEST(YahooStatements, OneRequestAsksForAll) {
  const auto yahoo = make_yahoo(here());
  const auto asked = yahoo->ask(query(Kind::statements, {"ZZTA"}, "2025-11-03", "2025-11-04"))->first();
  EXPECT_LT(asked.path.size(), 4096u);
  for (const char* type : {"annualTotalRevenue", "quarterlyTotalRevenue", "quarterlyFreeCashFlow"})
    EXPECT_NE(std::string::npos, asked.path.find(type)) << type;
  EXPECT_EQ(std::string::npos, asked.path.find("trailing"));
}

}  // namespace
}  // namespace yahoo_test
