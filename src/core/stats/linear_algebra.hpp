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

}  // namespace pb::core
