// Magnitudes near the ends of the range of double, whose squares would overflow or vanish, are brought near 1 by powers
// of two. That is exact: results in the middle of the range keep every bit.
#pragma once
#include "core/no_postgres.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/stats/linear_algebra.hpp"
#include "core/stats/polled_algebra.hpp"

namespace pb::core {

// The least e for which no magnitude reaches 2^e; 0 when all are 0. Values must be finite.
inline int binary_exponent(const Eigen::Ref<const Matrix>& values, Poll poll = no_poll) {
  double largest = 0;
  if (values.rows() > 0)
    in_column_steps(values, poll, [&](Eigen::Index first, Eigen::Index count) {
      largest = std::max(largest, values.middleCols(first, count).cwiseAbs().maxCoeff());
    });
  int exponent = 0;
  std::frexp(largest, &exponent);
  return exponent;
}

// values x 2^exponent. By two factors, each of which is in range for every exponent that two doubles can differ by.
template <class Derived>
void scale_by_power_of_two(Eigen::MatrixBase<Derived>& values, int exponent) {
  values.derived() *= std::ldexp(1.0, exponent / 2);
  values.derived() *= std::ldexp(1.0, exponent - exponent / 2);
}

// A matrix as columns of magnitudes below 1 and the exponents taken out of them: x_j = column_j x 2^exponent_j.
struct BinaryScaled {
  explicit BinaryScaled(const Eigen::Ref<const Matrix>& x, Poll poll = no_poll) : columns(copied(x, poll)) {
    exponents.reserve(static_cast<std::size_t>(columns.cols()));
    in_column_steps(columns, poll, [&](Eigen::Index first, Eigen::Index count) {
      for (Eigen::Index j = first; j < first + count; ++j) {
        auto column = columns.col(j);
        exponents.push_back(binary_exponent(column));
        scale_by_power_of_two(column, -exponents.back());
      }
    });
  }

  Matrix columns;
  std::vector<int> exponents;
};

// A result in units of 2^exponent as a number of its own. Throws 22003 where it is too large for a double, naming what
// it is; what is too small becomes 0.
inline double unscaled(double value, int exponent, const char* what) {
  const double result = std::ldexp(value, exponent);
  if (std::isinf(result) && !std::isinf(value))
    throw Error(sqlstate::out_of_range, std::string(what) + " is out of range",
                "It exceeds the largest double precision number.", "Choose other units for the inputs.");
  return result;
}

}  // namespace pb::core
