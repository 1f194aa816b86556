// JSON as a tree: what is read, what is refused, and what counts as said.
#include "collect/provider/json_tree.hpp"

#include <gtest/gtest.h>

namespace json_values_test {
namespace {

using pb::collect::JsonTree;
using std::nullopt;

JsonTree member(const std::string& value) {
  const auto tree = JsonTree::read("{\"a\":" + value + "}");
  EXPECT_TRUE(tree) << value;
  return tree ? (*tree)["a"] : JsonTree();
}

TEST(JsonValues, NumbersKeepTheirDigits) {
  EXPECT_EQ("391035000000", member("391035000000").digits());
  EXPECT_EQ("9.9803E10", member("9.9803E10").digits());
  EXPECT_EQ("0.10", member("0.10").digits());
  EXPECT_EQ("123456789012345678901234567890.5", member("123456789012345678901234567890.5").digits());
  EXPECT_EQ("164000", member("\" 164000 \"").digits());
  EXPECT_EQ("1.50", member("{\"raw\":1.50,\"fmt\":\"1.5\"}").digits());
  EXPECT_EQ(nullopt, member("1e999").digits());
  EXPECT_EQ(nullopt, member("\"1,000\"").digits());
  EXPECT_EQ(9.9803e10, member("9.9803E10").number());
  EXPECT_EQ(99803000000, member("9.9803E10").integer());
  EXPECT_EQ(9223372036854775807, member("9223372036854775807").integer());
  EXPECT_EQ(5, member("5.0").integer());
  EXPECT_EQ(5, member("{\"raw\":5}").integer());
  EXPECT_EQ(nullopt, member("5.5").integer());
  EXPECT_EQ(nullopt, member("1e30").integer());
}

TEST(JsonValues, WordsOfAbsenceAreAbsence) {
  for (const char* value :
       {"null", "{}", "\"\"", "\"N/A\"", "\"None\"", "\"Data not available\"", "\"-\"", "{\"raw\":null}",
        "{\"raw\":{}}", "{\"fmt\":\"1\"}", "[]", "[1]", "NaN", "Infinity", "-Infinity", "\" n/a \""}) {
    EXPECT_EQ(nullopt, member(value).text()) << value;
    EXPECT_EQ(nullopt, member(value).digits()) << value;
    EXPECT_EQ(nullopt, member(value).number()) << value;
    EXPECT_EQ(nullopt, member(value).integer()) << value;
    EXPECT_EQ(nullopt, member(value).truth()) << value;
    EXPECT_EQ(nullopt, member(value).day()) << value;
  }
  EXPECT_EQ(nullopt, member("1")["b"]["c"].text());
  EXPECT_EQ("Nonesuch", member("\"Nonesuch\"").text());
  EXPECT_EQ(true, member("true").truth());
  EXPECT_EQ(pb::core::from_iso("2025-03-31"), member("\"2025-03-31T00:00:00Z\"").day());
}

TEST(JsonValues, WordsBesideJsonDoNotHideTheRest) {
  const auto tree = JsonTree::read("{\"a\":[1,Infinity,NaN,-Infinity,2],\"b\":3}");
  ASSERT_TRUE(tree);
  ASSERT_EQ(5u, (*tree)["a"].elements().size());
  EXPECT_EQ(2, (*tree)["a"].elements()[4].number());
  EXPECT_EQ(3, (*tree)["b"].number());
}

TEST(JsonValues, TextIsDecoded) {
  EXPECT_EQ("Z\u00fcrich \"A\" \U0001F600", member("\"Z\\u00fcrich \\\"A\\\" \\ud83d\\ude00\"").text());
}

TEST(JsonValues, WhatIsNoJsonIsRefused) {
  using namespace std::string_literals;
  for (const std::string& text : {""s,
                                  " "s,
                                  "1"s,
                                  "\"a\""s,
                                  "null"s,
                                  "<html>"s,
                                  "{"s,
                                  "[1,2"s,
                                  "{\"a\":1"s,
                                  "{\"a\":}"s,
                                  "{\"a\":1}}"s,
                                  "{} x"s,
                                  "[1,]"s,
                                  "[01]"s,
                                  "[1.]"s,
                                  "[+1]"s,
                                  "[.5]"s,
                                  "[1e]"s,
                                  "[tru]"s,
                                  "[nul]"s,
                                  "[Inf]"s,
                                  "[-]"s,
                                  "{\"a\" 1}"s,
                                  "{a:1}"s,
                                  "[\"\\x\"]"s,
                                  "[\"a\nb\"]"s,
                                  "[\"\\ud800\"]"s,
                                  "[\"\xff\"]"s,
                                  "[\"\xc3\x28\"]"s,
                                  "[\"a\0b\"]"s,
                                  "[\"a\\u0000b\"]"s,
                                  "{\"a\\u0000\":1}"s,
                                  "[1\0]"s,
                                  "\0{}"s,
                                  "[1]\0"s,
                                  "[nullx]"s,
                                  "[1 2]"s,
                                  "[[1]"s,
                                  "[}"s})
    EXPECT_FALSE(JsonTree::read(text)) << testing::PrintToString(text);
}

TEST(JsonValues, DepthIsLimited) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(JsonTree::read(nested(64)));
  EXPECT_FALSE(JsonTree::read(nested(65)));
  EXPECT_FALSE(JsonTree::read(nested(100000)));
  EXPECT_FALSE(JsonTree::read(std::string(100000, '[')));
}

}  // namespace
}  // namespace json_values_test
