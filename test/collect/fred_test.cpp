#include <gtest/gtest.h>

#include "provider_testing.hpp"

namespace fred_test {
namespace {

using namespace provider_testing;
using pb::collect::make_fred;

const Query october = query(Kind::yields, {"DGS10"}, "2025-10-06", "2025-10-15");

TEST(Fred, ReadsObservationsWithTheirVintages) {
  const auto fred = make_fred(configuration("2025-10-16"));
  const Talk result = talk(*fred, october, {response(200, payload("fred/observations.json"))});
  ASSERT_EQ(1U, result.requests.size());
  EXPECT_EQ("https://api.stlouisfed.org", result.requests[0].base);
  EXPECT_EQ(
      "/fred/series/observations?series_id=DGS10&api_key=SECRETKEY0123456789&file_type=json"
      "&observation_start=2025-10-06&observation_end=2025-10-15&realtime_start=2025-10-06&realtime_end=9999-12-31"
      "&sort_order=asc&limit=100000&offset=0",
      result.requests[0].path);
  EXPECT_EQ("portfolio_batch/1.0.0", header(result.requests[0], "User-Agent"));
  const auto& yields = result.answer.symbols[0].yields;
  EXPECT_EQ(Outcome::ok, result.answer.symbols[0].outcome);
  ASSERT_EQ(4U, yields.size());
  const std::vector<std::tuple<std::string, double, std::string>> wanted{{"2025-10-06", 4.18, "2025-10-07"},
                                                                         {"2025-10-07", 4.14, "2025-10-08"},
                                                                         {"2025-10-07", 4.15, "2025-10-10"},
                                                                         {"2025-10-15", 4.05, "2025-10-16"}};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ("DGS10", yields[i].series);
    EXPECT_EQ(std::get<0>(wanted[i]), pb::core::to_iso(yields[i].date));
    EXPECT_EQ(std::get<1>(wanted[i]), yields[i].rate);
    EXPECT_EQ(std::get<2>(wanted[i]), pb::core::to_iso(yields[i].known_on.value()));
  }
}

TEST(Fred, AsksForVintagesOfTheLastYearsAlone) {
  const auto fred = make_fred(configuration("2025-10-16"));
  const Query long_ago = query(Kind::yields, {"DGS10"}, "2019-10-15", "2025-10-15");
  const Talk result =
      talk(*fred, long_ago,
           {response(200, payload("fred/old_observations.json")), response(200, payload("fred/observations.json"))});
  EXPECT_NE(std::string::npos, result.requests.at(0).path.find("_start=2019-10-15&observation_end=2020-10-16&sort"));
  EXPECT_NE(std::string::npos,
            result.requests.at(1).path.find("_start=2020-10-17&observation_end=2025-10-15&realtime_start=2020-10-17&"));
  const auto& yields = result.answer.symbols[0].yields;
  ASSERT_EQ(7U, yields.size());
  EXPECT_EQ(1.77, yields[0].rate);
  // Today is when it was asked, not when it was published.
  EXPECT_FALSE(yields[0].known_on);
}

TEST(Fred, ReadsFurtherPages) {
  const auto fred = make_fred(configuration("2025-10-16"));
  const std::string head = R"({"realtime_start":"2025-10-06","count":100001,"observations":[{"date":")";
  const Talk result = talk(*fred, october,
                           {response(200, head + R"(2025-10-06","value":"4.1"}]})"),
                            response(200, head + R"(2025-10-07","value":"4.2"}]})")});
  EXPECT_NE(std::string::npos, result.requests.at(1).path.find("&offset=100000"));
  EXPECT_EQ(2U, result.answer.symbols[0].yields.size());
}

TEST(Fred, ReadsTheGraphWithoutKey) {
  const auto fred = make_fred(configuration("2025-10-16", ""));
  EXPECT_FALSE(fred->needs_key());
  const Talk result = talk(*fred, october, {response(200, payload("fred/graph.csv"))});
  EXPECT_EQ("https://fred.stlouisfed.org", result.requests.at(0).base);
  EXPECT_EQ("/graph/fredgraph.csv?id=DGS10&cosd=2025-10-06&coed=2025-10-15", result.requests[0].path);
  ASSERT_EQ(2U, result.answer.symbols[0].yields.size());
  EXPECT_EQ("2025-10-15", pb::core::to_iso(result.answer.symbols[0].yields[1].date));
  EXPECT_EQ(4.03, result.answer.symbols[0].yields[1].rate);
  EXPECT_EQ("", result.answer.symbols[0].text);
  const Talk old = talk(*fred, october, {response(200, payload("fred/graph_old.csv"))});
  ASSERT_EQ(1U, old.answer.symbols[0].yields.size());
  EXPECT_EQ("OK", ending(*fred, october, response(200, "DGS10,DATE\n4.05,2025-10-10\n")));
  const Talk odd = talk(*fred, october, {response(200, "DATE,DGS10\n2025-10-10,4.05\n2025-10-13,x\n10/14/2025,4\n")});
  EXPECT_EQ(1U, odd.answer.symbols[0].yields.size());
  EXPECT_EQ("2 malformed rows were left out, the first on line 3: the value is not a number",
            odd.answer.symbols[0].text);
  EXPECT_EQ("MALFORMED", ending(*fred, october, response(200, "DATE,DGS2\n2025-10-10,4.05\n")));
  EXPECT_EQ("NO_DATA", ending(*fred, october, response(200, "DATE,DGS10\n")));
  EXPECT_EQ("NO_DATA", ending(*fred, october, response(400, "bad request")));
}

TEST(Fred, EndsByStatus) {
  const auto fred = make_fred(configuration("2025-10-16"));
  EXPECT_EQ("AUTH!", ending(*fred, october, response(400, payload("fred/bad_key.json"))));
  EXPECT_EQ("NO_DATA", ending(*fred, october, response(400, payload("fred/no_series.json"))));
  EXPECT_EQ("MALFORMED", ending(*fred, october, response(400, R"({"error_message":"Bad Request.  limit"})")));
  EXPECT_EQ("NO_DATA", ending(*fred, october, response(404, "{}")));
  EXPECT_EQ("TRANSIENT!", ending(*fred, october, response(423, "{}")));
  EXPECT_EQ("TRANSIENT!", ending(*fred, october, response(504, "")));
  EXPECT_EQ("TRANSIENT!", ending(*fred, october, failure(pb::collect::http::Failure::timeout)));
  EXPECT_EQ("TRANSIENT!", ending(*fred, october, response(200, payload("fred/page.html"))));
  EXPECT_EQ("BLOCKED!", ending(*fred, october, response(200, "\n <html>Prove that you are human</html>")));
  EXPECT_EQ("MALFORMED", ending(*fred, october, response(200, "{\"observations\":[{\"date\":\"2025-10-")));
  EXPECT_EQ("MALFORMED", ending(*fred, october, response(200, "[]")));
  EXPECT_EQ("MALFORMED", ending(*fred, october, response(200, "{}")));
  Response limited = response(429, payload("fred/too_many.json"));
  limited.retry_after_seconds = 17;
  const Talk result = talk(*fred, october, {limited});
  EXPECT_EQ(Outcome::rate_limit, result.answer.outcome);
  EXPECT_EQ(17, result.answer.retry_after_seconds);
  EXPECT_EQ(429, result.answer.http_status);
}

TEST(Fred, LeavesNoKeyInItsWords) {
  const auto fred = make_fred(configuration("2025-10-16"));
  const Talk result =
      talk(*fred, october, {response(400, R"({"error_message":"api_key SECRETKEY0123456789 of api_key=abc is bad"})")});
  EXPECT_EQ("api_key [key] of api_key=[key] is bad", result.answer.symbols[0].text);
}

TEST(Fred, ServesSeriesOfYields) {
  const auto fred = make_fred(configuration("2025-10-16"));
  EXPECT_TRUE(fred->serves(Kind::yields, {"DGS3MO"}));
  EXPECT_FALSE(fred->serves(Kind::yields, {"DGS10&x=1"}));
  EXPECT_FALSE(fred->serves(Kind::prices, {"ZZTA"}));
  EXPECT_EQ(1U, fred->instruments_per_query(Kind::yields));
  EXPECT_EQ(2, fred->limits().requests_per_second);
}

}  // namespace
}  // namespace fred_test
