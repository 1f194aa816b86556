// What SQL calls about fundamentals.
#include "collect/collect_fundamentals.hpp"
#include "collect/fundamentals_plan.hpp"
#include "pg/function.hpp"

namespace pb::collect {

// fundamentals_due(as_of, symbols)
PB_FUNCTION(pb_fundamentals_due) {
  using pg::Type;
  pg::RowBuffer rows({{"symbol", Type::text},
                      {"kind", Type::text},
                      {"is_due", Type::boolean},
                      {"reason", Type::text},
                      {"next_due", Type::date},
                      {"last_success_at", Type::timestamptz},
                      {"provider", Type::text}});
  const store::Store store(call);
  const Moment moment = fundamental_moment(store, call.date(0));
  const core::Sessions sessions = fundamental_sessions(store, moment);
  for (const auto& symbol : store::load_fundamental_symbols(store, moment.as_of, call.texts(1)))
    for (const market::Kind kind : fundamental_kinds) {
      const DueDecision decision = decide_symbol(symbol, kind, moment, sessions);
      const auto state = symbol.states.find(kind);
      rows.add(symbol.symbol).add(market::to_word(kind)).add(decision.is_due).add(decision.reason);
      rows.add(decision.next_due);
      if (state == symbol.states.end())
        rows.null().null();
      else
        rows.add(state->second.last_success_at).add_text_or_null(state->second.provider);
    }
  call.return_rows(rows);
}

// collect_fundamentals(as_of, symbols, force)
PB_FUNCTION(pb_collect_fundamentals) {
  collect_fundamentals(call,
                       {.as_of = call.date(0), .symbols = call.texts(1), .force = call.boolean(2).value_or(false)});
  call.return_null();
}

}  // namespace pb::collect
