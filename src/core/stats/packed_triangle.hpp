// The strict lower triangle of a symmetric matrix, packed row by row: (1,0), (2,0), (2,1), (3,0), … Half the memory of
// the square, and the order in which correlations are stored.
#pragma once
#include "core/no_postgres.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// Number of pairs of the items.
inline constexpr std::size_t packed_size(int items) {
  return items < 2 ? 0 : static_cast<std::size_t>(items) * static_cast<std::size_t>(items - 1) / 2;
}

// Where row i begins; (i, j) with j < i is j places on.
inline constexpr std::size_t packed_row(int i) { return packed_size(i); }

// Where the pair of two different items stands, named in either order.
inline constexpr std::size_t packed_index(int i, int j) {
  return packed_row(std::max(i, j)) + static_cast<std::size_t>(std::min(i, j));
}

// Throws 22023 unless the triangle has one element for each pair of the items.
inline void require_packed(std::size_t elements, int items) {
  if (items >= 0 && elements == packed_size(items)) return;
  throw Error(sqlstate::invalid_parameter, "a packed triangle needs one element for each pair",
              std::to_string(elements) + " elements for " + std::to_string(items) + " items.");
}

// The whole matrix, with the same value all along its diagonal.
inline Matrix unpack_triangle(std::span<const double> triangle, int items, double diagonal = 1, Poll poll = no_poll) {
  require_packed(triangle.size(), items);
  Matrix square(items, items);
  std::size_t at = 0;
  in_steps(items, std::ptrdiff_t{4} * items, poll, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
    for (std::ptrdiff_t i = first; i < first + count; ++i) {
      square(i, i) = diagonal;
      for (std::ptrdiff_t j = 0; j < i; ++j) square(i, j) = square(j, i) = triangle[at++];
    }
  });
  return square;
}

// The strict lower triangle of a square matrix; what is above the diagonal is not read.
inline std::vector<double> pack_triangle(const Matrix& square, Poll poll = no_poll) {
  std::vector<double> triangle;
  triangle.reserve(packed_size(static_cast<int>(square.rows())));
  in_steps(square.rows(), 4 * square.rows(), poll, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
    for (std::ptrdiff_t i = first; i < first + count; ++i)
      for (std::ptrdiff_t j = 0; j < i; ++j) triangle.push_back(square(i, j));
  });
  return triangle;
}

}  // namespace pb::core
