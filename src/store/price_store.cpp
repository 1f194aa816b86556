#include "store/price_store.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.hpp"
#include "core/portfolio/ranges.hpp"
#include "pg/query.hpp"
#include "store/calendar_store.hpp"
#include "store/row_check.hpp"

namespace pb::store {

using core::Date;
using pg::Args;
using pg::nullable;
using pg::required;
using pg::RowView;
using pg::Type;

namespace {

void add_action(const RowView& row, core::CorporateActions& actions) {
  RowCheck check(row);
  const std::string symbol = row.text_or_empty(0);
  const auto ex_date = check.day(1, "ex_date");
  const std::string kind = row.text_or_empty(2);
  if (kind != "split" && kind != "dividend") check.refuse("kind", row.is_null(2) ? "NULL" : kind);
  const bool is_split = kind == "split";
  double size = 0;
  if (is_split)
    size = check.number(3, "ratio", core::least_split_ratio, core::greatest_split_ratio);
  else
    size = check.number(4, "amount", 0, core::greatest_price);
  const auto& problem = check.problem();
  if (problem)
    actions.add_problem(symbol,
                        {ex_date, problem->column, problem->value,
                         "symbol " + symbol + ", ex_date " + (row.is_null(1) ? "NULL" : core::to_iso(row.date(1)))},
                        is_split);
  else if (is_split)
    actions.add_split(symbol, {*ex_date, size});
  else
    actions.add_dividend(symbol, {*ex_date, size});
}

}  // namespace

core::CorporateActions load_actions(const Store& store, const std::vector<std::string>& symbols) {
  core::CorporateActions actions;
  pg::each_row("SELECT symbol, " + finite_date("ex_date") + ", kind, ratio, amount FROM " +
                   store.table("corporate_actions") + " WHERE symbol = ANY ($1) ORDER BY symbol, ex_date, kind",
               Args{Type::text_array}.add(std::span<const std::string>(symbols)),
               {required(Type::text, "corporate_actions.symbol"), nullable(Type::date), nullable(Type::text),
                nullable(Type::float8), nullable(Type::float8)},
               [&](const RowView& row) { add_action(row, actions); });
  return actions;
}

namespace {

constexpr std::initializer_list<pg::ResultColumn> price_columns = {
    nullable(Type::text),   required(Type::date, "market_data_cache.date"),
    nullable(Type::float8), nullable(Type::float8),
    nullable(Type::text),   nullable(Type::boolean)};

// The panel leaves out what is no price: a NULL where there must be one, and a NaN that is stored, which must not pass
// for an adjusted price that is not there.
core::PriceRow price_row(const RowView& row) {
  const double adjusted = row.float8(3);
  return {row.date(1), row.float8(2), !row.is_null(3) && std::isnan(adjusted) ? 0 : adjusted, row.text(4) == "split"};
}

// Whether the panel takes so much of the table that to look each row's symbol up costs more than to read the rest as
// well. By the server's own estimate of the table's size; without one they are looked up.
bool takes_most(const Store& store, const core::PricePanel& panel) {
  double rows = 0;
  pg::each_row(
      "SELECT reltuples::float8 FROM pg_catalog.pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'p')",
      Args{Type::text}.add(store.table("market_data_cache")), {required(Type::float8, "pg_class.reltuples")},
      [&](const RowView& row) { rows = row.float8(0); });
  return rows > 0 && 2.0 * panel.sessions().size() * static_cast<double>(panel.symbols().size()) > rows;
}

void load_prices(const Store& store, Market& market, Date valued_until) {
  const auto& dates = market.panel.sessions().dates();
  if (dates.empty()) return;
  const std::vector<std::string>& symbols = market.panel.symbols();
  std::string query = "SELECT symbol, date, close, adj_close, adjustment, is_final FROM " +
                      store.table("market_data_cache") + " WHERE date BETWEEN $1 AND $2";
  Args args{Type::date, Type::date};
  args.add(dates.front()).add(std::max(dates.back(), valued_until));
  if (!takes_most(store, market.panel)) {
    query += " AND symbol = ANY ($3)";
    args.append(Type::text_array, std::span<const std::string>(symbols));
  }
  // Rows come symbol by symbol, or with the symbols of each date in the same order: the column is mostly the one that
  // came after that of the row before the last time.
  std::vector<int> next(symbols.size(), 0);
  std::size_t last = 0;
  pg::each_row(query, args, price_columns, [&](const RowView& row) {
    const std::string_view symbol = row.text(0);
    int column = next[last];
    if (symbols[static_cast<std::size_t>(column)] != symbol) {
      const auto found = market.panel.column(symbol);
      if (!found) return;
      next[last] = column = *found;
    }
    last = static_cast<std::size_t>(column);
    market.panel.set(column, price_row(row), market.actions);
    if (!row.is_null(5) && !row.boolean(5)) market.provisional.emplace(column, row.date(1));
  });
}

void load_earlier_prices(const Store& store, Market& market, Date valued_from) {
  std::vector<std::string> without;
  for (std::size_t i = 0; i < market.panel.symbols().size(); ++i)
    if (!market.panel.mark_asof(static_cast<int>(i), valued_from, market.actions))
      without.push_back(market.panel.symbols()[i]);
  if (without.empty() || market.panel.sessions().empty()) return;
  pg::each_row(
      "SELECT m.symbol, m.date, m.close, m.adj_close, m.adjustment, m.is_final FROM unnest($1) wanted (symbol)"
      " CROSS JOIN LATERAL (SELECT symbol, date, close, adj_close, adjustment, is_final FROM " +
          store.table("market_data_cache") + " WHERE symbol = wanted.symbol AND date < $2 AND isfinite(date) AND " +
          usable_price() + " ORDER BY date DESC LIMIT 1) m",
      Args{Type::text_array, Type::date}
          .add(std::span<const std::string>(without))
          .add(market.panel.sessions().dates().front()),
      price_columns, [&](const RowView& row) {
        if (const auto column = market.panel.column(row.text(0)))
          market.panel.set_earlier(*column, price_row(row), market.actions);
      });
}

}  // namespace

Market load_market(const Store& store, core::Sessions sessions, std::vector<std::string> symbols,
                   std::span<const std::string> closed_symbols, Date valued_from, Date valued_until,
                   pg::MemoryBudget& budget) {
  std::sort(symbols.begin(), symbols.end());
  symbols.erase(std::unique(symbols.begin(), symbols.end()), symbols.end());
  budget.take(static_cast<std::size_t>(sessions.size()), symbols.size(), bytes_per_price, "price panel");
  std::vector<std::string> all_symbols = symbols;
  all_symbols.insert(all_symbols.end(), closed_symbols.begin(), closed_symbols.end());
  core::CorporateActions actions = load_actions(store, all_symbols);
  Market market{std::move(actions), core::PricePanel(std::move(sessions), std::move(symbols))};
  load_prices(store, market, valued_until);
  load_earlier_prices(store, market, valued_from);
  market.panel.finish(market.actions);
  return market;
}

}  // namespace pb::store
