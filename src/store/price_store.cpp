#include "store/price_store.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/error.hpp"
#include "core/portfolio/ranges.hpp"
#include "pg/select.hpp"
#include "store/calendar_store.hpp"
#include "store/former_prices.hpp"
#include "store/row_check.hpp"

namespace pb::store {

using core::Date;
using pg::Args;
using pg::field;
using pg::Type;

namespace {

struct ActionRow {
  std::string symbol;
  std::optional<Date> ex_date;
  std::optional<std::string_view> kind;
  std::optional<std::int32_t> action_no;
  std::optional<pg::Timestamp> effective;
  std::optional<double> numerator, denominator, amount;
};

core::Instant instant(pg::Timestamp time) { return core::Instant(std::chrono::microseconds(time.microseconds)); }

// The key of a row, for a message.
std::string key(const ActionRow& row) {
  return "symbol " + row.symbol + ", ex_date " + (row.ex_date ? core::to_iso(*row.ex_date) : "NULL") + ", kind " +
         std::string(row.kind.value_or("NULL")) + ", action_no " +
         (row.action_no ? std::to_string(*row.action_no) : "NULL");
}

core::SplitRatio split_ratio(const ActionRow& row, RowCheck& check) {
  using core::greatest_split_ratio, core::least_split_ratio;
  const double numerator = check.number(row.numerator, "ratio_numerator", least_split_ratio, greatest_split_ratio);
  const auto denominator =
      check.number_or_null(row.denominator, "ratio_denominator", least_split_ratio, greatest_split_ratio);
  return {numerator, denominator.value_or(1)};
}

void add_action(const ActionRow& row, core::CorporateActions& actions) {
  RowCheck check;
  const auto ex_date = check.day(row.ex_date, "ex_date");
  const std::string kind = check.word(
      row.kind, "kind",
      {"split", "stock_dividend", "dividend", "spin_off", "merger", "symbol_change", "return_of_capital", "delisting"});
  // The others are known by their legs.
  if (kind != "split" && kind != "stock_dividend" && kind != "dividend" && !check.problem()) return;
  const bool is_split = kind == "split" || kind == "stock_dividend";
  const core::SplitRatio ratio = is_split ? split_ratio(row, check) : core::SplitRatio{};
  const double amount = is_split ? 0 : check.number(row.amount, "amount", 0, core::greatest_price);
  const auto& problem = check.problem();
  if (problem)
    actions.add_problem(row.symbol, {ex_date, problem->column, problem->value, key(row), is_split});
  else if (is_split)
    actions.add_split(row.symbol, {*ex_date, ratio, instant(row.effective.value())});
  else
    actions.add_dividend(row.symbol, {*ex_date, amount});
}

}  // namespace

core::CorporateActions load_actions(const Store& store, const std::vector<std::string>& symbols) {
  using Row = ActionRow;
  static const auto columns = pg::select(
      "corporate_actions", field("symbol", &Row::symbol), field(finite_date("ex_date"), &Row::ex_date),
      field("kind", &Row::kind), field("action_no", &Row::action_no), field("ratio_numerator", &Row::numerator),
      field("ratio_denominator", &Row::denominator), field("amount", &Row::amount),
      field("(" + finite_date("ex_date") + ")::timestamp AT TIME ZONE 'America/New_York'", &Row::effective, "ex_date"));
  core::CorporateActions actions;
  columns.from(store.table("corporate_actions") + " WHERE symbol = ANY ($1) ORDER BY symbol, ex_date, kind, action_no",
               Args{Type::text_array}.add(std::span<const std::string>(symbols)),
               [&](const Row& row) { add_action(row, actions); });
  return actions;
}

std::vector<OptionSymbol> load_options(const Store& store, std::span<const std::string> symbols) {
  struct Row {
    std::string symbol, underlying;
  };
  static const auto columns =
      pg::select("positions", field("symbol", &Row::symbol), field("min(underlying_symbol)", &Row::underlying));
  std::vector<OptionSymbol> options;
  columns.from(store.table("positions") +
                   " WHERE symbol = ANY ($1) AND length(position_type) = 2 AND underlying_symbol <> ''"
                   " GROUP BY symbol",
               Args{Type::text_array}.add(symbols),
               [&](Row& row) { options.emplace_back(std::move(row.symbol), std::move(row.underlying)); });
  return options;
}

namespace {

struct StoredPrice {
  std::optional<std::string_view> symbol;
  Date date;
  std::optional<double> close, adj_close;
  std::optional<std::string_view> adjustment;
  std::optional<bool> is_final;
  std::optional<pg::Timestamp> fetched_at;
};

auto stored_price_columns() {
  using Row = StoredPrice;
  return pg::select("market_data_cache", field("m.symbol", &Row::symbol), field("m.date", &Row::date),
                    field("m.close", &Row::close), field("m.adj_close", &Row::adj_close),
                    field("m.adjustment", &Row::adjustment), field("m.is_final", &Row::is_final),
                    pg::finite_or_null(field("m.fetched_at", &Row::fetched_at)));
}

// The panel leaves out what is no price: a NULL where there must be one, and a NaN that is stored, which must not pass
// for an adjusted price that is not there.
core::PriceRow price_row(const StoredPrice& row) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const double adjusted = row.adj_close.value_or(none);
  const bool is_split = row.adjustment == "split";
  return {row.date, row.close.value_or(none), row.adj_close && std::isnan(adjusted) ? 0 : adjusted, is_split,
          is_split && row.fetched_at ? std::optional(instant(*row.fetched_at)) : std::nullopt};
}

// Whether the panel takes so much of the table that to look each row's symbol up costs more than to read the rest as
// well. By the server's own estimate of the table's size; without one they are looked up.
bool takes_most(const Store& store, const core::PricePanel& panel) {
  struct Row {
    double rows;
  };
  static const auto columns = pg::select("pg_class", field("reltuples::float8", &Row::rows));
  double rows = 0;
  columns.from("pg_catalog.pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'p')",
               Args{Type::text}.add(store.table("market_data_cache")), [&](const Row& row) { rows = row.rows; });
  return rows > 0 && 2.0 * panel.sessions().size() * static_cast<double>(panel.symbols().size()) > rows;
}

void load_prices(const Store& store, Market& market, Date valued_until, FormerPrices& former) {
  const auto& dates = market.panel.sessions().dates();
  if (dates.empty()) return;
  const std::vector<std::string>& symbols = market.panel.symbols();
  std::string source = store.table("market_data_cache") + " m WHERE m.date BETWEEN $1 AND $2";
  Args args{Type::date, Type::date};
  args.add(dates.front()).add(std::max(dates.back(), valued_until));
  if (!takes_most(store, market.panel)) {
    source += " AND m.symbol = ANY ($3)";
    std::vector<std::string> wanted = symbols;
    former.add_symbols(wanted);
    args.append(Type::text_array, std::span<const std::string>(wanted));
  }
  // Rows come symbol by symbol, or with the symbols of each date in the same order: the column is mostly the one that
  // came after that of the row before the last time.
  std::vector<int> next(symbols.size(), 0);
  std::size_t last = 0;
  static const auto columns = stored_price_columns();
  columns.from(source, args, [&](const StoredPrice& row) {
    const std::string_view symbol = row.symbol.value_or("");
    if (!former.empty()) former.keep(symbol, price_row(row));
    int column = next[last];
    if (symbols[static_cast<std::size_t>(column)] != symbol) {
      const auto found = market.panel.column(symbol);
      if (!found) return;
      next[last] = column = *found;
    }
    last = static_cast<std::size_t>(column);
    market.panel.set(column, price_row(row), market.actions);
    if (!row.is_final.value_or(true)) market.provisional.emplace(column, row.date);
  });
  former.set(market.panel, market.actions);
}

void load_earlier_prices(const Store& store, Market& market, const MarketRequest& request) {
  if (market.panel.sessions().empty()) return;
  const Date begin = market.panel.sessions().dates().front();
  const Date eve = begin - std::chrono::days{1};
  std::vector<std::string> symbols;
  std::vector<std::optional<Date>> days;
  for (std::size_t i = 0; i < market.panel.symbols().size(); ++i) {
    if (market.panel.mark_asof(static_cast<int>(i), request.valued_from, market.actions)) continue;
    symbols.push_back(market.panel.symbols()[i]);
    days.push_back(eve);
  }
  for (const auto& [symbol, day] : request.earlier) {
    if (day >= begin) continue;
    symbols.push_back(symbol);
    days.push_back(day);
  }
  if (symbols.empty()) return;
  static const auto columns = stored_price_columns();
  columns.from(
      "unnest($1, $2) wanted (symbol, day) CROSS JOIN LATERAL (SELECT symbol, date, close, adj_close, adjustment, "
      "is_final, fetched_at FROM " +
          store.table("market_data_cache") +
          " p WHERE symbol = wanted.symbol AND date <= wanted.day AND isfinite(date) AND " + usable_price(store, "p") +
          " ORDER BY date DESC LIMIT 1) m",
      Args{Type::text_array, Type::date_array}.add(std::span<const std::string>(symbols)).add(days),
      [&](const StoredPrice& row) {
        if (const auto column = market.panel.column(row.symbol.value_or("")))
          market.panel.set_earlier(*column, price_row(row), market.actions);
      });
}

}  // namespace

Market load_market(const Store& store, core::Sessions sessions, MarketRequest request, pg::MemoryBudget& budget) {
  std::vector<std::string>& symbols = request.symbols;
  std::sort(symbols.begin(), symbols.end());
  symbols.erase(std::unique(symbols.begin(), symbols.end()), symbols.end());
  budget.take(static_cast<std::size_t>(sessions.size()), symbols.size(), bytes_per_price, "price panel");
  std::vector<std::string> with_actions = symbols;
  with_actions.insert(with_actions.end(), request.closed_symbols.begin(), request.closed_symbols.end());
  for (const auto& [option, underlying] : request.options) with_actions.push_back(underlying);
  const std::vector<FormerName> former_names = load_former_names(store, symbols);
  for (const FormerName& name : former_names) with_actions.push_back(name.former);
  core::CorporateActions actions = load_actions(store, with_actions);
  for (const FormerName& name : former_names) actions.join(name.symbol, name.former, name.changed_on);
  for (const auto& [option, underlying] : request.options) actions.follow(option, underlying);
  Market market{std::move(actions), core::PricePanel(std::move(sessions), std::move(symbols))};
  for (const auto& [option, underlying] : request.options)
    if (const auto column = market.panel.column(option)) market.panel.set_option(*column);
  FormerPrices former(market.panel, former_names);
  load_prices(store, market, request.valued_until, former);
  load_earlier_prices(store, market, request);
  market.panel.finish(market.actions);
  return market;
}

}  // namespace pb::store
