// Orthogonal reductions by Householder reflections, column by column, with a poll before each of their steps.
#pragma once
#include "core/no_postgres.hpp"

#include <vector>

#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// Reflections I - c v v', whose vectors v stand below each other in the columns of a matrix: 0 above the row
// `column + shift`, 1 there, and what the matrix holds below it.
struct Reflections {
  Matrix packed;
  Vector coefficients;
  Eigen::Index shift = 0;

  auto tail(Eigen::Index column) const { return packed.col(column).tail(packed.rows() - column - shift - 1); }
};

// The first columns of the product of the reflections, the first reflection leftmost.
Matrix orthogonal_columns(const Reflections& reflections, Eigen::Index columns, Poll poll);

enum class Pivoting { none, columns };

// A P = Q R. With pivoting, the column of the greatest remaining length is next, which reveals the rank (Businger and
// Golub 1965; lengths are updated as in LAPACK working note 176), as in Eigen's ColPivHouseholderQR. Without it, P is
// the identity.
class HouseholderQr {
 public:
  HouseholderQr(const Eigen::Ref<const Matrix>& a, Pivoting pivoting, Poll poll = no_poll);

  // Pivots that exceed this share of the largest.
  Eigen::Index rank(double threshold) const;
  // The column of A that each column of A P is.
  const std::vector<int>& order() const { return order_; }
  // R, with as many rows as there are pivots.
  Matrix triangle(Poll poll = no_poll) const;
  // The columns of Q that belong to R.
  Matrix basis(Poll poll = no_poll) const { return orthogonal_columns(reflections_, pivots(), poll); }
  // The x of least |A x - y|, for as many pivots as columns, none of them 0.
  Vector solve(Vector y, Poll poll = no_poll) const;

 private:
  Eigen::Index pivots() const { return reflections_.coefficients.size(); }

  Reflections reflections_;
  std::vector<int> order_;
};

}  // namespace pb::core
