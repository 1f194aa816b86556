// The one way to Eigen: its assertions become exceptions, because an abort would end the whole server.
#pragma once
#include "core/no_postgres.hpp"

#include <stdexcept>

#ifndef eigen_assert
#define eigen_assert(condition)                                                      \
  do {                                                                               \
    if (!(condition)) throw std::logic_error("Eigen assertion failed: " #condition); \
  } while (false)
#endif

#include <Eigen/Dense>

namespace pb::core {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

// As an index: every row, or every column. Eigen 5 has moved it.
#if EIGEN_VERSION_AT_LEAST(3, 4, 90)
inline const auto every = Eigen::placeholders::all;
#else
inline const auto every = Eigen::all;
#endif

}  // namespace pb::core
