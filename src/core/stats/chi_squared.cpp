#include "core/stats/chi_squared.hpp"

#include "core/stats/boost_math.hpp"

#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <limits>

namespace pb::core {

namespace {

// The result must not depend on the platform's long double.
using Policy = boost::math::policies::policy<boost::math::policies::promote_double<false>>;
using ChiSquared = boost::math::chi_squared_distribution<double, Policy>;

}  // namespace

double chi_squared_quantile(double probability, double degrees_of_freedom) {
  if (!(probability > 0 && probability < 1) || !(degrees_of_freedom > 0) || !std::isfinite(degrees_of_freedom))
    return std::numeric_limits<double>::quiet_NaN();
  return boost::math::quantile(ChiSquared(degrees_of_freedom), probability);
}

}  // namespace pb::core
