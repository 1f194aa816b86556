#include "store/beta_store.hpp"

#include <cmath>
#include <limits>

#include "core/distributions.hpp"
#include "pg/query.hpp"
#include "pg/writer.hpp"

namespace pb::store {

using core::BetaFit;
using pg::Args;
using pg::RowBuffer;
using pg::Type;

namespace {

constexpr double annualization = 252;
constexpr const char* model = "market";
constexpr const char* factor = "market";
constexpr const char* method = "OLS_NW";  // OLS, Newey-West errors

// Beyond this a beta is kept as estimated but marked, because it is rarely one.
constexpr double outlier_beta = 5;

std::string reason_of(const BetaFit& fit) {
  if (fit.reason != nullptr) return fit.reason;
  return std::fabs(fit.beta()) > outlier_beta ? "outlier" : "";
}

// A statistic of the fit, or NULL without one.
template <class Read>
double statistic(const BetaFit& fit, Read&& read) {
  return fit.fit ? read(*fit.fit) : std::numeric_limits<double>::quiet_NaN();
}

std::int64_t write_fits(const Store& store, core::Date day, std::span<const SymbolBeta> rows) {
  RowBuffer out({{"symbol", Type::text},
                 {"calculation_date", Type::date},
                 {"model", Type::text},
                 {"observations", Type::int4},
                 {"alpha", Type::float8},
                 {"r_squared", Type::float8},
                 {"adj_r_squared", Type::float8},
                 {"residual_volatility", Type::float8},
                 {"condition_number", Type::float8},
                 {"window_start", Type::date},
                 {"window_end", Type::date},
                 {"quality_flag", Type::text},
                 {"reason", Type::text}});
  out.reserve(rows.size());
  for (const SymbolBeta& row : rows) {
    const BetaFit& fit = row.fit;
    out.add(row.symbol).add(day).add(model).add(fit.observations);
    out.add(statistic(fit, [](const auto& f) { return f.coefficients(0); }));
    out.add(statistic(fit, [](const auto& f) { return f.r_squared; }));
    out.add(statistic(fit, [](const auto& f) { return f.adj_r_squared; }));
    out.add(statistic(fit, [](const auto& f) { return f.residual_sd * std::sqrt(annualization); }));
    out.add(statistic(fit, [](const auto& f) { return f.condition_number; }));
    out.add(fit.window_start).add(fit.window_end).add(fit.quality_flag).add_text_or_null(reason_of(fit));
  }
  return pg::upsert({.table = store.table("symbol_model_fits"),
                     .keys = {"symbol", "calculation_date", "model"},
                     .stamp = store.stamp()},
                    out);
}

std::int64_t write_exposures(const Store& store, core::Date day, std::span<const SymbolBeta> rows) {
  RowBuffer out({{"symbol", Type::text},
                 {"calculation_date", Type::date},
                 {"model", Type::text},
                 {"factor", Type::text},
                 {"beta", Type::float8},
                 {"std_error", Type::float8},
                 {"t_stat", Type::float8},
                 {"p_value", Type::float8},
                 {"reason", Type::text}});
  out.reserve(rows.size());
  for (const SymbolBeta& row : rows) {
    out.add(row.symbol).add(day).add(model).add(factor);
    out.add(statistic(row.fit, [](const auto& f) { return f.coefficients(1); }));
    out.add(statistic(row.fit, [](const auto& f) { return f.std_errors(1); }));
    out.add(statistic(row.fit, [](const auto& f) { return f.t_stats(1); }));
    out.add(statistic(row.fit, [](const auto& f) { return f.p_values(1); }));
    out.add_text_or_null(reason_of(row.fit));
  }
  return pg::upsert({.table = store.table("symbol_factor_exposures"),
                     .keys = {"symbol", "calculation_date", "model", "factor"},
                     .stamp = store.stamp()},
                    out);
}

}  // namespace

std::int64_t write_symbol_betas(const Store& store, core::Date day, std::span<const SymbolBeta> rows) {
  return write_fits(store, day, rows) + write_exposures(store, day, rows);
}

std::int64_t write_position_betas(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                                  std::span<const PositionBeta> rows) {
  RowBuffer out({{"portfolio_id", Type::uuid},
                 {"position_id", Type::uuid},
                 {"calculation_date", Type::date},
                 {"method", Type::text},
                 {"window_days", Type::int4},
                 {"beta", Type::float8},
                 {"alpha", Type::float8},
                 {"r_squared", Type::float8},
                 {"std_error", Type::float8},
                 {"p_value", Type::float8},
                 {"observations", Type::int4},
                 {"market_index", Type::text},
                 {"quality_flag", Type::text},
                 {"reason", Type::text}});
  out.reserve(rows.size());
  static const BetaFit no_fit;
  for (const PositionBeta& row : rows) {
    const BetaFit& fit = row.fit != nullptr ? *row.fit : no_fit;
    out.add(row.portfolio_id).add(row.position_id).add(day).add(method).add(store.settings().beta_window);
    out.add(statistic(fit, [](const auto& f) { return f.coefficients(1); }));
    out.add(statistic(fit, [](const auto& f) { return f.coefficients(0); }));
    out.add(statistic(fit, [](const auto& f) { return f.r_squared; }));
    out.add(statistic(fit, [](const auto& f) { return f.std_errors(1); }));
    out.add(statistic(fit, [](const auto& f) { return f.p_values(1); }));
    out.add(fit.observations).add(store.settings().market_symbol);
    if (row.fit != nullptr)
      out.add(fit.quality_flag).add_text_or_null(reason_of(fit));
    else
      out.null().add(row.reason);
  }
  pg::Target target{.table = store.table("position_market_betas"),
                    .keys = {"portfolio_id", "position_id", "calculation_date", "method", "window_days"},
                    .stamp = store.stamp()};
  target.replaced_scope =
      "t.portfolio_id = ANY ($1) AND t.calculation_date = $2 AND t.method = $3 AND t.window_days = $4";
  return pg::upsert(target, out,
                    Args{Type::uuid_array, Type::date, Type::text, Type::int4}
                        .add(portfolio_ids)
                        .add(day)
                        .add(method)
                        .add(store.settings().beta_window));
}

std::map<core::Uuid, core::Money> net_asset_values(const Store& store, core::Date day,
                                                   std::span<const core::Uuid> portfolio_ids) {
  std::map<core::Uuid, core::Money> values;
  pg::each_row("SELECT portfolio_id, (total_value * 10000)::bigint FROM " + store.table("portfolio_snapshots") +
                   " WHERE portfolio_id = ANY ($1) AND snapshot_date = $2",
               Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(day), {Type::uuid, Type::int8},
               [&](const pg::RowView& row) { values[row.uuid(0)] = row.money(1); });
  return values;
}

}  // namespace pb::store

PB_FUNCTION(pb_correlation_p_value) {
  const auto correlation = call.float8(0);
  const auto observations = call.int4(1);
  if (!correlation || !observations) return call.return_null();
  call.return_float8(pb::core::correlation_p_value(*correlation, *observations));
}
