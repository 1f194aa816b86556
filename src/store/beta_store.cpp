#include "store/beta_store.hpp"

#include "pg/query.hpp"
#include "pg/writer.hpp"

namespace pb::store {

using pg::Args;
using pg::RowBuffer;
using pg::Type;

namespace {

constexpr const char* method = "OLS_NW";  // OLS, Newey-West errors

}  // namespace

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
  static const SymbolModel no_model{.symbol = {}, .sample = {}, .betas = {SymbolBeta{}}};
  for (const PositionBeta& row : rows) {
    const SymbolModel& model = row.model != nullptr ? *row.model : no_model;
    const SymbolBeta& beta = model.betas.front();
    out.add(row.portfolio_id).add(row.position_id).add(day).add(method).add(store.settings().beta_window);
    out.add(beta.beta).add(model.alpha).add(model.r_squared).add(beta.std_error).add(beta.p_value);
    if (row.model != nullptr)
      out.add(model.sample.observations);
    else
      out.null();
    out.add(store.settings().market_symbol);
    out.add(row.model != nullptr ? model.sample.quality_flag : nullptr);
    out.add(row.model != nullptr ? model.reason() : row.reason);
  }
  pg::Target target{.table = store.table("position_market_betas"),
                    .keys = {"portfolio_id", "position_id", "calculation_date", "method", "window_days"},
                    .stamp = store.stamp()};
  target.replaced_scope =
      "t.portfolio_id = ANY ($1) AND t.calculation_date = $2 AND t.method = $3 AND t.window_days = $4";
  return pg::upsert(target, std::move(out),
                    Args{Type::uuid_array, Type::date, Type::text, Type::int4}
                        .add(portfolio_ids)
                        .add(day)
                        .add(method)
                        .add(store.settings().beta_window));
}

}  // namespace pb::store
