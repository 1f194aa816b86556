#include "store/covariance_store.hpp"

#include "pg/query.hpp"
#include "pg/writer.hpp"

namespace pb::store {

using pg::Type;

std::int64_t write_factor_correlations(const Store& store, core::Date day, std::span<const std::string> factors,
                                       const core::EwmaMoments& moments) {
  pg::RowBuffer out({{"calculation_date", Type::date},
                     {"factor_1", Type::text},
                     {"factor_2", Type::text},
                     {"correlation", Type::float8},
                     {"covariance", Type::float8},
                     {"observations", Type::int4},
                     {"half_life", Type::float8},
                     {"reason", Type::text}});
  for (std::size_t i = 0; i < factors.size(); ++i)
    for (std::size_t j = i; j < factors.size(); ++j) {
      const auto row = static_cast<Eigen::Index>(i);
      const auto column = static_cast<Eigen::Index>(j);
      out.add(day).add(factors[i]).add(factors[j]).add(moments.correlation(row, column));
      out.add(moments.covariance(row, column)).add(moments.observations(row, column));
      out.add(store.settings().covariance_half_life).add(moments.reason(row, column));
    }
  return pg::upsert({.table = store.table("factor_correlations"),
                     .keys = {"calculation_date", "factor_1", "factor_2"},
                     .stamp = store.stamp(),
                     .replaced_scope = "t.calculation_date = $1"},
                    std::move(out), pg::Args{Type::date}.add(day));
}

}  // namespace pb::store
