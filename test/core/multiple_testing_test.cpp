#include "core/stats/multiple_testing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support.hpp"

namespace multiple_testing_test {
namespace {

using pb::core::benjamini_hochberg;
using pb::test::bits;
using pb::test::nan;
using pb::test::relative_error;

TEST(BenjaminiHochberg, AgreesWithStatsmodels) {
  std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> cases;
  for (const auto& record : pb::test::read_csv(pb::test::golden_file("multiple_testing.csv"))) {
    cases[record.text("case")].first.push_back(record.number("p_value"));
    cases[record.text("case")].second.push_back(record.number("q_value"));
  }
  ASSERT_EQ(cases.size(), 7U);
  for (const auto& [name, values] : cases) {
    const std::vector<double> q_values = benjamini_hochberg(values.first);
    ASSERT_EQ(q_values.size(), values.second.size()) << name;
    for (std::size_t i = 0; i < q_values.size(); ++i) {
      if (std::isnan(values.second[i]))
        EXPECT_TRUE(std::isnan(q_values[i])) << name << " " << i;
      else
        EXPECT_LE(relative_error(q_values[i], values.second[i]), 1e-14) << name << " " << i;
    }
  }
}

// The example of the paper, section 4.2: at a rate of 5 % the first four hypotheses are rejected.
TEST(BenjaminiHochberg, RejectsFourOfThePublishedFifteen) {
  const std::vector<double> q_values = benjamini_hochberg(std::vector<double>{
      .0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1.0});
  EXPECT_EQ(std::count_if(q_values.begin(), q_values.end(), [](double q) { return q <= 0.05; }), 4);
  EXPECT_DOUBLE_EQ(q_values[3], .0095 * 15 / 4);
}

TEST(BenjaminiHochberg, IsMonotoneAndKeepsTheOrderOfTheInput) {
  std::mt19937_64 random(1);
  std::vector<double> p_values;
  for (int i = 0; i < 200; ++i) p_values.push_back(std::ldexp(static_cast<double>(random() % 64), -6));
  const std::vector<double> q_values = benjamini_hochberg(p_values);
  for (std::size_t i = 0; i < p_values.size(); ++i) {
    EXPECT_GE(q_values[i], p_values[i]);
    EXPECT_LE(q_values[i], 1);
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_FALSE(p_values[i] < p_values[j] && q_values[i] > q_values[j]);
      EXPECT_FALSE(p_values[i] == p_values[j] && bits(q_values[i]) != bits(q_values[j]));
    }
  }
  // Tests that were not made change nothing.
  std::vector<double> with_gaps{nan};
  for (const double p : p_values) with_gaps.insert(with_gaps.end(), {p, nan});
  const std::vector<double> same = benjamini_hochberg(with_gaps);
  EXPECT_TRUE(std::isnan(same[0]));
  for (std::size_t i = 0; i < p_values.size(); ++i) EXPECT_EQ(bits(same[2 * i + 1]), bits(q_values[i]));
}

TEST(BenjaminiHochberg, OfNothingIsNothing) { EXPECT_TRUE(benjamini_hochberg({}).empty()); }

}  // namespace
}  // namespace multiple_testing_test
