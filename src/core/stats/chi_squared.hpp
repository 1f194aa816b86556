#pragma once
#include "core/no_postgres.hpp"

namespace pb::core {

// The value that a chi-square variable with the given degrees of freedom does not exceed with the given probability;
// NaN when either is not usable.
double chi_squared_quantile(double probability, double degrees_of_freedom);

}  // namespace pb::core
