#pragma once
#include "core/no_postgres.hpp"

namespace pb::core {

// Two-sided p-value of Student's t with the given degrees of freedom; NaN when either is not usable. Computed from
// the complement, so that tiny p-values keep their digits.
double student_t_p_value(double t_statistic, double degrees_of_freedom);

// Two-sided p-value of a Pearson correlation of n pairs under no correlation: t = r sqrt((n-2)/(1-r^2)), n-2 degrees
// of freedom. 0 for |r| = 1; NaN for fewer than three pairs.
double correlation_p_value(double correlation, double observations);

}  // namespace pb::core
