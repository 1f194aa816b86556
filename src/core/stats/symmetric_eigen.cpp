#include "core/stats/symmetric_eigen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "core/stats/householder.hpp"
#include "core/stats/polled_algebra.hpp"

namespace pb::core {

namespace {

constexpr int most_steps = 30;  // for each eigenvalue, on average

// Columns of a symmetric matrix that are multiplied at a time: their elements are read twice, the second time from the
// cache.
constexpr Eigen::Index columns_in_cache = 16;

struct Tridiagonal {
  Vector diagonal;
  Vector below;
};

// factor A v, reading the lower triangle of A alone.
template <class Lower>
Vector symmetric_product(const Lower& a, double factor, const Vector& v, Poll poll) {
  const Eigen::Index n = a.rows();
  Vector result = Vector::Zero(n);
  if (n <= work_between_polls / n) {
    poll();
    result.noalias() += a.template selfadjointView<Eigen::Lower>() * (factor * v);
    return result;
  }
  for (Eigen::Index first = 0; first < n; first += columns_in_cache) {
    poll();
    const Eigen::Index count = std::min(columns_in_cache, n - first);
    const Eigen::Index rest = n - first - count;
    const auto below = a.block(first + count, first, rest, count);
    result.segment(first, count).noalias() +=
        a.block(first, first, count, count).template selfadjointView<Eigen::Lower>() *
        (factor * v.segment(first, count));
    result.tail(rest).noalias() += factor * below * v.segment(first, count);
    result.segment(first, count).noalias() += factor * below.transpose() * v.tail(rest);
  }
  return result;
}

// A -= u w' + w u', in the lower triangle.
template <class Lower>
void subtract_symmetric(Lower a, const Vector& u, const Vector& w, Poll poll) {
  in_steps(a.cols(), a.rows(), poll, [&](Eigen::Index first, Eigen::Index count) {
    for (Eigen::Index j = first; j < first + count; ++j) {
      const Eigen::Index rest = a.rows() - j;
      a.col(j).tail(rest) -= u(j) * w.tail(rest) + w(j) * u.tail(rest);
    }
  });
}

// Q' A Q for the matrix A where the reflections will stand, Q their product.
Tridiagonal reduce(Reflections& reflections, Poll poll) {
  Matrix& a = reflections.packed;
  const Eigen::Index n = a.rows();
  reflections.coefficients.resize(n - 1);
  for (Eigen::Index k = 0; k < n - 1; ++k) {
    const Eigen::Index rest = n - k - 1;
    double& coefficient = reflections.coefficients(k);
    double beta = 0;
    a.col(k).tail(rest).makeHouseholderInPlace(coefficient, beta);
    Vector v = a.col(k).tail(rest);
    v(0) = 1;
    Vector w = symmetric_product(a.bottomRightCorner(rest, rest), coefficient, v, poll);
    w -= coefficient * 0.5 * w.dot(v) * v;
    subtract_symmetric(a.bottomRightCorner(rest, rest), v, w, poll);
    a(k + 1, k) = beta;
  }
  return {a.diagonal(), a.diagonal<-1>()};
}

// The eigenvalue of the last two rows and columns that is nearer to the last element.
double wilkinson_shift(const Tridiagonal& t, Eigen::Index last) {
  const double half = (t.diagonal(last - 1) - t.diagonal(last)) * 0.5;
  const double e = t.below(last - 1);
  if (half == 0) return t.diagonal(last) - std::fabs(e);
  if (e == 0) return t.diagonal(last);
  const double root = std::hypot(half, e);
  const double denominator = half + (half > 0 ? root : -root);
  // Squares may underflow.
  return t.diagonal(last) - (e * e == 0 ? e / (denominator / e) : e * e / denominator);
}

// One implicit QR step on the rows and columns from first to last.
void step(Tridiagonal& t, Eigen::Index first, Eigen::Index last, Matrix* vectors, Poll poll) {
  double x = t.diagonal(first) - wilkinson_shift(t, last);
  double z = t.below(first);
  for (Eigen::Index k = first; k < last && z != 0; ++k) {
    Eigen::JacobiRotation<double> rotation;
    rotation.makeGivens(x, z);
    const double c = rotation.c();
    const double s = rotation.s();
    const double below = s * t.diagonal(k) + c * t.below(k);
    const double next = s * t.below(k) + c * t.diagonal(k + 1);
    t.diagonal(k) = c * (c * t.diagonal(k) - s * t.below(k)) - s * (c * t.below(k) - s * t.diagonal(k + 1));
    t.diagonal(k + 1) = s * below + c * next;
    t.below(k) = c * below - s * next;
    if (k > first) t.below(k - 1) = c * t.below(k - 1) - s * z;
    x = t.below(k);
    if (k < last - 1) {
      z = -s * t.below(k + 1);
      t.below(k + 1) = c * t.below(k + 1);
    }
    if (vectors == nullptr) continue;
    poll();
    vectors->applyOnTheRight(k, k + 1, rotation);
  }
}

// Takes elements below the diagonal for 0 that are rounding beside those of the diagonal.
void drop_negligible(Tridiagonal& t, Eigen::Index first, Eigen::Index last) {
  constexpr double inverse_epsilon = 1 / std::numeric_limits<double>::epsilon();
  for (Eigen::Index i = first; i < last; ++i) {
    // Scaled before it is squared, which could underflow otherwise.
    const double scaled = inverse_epsilon * t.below(i);
    if (std::fabs(t.below(i)) < std::numeric_limits<double>::min() ||
        scaled * scaled <= std::fabs(t.diagonal(i)) + std::fabs(t.diagonal(i + 1)))
      t.below(i) = 0;
  }
}

// Makes the matrix diagonal, and multiplies the vectors, if any, by what it takes.
void diagonalize(Tridiagonal& t, Matrix* vectors, Poll poll) {
  const Eigen::Index n = t.diagonal.size();
  Eigen::Index first = 0;
  Eigen::Index last = n - 1;
  for (Eigen::Index steps = 1; last > 0; ++steps) {
    poll();
    drop_negligible(t, first, last);
    while (last > 0 && t.below(last - 1) == 0) --last;
    if (last == 0) return;
    if (steps > most_steps * n)
      throw Error(
          sqlstate::data_exception, "the eigenvalues of the matrix cannot be computed",
          "The iteration did not converge for a matrix of " + std::to_string(n) + " x " + std::to_string(n) + ".");
    first = last - 1;
    while (first > 0 && t.below(first - 1) != 0) --first;
    step(t, first, last, vectors, poll);
  }
}

void sort_ascending(Vector& values, Matrix* vectors, Poll poll) {
  for (Eigen::Index i = 0; i < values.size() - 1; ++i) {
    poll();
    Eigen::Index least = 0;
    values.tail(values.size() - i).minCoeff(&least);
    if (least == 0) continue;
    std::swap(values(i), values(i + least));
    if (vectors != nullptr) vectors->col(i).swap(vectors->col(i + least));
  }
}

// w' Q for the product Q of the reflections, as a row.
Matrix reflected(const Reflections& reflections, const Eigen::Ref<const Vector>& w, Poll poll) {
  Vector result = w;
  for (Eigen::Index k = 0; k < reflections.coefficients.size(); ++k) {
    poll();
    const auto below = reflections.tail(k);
    const Eigen::Index first = k + reflections.shift;
    auto rest = result.tail(below.size());
    const double factor = reflections.coefficients(k) * (result(first) + below.dot(rest));
    result(first) -= factor;
    rest -= factor * below;
  }
  return result.transpose();
}

// The eigenvalues. What is wanted besides, if anything: rows times the eigenvectors, given the rows times Q as
// start(reflections).
template <class Start>
Vector decompose(const Matrix& a, Matrix* vectors, Start&& start, Poll poll) {
  const Eigen::Index n = a.rows();
  if (n == 0) return {};
  // Elements up to 1, whose squares are in range.
  double scale = 0;
  in_column_steps(a, poll, [&](Eigen::Index first, Eigen::Index count) {
    scale = std::max(scale, a.middleCols(first, count).cwiseAbs().maxCoeff());
  });
  if (scale == 0) scale = 1;
  Reflections reflections{copied(a / scale, poll), {}, 1};
  Tridiagonal t = reduce(reflections, poll);
  if (vectors != nullptr) *vectors = start(reflections);
  reflections = {};
  diagonalize(t, vectors, poll);
  sort_ascending(t.diagonal, vectors, poll);
  return scale * t.diagonal;
}

}  // namespace

SymmetricEigen decompose_symmetric(const Matrix& a, Poll poll) {
  SymmetricEigen result;
  result.values = decompose(
      a, &result.vectors, [&](const Reflections& r) { return orthogonal_columns(r, a.rows(), poll); }, poll);
  return result;
}

Vector symmetric_eigenvalues(const Matrix& a, Poll poll) {
  return decompose(
      a, nullptr, [](const Reflections&) { return Matrix(); }, poll);
}

EigenLoadings eigen_loadings(const Matrix& a, const Eigen::Ref<const Vector>& w, Poll poll) {
  EigenLoadings result;
  Matrix row;
  result.values = decompose(
      a, &row, [&](const Reflections& r) { return reflected(r, w, poll); }, poll);
  result.loadings = row.transpose();
  return result;
}

}  // namespace pb::core
