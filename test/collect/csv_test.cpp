#include "collect/provider/csv.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace csv_test {
namespace {

using pb::collect::Csv;
using pb::collect::CsvLimits;

std::vector<std::vector<std::string>> rows(Csv& csv) {
  std::vector<std::vector<std::string>> result;
  while (csv.next()) {
    auto& row = result.emplace_back();
    for (std::size_t i = 0; i < csv.header().size(); ++i) row.emplace_back(csv.field(i));
  }
  return result;
}

using Rows = std::vector<std::vector<std::string>>;

TEST(Csv, ReadsQuotesAndLineEnds) {
  Csv csv(
      "\xef\xbb\xbf"
      "date, \"Name\" ,value\r\n2025-01-02,\"a \"\"b\"\", c\",1\r\n\r\n2025-01-03,\"two\nlines\",\n");
  EXPECT_EQ("the header is malformed: a quote stands within a field that has none around it", csv.failure());
  Csv good(
      "\xef\xbb\xbf"
      "date,\"Name\",value\r\n2025-01-02,\"a \"\"b\"\", c\", 1 \r\n\r\n2025-01-03,\"two\nlines\",\nx,y,z");
  EXPECT_EQ("", good.failure());
  EXPECT_EQ(0U, good.column("date"));
  EXPECT_EQ((Rows{{"2025-01-02", "a \"b\", c", "1"}, {"2025-01-03", "two\nlines", ""}, {"x", "y", "z"}}), rows(good));
  EXPECT_EQ(0U, good.problem_count());
  EXPECT_EQ("", good.failure());
}

TEST(Csv, FindsColumnsByName) {
  Csv csv("Date,\"1 Mo\",10 Yr\n1,2,3\n");
  EXPECT_EQ(1U, csv.column("1 mo"));
  EXPECT_EQ(2U, csv.column("10 YR"));
  EXPECT_FALSE(csv.column("1 Yr"));
  ASSERT_TRUE(csv.next());
  EXPECT_EQ("3", csv.field(csv.column("10 Yr")));
  EXPECT_EQ("", csv.field(csv.column("20 Yr")));
}

TEST(Csv, ReportsMalformedRowsAndGoesOn) {
  Csv csv("a,b\n1,2\n1\n1,2,3\nx\"y,2\n\"x\"y,2\n3\r,4\n\"two\nlines\",5\n6,7\n");
  EXPECT_EQ((Rows{{"1", "2"}, {"two\nlines", "5"}, {"6", "7"}}), rows(csv));
  ASSERT_EQ(5U, csv.problem_count());
  const std::vector<std::pair<std::size_t, std::string>> wanted{
      {3, "the row has 1 fields, the header 2"},
      {4, "the row has 3 fields, the header 2"},
      {5, "a quote stands within a field that has none around it"},
      {6, "text follows the end of a quote"},
      {7, "a carriage return stands within a line"}};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(wanted[i].first, csv.problems()[i].line);
    EXPECT_EQ(wanted[i].second, csv.problems()[i].text);
  }
  EXPECT_EQ("", csv.failure());
}

TEST(Csv, CountsLinesWithinQuotes) {
  Csv csv("a,b\n\"1\n2\n3\",4\n5\n");
  EXPECT_EQ(1U, rows(csv).size());
  ASSERT_EQ(1U, csv.problem_count());
  EXPECT_EQ(5U, csv.problems()[0].line);
}

TEST(Csv, AQuoteWithoutEndIsNoRow) {
  Csv csv("a,b\n1,2\n3,\"4\n5,6\n");
  EXPECT_EQ((Rows{{"1", "2"}}), rows(csv));
  EXPECT_EQ("the quote on line 3 has no end", csv.failure());
}

TEST(Csv, RefusesZeroBytesAndDoubledNames) {
  Csv zero(std::string_view("a,b\n1,\0002\n3,4\n", 14));
  EXPECT_EQ((Rows{{"3", "4"}}), rows(zero));
  EXPECT_EQ("a field has a zero byte", zero.problems().at(0).text);
  EXPECT_EQ("two columns are named \"b\"", Csv("b,a,B\n").failure());
  EXPECT_EQ("the text has no header", Csv("").failure());
  EXPECT_EQ("the text has no header", Csv("\r\n\n").failure());
  Csv none("");
  EXPECT_FALSE(none.next());
}

TEST(Csv, KeepsWithinLimits) {
  EXPECT_EQ("the text has more than 4 bytes", Csv("a,b\n1", {.max_bytes = 4}).failure());
  Csv many("a\n1\n2\n3\n", {.max_rows = 2});
  EXPECT_EQ(2U, rows(many).size());
  EXPECT_EQ("the text has more than 2 rows", many.failure());
  EXPECT_EQ("the header is malformed: the row has more than 2 fields", Csv("a,b,c\n", {.max_columns = 2}).failure());
  Csv wide("a,b\n12345,1\n1,2\n", {.max_field_bytes = 4});
  EXPECT_EQ(1U, rows(wide).size());
  EXPECT_EQ(1U, wide.problem_count());
  std::string bad = "a,b\n";
  for (int i = 0; i < 1000; ++i) bad += "1\n";
  Csv all(bad);
  EXPECT_TRUE(rows(all).empty());
  EXPECT_EQ(1000U, all.problem_count());
  EXPECT_EQ(20U, all.problems().size());
}

}  // namespace
}  // namespace csv_test
