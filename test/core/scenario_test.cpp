#include "core/portfolio/scenario.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "support.hpp"

namespace scenario_test {
namespace {

using pb::core::resolve_shocks;
using pb::core::RiskFactor;
using pb::core::Scenario;
using pb::core::Shock;
using pb::core::ShockUnit;
using pb::test::nan;
using pb::test::sqlstate_of;

const std::vector<RiskFactor> factors{{"market", ShockUnit::simple_return},
                                      {"value", ShockUnit::simple_return},
                                      {"growth", ShockUnit::simple_return},
                                      {"interest_rate", ShockUnit::yield_change}};

Shock by_return(const char* factor, double size) { return {factor, size, ShockUnit::simple_return}; }
Shock by_yield(const char* factor, double size) { return {factor, size, ShockUnit::yield_change}; }

// Message of the error that a scenario raises, after checking its SQLSTATE.
std::string refusal(const std::vector<Shock>& shocks) {
  const Scenario scenario{"my_scenario", shocks};
  EXPECT_EQ(sqlstate_of([&] { resolve_shocks(scenario, factors); }), "22023");
  try {
    resolve_shocks(scenario, factors);
  } catch (const pb::core::Error& error) {
    EXPECT_NE(error.message().find("my_scenario"), std::string::npos) << error.message();
    EXPECT_FALSE(error.hint().empty());
    return error.message();
  }
  return "";
}

TEST(Scenario, FindsItsFactors) {
  const Scenario scenario{"mixed",
                          {by_return("growth", -0.1), by_yield("interest_rate", 0.01), by_return("market", 0)}};
  EXPECT_EQ(resolve_shocks(scenario, factors), (std::vector<int>{2, 3, 0}));
}

TEST(Scenario, MustShockSomething) { EXPECT_NE(refusal({}).find("no shocks"), std::string::npos); }

TEST(Scenario, FactorMustExist) {
  EXPECT_NE(refusal({by_return("market", 0.1), by_return("quality", 0.1)}).find("\"quality\""), std::string::npos);
  refusal({by_return("Market", 0.1)});
  refusal({by_return("", 0.1)});
}

TEST(Scenario, FactorMustBeShockedOnce) {
  const std::string message = refusal({by_return("value", 0.1), by_return("market", 0.1), by_return("value", 0.1)});
  EXPECT_NE(message.find("twice"), std::string::npos);
  EXPECT_NE(message.find("\"value\""), std::string::npos);
}

TEST(Scenario, ShockMustBeFinite) {
  for (const double size : {nan, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()})
    EXPECT_NE(refusal({by_return("market", 0.1), by_return("growth", size)}).find("\"growth\""), std::string::npos);
}

TEST(Scenario, UnitMustBeThatOfTheFactor) {
  EXPECT_NE(refusal({by_yield("market", 0.01)}).find("\"market\""), std::string::npos);
  EXPECT_NE(refusal({by_return("interest_rate", 0.01)}).find("yield_change"), std::string::npos);
}

TEST(ShockBasis, IsNamedByItsWord) {
  EXPECT_EQ(pb::core::shock_basis("absolute"), pb::core::ShockBasis::absolute);
  EXPECT_EQ(pb::core::shock_basis("relative"), pb::core::ShockBasis::relative);
  for (const char* word : {"", "Absolute", "return"})
    EXPECT_EQ(sqlstate_of([&] { pb::core::shock_basis(word); }), "22023") << word;
}

TEST(ShockUnit, IsNamedByItsWord) {
  for (const ShockUnit unit : {ShockUnit::simple_return, ShockUnit::yield_change})
    EXPECT_EQ(pb::core::shock_unit(pb::core::to_word(unit)), unit);
  EXPECT_EQ(pb::core::shock_unit("return"), ShockUnit::simple_return);
  for (const char* word : {"", "bp", "Return", "returns"})
    EXPECT_EQ(sqlstate_of([&] { pb::core::shock_unit(word); }), "22023") << word;
}

}  // namespace
}  // namespace scenario_test
