#pragma once
#include "core/no_postgres.hpp"

#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// A = left x diag(values) x right', with min(rows, columns) values, descending, and orthonormal columns on either side.
struct SingularValueDecomposition {
  Matrix left;
  Vector values;
  Matrix right;
};

// By two-sided Jacobi rotations, after a QR decomposition with column pivoting unless the matrix is square, as in
// Eigen's JacobiSVD (Golub and Van Loan, section 8.6.3). It polls before each rotation. Elements must be finite.
SingularValueDecomposition decompose_singular(const Matrix& a, Poll poll = no_poll);

// The values alone.
Vector singular_values(const Matrix& a, Poll poll = no_poll);

}  // namespace pb::core
