#include "store/coverage_store.hpp"

#include <limits>

#include "core/error.hpp"
#include "pg/select.hpp"
#include "store/book_store.hpp"
#include "store/calendar_store.hpp"
#include "store/row_check.hpp"

namespace pb::store {

using pg::Args;
using pg::field;
using pg::Type;

namespace {

// What is wanted for a position that is open on any of [$2, $3], and until when: its own symbol, and of an option that
// of its underlying. An option that has expired has no price of its own any more; the day it expired on needs that of
// its underlying.
constexpr const char* symbols_of_position =
    " CROSS JOIN LATERAL (SELECT p.symbol,"
    " CASE WHEN length(p.position_type) = 2 THEN p.expiration_date - 1 END"
    " UNION ALL SELECT p.underlying_symbol, p.expiration_date WHERE length(p.position_type) = 2"
    " AND p.underlying_symbol <> '') s (symbol, until) WHERE p.portfolio_id = ANY ($1) AND p.entry_date <= $3"
    " AND (p.exit_date IS NULL OR p.exit_date > $2) AND p.deleted_at IS NULL"
    " AND p.investment_class IS DISTINCT FROM 'PRIVATE' AND (s.until < $2) IS NOT TRUE";

bool has_conversions(const Store& store) {
  struct Row {
    std::int32_t one;
  };
  static const auto columns = pg::select("corporate_action_legs", field("1", &Row::one));
  bool found = false;
  columns.from(store.table("corporate_action_legs") + " LIMIT 1", {}, [&](const Row&) { found = true; });
  return found;
}

// What portfolios want for their positions, and until when. Of shares that corporate actions convert, what they become
// by $3 as well, also where the rest was closed since; the shares themselves until they are gone.
std::string wanted_for_positions(const Store& store) {
  const std::string positions = store.table("positions") + " p";
  std::string of_positions = "SELECT p.portfolio_id, s.symbol, s.until FROM " + positions + symbols_of_position;
  if (!has_conversions(store)) return of_positions;
  const std::string legs = store.table("corporate_action_legs") + " l";
  const std::string shares = "SELECT p.portfolio_id, p.symbol, p.entry_date, p.exit_date FROM " + positions +
                             " WHERE p.portfolio_id = ANY ($1) AND p.entry_date <= $3 AND p.deleted_at IS NULL"
                             " AND p.investment_class IS DISTINCT FROM 'PRIVATE' AND length(p.position_type) <> 2";
  const std::string made_of_them =
      "SELECT h.portfolio_id, l.to_symbol, l.ex_date, NULL::date FROM held h JOIN " + legs +
      " ON l.symbol = h.symbol AND l.ex_date > h.since AND l.ex_date <= least(h.closed, $3)"
      " WHERE l.to_symbol IS NOT NULL";
  const std::string last_day = "(SELECT min(l.ex_date) - 1 FROM " + legs +
                               " WHERE l.symbol = h.symbol AND l.ex_date > h.since"
                               " AND l.kind NOT IN ('spin_off', 'return_of_capital'))";
  return of_positions +
         " AND length(p.position_type) = 2 UNION ALL SELECT c.* FROM (WITH RECURSIVE held"
         " (portfolio_id, symbol, since, closed) AS (" +
         shares + " UNION " + made_of_them + ") SELECT h.portfolio_id, h.symbol, " + last_day +
         " FROM held h WHERE h.closed IS NULL OR h.closed > $2) c (portfolio_id, symbol, until)"
         " WHERE (c.until < $2) IS NOT TRUE";
}

// Symbols wanted between two days by the portfolios $1, and until when: those of positions, factors, the market $4.
std::string universe(const Store& store) {
  return "SELECT w.symbol, max(coalesce(w.until, 'infinity')) FROM (SELECT o.symbol, o.until FROM (" +
         wanted_for_positions(store) + ") o UNION ALL SELECT unnest(ARRAY[long_symbol, short_symbol]), NULL FROM " +
         store.table("factor_definitions") +
         " WHERE is_active UNION ALL SELECT $4, NULL) w (symbol, until) GROUP BY w.symbol";
}

}  // namespace

std::vector<WantedSymbol> load_wanted_symbols(const Store& store, std::span<const core::Uuid> portfolio_ids,
                                              core::Date day) {
  struct Row {
    std::string symbol;
    std::optional<core::Date> date;
    std::optional<std::string> source;
    std::optional<bool> usable;
  };
  static const auto columns =
      pg::select("positions", field("w.symbol", &Row::symbol), field("newest.date", &Row::date),
                 field("newest.data_source", &Row::source), field("newest.usable", &Row::usable));
  std::vector<WantedSymbol> wanted;
  columns.from(
      "(" + universe(store) + ") w (symbol, until) LEFT JOIN LATERAL (SELECT date, data_source, " +
          usable_price(store, "m") + " AS usable FROM " + store.table("market_data_cache") +
          " m WHERE symbol = w.symbol AND date <= $3 AND date > '-infinity' ORDER BY date DESC LIMIT 1) newest ON true"
          " WHERE w.symbol IS NOT NULL ORDER BY w.symbol COLLATE \"C\"",
      Args{Type::uuid_array, Type::date, Type::date, Type::text}
          .add(portfolio_ids)
          .add(day)
          .add(day)
          .add(store.settings().market_symbol),
      [&](Row& row) {
        wanted.push_back({std::move(row.symbol), row.date, std::move(row.source).value_or(""),
                          !row.date || row.usable.value_or(false)});
      });
  return wanted;
}

std::map<core::Uuid, std::set<std::string>> holders_of_symbols(const Store& store,
                                                               std::span<const core::Uuid> portfolio_ids,
                                                               core::Date day, std::span<const std::string> symbols) {
  struct Row {
    core::Uuid portfolio_id;
    std::string symbol;
  };
  static const auto columns =
      pg::select("positions", field("w.portfolio_id", &Row::portfolio_id), field("w.symbol", &Row::symbol));
  std::map<core::Uuid, std::set<std::string>> held;
  columns.from("(" + wanted_for_positions(store) + ") w WHERE w.symbol = ANY ($4)",
               Args{Type::uuid_array, Type::date, Type::date, Type::text_array}
                   .add(portfolio_ids)
                   .add(day)
                   .add(day)
                   .add(symbols),
               [&](Row& row) { held[row.portfolio_id].insert(std::move(row.symbol)); });
  return held;
}

void PriceSources::set(core::Date day, int column, std::string_view source) {
  const auto session = sessions_.index(day);
  if (!session || source.empty()) return;
  std::size_t place = 0;
  while (place < names_.size() && names_[place] != source) ++place;
  // More names than a byte can tell are none that a report could list.
  if (place > std::numeric_limits<std::uint8_t>::max()) return;
  if (place == names_.size()) names_.emplace_back(source);
  places_[at(*session, column)] = static_cast<std::uint8_t>(place);
}

const std::string& PriceSources::of(core::Date day, int column) const {
  const auto session = sessions_.index(day);
  return names_[session ? places_[at(*session, column)] : 0];
}

PriceSources load_price_sources(const Store& store, const core::PricePanel& panel, core::Date first, core::Date last) {
  std::vector<core::Date> days;
  for (const core::Date day : panel.sessions().dates())
    if (day >= first && day <= last) days.push_back(day);
  PriceSources sources(core::Sessions(std::move(days)), panel.symbols().size());
  struct Row {
    std::string_view symbol;
    core::Date date;
    std::string_view source;
  };
  static const auto columns = pg::select("market_data_cache", field("symbol", &Row::symbol), field("date", &Row::date),
                                         field("data_source", &Row::source));
  columns.from(store.table("market_data_cache") +
                   " WHERE date BETWEEN $1 AND $2 AND symbol = ANY ($3) AND data_source IS NOT NULL",
               Args{Type::date, Type::date, Type::text_array}.add(first).add(last).add(
                   std::span<const std::string>(panel.symbols())),
               [&](const Row& row) {
                 if (const auto column = panel.column(row.symbol)) sources.set(row.date, *column, row.source);
               });
  return sources;
}

void each_missing_price(const Store& store, core::Date from, core::Date to, std::span<const core::Uuid> portfolio_ids,
                        const std::function<void(std::string_view, core::Date)>& callback) {
  struct Row {
    std::string_view symbol;
    core::Date date;
  };
  static const auto columns =
      pg::select("positions", field("u.symbol", &Row::symbol), field("c.session_date", &Row::date));
  columns.from("(" + universe(store) + ") u (symbol, until) JOIN " + store.table("trading_sessions") +
                   " c ON c.calendar = $5 AND c.session_date BETWEEN $2 AND least($3, u.until) LEFT JOIN " +
                   store.table("market_data_cache") +
                   " m ON m.symbol = u.symbol AND m.date = c.session_date"
                   " WHERE u.symbol IS NOT NULL AND m.symbol IS NULL ORDER BY u.symbol COLLATE \"C\", c.session_date",
               Args{Type::uuid_array, Type::date, Type::date, Type::text, Type::text}
                   .add(portfolio_ids)
                   .add(from)
                   .add(to)
                   .add(store.settings().market_symbol)
                   .add(store.settings().calendar),
               [&](const Row& row) { callback(row.symbol, row.date); });
}

}  // namespace pb::store
