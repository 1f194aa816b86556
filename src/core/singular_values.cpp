#include "core/singular_values.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/householder.hpp"
#include "core/polled_algebra.hpp"

namespace pb::core {

namespace {

constexpr int most_sweeps = 100;

// Rotates pairs of columns of x until all are orthogonal, and those of `along`, if any, with them.
void orthogonalize_columns(Matrix& x, Matrix* along, Poll poll) {
  const Eigen::Index n = x.cols();
  const double tolerance =
      4 * std::sqrt(static_cast<double>(x.rows())) * std::numeric_limits<double>::epsilon();  // of the cosine
  Vector squares(n);
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    in_column_steps(x, poll, [&](Eigen::Index first, Eigen::Index count) {
      squares.segment(first, count) = x.middleCols(first, count).colwise().squaredNorm();
    });
    bool rotated = false;
    for (Eigen::Index p = 0; p < n - 1; ++p)
      for (Eigen::Index q = p + 1; q < n; ++q) {
        poll();
        const double product = x.col(p).dot(x.col(q));
        if (!(std::fabs(product) > tolerance * std::sqrt(squares(p)) * std::sqrt(squares(q)))) continue;
        Eigen::JacobiRotation<double> rotation;
        rotation.makeJacobi(squares(p), product, squares(q));
        x.applyOnTheRight(p, q, rotation);
        if (along != nullptr) along->applyOnTheRight(p, q, rotation);
        squares(p) = x.col(p).squaredNorm();
        squares(q) = x.col(q).squaredNorm();
        rotated = true;
      }
    if (!rotated) return;
  }
  throw Error(sqlstate::data_exception, "the singular values of a matrix cannot be computed",
              "The rotations did not converge for " + std::to_string(n) + " columns.");
}

// The places of the columns by descending length.
std::vector<Eigen::Index> by_length(const Vector& lengths) {
  std::vector<Eigen::Index> places(static_cast<std::size_t>(lengths.size()));
  std::iota(places.begin(), places.end(), 0);
  std::stable_sort(places.begin(), places.end(),
                   [&](Eigen::Index a, Eigen::Index b) { return lengths(a) > lengths(b); });
  return places;
}

Vector lengths_of_columns(const Matrix& x, Poll poll) {
  Vector lengths(x.cols());
  in_column_steps(x, poll, [&](Eigen::Index first, Eigen::Index count) {
    lengths.segment(first, count) = x.middleCols(first, count).colwise().norm();
  });
  return lengths;
}

// For at least as many rows as columns. With A P = Q R and R' V = U S, U and V orthogonal, it is A = (Q V) S (P U)'.
SingularValueDecomposition decompose_tall(const Matrix& a, Poll poll) {
  const Eigen::Index k = a.cols();
  const HouseholderQr qr(a, Pivoting::columns, poll);
  Matrix x = copied(qr.triangle(poll).transpose(), poll);
  Matrix v = Matrix::Identity(k, k);
  orthogonalize_columns(x, &v, poll);
  const Vector lengths = lengths_of_columns(x, poll);
  SingularValueDecomposition result{{}, Vector(k), Matrix(k, k)};
  Matrix sorted(k, k);
  const std::vector<Eigen::Index> places = by_length(lengths);
  in_column_steps(sorted, poll, [&](Eigen::Index first, Eigen::Index count) {
    for (Eigen::Index j = first; j < first + count; ++j) {
      const Eigen::Index place = places[static_cast<std::size_t>(j)];
      const double length = lengths(place);
      result.values(j) = length;
      sorted.col(j) = v.col(place);
      for (Eigen::Index i = 0; i < k; ++i)
        result.right(qr.order()[static_cast<std::size_t>(i)], j) = length > 0 ? x(i, place) / length : 0;
    }
  });
  x.resize(0, 0);
  v.resize(0, 0);
  result.left = product(qr.basis(poll), sorted, poll);
  return result;
}

}  // namespace

SingularValueDecomposition decompose_singular(const Matrix& a, Poll poll) {
  if (a.rows() >= a.cols()) return decompose_tall(a, poll);
  SingularValueDecomposition result = decompose_tall(copied(a.transpose(), poll), poll);
  std::swap(result.left, result.right);
  return result;
}

Vector singular_values(const Matrix& a, Poll poll) {
  const HouseholderQr qr(a, Pivoting::columns, poll);
  Matrix x = copied(qr.triangle(poll).transpose(), poll);
  orthogonalize_columns(x, nullptr, poll);
  Vector values = lengths_of_columns(x, poll);
  std::sort(values.begin(), values.end(), std::greater<>());
  return values;
}

}  // namespace pb::core
