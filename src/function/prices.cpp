// Prices: what a symbol was worth on a day, and which prices are not there.
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "engine/coverage.hpp"
#include "function/entry.hpp"
#include "store/calendar_store.hpp"
#include "store/coverage_store.hpp"
#include "store/price_store.hpp"

namespace pb::function {

// price_asof(symbol, date, max_stale_sessions): the one answer to "what was it worth that day".
PB_FUNCTION(pb_price_asof) {
  using pg::Type;
  pg::RowBuffer rows({{"price", Type::float8}, {"price_date", Type::date}, {"stale_sessions", Type::int4}});
  const auto symbol = call.text(0);
  const auto day = call.date(1);
  if (symbol && day) {
    const store::Store store(call);
    const int max_stale = call.int4(2).value_or(store.settings().max_stale_sessions);
    if (max_stale < 0)
      throw core::Error(core::sqlstate::invalid_parameter, "max_stale_sessions must not be negative",
                        "It is " + std::to_string(max_stale) + ".");
    store::require_covered(store, store.settings().calendar, *day);
    pg::MemoryBudget budget(store.settings().max_memory_bytes);
    auto sessions = store::load_sessions_with_lookback(store, *day, *day, max_stale);
    const auto market = store::load_market(store, std::move(sessions),
                                           {.valued_from = *day,
                                            .valued_until = *day,
                                            .symbols = {*symbol},
                                            .options = store::load_options(store, {&*symbol, 1})},
                                           budget);
    const auto mark = market.panel.mark_asof(0, *day, market.actions);
    if (!mark) {
      rows.null().null().null();
    } else {
      // A mark from before the panel: its age in sessions is counted over the calendar, not over the panel.
      const auto counted = store::load_sessions(store, store.settings().calendar, mark->date, *day);
      const int age = counted.age(mark->date, *day);
      if (age <= max_stale)
        rows.add(mark->price);
      else
        rows.null();
      rows.add(mark->date).add(age);
    }
  } else {
    rows.null().null().null();
  }
  call.return_rows(rows);
}

// prices_across_splits(day, symbols): where adjusted closes jump by the ratio of a split, in reach of the estimates of
// the day.
PB_FUNCTION(pb_prices_across_splits) {
  using pg::Type;
  pg::RowBuffer rows({{"symbol", Type::text},
                      {"session_date", Type::date},
                      {"new_shares", Type::float8},
                      {"old_shares", Type::float8},
                      {"change", Type::float8}});
  const auto day = call.date(0);
  const auto symbols = call.texts(1);
  if (day && symbols && !symbols->empty()) {
    const store::Store store(call);
    store::require_covered(store, store.settings().calendar, *day);
    const int reach = engine::Inputs(store, {}, *day, *day).lookback_sessions();
    pg::MemoryBudget budget(store.settings().max_memory_bytes);
    auto sessions = store::load_sessions_with_lookback(store, *day, *day, reach);
    const auto market = store::load_market(store, std::move(sessions),
                                           {.valued_from = *day, .valued_until = *day, .symbols = *symbols}, budget);
    for (std::size_t i = 0; i < market.panel.symbols().size(); ++i)
      for (const core::SplitJump& jump : market.panel.split_jumps(static_cast<int>(i)))
        rows.add(market.panel.symbols()[i])
            .add(jump.session)
            .add(jump.ratio.new_shares)
            .add(jump.ratio.old_shares)
            .add(jump.change);
  }
  call.return_rows(rows);
}

// missing_prices(from_date, to_date, portfolio_ids): what a loader still has to fetch.
PB_FUNCTION(pb_missing_prices) {
  pg::RowBuffer rows({{"symbol", pg::Type::text}, {"session_date", pg::Type::date}});
  const auto from = call.date(0);
  const auto to = call.date(1);
  if (from && to) {
    const store::Store store(call);
    store::require_covered(store, store.settings().calendar, *from);
    store::require_covered(store, store.settings().calendar, *to);
    store::each_missing_price(store, *from, *to, store::resolve_portfolios(store, portfolios_argument(call, 2)),
                              [&](std::string_view symbol, core::Date day) { rows.add(symbol).add(day); });
  }
  call.return_rows(rows);
}

// market_data_coverage(date, portfolio_ids): the coverage report symbol by symbol.
PB_FUNCTION(pb_market_data_coverage) {
  const store::Store store(call);
  const core::Date day = session_argument(call, 0, store);
  const auto ids = store::resolve_portfolios(store, portfolios_argument(call, 1));
  pg::RowBuffer rows({{"symbol", pg::Type::text},
                      {"status", pg::Type::text},
                      {"price_date", pg::Type::date},
                      {"data_source", pg::Type::text}});
  for (const auto& [symbol, status] : engine::symbol_coverage(store, day, ids))
    rows.add(symbol.symbol).add(status).add(symbol.price_date).add_text_or_null(symbol.data_source);
  call.return_rows(rows);
}

}  // namespace pb::function
