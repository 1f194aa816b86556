#pragma once
#include "core/no_postgres.hpp"

#include "core/poll.hpp"
#include "core/reason.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// What the returns are centered on.
enum class EwmaMean {
  zero,      // nothing (RiskMetrics 1996): a daily mean return cannot be told from 0
  weighted,  // their own weighted mean, without a correction of bias
};

struct EwmaSettings {
  double half_life = 63;  // sessions after which a weight has halved
  int window = 252;       // sessions
  int min_observations = 60;
  EwmaMean mean = EwmaMean::zero;
};

// 2^(-1 / half-life), by which a session weighs less than the next. Throws 22023 unless the half-life is positive.
double ewma_lambda(double half_life);

// lambda^age of consecutive sessions, the last of age 0.
Vector ewma_weights(Eigen::Index sessions, double lambda);

// Exponentially weighted second moments of daily returns; per day, not annualized. NaN where there is no estimate.
struct EwmaMoments {
  Matrix covariance;
  Matrix correlation;             // 1 on the diagonal
  Eigen::MatrixXi observations;   // sessions on which both have a return
  Matrix effective_observations;  // (sum w)^2 / sum w^2 over those (Kish 1965)
  int min_observations = 0;

  // Why a pair has no estimate; null when it has one.
  Reason reason(Eigen::Index i, Eigen::Index j) const;
};

// Moments of the columns of a sessions x series matrix over the window that ends with the session; nothing after it is
// read, and the first session has no return. Weights lambda^age are normalized over the sessions that a pair has in
// common, so each pair is complete in itself, its correlation included: a missing return of one series changes no
// other's moments. Without missing returns the matrices are positive semidefinite; pairs of different samples need not
// be.
EwmaMoments ewma_moments(const Eigen::Ref<const Matrix>& returns, int session, const EwmaSettings& settings = {},
                         Poll poll = no_poll);

}  // namespace pb::core
