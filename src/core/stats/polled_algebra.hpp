// Passes over matrices and their products in steps, with a poll before each, so that no size of a matrix keeps a cancel
// waiting. What fits in one step is one operation of Eigen and has its numbers to the last bit.
#pragma once
#include "core/no_postgres.hpp"

#include <algorithm>
#include <utility>

#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// Calls with (first, count) for consecutive ranges of the columns.
template <class Call>
void in_column_steps(const Eigen::Ref<const Matrix>& matrix, Poll poll, Call&& call) {
  in_steps(matrix.cols(), matrix.rows(), poll, std::forward<Call>(call));
}

inline bool all_finite(const Eigen::Ref<const Matrix>& matrix, Poll poll) {
  bool finite = true;
  in_column_steps(matrix, poll, [&](Eigen::Index first, Eigen::Index count) {
    finite = finite && matrix.middleCols(first, count).allFinite();
  });
  return finite;
}

// A copy, also of an expression such as a transpose.
template <class Derived>
Matrix copied(const Eigen::MatrixBase<Derived>& from, Poll poll) {
  // A transpose waits for the memory at each element.
  constexpr Eigen::Index work = 4;
  Matrix to(from.rows(), from.cols());
  in_steps(to.cols(), work * to.rows(), poll, [&](Eigen::Index first, Eigen::Index count) {
    to.middleCols(first, count) = from.middleCols(first, count);
  });
  return to;
}

// Work of solving a triangle of so many columns for one right-hand side, and of moving that there and back.
inline Eigen::Index solving_work(Eigen::Index columns) { return columns * (columns / 2 + 16); }

// The sum of the squares of all elements.
template <class Derived>
double squared_norm(const Eigen::MatrixBase<Derived>& matrix, Poll poll) {
  double sum = 0;
  in_steps(matrix.cols(), matrix.rows(), poll,
           [&](Eigen::Index first, Eigen::Index count) { sum += matrix.middleCols(first, count).squaredNorm(); });
  return sum;
}

// Makes the matrix exactly symmetric by what is below its diagonal.
inline void mirror_lower(Matrix& matrix, Poll poll) {
  in_column_steps(matrix, poll, [&](Eigen::Index first, Eigen::Index count) {
    auto block = matrix.block(first, first, count, count);
    block.triangularView<Eigen::StrictlyUpper>() = block.transpose();
    matrix.block(0, first, first, count) = matrix.block(first, 0, count, first).transpose();
  });
}

// Calls with (row, rows, at, inner, column, columns) for the products of tiles that add up to the product of a
// rows x inner and an inner x columns matrix.
template <class Call>
void in_tiles(Eigen::Index rows, Eigen::Index inner, Eigen::Index columns, Poll poll, Call&& call) {
  // Each product is as deep and as wide as matrix multiplication needs to be fast.
  constexpr Eigen::Index side = 256;
  const bool single = rows == 0 || inner * columns <= work_between_polls / rows;
  const Eigen::Index depth = single ? inner : std::min(side, inner);
  const Eigen::Index width = single ? columns : std::min(side, columns);
  for (Eigen::Index column = 0; column < columns; column += width)
    for (Eigen::Index at = 0; at < inner; at += depth) {
      const Eigen::Index deep = std::min(depth, inner - at);
      const Eigen::Index wide = std::min(width, columns - column);
      in_steps(rows, deep * wide, poll,
               [&](Eigen::Index row, Eigen::Index count) { call(row, count, at, deep, column, wide); });
    }
}

// target += left x right.
template <class Target, class Left, class Right>
void add_product(Eigen::MatrixBase<Target>& target, const Left& left, const Right& right, Poll poll) {
  in_tiles(left.rows(), left.cols(), right.cols(), poll,
           [&](Eigen::Index row, Eigen::Index rows, Eigen::Index at, Eigen::Index inner, [[maybe_unused]] auto column,
               [[maybe_unused]] auto columns) {
             if constexpr (Right::ColsAtCompileTime == 1)
               target.segment(row, rows).noalias() += left.block(row, at, rows, inner) * right.segment(at, inner);
             else
               target.block(row, column, rows, columns).noalias() +=
                   left.block(row, at, rows, inner) * right.block(at, column, inner, columns);
           });
}

template <class Left, class Right>
Eigen::Matrix<double, Eigen::Dynamic, Right::ColsAtCompileTime> product(const Left& left, const Right& right,
                                                                        Poll poll) {
  Eigen::Matrix<double, Eigen::Dynamic, Right::ColsAtCompileTime> result(left.rows(), right.cols());
  in_column_steps(result, poll,
                  [&](Eigen::Index first, Eigen::Index count) { result.middleCols(first, count).setZero(); });
  add_product(result, left, right, poll);
  return result;
}

}  // namespace pb::core
