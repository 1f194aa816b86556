#include "core/stats/packed_triangle.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "support.hpp"

namespace packed_triangle_test {
namespace {

using pb::core::Matrix;
using pb::core::pack_triangle;
using pb::core::packed_index;
using pb::core::packed_size;
using pb::core::unpack_triangle;
using pb::test::sqlstate_of;

TEST(PackedTriangle, GoesRowByRow) {
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(packed_size(i), at);
    for (int j = 0; j < i; ++j) {
      EXPECT_EQ(packed_index(i, j), at);
      EXPECT_EQ(packed_index(j, i), at++);
    }
  }
  EXPECT_EQ(packed_size(70000), 2449965000U);  // more than an int holds
}

TEST(PackedTriangle, UnpacksToASymmetricMatrix) {
  const std::vector<double> triangle{21, 31, 32, 41, 42, 43};
  const Matrix square = unpack_triangle(triangle, 4, 7);
  const Matrix expected{{7, 21, 31, 41}, {21, 7, 32, 42}, {31, 32, 7, 43}, {41, 42, 43, 7}};
  EXPECT_EQ(square, expected);
  EXPECT_EQ(pack_triangle(square), triangle);
  EXPECT_EQ(unpack_triangle({}, 1), Matrix::Ones(1, 1));
  EXPECT_EQ(unpack_triangle({}, 0).size(), 0);
  EXPECT_TRUE(pack_triangle(Matrix::Ones(1, 1)).empty());
}

TEST(PackedTriangle, RefusesAWrongNumberOfElements) {
  const std::vector<double> triangle{1, 2};
  EXPECT_EQ(sqlstate_of([&] { unpack_triangle(triangle, 3); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { unpack_triangle(triangle, 2); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { unpack_triangle({}, -1); }), "22023");
}

}  // namespace
}  // namespace packed_triangle_test
