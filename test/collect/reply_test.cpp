#include "collect/provider/reply.hpp"

#include <gtest/gtest.h>

#include "collect/provider/json_tree.hpp"
#include "core/market/fundamentals.hpp"
#include "provider_testing.hpp"

namespace reply_test {
namespace {

using namespace provider_testing;
using namespace pb::collect;

TEST(Reply, LeavesNoKeyInWords) {
  EXPECT_EQ("your [key] is bad", plain_words("your a/b is bad", "a/b"));
  EXPECT_EQ("your [key] is bad", plain_words("your a%2Fb is bad", "a/b"));
  EXPECT_EQ("see x?apikey=[key]&a=1, apiKey: \"[key]\", Authorization: [key]",
            plain_words("see x?apikey=abc&a=1, apiKey: \"abc\", Authorization: abc", ""));
  EXPECT_EQ("Bearer [key]", plain_words("Bearer 0123456789abcdef", ""));
  EXPECT_EQ("Invalid token. The bearer of it", plain_words("Invalid token. The bearer of it", ""));
}

TEST(Reply, MakesOneLineOfUtf8) {
  EXPECT_EQ("a b ? \xc3\xa9", plain_words(std::string("\n a\t\r\nb \xff \xc3\xa9 \0 ", 15), ""));
  EXPECT_EQ("???", plain_words("\xc0\x80\xf5", ""));
  EXPECT_EQ(300U, plain_words(std::string(5000, 'x'), "").size());
  EXPECT_EQ(std::string(299, 'x'), plain_words(std::string(299, 'x') + "\xc3\xa9", ""));
}

TEST(Reply, EncodesEveryByteButPlainOnes) {
  EXPECT_EQ("%5EGSPC", percent_encoded("^GSPC"));
  EXPECT_EQ("O%3AA%2FB%2B%25-._~%FF", percent_encoded("O:A/B+%-._~\xff"));
}

TEST(Reply, FindsTheNearestEndOfAMonth) {
  const auto nearest = [](std::string_view iso) {
    return pb::core::to_iso(pb::market::canonical_period_end(day(iso)));
  };
  EXPECT_EQ("2024-09-30", nearest("2024-09-28"));
  EXPECT_EQ("2024-09-30", nearest("2024-10-05"));
  EXPECT_EQ("2024-02-29", nearest("2024-02-29"));
  EXPECT_EQ("2024-12-31", nearest("2025-01-10"));
  EXPECT_EQ("2025-01-11", nearest("2025-01-11"));
  EXPECT_EQ("2025-06-15", nearest("2025-06-15"));
  EXPECT_EQ("2025-06-30", nearest("2025-06-20"));
}

TEST(Reply, ReadsNumbersThatFillTheText) {
  EXPECT_EQ(4.18, number_in("4.18"));
  EXPECT_EQ(4.18, number_in("+4.18"));
  EXPECT_EQ(-1e5, number_in("-1E5"));
  for (const char* none : {"", ".", "N/A", "4,18", "4 ", "0x10", "nan", "inf", "1e999"}) EXPECT_FALSE(number_in(none));
}

TEST(Reply, ReadsTheDayOfATime) {
  for (const char* good : {"2025-06-06T00:00:00.000Z", "2025-06-06 18:01:36", "2025-06-06"})
    EXPECT_EQ(day("2025-06-06"), iso_day_in(good));
  for (const char* bad : {"2025-06-067", "2025-02-30", "20250606", "", "06/06/2025"})
    EXPECT_FALSE(iso_day_in(bad)) << bad;
}

TEST(Reply, FindsTheFractionOfASplit) {
  const auto ratio = [](double factor) {
    const auto action = split_of(day("2025-01-02"), factor);
    return std::pair(action.numerator.value(), action.denominator.value());
  };
  EXPECT_EQ((std::pair<double, double>(10, 1)), ratio(10));
  EXPECT_EQ((std::pair<double, double>(3, 2)), ratio(1.5));
  EXPECT_EQ((std::pair<double, double>(1, 3)), ratio(0.33333333));
  EXPECT_EQ((std::pair<double, double>(21, 20)), ratio(1.05));
  EXPECT_EQ((std::pair<double, double>(1, 25)), ratio(0.04));
}

TEST(Reply, KeepsTheLastBarOfADayWithinTheRange) {
  std::vector<pb::market::Bar> bars;
  for (const char* iso : {"2025-01-06", "2025-01-03", "2025-01-02", "2025-01-03", "2025-01-07"}) {
    bars.push_back({day(iso)});
    bars.back().close = static_cast<double>(bars.size());
  }
  put_in_order(bars, day("2025-01-03"), day("2025-01-06"));
  ASSERT_EQ(2U, bars.size());
  expect_bar(bars[0], "2025-01-03", 4.0, {});
  expect_bar(bars[1], "2025-01-06", 1.0, {});
}

TEST(Reply, ReadsVolumes) {
  const auto volumes = JsonTree::read(R"([1.12117471e+08, "640", 0.6, -1, 1e300, null])").value();
  const std::vector<std::optional<std::int64_t>> wanted{112117471, 640, 1, {}, {}, {}};
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(wanted[i], volume_in(volumes.elements()[i])) << i;
}

TEST(Reply, EndsByFailure) {
  using http::Failure;
  const auto ending = [](Failure failure) { return ending_of(provider_testing::failure(failure), "").outcome; };
  EXPECT_EQ(Outcome::transient, ending(Failure::connection));
  EXPECT_EQ(Outcome::transient, ending(Failure::certificate));
  EXPECT_EQ(Outcome::transient, ending(Failure::timeout));
  EXPECT_EQ(Outcome::transient, ending(Failure::truncated));
  EXPECT_EQ(Outcome::malformed, ending(Failure::too_large));
  EXPECT_EQ(Outcome::blocked, ending(Failure::forbidden_address));
  EXPECT_EQ(Outcome::blocked, ending(Failure::forbidden_redirect));
  EXPECT_EQ(Outcome::transient, ending_of(response(425, ""), "").outcome);
  EXPECT_EQ(Outcome::transient, ending_of(response(408, ""), "").outcome);
  EXPECT_EQ(Outcome::malformed, ending_of(response(302, ""), "").outcome);
  EXPECT_EQ("status 503: busy", ending_of(response(503, ""), "busy").text);
}

TEST(Reply, KnowsPlainSymbols) {
  for (const char* good : {"ZZTA", "^GSPC", "BRK.B", "7203.T", "EURUSD=X", "I:SPX", "BTC-USD", "BACpK"})
    EXPECT_TRUE(is_plain_symbol(good)) << good;
  for (const char* bad : {"", "^", ".A", "A..B", "A/B", "A B", "A%", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456"})
    EXPECT_FALSE(is_plain_symbol(bad)) << bad;
}

TEST(Reply, NamesSymbolsByAliasBeforeRules) {
  EXPECT_EQ("BRK-B", ticker_of("fmp", {"BRK.B"}));
  EXPECT_EQ("BRK.B", ticker_of("polygon", {"BRK.B"}));
  EXPECT_EQ("X1", ticker_of("fmp", {"BRK.B", "X1"}));
  EXPECT_EQ("", ticker_of("tiingo", {"../x"}));
}

TEST(Reply, AConversationWithoutItsEndAnswersNothing) {
  const auto treasury = make_treasury(configuration("2025-01-03"));
  const auto conversation = treasury->ask(query(Kind::yields, {"DGS10"}, "2025-01-02", "2025-01-03"));
  EXPECT_EQ(Outcome::transient, conversation->answer().symbols.at(0).outcome);
}

}  // namespace
}  // namespace reply_test
