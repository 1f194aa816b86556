#include "store/volatility_store.hpp"

#include "store/result_rows.hpp"
#include "store/snapshot_store.hpp"

namespace pb::store {

using core::RealizedVolatility;
using core::Volatility;
using core::VolatilityForecast;
using core::VolatilityTrend;

namespace {

// A figure of an estimate of the row's volatility, where there is one.
template <class Row, class Estimate, class Figure>
pg::Column<Row> figure(std::string name, Estimate Volatility::*estimate, Figure figure) {
  return pg::column<Row>(std::move(name), [estimate, figure](const Row& row) {
    const Estimate& found = row.volatility.*estimate;
    return found.has_value() ? std::optional(std::invoke(figure, *found)) : std::nullopt;
  });
}

std::optional<double> har_r_squared(const VolatilityForecast& forecast) {
  return forecast.har ? std::optional(forecast.har->r_squared) : std::nullopt;
}

}  // namespace

std::int64_t write_symbol_volatilities(const Store& store, core::Date day, std::span<const SymbolVolatility> rows) {
  using Row = SymbolVolatility;
  const Columns<Row> columns{
      constant<Row>("calculation_date", day),
      pg::column<Row>("symbol", &Row::symbol),
      figure<Row>("realized_volatility_21d", &Volatility::realized_short, &RealizedVolatility::value),
      figure<Row>("realized_volatility_21d_low", &Volatility::realized_short, &RealizedVolatility::low),
      figure<Row>("realized_volatility_21d_high", &Volatility::realized_short, &RealizedVolatility::high),
      figure<Row>("realized_volatility_63d", &Volatility::realized_long, &RealizedVolatility::value),
      figure<Row>("realized_volatility_63d_low", &Volatility::realized_long, &RealizedVolatility::low),
      figure<Row>("realized_volatility_63d_high", &Volatility::realized_long, &RealizedVolatility::high),
      pg::column<Row>("return_kurtosis",
                      [](const Row& row) {
                        const Volatility& v = row.volatility;
                        const bool is_used = v.realized_short.has_value() || v.realized_long.has_value();
                        return is_used || v.trend.has_value() ? std::optional(v.kurtosis) : std::nullopt;
                      }),
      figure<Row>("expected_volatility_21d", &Volatility::forecast, &VolatilityForecast::value),
      figure<Row>("forecast_method", &Volatility::forecast, &VolatilityForecast::method),
      pg::column<Row>("model_r_squared",
                      [](const Row& row) {
                        const auto& forecast = row.volatility.forecast;
                        return forecast.has_value() ? har_r_squared(*forecast) : std::nullopt;
                      }),
      figure<Row>("volatility_trend", &Volatility::trend, &VolatilityTrend::direction),
      figure<Row>("volatility_trend_strength", &Volatility::trend, &VolatilityTrend::strength),
      pg::column<Row>("volatility_percentile", [](const Row& row) { return row.volatility.percentile.optional(); }),
      pg::column<Row>("observations", [](const Row& row) { return row.volatility.observations; }),
      pg::column<Row>("sessions_per_year", &Row::sessions_per_year),
      pg::column<Row>("quality_flag", [](const Row& row) { return row.volatility.quality_flag; }),
      pg::column<Row>("reason", &Row::reason),
      pg::column<Row>("input_digest", &Row::input_digest),
  };
  std::vector<Row> own;
  for (const Row& row : rows)
    if (!store.leaves_symbol(row.symbol)) own.push_back(row);
  return write_results<Row>(store, "symbol_volatility", {"calculation_date", "symbol"}, columns, own, on_day(day));
}

std::int64_t write_snapshot_volatilities(const Store& store, core::Date day, std::span<const SnapshotVolatility> rows) {
  using Row = SnapshotVolatility;
  static const Columns<Row> columns{
      pg::column<Row>("portfolio_id", &Row::portfolio_id),
      figure<Row>("realized_volatility_21d", &Volatility::realized_short, &RealizedVolatility::value),
      figure<Row>("realized_volatility_63d", &Volatility::realized_long, &RealizedVolatility::value),
      figure<Row>("expected_volatility_21d", &Volatility::forecast, &VolatilityForecast::value),
      figure<Row>("expected_volatility_method", &Volatility::forecast, &VolatilityForecast::method),
      figure<Row>("volatility_trend", &Volatility::trend, &VolatilityTrend::direction),
      pg::column<Row>("volatility_percentile", [](const Row& row) { return row.volatility.percentile.optional(); }),
      pg::column<Row>("volatility_observations", [](const Row& row) { return row.volatility.observations; }),
      pg::column<Row>("sessions_per_year", &Row::sessions_per_year),
      pg::column<Row>("volatility_coverage", &Row::coverage),
      pg::column<Row>("volatility_proxied", &Row::proxied),
      pg::column<Row>("volatility_reason", &Row::reason),
  };
  return update_snapshots(store, day, columns, rows);
}

}  // namespace pb::store
