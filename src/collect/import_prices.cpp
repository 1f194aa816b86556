// import_prices_csv: prices of a file that the client has copied into a table.
#include <map>
#include <span>

#include "collect/plan/gates.hpp"
#include "core/error.hpp"
#include "core/text/json.hpp"
#include "pg/function.hpp"
#include "store/calendar_store.hpp"
#include "store/collection_store.hpp"
#include "store/price_intake.hpp"
#include "store/source_store.hpp"

namespace pb::collect {

namespace {

constexpr std::int64_t rows_at_once = 250000;
constexpr std::size_t told_reasons = 5;

struct Imported {
  std::int64_t rows = 0, written = 0, gated = 0, quarantined = 0, rejected = 0, symbols = 0;
  std::vector<std::string> reasons = {};

  void reject(std::int64_t count, const std::string& symbol, const std::string& reason) {
    rejected += count;
    if (count > 0) tell(symbol, reason);
  }
  void tell(const std::string& symbol, const std::string& reason) {
    if (reasons.size() < told_reasons) reasons.push_back((symbol.empty() ? "" : symbol + " ") + reason);
  }
};

std::vector<StoredBar> import_stored_bars(const std::vector<store::IntakePrice>& prices) {
  std::vector<StoredBar> bars;
  bars.reserve(prices.size());
  for (const store::IntakePrice& price : prices)
    bars.push_back({price.bar, price.is_split_adjusted, price.is_final, price.source});
  return bars;
}

void import_symbols(const store::Store& store, const store::SourceRelation& relation, const std::string& source,
                    std::span<const std::string> symbols, const core::Sessions& sessions, Imported& imported) {
  store::SourceAnswer read = store::read_staged(store, relation, symbols, sessions[0]);
  imported.rejected += read.rejected;
  for (const store::SourceReject& rejected : read.rejects) imported.tell(rejected.symbol, rejected.reason);
  const auto stored = store::load_stored_prices(store, symbols, sessions.dates().back());
  const auto actions = store::load_known_actions(store, symbols);
  const auto currencies = store::load_currencies(store);
  std::vector<store::IntakePrice> prices;
  std::vector<store::QuarantinedPrice> suspects;
  for (market::SymbolAnswer& answer : read.symbols) {
    for (const market::Bar& bar : answer.prices.bars)
      if (!bar.close) imported.reject(1, answer.symbol, "close is not there");
    std::vector<StoredBar> bars;
    if (const auto found = stored.find(answer.symbol); found != stored.end()) bars = import_stored_bars(found->second);
    GateFacts facts{.source = source, .stored = bars};
    if (const auto found = actions.find(answer.symbol); found != actions.end()) facts.actions = found->second;
    if (const auto found = currencies.find(answer.symbol); found != currencies.end()) facts.currency = found->second;
    Gated gated = pass_gates(answer.prices, facts, sessions, std::nullopt);
    const auto as_price = [&](market::Bar& bar) {
      return store::IntakePrice{answer.symbol, bar, answer.prices.is_split_adjusted, true, source};
    };
    auto at = bars.begin();
    for (market::Bar& bar : gated.accepted) {
      while (at != bars.end() && at->bar.date < bar.date) ++at;
      prices.push_back(as_price(bar));
      prices.back().is_new = at == bars.end() || at->bar.date != bar.date;
    }
    for (Suspect& suspect : gated.suspects) suspects.push_back({as_price(suspect.bar), suspect.gate, suspect.facts});
  }
  imported.gated += static_cast<std::int64_t>(prices.size());
  imported.quarantined += static_cast<std::int64_t>(suspects.size());
  if (!prices.empty()) imported.written += store::write_prices(store, prices, store::IntakeReason::correction);
  if (!suspects.empty()) store::write_quarantine(store, suspects);
}

Imported import_prices(const store::Store& store, const store::SourceRelation& relation, const std::string& source,
                       const core::Sessions& sessions) {
  Imported imported;
  std::vector<std::string> symbols;
  std::int64_t rows = 0;
  const auto flush = [&] {
    if (!symbols.empty()) import_symbols(store, relation, source, symbols, sessions, imported);
    symbols.clear();
    rows = 0;
  };
  for (const auto& [symbol, count] : store::count_staged(relation)) {
    imported.rows += count;
    if (symbol.empty()) {
      imported.reject(count, symbol, "symbol is not there");
      continue;
    }
    ++imported.symbols;
    symbols.push_back(symbol);
    if ((rows += count) >= rows_at_once) flush();
  }
  flush();
  return imported;
}

}  // namespace

// import_prices_csv(staging, mapping, source)
PB_FUNCTION(pb_import_prices_csv) {
  const auto staging = call.int4(0);  // the number of a relation
  const auto mapping = call.text(1);
  const auto source = call.text(2);
  if (!staging || !mapping || !source || source->empty())
    throw core::Error(core::sqlstate::invalid_parameter, "import_prices_csv needs a table, a mapping and a source", "",
                      "None of its arguments may be NULL.");
  const store::Store store(call);
  store::require_primary(store);
  const core::Date last = store::latest_session(store);
  const std::string& calendar = store.settings().calendar;
  const core::Sessions sessions =
      store::load_sessions(store, calendar, store::calendar_bounds(store, calendar).first, last);
  const store::SourceRelation relation = store::staged_prices(store, static_cast<std::uint32_t>(*staging), *mapping);
  const auto collection = store::begin_collection(store, "import", last);
  if (!collection) throw core::Error("55006", "another session is importing prices", "", "Try again when it is done.");
  const Imported imported = import_prices(store, relation, *source, sessions);

  std::string reasons;
  for (const std::string& reason : imported.reasons) reasons += (reasons.empty() ? "" : "; ") + reason;
  core::JsonObject detail;
  detail.add("source", std::string_view(*source))
      .add("relation", std::string_view(relation.name))
      .add("rows", imported.rows)
      .add("quarantined", imported.quarantined)
      .add("rejected", imported.rejected)
      .raw("reasons", core::json_array(imported.reasons));
  store::finish_collection(store, *collection,
                           {.status = imported.rejected + imported.quarantined > 0 ? "partial" : "success",
                            .symbols_requested = static_cast<int>(imported.symbols),
                            .symbols_fetched = static_cast<int>(imported.symbols),
                            .rows_written = imported.written,
                            .detail_json = detail.str()});
  using pg::Type;
  pg::RowBuffer rows({{"row_count", Type::int8},
                      {"written", Type::int8},
                      {"unchanged", Type::int8},
                      {"quarantined", Type::int8},
                      {"rejected", Type::int8},
                      {"symbols", Type::int8},
                      {"reasons", Type::text}});
  rows.add(imported.rows).add(imported.written).add(imported.gated - imported.written);
  rows.add(imported.quarantined).add(imported.rejected).add(imported.symbols).add_text_or_null(reasons);
  call.return_rows(rows);
}

}  // namespace pb::collect
