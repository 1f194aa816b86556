#include "core/stats/complete_cases.hpp"

#include <string>

#include "core/error.hpp"
#include "core/stats/polled_algebra.hpp"

namespace pb::core {

CompleteCases complete_cases(const Eigen::Ref<const Matrix>& returns, double min_coverage, Poll poll) {
  if (!(min_coverage >= 0 && min_coverage <= 1))
    throw Error(sqlstate::invalid_parameter, "a coverage must be between 0 and 1",
                "It is " + std::to_string(min_coverage) + ".");
  CompleteCases cases;
  const auto required = min_coverage * static_cast<double>(returns.rows());
  Eigen::Array<bool, Eigen::Dynamic, 1> complete =
      Eigen::Array<bool, Eigen::Dynamic, 1>::Constant(returns.rows(), true);
  for (Eigen::Index column = 0; column < returns.cols(); ++column) {
    poll();
    const auto present = returns.col(column).array().isFinite();
    if (static_cast<double>(present.count()) < required) continue;
    cases.columns.push_back(static_cast<int>(column));
    complete = complete && present;
  }
  for (Eigen::Index session = 0; session < returns.rows(); ++session)
    if (complete(session)) cases.sessions.push_back(static_cast<int>(session));
  cases.returns = copied(returns(cases.sessions, cases.columns), poll);
  return cases;
}

}  // namespace pb::core
