#include "collect/provider/json_tree.hpp"

#include <gtest/gtest.h>

#include <string>

namespace json_tree_test {
namespace {

using pb::collect::JsonTree;

TEST(JsonTree, KeepsDigits) {
  const auto tree = JsonTree::read(
      "\xef\xbb\xbf {\"a\": [391035000000, 9.9803E10 , -0.10,\"6.4E4\"], \"b\": {\"c\": true, \"d\": null}, \"e\": "
      "\"x\\u00e9\"}\n");
  ASSERT_TRUE(tree);
  const auto& a = (*tree)["a"].elements();
  ASSERT_EQ(4U, a.size());
  EXPECT_EQ("391035000000", a[0].digits());
  EXPECT_EQ("9.9803E10", a[1].digits());
  EXPECT_EQ("-0.10", a[2].digits());
  EXPECT_EQ(64000.0, a[3].number());
  EXPECT_EQ(true, (*tree)["b"]["c"].truth());
  EXPECT_EQ(JsonTree::Type::null, (*tree)["b"]["d"].type());
  EXPECT_EQ("x\xc3\xa9", (*tree)["e"].text());
  EXPECT_FALSE((*tree)["e"].digits());
  EXPECT_EQ(JsonTree::Type::null, (*tree)["no"]["such"]["member"].type());
}

TEST(JsonTree, TakesAbsenceForNothing) {
  const auto tree =
      JsonTree::read(R"(["", " ", "N/A", "None", "Data not available", ".", "-", "NaN", null, {}, [], true])");
  ASSERT_TRUE(tree);
  for (const JsonTree& element : tree->elements()) {
    EXPECT_FALSE(element.text());
    EXPECT_FALSE(element.number());
    EXPECT_FALSE(element.day());
  }
  EXPECT_TRUE(JsonTree::read("{}")->is_empty());
  EXPECT_FALSE(tree->is_empty());
}

TEST(JsonTree, ReadsDays) {
  const auto tree = JsonTree::read(
      R"(["2025-06-06T00:00:00.000Z","2025-06-06 18:01:36","2025-06-06","2025-06-067","2025-02-30",20250606])");
  ASSERT_TRUE(tree);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(i < 3, tree->elements()[i].day().has_value()) << i;
}

TEST(JsonTree, RefusesWhatIsNotJson) {
  for (const std::string& bad : std::vector<std::string>{"",           " ",
                                                         "null",       "1",
                                                         "\"x\"",      "{",
                                                         "[1,]",       "[1 2]",
                                                         "{\"a\"}",    "{\"a\":1,}",
                                                         "[01]",       "[1.]",
                                                         "[.5]",       "[+1]",
                                                         "[1e]",       "[nul]",
                                                         "[truee]",    "[\"a]",
                                                         "[\"\\x\"]",  "{\"\\u12\":1}",
                                                         "[\"\xff\"]", "{\"a\":1} {\"b\":2}",
                                                         "[1] [2]",    "[1]]",
                                                         "[-]"})
    EXPECT_FALSE(JsonTree::read(bad)) << bad;
  EXPECT_FALSE(JsonTree::read(std::string("[\"a\0b\"]", 7)));
}

TEST(JsonTree, LimitsItsDepth) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(JsonTree::read(nested(64)));
  EXPECT_FALSE(JsonTree::read(nested(65)));
  EXPECT_FALSE(JsonTree::read(nested(1000000)));
  // Numbers that no double holds are none.
  EXPECT_FALSE(JsonTree::read("[1e999]")->elements()[0].number());
  EXPECT_FALSE(JsonTree::read("[1e999]")->elements()[0].digits());
}

}  // namespace
}  // namespace json_tree_test
