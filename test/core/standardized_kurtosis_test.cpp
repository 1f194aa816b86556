#include "core/stats/standardized_kurtosis.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "support.hpp"

namespace standardized_kurtosis_test {
namespace {

using pb::core::standardized_kurtosis;
using pb::core::Vector;
using pb::test::relative_error;

Vector squares_of(unsigned seed, int count, double sd = 0.01) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, sd);
  Vector squares(count);
  for (double& square : squares) square = std::pow(normal(random), 2);
  return squares;
}

TEST(StandardizedKurtosis, IsOfReturnsOverTheAverageBefore) {
  const Vector squares = squares_of(1, 60);
  double second = 0;
  double fourth = 0;
  for (int t = 20; t < 60; ++t) {
    double sum = 0;
    double weights = 0;
    for (int before = 0; before < t; ++before) {
      const double weight = std::pow(0.9, t - 1 - before);
      sum += weight * squares(before);
      weights += weight;
    }
    const double standardized = squares(t) * weights / sum;
    second += standardized / 40;
    fourth += standardized * standardized / 40;
  }
  EXPECT_LE(relative_error(standardized_kurtosis(squares, 0.9, 20, 40).value(), fourth / (second * second)), 1e-14);
  EXPECT_FALSE(standardized_kurtosis(squares, 0.9, 20, 41).has_value());
}

// A constant move has 1, normal returns have 3, whatever their size, and so they have where it changes slowly.
TEST(StandardizedKurtosis, SeesTailsAndNotLevels) {
  EXPECT_DOUBLE_EQ(standardized_kurtosis(Vector::Constant(100, 1e-4), 0.97, 42, 10).value(), 1);
  Vector squares = squares_of(2, 100000);
  const double level = standardized_kurtosis(squares, 0.97, 42, 10).value();
  EXPECT_NEAR(level, 3.1, 0.1);
  EXPECT_LE(relative_error(standardized_kurtosis(16 * squares, 0.97, 42, 10).value(), level), 1e-12);
  squares.tail(50000) *= 9;
  EXPECT_NEAR(standardized_kurtosis(squares, 0.97, 42, 10).value(), level, 0.1);
}

TEST(StandardizedKurtosis, WhatFollowsAStandstillIsLeftOut) {
  Vector squares = squares_of(3, 300);
  squares.head(100).setZero();
  // All of the first hundred, and the first return after them.
  EXPECT_TRUE(standardized_kurtosis(squares, 0.97, 42, 199).has_value());
  EXPECT_FALSE(standardized_kurtosis(squares, 0.97, 42, 200).has_value());
  EXPECT_FALSE(standardized_kurtosis(Vector::Zero(300), 0.97, 42, 1).has_value());
  squares.setZero();
  squares.head(50).setConstant(1e-4);
  squares(49) = 1;
  EXPECT_FALSE(standardized_kurtosis(squares, 0.97, 50, 1).has_value());  // nothing but zeros is left
  EXPECT_FALSE(standardized_kurtosis(Vector(), 0.97, 42, 1).has_value());
}

}  // namespace
}  // namespace standardized_kurtosis_test
