#pragma once
#include "core/no_postgres.hpp"

#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// A design with its intercept, if any, in front and each column scaled to unit length, which makes rank and condition
// independent of the units of the regressors.
struct ScaledDesign {
  Matrix columns;
  Vector scale;  // the lengths
};

ScaledDesign scale_design(const Matrix& x, bool intercept, Poll poll = no_poll);

// Ratio of the largest to the smallest singular value of a design that scale_design() made, or of the triangle of its
// QR decomposition: above 30, collinearity is felt (Belsley, Kuh and Welsch 1980). Infinite when it is singular.
double condition_number(const Matrix& scaled, Poll poll = no_poll);

// Variance inflation factor of each column, 1 / (1 - R^2) of its regression on an intercept and the other columns:
// how many times its coefficient's variance is that of an orthogonal design. Infinite where a column is a combination
// of others. The columns must vary.
Vector variance_inflation(const Matrix& x, Poll poll = no_poll);

}  // namespace pb::core
