#include "engine/coverage.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <map>
#include <set>

#include "core/text/json.hpp"
#include "pg/subtransaction.hpp"
#include "store/calendar_store.hpp"
#include "store/collection_store.hpp"
#include "store/coverage_store.hpp"

namespace pb::engine {

using core::Date;

namespace {

struct Coverage {
  std::vector<std::string> current, stale, missing, invalid;
  std::map<std::string, std::int64_t> by_source;

  std::size_t wanted() const { return current.size() + stale.size() + missing.size() + invalid.size(); }
  double percent() const {
    return wanted() == 0 ? 100 : 100.0 * static_cast<double>(current.size()) / static_cast<double>(wanted());
  }
};

// invalid: the newest price cannot be used, so the one before it is, as long as it is not too old.
enum class Freshness { current, stale, missing, invalid };

Freshness freshness(std::optional<Date> priced, bool is_usable, Date day, const core::Sessions& sessions,
                    int max_stale) {
  if (!is_usable) return Freshness::invalid;
  if (!priced) return Freshness::missing;
  const int age = sessions.age(*priced, day);
  return age == 0 ? Freshness::current : age <= max_stale ? Freshness::stale : Freshness::missing;
}

const char* name_of(Freshness state) {
  switch (state) {
    case Freshness::current:
      return "current";
    case Freshness::stale:
      return "stale";
    case Freshness::invalid:
      return "invalid";
    case Freshness::missing:
      return "missing";
  }
  return "";
}

core::Sessions recent_sessions(const store::Store& store, Date day) {
  return store::load_sessions_with_lookback(store, day, day, store.settings().max_stale_sessions + 1);
}

// The symbols that the definitions want, and which therefore say nothing of anybody's holdings.
std::set<std::string> symbols_of_definitions(Context& context) {
  std::set<std::string> symbols{context.store().settings().market_symbol};
  for (const store::FactorDefinition& factor : context.factors()) {
    symbols.insert(factor.long_symbol);
    if (!factor.short_symbol.empty()) symbols.insert(factor.short_symbol);
  }
  return symbols;
}

// The universe of a day, as load_wanted_symbols defines it, in the order of the symbols.
std::set<std::string> wanted_symbols(Context& context, Date day, std::span<const core::Uuid> portfolio_ids) {
  std::set<std::string> wanted = symbols_of_definitions(context);
  for (const core::Uuid& id : portfolio_ids) {
    const store::Portfolio* portfolio = store::find_portfolio(context.book(), id);
    if (portfolio == nullptr) continue;
    for (const core::Lot& lot : portfolio->lots)
      if (lot.entry_date <= day && (!lot.exit_date || *lot.exit_date > day) && !lot.is_private()) {
        if (!lot.is_expired(day)) wanted.insert(lot.symbol);
        const bool is_over = lot.expiration_date && *lot.expiration_date < day;
        if (lot.is_option() && !lot.underlying_symbol.empty() && !is_over) wanted.insert(lot.underlying_symbol);
      }
  }
  return wanted;
}

void count(Coverage& coverage, const std::string& symbol, Freshness state, const std::string& source) {
  auto& list = state == Freshness::current   ? coverage.current
               : state == Freshness::stale   ? coverage.stale
               : state == Freshness::invalid ? coverage.invalid
                                             : coverage.missing;
  list.push_back(symbol);
  if (state == Freshness::current) ++coverage.by_source[source.empty() ? "unknown" : source];
}

// From the prices that the engines of the run have read or will read.
Coverage measure_in_memory(Context& context, Date day, std::span<const core::Uuid> portfolio_ids) {
  const store::Market& market = context.market();
  const int max_stale = context.store().settings().max_stale_sessions;
  Coverage coverage;
  for (const std::string& symbol : wanted_symbols(context, day, portfolio_ids)) {
    const auto column = market.panel.column(symbol);
    const auto mark = column ? market.panel.mark_asof(*column, day, market.actions) : std::nullopt;
    const std::optional<Date> priced = mark ? std::optional(mark->date) : std::nullopt;
    const auto left_out = column ? market.panel.newest_left_out(*column, day) : std::nullopt;
    const bool is_usable = !left_out || (priced && *priced >= *left_out);
    const Freshness state = freshness(priced, is_usable, day, market.panel.sessions(), max_stale);
    count(coverage, symbol, state, state == Freshness::current ? context.price_sources().of(day, *column) : "");
  }
  return coverage;
}

Coverage measure_in_tables(const store::Store& store, Date day, std::span<const core::Uuid> portfolio_ids) {
  const core::Sessions sessions = recent_sessions(store, day);
  Coverage coverage;
  for (const store::WantedSymbol& symbol : store::load_wanted_symbols(store, portfolio_ids, day))
    count(coverage, symbol.symbol,
          freshness(symbol.price_date, symbol.is_usable, day, sessions, store.settings().max_stale_sessions),
          symbol.data_source);
  return coverage;
}

// Of one date the tables tell as fast. Whatever keeps the engines of several from their prices, what there is of them
// can still be told.
Coverage measure(Context& context, Date day, std::span<const core::Uuid> portfolio_ids) {
  Coverage coverage;
  if (!context.covers_several_days() || pg::isolate([&] { coverage = measure_in_memory(context, day, portfolio_ids); }))
    return measure_in_tables(context.store(), day, portfolio_ids);
  return coverage;
}

std::string first_names(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 5;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < shown; ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() > shown ? text + ", …" : text;
}

std::vector<std::string> common(const std::vector<std::string>& list, const std::set<std::string>& set) {
  std::vector<std::string> both;
  std::copy_if(list.begin(), list.end(), std::back_inserter(both),
               [&](const auto& name) { return set.contains(name); });
  return both;
}

// What a portfolio holds without a price of the day belongs to its own rows of the log.
std::vector<Note> notes(const store::Store& store, Date day, std::span<const core::Uuid> portfolio_ids,
                        const Coverage& coverage) {
  std::vector<Note> notes;
  std::vector<std::string> late = coverage.stale;
  late.insert(late.end(), coverage.missing.begin(), coverage.missing.end());
  late.insert(late.end(), coverage.invalid.begin(), coverage.invalid.end());
  if (late.empty()) return notes;
  for (const auto& [id, held] : store::holders_of_symbols(store, portfolio_ids, day, late)) {
    const auto missing = common(coverage.missing, held);
    notes.push_back({id, static_cast<std::int64_t>(missing.size()),
                     core::JsonObject()
                         .raw("stale_symbols", core::json_array(common(coverage.stale, held)))
                         .raw("missing_symbols", core::json_array(missing))
                         .raw("invalid_symbols", core::json_array(common(coverage.invalid, held)))
                         .str()});
  }
  return notes;
}

// The symbols that it lists are those of the definitions; of all there are counts.
std::string as_json(const Coverage& coverage, const std::set<std::string>& of_definitions,
                    const std::optional<store::NewestCollection>& collection) {
  core::JsonObject by_source;
  for (const auto& [source, count] : coverage.by_source) by_source.add(source, count);
  core::JsonObject json;
  json.add("symbols_requested", static_cast<std::int64_t>(coverage.wanted()))
      .add("symbols_with_data", static_cast<std::int64_t>(coverage.current.size()))
      .add("data_coverage_pct", coverage.percent())
      .add("stale", static_cast<std::int64_t>(coverage.stale.size()))
      .add("missing", static_cast<std::int64_t>(coverage.missing.size()))
      .add("invalid", static_cast<std::int64_t>(coverage.invalid.size()))
      .raw("stale_symbols", core::json_array(common(coverage.stale, of_definitions)))
      .raw("missing_symbols", core::json_array(common(coverage.missing, of_definitions)))
      .raw("invalid_symbols", core::json_array(common(coverage.invalid, of_definitions)))
      .raw("provider_breakdown", by_source.str())
      .add("fetch_mode", collection ? "collected" : "in_database");
  if (collection)
    json.add("collection_id", collection->collection_id)
        .add("collection_status", collection->status)
        .add("symbols_asked_for", std::int64_t{collection->symbols_requested})
        .add("symbols_fetched", std::int64_t{collection->symbols_fetched})
        .raw("collected_from", collection->detail_json);
  return json.str();
}

// What the newest collection for the session did.
void add_collection(Report& report, const store::NewestCollection& collection) {
  const std::string text = "; collection " + std::to_string(collection.collection_id) + " " + collection.status + ": " +
                           std::to_string(collection.symbols_fetched) + " of " +
                           counted(collection.symbols_requested, "symbol") + " delivered";
  report.detail += text;
  report.logged += text;
}

// Symbols are named to who runs the batch; the log of the date has their number.
void add_symbols(Report& report, const std::string& state, const std::vector<std::string>& symbols) {
  if (symbols.empty()) return;
  report.detail += "; " + state + ": " + first_names(symbols);
  report.logged += "; " + state + ": " + std::to_string(symbols.size());
}

}  // namespace

Report report_coverage(Context& context, Date day, std::span<const core::Uuid> portfolio_ids) {
  const Coverage coverage = measure(context, day, portfolio_ids);
  Report report;
  report.processed = static_cast<std::int64_t>(coverage.wanted());
  report.skipped = static_cast<std::int64_t>(coverage.missing.size() + coverage.invalid.size());
  char percent[16];
  std::snprintf(percent, sizeof percent, "%.1f", coverage.percent());
  report.detail = std::string(percent) + " % coverage: " + std::to_string(coverage.current.size()) + " of " +
                  counted(static_cast<std::int64_t>(coverage.wanted()), "symbol");
  report.logged = report.detail;
  add_symbols(report, "stale", coverage.stale);
  add_symbols(report, "missing", coverage.missing);
  add_symbols(report, "invalid", coverage.invalid);
  for (const std::string& factor : context.left_out_factors()) {
    report.detail += "; left out: " + factor;
    report.logged += "; left out: " + factor;
  }
  const auto collection = store::newest_collection(context.store(), day);
  if (collection) add_collection(report, *collection);
  report.detail_json = as_json(coverage, symbols_of_definitions(context), collection);
  report.notes = notes(context.store(), day, portfolio_ids, coverage);
  return report;
}

std::vector<SymbolCoverage> symbol_coverage(const store::Store& store, Date day,
                                            std::span<const core::Uuid> portfolio_ids) {
  const core::Sessions sessions = recent_sessions(store, day);
  std::vector<SymbolCoverage> symbols;
  for (store::WantedSymbol& symbol : store::load_wanted_symbols(store, portfolio_ids, day)) {
    const auto state =
        freshness(symbol.price_date, symbol.is_usable, day, sessions, store.settings().max_stale_sessions);
    symbols.push_back({std::move(symbol), name_of(state)});
  }
  return symbols;
}

}  // namespace pb::engine
