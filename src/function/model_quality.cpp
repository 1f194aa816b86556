// How good the stored models and forecasts were: model_quality.
#include "engine/model_quality.hpp"

#include <chrono>

#include "function/entry.hpp"
#include "store/book_store.hpp"
#include "store/calendar_store.hpp"

namespace pb::function {

namespace {

// The first day of the month eleven months before that of the day: with it a year of months.
core::Date year_of_months(core::Date day) {
  const std::chrono::year_month_day ymd{day};
  return std::chrono::sys_days{(ymd.year() / ymd.month() - std::chrono::months{11}) / 1};
}

}  // namespace

// model_quality(from_date, to_date, portfolio_ids, portfolio_id)
PB_FUNCTION(pb_model_quality) {
  using pg::Type;
  const store::Store store(call);
  const core::Date to = call.is_null(1) ? store::latest_session(store) : call.date(1).value();
  const core::Date from = call.is_null(0) ? year_of_months(to) : call.date(0).value();
  store::require_covered(store, store.settings().calendar, from);
  store::require_covered(store, store.settings().calendar, to);
  const auto requested = portfolios_argument(call, 2);
  const auto ids = store::resolve_portfolios(store, requested);
  store.require({"factor_models", "symbol_model_fits", "symbol_volatility", "portfolio_holdings",
                 "portfolio_model_exposures", "portfolio_snapshots"});
  pg::RowBuffer rows({{"month", Type::date},
                      {"model", Type::text},
                      {"measure", Type::text},
                      {"portfolio_id", Type::uuid},
                      {"value", Type::float8},
                      {"alternative", Type::text},
                      {"alternative_value", Type::float8},
                      {"range_low", Type::float8},
                      {"range_high", Type::float8},
                      {"observations", Type::int8},
                      {"verdict", Type::text},
                      {"reason", Type::text}});
  for (const engine::QualityRow& row : engine::model_quality(store, from, to, ids, !requested)) {
    const core::Score& score = row.score;
    rows.add(row.month).add(row.model).add(row.measure).add(row.portfolio_id).add(score.value).add(row.plain);
    rows.add(score.plain).add(score.low).add(score.high).add(score.observations);
    rows.add_text_or_null(to_word(score.verdict)).add_text_or_null(to_word(score.reason));
  }
  call.return_rows(rows);
}

}  // namespace pb::function
