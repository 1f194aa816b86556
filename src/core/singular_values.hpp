#pragma once
#include "core/no_postgres.hpp"

#include "core/linear_algebra.hpp"
#include "core/poll.hpp"

namespace pb::core {

// A = left x diag(values) x right', with min(rows, columns) values, descending. The vectors of the longer side are
// orthonormal; so are those of the shorter one, but for those of values that are exactly 0, which are 0 themselves.
struct SingularValueDecomposition {
  Matrix left;
  Vector values;
  Matrix right;
};

// By one-sided Jacobi rotations on the triangle of a QR decomposition with column pivoting (Drmac and Veselic 2008):
// pairs of columns are rotated until all are orthogonal, so that also small values are found to high relative accuracy
// whatever the lengths of the columns are. With a poll before each rotation. The squares of the elements must be in the
// range of double. Throws 22000 when the rotations do not converge, which finite elements never led to.
SingularValueDecomposition decompose_singular(const Matrix& a, Poll poll = no_poll);

// The values alone.
Vector singular_values(const Matrix& a, Poll poll = no_poll);

}  // namespace pb::core
