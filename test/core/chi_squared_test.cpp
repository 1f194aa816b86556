#include "core/stats/chi_squared.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support.hpp"

namespace chi_squared_test {
namespace {

using pb::core::chi_squared_quantile;
using pb::test::relative_error;

// scipy.stats.chi2.ppf
TEST(ChiSquared, QuantilesAgree) {
  EXPECT_LE(relative_error(chi_squared_quantile(0.025, 20), 9.590777392264867), 1e-13);
  EXPECT_LE(relative_error(chi_squared_quantile(0.975, 20), 34.16960690283833), 1e-13);
  EXPECT_LE(relative_error(chi_squared_quantile(0.025, 62), 42.125991958283706), 1e-13);
  EXPECT_LE(relative_error(chi_squared_quantile(0.975, 62), 85.65373078961532), 1e-13);
}

// With two degrees of freedom it is the exponential distribution of mean 2.
TEST(ChiSquared, OfTwoDegreesIsExponential) {
  for (const double p : {1e-6, 0.1, 0.5, 0.9, 0.999})
    EXPECT_LE(relative_error(chi_squared_quantile(p, 2), -2 * std::log1p(-p)), 1e-13) << p;
}

TEST(ChiSquared, HasNoQuantileOutsideItsDomain) {
  for (const double p : {0.0, 1.0, -0.1, 1.1, pb::test::nan}) EXPECT_TRUE(std::isnan(chi_squared_quantile(p, 5))) << p;
  for (const double df : {0.0, -1.0, pb::test::nan, std::numeric_limits<double>::infinity()})
    EXPECT_TRUE(std::isnan(chi_squared_quantile(0.5, df))) << df;
}

}  // namespace
}  // namespace chi_squared_test
