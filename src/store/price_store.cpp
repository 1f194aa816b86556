#include "store/price_store.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "core/error.hpp"
#include "core/portfolio/ranges.hpp"
#include "pg/select.hpp"
#include "store/calendar_store.hpp"
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

namespace {

struct LegRow {
  std::string symbol;
  std::optional<Date> ex_date;
  std::optional<std::string_view> kind;
  std::optional<std::int32_t> action_no, leg_no;
  std::optional<std::string_view> to_symbol;
  std::optional<double> numerator, denominator, cash, cost_share;

  std::string key() const {
    return "symbol " + symbol + ", ex_date " + (ex_date ? core::to_iso(*ex_date) : "NULL") + ", kind " +
           std::string(kind.value_or("NULL")) + ", leg_no " + (leg_no ? std::to_string(*leg_no) : "NULL");
  }
};

constexpr double rounding_of_shares = 1e-9;

// Puts the legs of each action together. They come action by action.
class ConversionReader {
 public:
  explicit ConversionReader(core::CorporateActions& actions) : actions_(actions) {}

  void add(const LegRow& row) {
    const std::string of = row.symbol + "/" + (row.ex_date ? core::to_iso(*row.ex_date) : "") + "/" +
                           std::string(row.kind.value_or("")) + "/" + std::to_string(row.action_no.value_or(0));
    if (of != action_) {
      finish();
      action_ = of;
      symbol_ = row.symbol;
    }
    read(row);
  }

  void finish() {
    if (action_.empty()) return;
    if (!check_.problem()) require_whole();
    if (const auto& problem = check_.problem())
      actions_.add_problem(symbol_, {ex_date_, problem->column, problem->value, key_, true});
    else
      actions_.add_conversion(symbol_, std::move(conversion_));
    conversion_ = {};
    check_ = {};
    action_.clear();
    shares_ = 0;
    unknown_shares_ = 0;
  }

 private:
  void read(const LegRow& row) {
    if (!check_.problem()) key_ = row.key();
    ex_date_ = check_.day(row.ex_date, "ex_date");
    conversion_.kind =
        check_.word(row.kind, "kind", {"spin_off", "merger", "symbol_change", "return_of_capital", "delisting"});
    conversion_.stays = conversion_.kind == "spin_off" || conversion_.kind == "return_of_capital";
    if (ex_date_) conversion_.ex_date = *ex_date_;
    const auto cost_share = check_.number_or_null(row.cost_share, "cost_share", 0, 1);
    if (!row.to_symbol) {
      conversion_.cash += check_.number(row.cash, "cash", 0, core::greatest_price);
      if (cost_share) conversion_.cash_cost_share = conversion_.cash_cost_share.value_or(0) + *cost_share;
      return;
    }
    core::Conversion::Leg leg;
    leg.symbol = check_.name(row.to_symbol, "to_symbol", core::longest_symbol);
    leg.ratio.new_shares =
        check_.number(row.numerator, "ratio_numerator", core::least_split_ratio, core::greatest_split_ratio);
    leg.ratio.old_shares =
        check_.number_or_null(row.denominator, "ratio_denominator", core::least_split_ratio, core::greatest_split_ratio)
            .value_or(1);
    leg.cost_share = cost_share.value_or(1);
    shares_ += leg.cost_share;
    unknown_shares_ += cost_share ? 0 : 1;
    conversion_.legs.push_back(std::move(leg));
  }

  // What no leg shows by itself. The share of cost of a single leg, of shares that do not stay, is all of it.
  void require_whole() {
    const auto count = conversion_.legs.size();
    if (conversion_.kind == "symbol_change" && (count != 1 || conversion_.cash != 0))
      check_.refuse("to_symbol", std::to_string(count) + " new names");
    if ((conversion_.kind == "return_of_capital" || conversion_.kind == "delisting") && count != 0)
      check_.refuse("to_symbol", conversion_.legs.front().symbol);
    if (conversion_.kind == "spin_off" && count == 0) check_.refuse("to_symbol", "NULL");
    if (unknown_shares_ > 0 && (conversion_.stays || count > 1)) check_.refuse("cost_share", "NULL");
    const bool is_too_much = shares_ > 1 + rounding_of_shares;
    const bool is_too_little = !conversion_.stays && count > 0 && shares_ < 1 - rounding_of_shares;
    if (is_too_much || is_too_little) check_.refuse("cost_share", "sum " + std::to_string(shares_));
  }

  core::CorporateActions& actions_;
  std::string action_, symbol_, key_;
  std::optional<Date> ex_date_;
  core::Conversion conversion_;
  RowCheck check_;
  double shares_ = 0;
  int unknown_shares_ = 0;
};

}  // namespace

core::CorporateActions load_conversions(const Store& store, Date until) {
  using Row = LegRow;
  static const auto columns = pg::select(
      "corporate_action_legs", field("symbol", &Row::symbol), field(finite_date("ex_date"), &Row::ex_date),
      field("kind", &Row::kind), field("action_no", &Row::action_no), field("leg_no", &Row::leg_no),
      field("to_symbol", &Row::to_symbol), field("ratio_numerator", &Row::numerator),
      field("ratio_denominator", &Row::denominator), field("cash", &Row::cash), field("cost_share", &Row::cost_share));
  core::CorporateActions actions;
  ConversionReader reader(actions);
  columns.from(store.table("corporate_action_legs") +
                   " WHERE symbol IS NOT NULL AND (ex_date <= $1) IS NOT FALSE ORDER BY symbol, ex_date, action_no, "
                   "kind, leg_no",
               Args{Type::date}.add(until), [&](const Row& row) { reader.add(row); });
  reader.finish();
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
  std::optional<pg::Timestamp> fetched_at;  // of a split-adjusted row
};

auto price_columns() {
  using Row = StoredPrice;
  return pg::select("market_data_cache", field("m.symbol", &Row::symbol), field("m.date", &Row::date),
                    field("m.close", &Row::close), field("m.adj_close", &Row::adj_close),
                    field("m.adjustment", &Row::adjustment), field("m.is_final", &Row::is_final),
                    field("CASE WHEN m.adjustment = 'split' AND isfinite(m.fetched_at) THEN m.fetched_at END",
                          &Row::fetched_at, "fetched_at"));
}

// The panel leaves out what is no price: a NULL where there must be one, and a NaN that is stored, which must not pass
// for an adjusted price that is not there.
core::PriceRow price_row(const StoredPrice& row) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const double adjusted = row.adj_close.value_or(none);
  return {row.date, row.close.value_or(none), row.adj_close && std::isnan(adjusted) ? 0 : adjusted,
          row.adjustment == "split", row.fetched_at ? std::optional(instant(*row.fetched_at)) : std::nullopt};
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

// A name that a symbol had until a day.
struct FormerName {
  std::string symbol, former;
  Date changed_on;
  core::SplitRatio ratio;  // shares of the symbol for one of the former
};

// The names that the symbols had before, and before those. One statement where there is none, as is usual.
std::vector<FormerName> load_former_names(const Store& store, const std::vector<std::string>& symbols) {
  struct Row {
    std::string symbol;
    std::optional<std::string> former;
    std::optional<Date> changed_on;
    std::optional<double> numerator, denominator;
  };
  static const auto columns =
      pg::select("symbol_history", field("symbol", &Row::symbol), field("former_symbol", &Row::former),
                 field(finite_date("changed_on"), &Row::changed_on), field("ratio_numerator", &Row::numerator),
                 field("ratio_denominator", &Row::denominator));
  std::vector<FormerName> names;
  std::vector<std::string> wanted = symbols;
  // Names that go round end the search.
  for (int depth = 0; depth < 16 && !wanted.empty(); ++depth) {
    std::vector<FormerName> found;
    columns.from(store.table("symbol_history") + " WHERE symbol = ANY ($1) ORDER BY symbol, changed_on",
                 Args{Type::text_array}.add(std::span<const std::string>(wanted)), [&](Row& row) {
                   // What cannot be used is a problem of the lots that it changes.
                   const core::SplitRatio ratio{row.numerator.value_or(0), row.denominator.value_or(0)};
                   const bool is_ratio = core::is_price(ratio.new_shares) && core::is_price(ratio.old_shares);
                   if (!row.changed_on || !row.former || row.symbol == *row.former || !is_ratio) return;
                   found.push_back({std::move(row.symbol), std::move(*row.former), *row.changed_on, ratio});
                 });
    wanted.clear();
    for (FormerName& name : found) {
      wanted.push_back(name.former);
      if (depth == 0) {
        names.push_back(std::move(name));
        continue;
      }
      std::vector<FormerName> longer;
      for (const FormerName& later : names)
        if (later.former == name.symbol && name.changed_on <= later.changed_on) {
          core::SplitRatio ratio = later.ratio;
          ratio *= name.ratio;
          longer.push_back({later.symbol, name.former, name.changed_on, ratio});
        }
      names.insert(names.end(), longer.begin(), longer.end());
    }
  }
  return names;
}

// Prices of former names, kept until those of the names of today are there.
class FormerPrices {
 public:
  FormerPrices(const core::PricePanel& panel, std::vector<FormerName> names) : names_(std::move(names)) {
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (panel.column(names_[i].symbol)) by_former_.emplace(names_[i].former, i);
  }

  bool empty() const { return by_former_.empty(); }
  void add_symbols(std::vector<std::string>& symbols) const {
    for (const auto& [former, name] : by_former_) symbols.push_back(former);
  }

  void keep(std::string_view symbol, const core::PriceRow& row) {
    for (auto [at, end] = by_former_.equal_range(symbol); at != end; ++at)
      if (row.date < names_[at->second].changed_on) rows_.emplace_back(at->second, row);
  }

  // Adjusted closes of the two names are each adjusted for what came later under the same name: those of the former are
  // brought to what the first of the new name is adjusted by.
  void set(Market& market) const {
    for (const auto& [place, stored] : rows_) {
      const FormerName& name = names_[place];
      const int column = market.panel.column(name.symbol).value();
      const auto session = market.panel.sessions().index(stored.date);
      if (session && !std::isnan(market.panel.close(*session, column))) continue;
      core::PriceRow row = stored;
      row.close = name.ratio.to_new_price(row.close);
      row.adjusted_close = name.ratio.to_new_price(row.adjusted_close) * adjustment_on(market, column, name.changed_on);
      market.panel.set(column, row, market.actions);
    }
  }

 private:
  // Before the returns are computed, the panel has the adjusted closes in their place.
  static double adjustment_on(const Market& market, int column, Date day) {
    const auto& dates = market.panel.sessions().dates();
    const auto first = static_cast<int>(std::lower_bound(dates.begin(), dates.end(), day) - dates.begin());
    for (int session = first; session < market.panel.sessions().size(); ++session) {
      const double close = market.panel.close(session, column);
      if (std::isnan(close)) continue;
      const double factor = market.panel.returns()(session, column) / close;
      return std::isfinite(factor) && factor > 0 ? factor : 1;
    }
    return 1;
  }

  std::vector<FormerName> names_;
  std::multimap<std::string, std::size_t, std::less<>> by_former_;
  std::vector<std::pair<std::size_t, core::PriceRow>> rows_;
};

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
  static const auto columns = price_columns();
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
  former.set(market);
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
  static const auto columns = price_columns();
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
