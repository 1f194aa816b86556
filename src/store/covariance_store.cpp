#include "store/covariance_store.hpp"

#include <vector>

#include "store/result_rows.hpp"

namespace pb::store {

namespace {

struct FactorPair {
  std::string factor_1;
  std::string factor_2;
  double correlation;
  double covariance;
  int observations;
  core::Reason reason;
};

std::vector<FactorPair> pairs_of(std::span<const std::string> factors, const core::EwmaMoments& moments) {
  std::vector<FactorPair> pairs;
  for (std::size_t i = 0; i < factors.size(); ++i)
    for (std::size_t j = i; j < factors.size(); ++j) {
      const auto row = static_cast<Eigen::Index>(i);
      const auto column = static_cast<Eigen::Index>(j);
      pairs.push_back({factors[i], factors[j], moments.correlation(row, column), moments.covariance(row, column),
                       moments.observations(row, column), moments.reason(row, column)});
    }
  return pairs;
}

}  // namespace

std::int64_t write_factor_correlations(const Store& store, core::Date day, std::span<const std::string> factors,
                                       const core::EwmaMoments& moments) {
  const Columns<FactorPair> columns{
      constant<FactorPair>("calculation_date", day),
      pg::column<FactorPair>("factor_1", &FactorPair::factor_1),
      pg::column<FactorPair>("factor_2", &FactorPair::factor_2),
      pg::column<FactorPair>("correlation", &FactorPair::correlation),
      pg::column<FactorPair>("covariance", &FactorPair::covariance),
      pg::column<FactorPair>("observations", &FactorPair::observations),
      constant<FactorPair>("half_life", store.settings().covariance_half_life),
      pg::column<FactorPair>("reason", &FactorPair::reason),
  };
  Scope scope = on_day(day);
  scope.is_replaced = true;
  const std::vector<FactorPair> pairs = pairs_of(factors, moments);
  return write_results<FactorPair>(store, "factor_correlations", {"calculation_date", "factor_1", "factor_2"}, columns,
                                   pairs, scope);
}

}  // namespace pb::store
