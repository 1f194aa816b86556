#include <gtest/gtest.h>

#include "provider_testing.hpp"

namespace treasury_test {
namespace {

using namespace provider_testing;
using pb::collect::make_treasury;

TEST(Treasury, AsksYearByYearAndFindsColumnsByName) {
  const auto treasury = make_treasury(configuration("2025-01-03", ""));
  const Query asked = query(Kind::yields, {"DGS10", "DGS30", "DGS3MO"}, "2024-12-30", "2025-01-02");
  const Talk result =
      talk(*treasury, asked,
           {response(200, payload("treasury/2024_reordered.csv")), response(200, payload("treasury/2025.csv"))});
  EXPECT_EQ("https://home.treasury.gov", result.requests.at(0).base);
  EXPECT_EQ(
      "/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv/2024/all"
      "?type=daily_treasury_yield_curve&field_tdr_date_value=2024&page&_format=csv",
      result.requests[0].path);
  EXPECT_NE(std::string::npos, result.requests.at(1).path.find("/2025/all?"));
  const auto& ten = result.answer.symbols[0].yields;
  ASSERT_EQ(2U, ten.size());
  EXPECT_EQ("DGS10", ten[0].series);
  EXPECT_EQ("2024-12-31", pb::core::to_iso(ten[0].date));
  EXPECT_EQ(4.58, ten[0].rate);
  EXPECT_EQ("2025-01-02", pb::core::to_iso(ten[1].date));
  EXPECT_EQ(4.57, ten[1].rate);
  EXPECT_EQ(4.79, result.answer.symbols[1].yields.at(1).rate);
  // Its column is not there in one of the years.
  ASSERT_EQ(1U, result.answer.symbols[2].yields.size());
  EXPECT_EQ(4.36, result.answer.symbols[2].yields[0].rate);
  for (const auto& symbol : result.answer.symbols) EXPECT_EQ(Outcome::ok, symbol.outcome);
}

TEST(Treasury, MapsEveryMaturity) {
  const auto treasury = make_treasury(configuration("2025-01-03", ""));
  const std::vector<std::pair<std::string, double>> wanted{
      {"DGS1MO", 4.44}, {"DGS3MO", 4.34}, {"DGS6MO", 4.25}, {"DGS1", 4.18},  {"DGS2", 4.28}, {"DGS3", 4.32},
      {"DGS5", 4.41},   {"DGS7", 4.51},   {"DGS10", 4.60},  {"DGS20", 4.88}, {"DGS30", 4.82}};
  std::vector<std::string> series;
  for (const auto& [name, rate] : wanted) series.push_back(name);
  const Talk result = talk(*treasury, query(Kind::yields, series, "2025-01-03", "2025-01-03"),
                           {response(200, payload("treasury/2025.csv"))});
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_EQ(1U, result.answer.symbols[i].yields.size()) << wanted[i].first;
    EXPECT_EQ(wanted[i].second, result.answer.symbols[i].yields[0].rate) << wanted[i].first;
    EXPECT_TRUE(treasury->serves(Kind::yields, {wanted[i].first}));
  }
  EXPECT_FALSE(treasury->serves(Kind::yields, {"FEDFUNDS"}));
  EXPECT_FALSE(treasury->serves(Kind::prices, {"DGS10"}));
  EXPECT_FALSE(treasury->needs_key());
  EXPECT_EQ(11U, treasury->instruments_per_query(Kind::yields));
}

TEST(Treasury, EndsWithoutRows) {
  const auto treasury = make_treasury(configuration("2025-01-03", ""));
  const Query asked = query(Kind::yields, {"DGS10"}, "2025-01-02", "2025-01-03");
  const auto with = [&](int status, const std::string& body) {
    return ending(*treasury, asked, response(status, body));
  };
  EXPECT_EQ("NO_DATA", with(200, "Date,10 Yr\n"));
  EXPECT_EQ("NO_DATA", with(200, "\n"));
  EXPECT_EQ("NO_DATA", with(404, "<html>not found</html>"));
  EXPECT_EQ("MALFORMED", with(200, "Day,10 Yr\n01/02/2025,4\n"));
  EXPECT_EQ("MALFORMED", with(200, "Date,10 Years\n01/02/2025,4\n"));
  EXPECT_EQ("MALFORMED", with(200, "Date,10 Yr\n2025-01-02,4\n"));
  EXPECT_EQ("MALFORMED", with(200, "Date,10 Yr\n01/02/2025,\"4\n"));
  EXPECT_EQ("MALFORMED", with(200, "Date,10 Yr,10 Yr\n01/02/2025,4,4\n"));
  EXPECT_EQ("MALFORMED", with(200, "Date,10 Yr\n02/30/2025,4\n"));
  EXPECT_EQ("BLOCKED!", with(200, "<html>checking your browser</html>"));
  EXPECT_EQ("RATE_LIMIT!", with(429, "slow down"));
  EXPECT_EQ("TRANSIENT!", with(503, "<html></html>"));
  const Talk some = talk(*treasury, asked, {response(200, "Date,10 Yr\n01/02/2025,4\n01/03/2025\n")});
  EXPECT_EQ(1U, some.answer.symbols[0].yields.size());
  EXPECT_EQ("1 malformed rows of 2025 were left out, the first on line 3: the row has 1 fields, the header 2",
            some.answer.symbols[0].text);
}

}  // namespace
}  // namespace treasury_test
