#include "core/stats/distributions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>

#include "support.hpp"

namespace distributions_test {
namespace {

using pb::core::correlation_p_value;
using pb::core::student_t_p_value;
using pb::test::nan;
using pb::test::relative_error;

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Case {
  double statistic;
  double df_or_n;
  double p_value;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.statistic << ", " << c.df_or_n; }

// 2 * scipy.stats.t.sf(abs(t), df); all digits from mpmath: betainc(df/2, 1/2, 0, df/(df + t**2), regularized=True).
const Case student_cases[] = {
    {0, 10, 1.0},
    {1, 1, 0.5},
    {2.0, 58, 0.05019046804144834},
    {-2.5, 250, 0.013060882825066126},
    {12.706204736432095, 1, 0.049999999998991306},
    {1e-3, 30, 0.99920873576648509},
    {5, 2.5, 0.023451189970861847},
    {1e6, 3, 2.2053155816792291e-18},
    {21.15500725, 58, 5.9501227979006506e-29},
    {40, 250, 1.2017878326588292e-110},
};

// The same with t = r sqrt((n - 2) / (1 - r^2)) and n - 2 degrees of freedom; scipy.stats.pearsonr gives it as pvalue.
const Case correlation_cases[] = {
    {0.085114218783, 60, 0.51789217839849046}, {0.5, 10, 0.14111328125},         {-0.99, 126, 2.4408394923579432e-107},
    {0.999, 60, 5.5251648795643553e-80},       {1e-4, 252, 0.99873969519224327}, {0, 60, 1},
};

TEST(Distributions, StudentAgreesFromOneToTinyProbabilities) {
  for (const Case& c : student_cases) {
    EXPECT_LE(relative_error(student_t_p_value(c.statistic, c.df_or_n), c.p_value), 1e-13) << testing::PrintToString(c);
    EXPECT_EQ(student_t_p_value(-c.statistic, c.df_or_n), student_t_p_value(c.statistic, c.df_or_n));
  }
}

TEST(Distributions, CorrelationAgreesFromOneToTinyProbabilities) {
  for (const Case& c : correlation_cases) {
    EXPECT_LE(relative_error(correlation_p_value(c.statistic, c.df_or_n), c.p_value), 1e-12)
        << testing::PrintToString(c);
    EXPECT_EQ(correlation_p_value(-c.statistic, c.df_or_n), correlation_p_value(c.statistic, c.df_or_n));
  }
}

TEST(Distributions, ProbabilityBelowTheSmallestDoubleIsZero) {
  EXPECT_EQ(student_t_p_value(60, 1000), 0);  // 1.2e-333
  EXPECT_EQ(student_t_p_value(infinity, 5), 0);
  EXPECT_EQ(student_t_p_value(-infinity, 5), 0);
  EXPECT_EQ(correlation_p_value(1, 3), 0);
  EXPECT_EQ(correlation_p_value(-1, 252), 0);
}

TEST(Distributions, UnusableArgumentsGiveNan) {
  EXPECT_TRUE(std::isnan(student_t_p_value(nan, 5)));
  EXPECT_TRUE(std::isnan(student_t_p_value(1, 0)));
  EXPECT_TRUE(std::isnan(student_t_p_value(1, -2)));
  EXPECT_TRUE(std::isnan(student_t_p_value(1, nan)));
  EXPECT_TRUE(std::isnan(correlation_p_value(nan, 60)));
  EXPECT_TRUE(std::isnan(correlation_p_value(1.0000001, 60)));
  EXPECT_TRUE(std::isnan(correlation_p_value(0.5, 2)));
  EXPECT_TRUE(std::isnan(correlation_p_value(0.5, nan)));
}

}  // namespace
}  // namespace distributions_test
