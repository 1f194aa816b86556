#include "core/stats/singular_values.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "core/stats/householder.hpp"
#include "core/stats/polled_algebra.hpp"

namespace pb::core {

namespace {

using Rotation = Eigen::JacobiRotation<double>;

// left' x the rows and columns p and q of a matrix x right is diagonal.
struct Rotations {
  Rotation left;
  Rotation right;
};

Rotations rotations(const Matrix& a, Eigen::Index p, Eigen::Index q) {
  Eigen::Matrix2d m;
  m << a(p, p), a(p, q), a(q, p), a(q, q);
  // One rotation makes it symmetric, another one diagonal.
  const double trace = m(0, 0) + m(1, 1);
  const double difference = m(1, 0) - m(0, 1);
  Rotation symmetric(1, 0);
  if (!(std::fabs(difference) < std::numeric_limits<double>::min())) {
    const double cotangent = trace / difference;
    const double cosecant = std::sqrt(1 + cotangent * cotangent);
    symmetric = Rotation(cotangent / cosecant, 1 / cosecant);
  }
  m.applyOnTheLeft(0, 1, symmetric);
  Rotations result;
  result.right.makeJacobi(m, 0, 1);
  result.left = symmetric * result.right.transpose();
  return result;
}

// Makes a square matrix diagonal by rotations from both sides, which are applied to the vectors that are wanted.
void diagonalize(Matrix& a, Matrix* left, Matrix* right, Poll poll) {
  constexpr double precision = 2 * std::numeric_limits<double>::epsilon();
  double largest = a.diagonal().cwiseAbs().maxCoeff();
  for (bool finished = false; !finished;) {
    finished = true;
    for (Eigen::Index p = 1; p < a.cols(); ++p)
      for (Eigen::Index q = 0; q < p; ++q) {
        const double least = std::max(std::numeric_limits<double>::min(), precision * largest);
        if (!(std::fabs(a(p, q)) > least || std::fabs(a(q, p)) > least)) continue;
        poll();
        finished = false;
        const Rotations both = rotations(a, p, q);
        a.applyOnTheLeft(p, q, both.left);
        if (left != nullptr) left->applyOnTheRight(p, q, both.left.transpose());
        a.applyOnTheRight(p, q, both.right);
        if (right != nullptr) right->applyOnTheRight(p, q, both.right);
        largest = std::max({largest, std::fabs(a(p, p)), std::fabs(a(q, q))});
      }
    poll();
  }
}

// Values in descending order, without signs, and their vectors with them.
Vector sorted_values(const Matrix& diagonal, Matrix* left, Matrix* right, Poll poll) {
  Vector values = diagonal.diagonal().cwiseAbs();
  if (left != nullptr)
    for (Eigen::Index i = 0; i < values.size(); ++i)
      if (diagonal(i, i) < 0) left->col(i) = -left->col(i);
  for (Eigen::Index i = 0; i < values.size(); ++i) {
    poll();
    Eigen::Index place = 0;
    const double largest = values.tail(values.size() - i).maxCoeff(&place);
    if (largest == 0) break;
    if (place == 0) continue;
    std::swap(values(i), values(i + place));
    if (left != nullptr) left->col(i).swap(left->col(i + place));
    if (right != nullptr) right->col(i).swap(right->col(i + place));
  }
  return values;
}

// Elements up to 1, and what they were divided by.
double scale_down(Matrix& a, Poll poll) {
  double scale = 0;
  in_column_steps(a, poll, [&](Eigen::Index first, Eigen::Index count) {
    scale = std::max(scale, a.middleCols(first, count).cwiseAbs().maxCoeff());
  });
  if (scale == 0) return 1;
  in_column_steps(a, poll, [&](Eigen::Index first, Eigen::Index count) { a.middleCols(first, count) /= scale; });
  return scale;
}

Matrix permutation(const std::vector<int>& order) {
  const auto n = static_cast<Eigen::Index>(order.size());
  Matrix result = Matrix::Zero(n, n);
  for (Eigen::Index j = 0; j < n; ++j) result(order[static_cast<std::size_t>(j)], j) = 1;
  return result;
}

}  // namespace

SingularValueDecomposition decompose_singular(const Matrix& a, Poll poll) {
  const bool is_wide = a.cols() > a.rows();
  if (a.size() == 0) return {Matrix(a.rows(), 0), Vector(), Matrix(a.cols(), 0)};
  Matrix square = is_wide ? copied(a.transpose(), poll) : copied(a, poll);
  const double scale = scale_down(square, poll);
  SingularValueDecomposition result;
  if (a.rows() == a.cols()) {
    result.left = result.right = Matrix::Identity(a.rows(), a.cols());
  } else {
    const HouseholderQr qr(square, Pivoting::columns, poll);
    (is_wide ? result.right : result.left) = qr.basis(poll);
    (is_wide ? result.left : result.right) = permutation(qr.order());
    square = qr.triangle(poll);
    if (is_wide) square = copied(square.transpose(), poll);
  }
  diagonalize(square, &result.left, &result.right, poll);
  result.values = scale * sorted_values(square, &result.left, &result.right, poll);
  return result;
}

Vector singular_values(const Matrix& a, Poll poll) {
  if (a.size() == 0) return Vector();
  Matrix square = copied(a, poll);
  const double scale = scale_down(square, poll);
  if (a.rows() > a.cols()) square = HouseholderQr(square, Pivoting::columns, poll).triangle(poll);
  if (a.rows() < a.cols())
    square = HouseholderQr(copied(square.transpose(), poll), Pivoting::columns, poll).triangle(poll);
  diagonalize(square, nullptr, nullptr, poll);
  return scale * sorted_values(square, nullptr, nullptr, poll);
}

}  // namespace pb::core
