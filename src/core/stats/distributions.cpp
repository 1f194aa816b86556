#include "core/stats/distributions.hpp"

#include "core/stats/boost_math.hpp"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "core/limits.hpp"

namespace pb::core {

namespace {

// The result must not depend on the platform's long double.
using Policy = boost::math::policies::policy<boost::math::policies::promote_double<false>>;
using StudentT = boost::math::students_t_distribution<double, Policy>;

}  // namespace

double student_t_p_value(double t_statistic, double degrees_of_freedom) {
  if (std::isnan(t_statistic) || !(degrees_of_freedom > 0)) return nan;
  if (std::isinf(t_statistic)) return 0;
  return 2 * boost::math::cdf(boost::math::complement(StudentT(degrees_of_freedom), std::fabs(t_statistic)));
}

double correlation_p_value(double correlation, double observations) {
  if (!(std::fabs(correlation) <= 1) || observations < 3) return nan;
  if (std::fabs(correlation) == 1) return 0;
  const double df = observations - 2;
  return student_t_p_value(correlation * std::sqrt(df / ((1 - correlation) * (1 + correlation))), df);
}

}  // namespace pb::core
