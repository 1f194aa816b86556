#include "store/exposure_store.hpp"

#include <algorithm>
#include <array>

#include "pg/query.hpp"
#include "pg/writer.hpp"

namespace pb::store {

using pg::Args;
using pg::RowBuffer;
using pg::Type;

namespace {

// The factors that position_factor_exposures has a column for, "<factor>_beta".
constexpr std::array<const char*, 11> column_factors{
    "market",          "value",       "growth",        "momentum", "quality", "size", "low_vol", "growth_value_spread",
    "momentum_spread", "size_spread", "quality_spread"};

constexpr const char* rate_unit = "return per 1.00 yield change";

Args model_scope(std::span<const core::Uuid> portfolio_ids, core::Date day, const std::string& model) {
  return std::move(Args{Type::uuid_array, Type::date, Type::text}.add(portfolio_ids).add(day).add(model));
}

}  // namespace

std::int64_t write_portfolio_exposures(const Store& store, core::Date day, const std::string& model,
                                       std::span<const core::Uuid> portfolio_ids,
                                       std::span<const PortfolioExposure> rows) {
  RowBuffer out({{"portfolio_id", Type::uuid},
                 {"calculation_date", Type::date},
                 {"model", Type::text},
                 {"factor", Type::text},
                 {"exposure_value", Type::float8},
                 {"exposure_dollar", Type::money},
                 {"coverage", Type::float8},
                 {"marginal_contribution_to_risk", Type::float8},
                 {"contribution_to_risk", Type::float8},
                 {"percent_contribution_to_risk", Type::float8},
                 {"reason", Type::text}});
  out.reserve(rows.size());
  for (const PortfolioExposure& row : rows) {
    out.add(row.portfolio_id).add(day).add(model).add(row.factor).add(row.value).add(row.dollars).add(row.coverage);
    out.add(row.marginal).add(row.contribution).add(row.percent).add(row.reason);
  }
  return pg::upsert({.table = store.table("portfolio_factor_exposures"),
                     .keys = {"portfolio_id", "calculation_date", "model", "factor"},
                     .stamp = store.stamp(),
                     .replaced_scope = "t.portfolio_id = ANY ($1) AND t.calculation_date = $2 AND t.model = $3"},
                    std::move(out), model_scope(portfolio_ids, day, model));
}

std::int64_t write_position_exposures(const Store& store, core::Date day, const std::string& model,
                                      std::span<const std::string> factors, std::span<const core::Uuid> portfolio_ids,
                                      std::span<const PositionExposure> rows) {
  std::vector<pg::ColumnDef> columns{{"portfolio_id", Type::uuid},
                                     {"position_id", Type::uuid},
                                     {"calculation_date", Type::date},
                                     {"model", Type::text}};
  std::vector<std::size_t> stored;
  for (std::size_t k = 0; k < factors.size(); ++k)
    if (std::find(column_factors.begin(), column_factors.end(), factors[k]) != column_factors.end()) {
      stored.push_back(k);
      columns.push_back({factors[k] + "_beta", Type::float8});
    }
  columns.insert(columns.end(), {{"r_squared", Type::float8},
                                 {"residual_volatility", Type::float8},
                                 {"observations", Type::int4},
                                 {"quality_flag", Type::text},
                                 {"reason", Type::text}});
  RowBuffer out(std::move(columns));
  out.reserve(rows.size());
  for (const PositionExposure& row : rows) {
    out.add(row.portfolio_id).add(row.position_id).add(day).add(model);
    for (const std::size_t k : stored) row.betas.empty() ? out.null() : out.add(row.betas[k]);
    out.add(row.r_squared).add(row.residual_volatility).add(row.observations).add(row.quality_flag).add(row.reason);
  }
  return pg::upsert({.table = store.table("position_factor_exposures"),
                     .keys = {"portfolio_id", "position_id", "calculation_date", "model"},
                     .stamp = store.stamp(),
                     .replaced_scope = "t.portfolio_id = ANY ($1) AND t.calculation_date = $2 AND t.model = $3"},
                    std::move(out), model_scope(portfolio_ids, day, model));
}

std::int64_t write_position_rate_betas(const Store& store, core::Date day, const std::string& series,
                                       std::span<const core::Uuid> portfolio_ids,
                                       std::span<const PositionRateBeta> rows) {
  RowBuffer out({{"portfolio_id", Type::uuid},
                 {"position_id", Type::uuid},
                 {"calculation_date", Type::date},
                 {"ir_beta", Type::float8},
                 {"r_squared", Type::float8},
                 {"std_error", Type::float8},
                 {"observations", Type::int4},
                 {"rate_series", Type::text},
                 {"unit", Type::text},
                 {"quality_flag", Type::text},
                 {"reason", Type::text}});
  out.reserve(rows.size());
  for (const PositionRateBeta& row : rows) {
    out.add(row.portfolio_id).add(row.position_id).add(day).add(row.beta).add(row.r_squared).add(row.std_error);
    out.add(row.observations).add_text_or_null(series).add(rate_unit).add(row.quality_flag).add(row.reason);
  }
  return pg::upsert({.table = store.table("position_interest_rate_betas"),
                     .keys = {"portfolio_id", "position_id", "calculation_date"},
                     .stamp = store.stamp(),
                     .replaced_scope = "t.portfolio_id = ANY ($1) AND t.calculation_date = $2"},
                    std::move(out), Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(day));
}

}  // namespace pb::store
