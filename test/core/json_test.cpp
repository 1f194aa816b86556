#include "core/text/json.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

namespace json_test {
namespace {

using pb::core::json_array;
using pb::core::json_string;
using pb::core::JsonObject;

TEST(Json, QuotesWhatJsonDoesNotAllowInStrings) {
  EXPECT_EQ(json_string(""), R"("")");
  EXPECT_EQ(json_string(R"(say "hi" \ bye)"), R"("say \"hi\" \\ bye")");
  EXPECT_EQ(json_string("a\tb\nc\x01\x1f"), R"("a\u0009b\u000ac\u0001\u001f")");
  EXPECT_EQ(json_string(std::string("a\0b", 3)), R"("a\u0000b")");
  EXPECT_EQ(json_string("Zürich € 漢"), "\"Zürich € 漢\"");
}

TEST(Json, WritesMembersInOrder) {
  EXPECT_EQ(JsonObject{}.str(), "{}");
  const std::int64_t count = -3;
  EXPECT_EQ(JsonObject{}.add("n", count).add("s", "x\"y").add("d", 0.5).raw("a", "[1]").str(),
            R"({"n": -3, "s": "x\"y", "d": 0.5, "a": [1]})");
}

TEST(Json, KeepsEveryDigitAndHasNoNanOrInfinity) {
  const double third = 1.0 / 3.0;
  const std::string text = JsonObject{}.add("x", third).str();
  EXPECT_EQ(std::strtod(text.c_str() + std::string("{\"x\": ").size(), nullptr), third);
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(JsonObject{}.add("a", std::numeric_limits<double>::quiet_NaN()).add("b", -infinity).str(),
            R"({"a": null, "b": null})");
}

TEST(Json, WritesArraysOfStrings) {
  EXPECT_EQ(json_array(std::vector<std::string>{}), "[]");
  EXPECT_EQ(json_array(std::vector<std::string>{"A", "B\"C"}), R"(["A", "B\"C"])");
}

TEST(Json, ObjectsHoldObjects) {
  const JsonObject empty;
  JsonObject inner(100);
  inner.add("x", 0.5).add("y", "z");
  EXPECT_EQ(JsonObject().add("a", inner).add("b", empty).add("c", std::int64_t{1}).str(),
            R"({"a": {"x": 0.5, "y": "z"}, "b": {}, "c": 1})");
}

}  // namespace
}  // namespace json_test
