#include "core/stats/linear_algebra.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace linear_algebra_test {
namespace {

// An abort inside the server would end every session of it.
TEST(LinearAlgebra, ThrowsInsteadOfAborting) {
  const pb::core::Matrix two_by_three = pb::core::Matrix::Zero(2, 3);
  EXPECT_THROW(two_by_three(2, 0), std::logic_error);
  EXPECT_THROW(two_by_three * two_by_three, std::logic_error);
}

}  // namespace
}  // namespace linear_algebra_test
