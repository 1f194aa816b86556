#include "engine/factor_correlations.hpp"

#include "engine/risk_models.hpp"
#include "store/covariance_store.hpp"

namespace pb::engine {

Report calc_factor_correlations(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  const FactorCovariance& covariance = context.risk(day, portfolio_ids).covariance();
  Report report;
  report.rows_written = store::write_factor_correlations(context.store(), day, covariance.factors, covariance.moments);
  const auto factors = static_cast<Eigen::Index>(covariance.factors.size());
  for (Eigen::Index i = 0; i < factors; ++i)
    for (Eigen::Index j = i; j < factors; ++j)
      ++(covariance.moments.reason(i, j) == core::Reason::none ? report.processed : report.skipped);
  report.detail = "covariances of " + counted(factors, "factor");
  report.summary = counted(factors, "factor");
  return report;
}

}  // namespace pb::engine
