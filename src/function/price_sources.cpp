// preview_price_source: what a collection would read of a table of one's own.
#include <algorithm>
#include <optional>

#include "core/error.hpp"
#include "pg/function.hpp"
#include "store/source_store.hpp"

namespace pb::function {

namespace {

market::Kind source_kind(const std::string& word) {
  using market::Kind;
  for (const Kind kind : {Kind::prices, Kind::corporate_actions, Kind::yields, Kind::profiles, Kind::statements})
    if (word == market::to_word(kind)) return kind;
  throw core::Error(core::sqlstate::invalid_parameter, "there are no sources of kind \"" + word + "\"", "",
                    "prices, corporate_actions, yields, profiles and statements are possible.");
}

struct Span {
  std::int64_t rows = 0;
  std::optional<core::Date> first = {}, last = {};

  void add(core::Date day) {
    ++rows;
    first = first ? std::min(*first, day) : day;
    last = last ? std::max(*last, day) : day;
  }
};

Span span_of(const market::SymbolAnswer& answer) {
  Span span;
  for (const auto& bar : answer.prices.bars) span.add(bar.date);
  for (const auto& action : answer.actions) span.add(action.ex_date);
  for (const auto& yield : answer.yields) span.add(yield.date);
  for (const auto& statement : answer.statements) span.add(statement.period_date);
  if (answer.profile) ++span.rows;
  return span;
}

}  // namespace

PB_FUNCTION(pb_preview_price_source) {
  const auto name = call.text(0);
  const auto symbols = call.texts(1);
  const auto from = call.date(2), to = call.date(3);
  const auto kind = call.text(4);
  if (!name || !symbols || !from || !to || !kind)
    throw core::Error(core::sqlstate::invalid_parameter,
                      "preview_price_source needs a source, symbols, and a first and a last day", "",
                      "None of its arguments may be NULL.");
  const store::Store store(call);
  using pg::Type;
  pg::RowBuffer rows({{"symbol", Type::text},
                      {"outcome", Type::text},
                      {"row_count", Type::int8},
                      {"first_date", Type::date},
                      {"last_date", Type::date},
                      {"message", Type::text}});
  for (const auto& answer : store::read_source(store, *name, source_kind(*kind), *symbols, *from, *to).symbols) {
    const Span span = span_of(answer);
    rows.add(answer.symbol).add(market::to_word(answer.outcome)).add(span.rows).add(span.first).add(span.last);
    rows.add_text_or_null(answer.text);
  }
  call.return_rows(rows);
}

}  // namespace pb::function
