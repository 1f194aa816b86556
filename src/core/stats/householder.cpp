#include "core/stats/householder.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "core/limits.hpp"
#include "core/stats/polled_algebra.hpp"

namespace pb::core {

namespace {

// Elements of the columns that a run of reflections is applied to: they stay in the cache while all vectors pass by.
constexpr Eigen::Index elements_in_cache = 1 << 17;

// The lengths of the columns from some row on, which are found again without reading the columns while they are exact
// enough.
class ColumnLengths {
 public:
  ColumnLengths(const Matrix& a, Poll poll) : current_(a.cols()) {
    in_column_steps(a, poll, [&](Eigen::Index first, Eigen::Index count) {
      for (Eigen::Index j = first; j < first + count; ++j) current_(j) = a.col(j).norm();
    });
    computed_ = current_;
  }

  Eigen::Index longest(Eigen::Index from) const {
    Eigen::Index found = 0;
    current_.tail(current_.size() - from).maxCoeff(&found);
    return from + found;
  }

  void swap(Eigen::Index i, Eigen::Index j) {
    std::swap(current_(i), current_(j));
    std::swap(computed_(i), computed_(j));
  }

  // Takes the given row out of the columns that follow it.
  void take_out(const Matrix& a, Eigen::Index row, Poll poll) {
    for (Eigen::Index j = row + 1; j < a.cols(); ++j) {
      if (current_(j) == 0) continue;
      const double share = std::fabs(a(row, j)) / current_(j);
      const double left = std::max(0.0, (1 + share) * (1 - share));
      const double ratio = current_(j) / computed_(j);
      if (left * (ratio * ratio) > std::sqrt(epsilon)) {
        current_(j) *= std::sqrt(left);
        continue;
      }
      poll();
      current_(j) = computed_(j) = a.col(j).tail(a.rows() - row - 1).norm();
    }
  }

 private:
  Vector current_;
  Vector computed_;  // when they were last computed from the column
};

// Reflects the columns of a block, which begin with the row of the vector's 1.
template <class Block, class Tail>
void reflect(Block block, const Tail& tail, double coefficient, Vector& workspace) {
  block.applyHouseholderOnTheLeft(tail, coefficient, workspace.data());
}

}  // namespace

Matrix orthogonal_columns(const Reflections& reflections, Eigen::Index columns, Poll poll) {
  const Eigen::Index n = reflections.packed.rows();
  Matrix q(n, columns);
  in_column_steps(q, poll, [&](Eigen::Index first, Eigen::Index count) { q.middleCols(first, count).setZero(); });
  q.diagonal().setOnes();
  const Eigen::Index width = std::max<Eigen::Index>(1, elements_in_cache / std::max<Eigen::Index>(1, n));
  Vector workspace(columns);
  for (Eigen::Index first = 0; first < columns; first += width) {
    const Eigen::Index count = std::min(width, columns - first);
    for (Eigen::Index k = reflections.coefficients.size() - 1; k >= 0; --k) {
      // Unit vectors that end above the reflection stay what they are.
      const Eigen::Index row = k + reflections.shift;
      const Eigen::Index begin = std::max(first, row);
      if (begin >= first + count) continue;
      poll();
      reflect(q.block(row, begin, n - row, first + count - begin), reflections.tail(k), reflections.coefficients(k),
              workspace);
    }
  }
  return q;
}

HouseholderQr::HouseholderQr(const Eigen::Ref<const Matrix>& a, Pivoting pivoting, Poll poll)
    : reflections_{copied(a, poll), Vector(std::min(a.rows(), a.cols())), 0},
      order_(static_cast<std::size_t>(a.cols())) {
  std::iota(order_.begin(), order_.end(), 0);
  Matrix& qr = reflections_.packed;
  const Eigen::Index n = qr.rows();
  std::optional<ColumnLengths> lengths;
  if (pivoting == Pivoting::columns) lengths.emplace(qr, poll);
  Vector workspace(qr.cols());
  for (Eigen::Index k = 0; k < pivots(); ++k) {
    if (const Eigen::Index longest = lengths ? lengths->longest(k) : k; longest != k) {
      qr.col(k).swap(qr.col(longest));
      lengths->swap(k, longest);
      std::swap(order_[static_cast<std::size_t>(k)], order_[static_cast<std::size_t>(longest)]);
    }
    double pivot = 0;
    qr.col(k).tail(n - k).makeHouseholderInPlace(reflections_.coefficients(k), pivot);
    qr(k, k) = pivot;
    in_steps(qr.cols() - k - 1, 2 * (n - k), poll, [&](Eigen::Index first, Eigen::Index count) {
      reflect(qr.block(k, k + 1 + first, n - k, count), reflections_.tail(k), reflections_.coefficients(k), workspace);
    });
    if (lengths) lengths->take_out(qr, k, poll);
  }
}

Eigen::Index HouseholderQr::rank(double threshold) const {
  const auto pivots = reflections_.packed.diagonal().cwiseAbs();
  return pivots.size() == 0 ? 0 : (pivots.array() > threshold * pivots.maxCoeff()).count();
}

Matrix HouseholderQr::triangle(Poll poll) const {
  const Matrix& qr = reflections_.packed;
  Matrix r(pivots(), qr.cols());
  in_column_steps(r, poll, [&](Eigen::Index first, Eigen::Index count) {
    for (Eigen::Index j = first; j < first + count; ++j) {
      const Eigen::Index above = std::min(j + 1, r.rows());
      r.col(j).head(above) = qr.col(j).head(above);
      r.col(j).tail(r.rows() - above).setZero();
    }
  });
  return r;
}

Vector HouseholderQr::solve(Vector y, Poll poll) const {
  const Matrix& qr = reflections_.packed;
  double workspace = 0;
  in_steps(pivots(), 2 * qr.rows(), poll, [&](Eigen::Index first, Eigen::Index count) {
    for (Eigen::Index k = first; k < first + count; ++k)
      y.tail(y.size() - k).applyHouseholderOnTheLeft(reflections_.tail(k), reflections_.coefficients(k), &workspace);
  });
  poll();
  qr.topRows(pivots()).triangularView<Eigen::Upper>().solveInPlace(y.head(pivots()));
  Vector x(pivots());
  for (Eigen::Index k = 0; k < pivots(); ++k) x(order_[static_cast<std::size_t>(k)]) = y(k);
  return x;
}

}  // namespace pb::core
