#include "store/volatility_store.hpp"

#include "pg/writer.hpp"
#include "store/snapshot_store.hpp"

namespace pb::store {

using core::Volatility;
using pg::Args;
using pg::RowBuffer;
using pg::Type;

namespace {

void add_realized(RowBuffer& out, const core::Estimate<core::RealizedVolatility>& realized) {
  if (realized.has_value())
    out.add(realized->value).add(realized->low).add(realized->high);
  else
    out.null().null().null();
}

void add_forecast(RowBuffer& out, const core::Estimate<core::VolatilityForecast>& forecast) {
  if (!forecast.has_value()) {
    out.null().null().null();
    return;
  }
  out.add(forecast->value).add(forecast->method);
  if (forecast->har)
    out.add(forecast->har->r_squared);
  else
    out.null();
}

const char* direction(const Volatility& volatility) {
  return volatility.trend.has_value() ? volatility.trend->direction : nullptr;
}

}  // namespace

std::int64_t write_position_volatilities(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                                         std::span<const PositionVolatility> rows) {
  RowBuffer out({{"portfolio_id", Type::uuid},
                 {"position_id", Type::uuid},
                 {"calculation_date", Type::date},
                 {"realized_volatility_21d", Type::float8},
                 {"realized_volatility_21d_low", Type::float8},
                 {"realized_volatility_21d_high", Type::float8},
                 {"realized_volatility_63d", Type::float8},
                 {"realized_volatility_63d_low", Type::float8},
                 {"realized_volatility_63d_high", Type::float8},
                 {"expected_volatility_21d", Type::float8},
                 {"forecast_method", Type::text},
                 {"model_r_squared", Type::float8},
                 {"volatility_trend", Type::text},
                 {"volatility_trend_strength", Type::float8},
                 {"volatility_percentile", Type::float8},
                 {"observations", Type::int4},
                 {"quality_flag", Type::text},
                 {"reason", Type::text}});
  out.reserve(rows.size());
  static const Volatility none;
  for (const PositionVolatility& row : rows) {
    const Volatility& volatility = row.volatility != nullptr ? *row.volatility : none;
    out.add(row.portfolio_id).add(row.position_id).add(day);
    add_realized(out, volatility.realized_short);
    add_realized(out, volatility.realized_long);
    add_forecast(out, volatility.forecast);
    out.add(direction(volatility));
    volatility.trend.has_value() ? out.add(volatility.trend->strength) : out.null();
    out.add(volatility.percentile.optional());
    row.volatility != nullptr ? out.add(volatility.observations) : out.null();
    out.add(row.volatility != nullptr ? volatility.quality_flag : nullptr).add(row.reason);
  }
  return pg::upsert({.table = store.table("position_volatility"),
                     .keys = {"portfolio_id", "position_id", "calculation_date"},
                     .stamp = store.stamp(),
                     .replaced_scope = "t.portfolio_id = ANY ($1) AND t.calculation_date = $2"},
                    std::move(out), Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(day));
}

std::int64_t write_snapshot_volatilities(const Store& store, core::Date day, std::span<const SnapshotVolatility> rows) {
  RowBuffer out({{"portfolio_id", Type::uuid},
                 {"snapshot_date", Type::date},
                 {"realized_volatility_21d", Type::float8},
                 {"realized_volatility_63d", Type::float8},
                 {"expected_volatility_21d", Type::float8},
                 {"expected_volatility_method", Type::text},
                 {"volatility_trend", Type::text},
                 {"volatility_percentile", Type::float8},
                 {"volatility_observations", Type::int4},
                 {"volatility_coverage", Type::float8},
                 {"volatility_proxied", Type::float8},
                 {"volatility_reason", Type::text}});
  out.reserve(rows.size());
  for (const SnapshotVolatility& row : rows) {
    const auto value = [&](const auto& realized) { realized.has_value() ? out.add(realized->value) : out.null(); };
    out.add(row.portfolio_id).add(day);
    value(row.volatility.realized_short);
    value(row.volatility.realized_long);
    value(row.volatility.forecast);
    out.add(row.volatility.forecast.has_value() ? row.volatility.forecast->method : nullptr);
    out.add(direction(row.volatility)).add(row.volatility.percentile.optional());
    out.add(row.volatility.observations).add(row.coverage).add(row.proxied).add(row.reason);
  }
  return update_snapshots(store, std::move(out));
}

}  // namespace pb::store
