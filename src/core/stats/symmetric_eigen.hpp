#pragma once
#include "core/no_postgres.hpp"

#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// A = vectors x diag(values) x vectors', the values ascending.
struct SymmetricEigen {
  Vector values;
  Matrix vectors;
};

// Eigenvalues and eigenvectors of a symmetric, finite matrix: Householder reflections make it tridiagonal, and implicit
// QR steps with Wilkinson's shift make that diagonal (Golub and Van Loan, algorithms 8.3.1 and 8.3.2), as in Eigen's
// SelfAdjointEigenSolver. It polls before each reflection and each rotation of the vectors. Throws 22000 when the steps
// do not converge.
SymmetricEigen decompose_symmetric(const Matrix& a, Poll poll = no_poll);

// The values alone.
Vector symmetric_eigenvalues(const Matrix& a, Poll poll = no_poll);

// A vector w in terms of the eigenvectors.
struct EigenLoadings {
  Vector values;    // ascending
  Vector loadings;  // vectors' w
};

// The values and loadings without the vectors, which take most of the time.
EigenLoadings eigen_loadings(const Matrix& a, const Eigen::Ref<const Vector>& w, Poll poll = no_poll);

}  // namespace pb::core
