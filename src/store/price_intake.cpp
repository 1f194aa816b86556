#include "store/price_intake.hpp"

#include <algorithm>

#include "pg/select.hpp"
#include "pg/subtransaction.hpp"
#include "pg/writer.hpp"

namespace pb::store {

using core::Date;
using market::Action;
using pg::Args;
using pg::field;
using pg::Type;

namespace {

const char* basis(bool is_split_adjusted) { return is_split_adjusted ? "split" : "raw"; }

template <class Row, class Price>
void add_price_columns(std::vector<pg::Column<Row>>& columns, Price price) {
  const auto of = [price](auto get) { return [price, get](const Row& row) { return get(price(row)); }; };
  using P = const IntakePrice&;
  columns.insert(columns.end(), {pg::column<Row>("symbol", of([](P p) { return std::string_view(p.symbol); })),
                                 pg::column<Row>("date", of([](P p) { return p.bar.date; })),
                                 pg::column<Row>("open", of([](P p) { return p.bar.open; })),
                                 pg::column<Row>("high", of([](P p) { return p.bar.high; })),
                                 pg::column<Row>("low", of([](P p) { return p.bar.low; })),
                                 pg::column<Row>("close", of([](P p) { return p.bar.close; })),
                                 pg::column<Row>("adj_close", of([](P p) { return p.bar.adj_close; })),
                                 pg::column<Row>("volume", of([](P p) { return p.bar.volume; })),
                                 pg::column<Row>("adjustment", of([](P p) { return basis(p.is_split_adjusted); })),
                                 pg::column<Row>("data_source", of([](P p) { return std::string_view(p.source); })),
                                 pg::column<Row>("is_final", of([](P p) { return p.is_final; }))});
}

template <class T>
bool says_otherwise(const std::optional<T>& fresh, const std::optional<T>& stored) {
  return fresh && fresh != stored;
}

constexpr const char* reason_words[] = {"correction", "split", "restated"};

}  // namespace

std::map<std::string, std::vector<IntakePrice>> load_stored_prices(const Store& store,
                                                                   std::span<const std::string> symbols, Date last) {
  struct Row {
    std::string_view symbol, adjustment;
    Date date;
    std::optional<double> open, high, low;
    double close;
    std::optional<double> adj_close;
    std::optional<std::int64_t> volume;
    std::optional<std::string> source;
    bool is_final;
  };
  static const auto columns =
      pg::select("market_data_cache", field("symbol", &Row::symbol), field("adjustment", &Row::adjustment),
                 field("date", &Row::date), field("open", &Row::open), field("high", &Row::high),
                 field("low", &Row::low), field("close", &Row::close), field("adj_close", &Row::adj_close),
                 field("volume", &Row::volume), field("data_source", &Row::source), field("is_final", &Row::is_final));
  std::map<std::string, std::vector<IntakePrice>> stored;
  std::vector<IntakePrice>* prices = nullptr;  // of the symbol that is being read
  columns.from(store.table("market_data_cache") +
                   " WHERE symbol = ANY ($1) AND date <= $2 AND date > '-infinity' ORDER BY symbol COLLATE \"C\", date",
               Args{Type::text_array, Type::date}.add(symbols).add(last), [&](Row& row) {
                 if (prices == nullptr || prices->back().symbol != row.symbol)
                   prices = &stored[std::string(row.symbol)];
                 prices->push_back({std::string(row.symbol),
                                    {row.date, row.open, row.high, row.low, row.close, row.adj_close, row.volume},
                                    row.adjustment == "split",
                                    row.is_final,
                                    std::move(row.source).value_or("")});
               });
  return stored;
}

std::map<std::string, std::vector<Action>> load_known_actions(const Store& store,
                                                              std::span<const std::string> symbols) {
  struct Row {
    std::string symbol, kind;
    Date ex_date;
    std::optional<double> numerator, denominator, amount;
  };
  static const auto columns = pg::select("corporate_actions", field("symbol", &Row::symbol), field("kind", &Row::kind),
                                         field("ex_date", &Row::ex_date), field("ratio_numerator", &Row::numerator),
                                         field("ratio_denominator", &Row::denominator), field("amount", &Row::amount));
  std::map<std::string, std::vector<Action>> known;
  columns.from(store.table("corporate_actions") +
                   " WHERE symbol = ANY ($1) AND kind IN ('split', 'stock_dividend', 'dividend')"
                   " ORDER BY symbol, ex_date, kind, action_no",
               Args{Type::text_array}.add(symbols), [&](Row& row) {
                 known[std::move(row.symbol)].push_back(
                     {row.ex_date, std::move(row.kind), row.numerator, row.denominator, row.amount});
               });
  return known;
}

bool takes_the_place(const IntakePrice& fresh, const IntakePrice& stored) {
  if (stored.is_final && (!fresh.is_final || fresh.source != stored.source)) return false;
  const market::Bar &a = fresh.bar, &b = stored.bar;
  return fresh.is_final != stored.is_final || fresh.is_split_adjusted != stored.is_split_adjusted ||
         says_otherwise(a.close, b.close) || says_otherwise(a.adj_close, b.adj_close) ||
         says_otherwise(a.open, b.open) || says_otherwise(a.high, b.high) || says_otherwise(a.low, b.low) ||
         says_otherwise(a.volume, b.volume);
}

namespace {

constexpr const char* intake_columns =
    "symbol, date, open, high, low, close, adj_close, volume, adjustment, data_source, is_final";

pg::RowBuffer price_rows(std::span<const IntakePrice> prices) {
  static const auto columns = [] {
    std::vector<pg::Column<IntakePrice>> all;
    add_price_columns(all, [](const IntakePrice& p) -> const IntakePrice& { return p; });
    return all;
  }();
  return pg::as_rows<IntakePrice>(columns, prices);
}

// Where nothing is stored there is nothing to compare with. ON CONFLICT would search the index for each row and log it
// twice, so it is left to the case that somebody else has written meanwhile, which is compared the next time.
std::int64_t insert_prices(const Store& store, std::span<const IntakePrice> prices) {
  const std::string table = store.table("market_data_cache");
  const std::string insert = "INSERT INTO " + table + " (" + intake_columns + ", fetched_at) SELECT " + intake_columns +
                             ", clock_timestamp() FROM {rows} n WHERE n.close IS NOT NULL";
  const pg::RowBuffer rows = price_rows(prices);
  std::int64_t written = 0;
  if (pg::isolate([&] { written = pg::execute_with_rows(insert, table, rows); }))
    written = pg::execute_with_rows(insert + " ON CONFLICT DO NOTHING", table, rows);
  return written;
}

std::int64_t change_prices(const Store& store, std::span<const IntakePrice> prices, IntakeReason reason) {
  std::vector<std::string> symbols;
  for (const IntakePrice& price : prices)
    if (symbols.empty() || symbols.back() != price.symbol) symbols.push_back(price.symbol);
  const std::string table = store.table("market_data_cache");
  // What the new row does not say stays, but not beside a close of another basis or of another source.
  const std::string keeps =
      "(t.adjustment = n.adjustment AND t.data_source IS NOT DISTINCT FROM n.data_source AND $2 = 'correction')";
  const auto merged = [&](const std::string& c) {
    return "coalesce(n." + c + ", CASE WHEN " + keeps + " THEN t." + c + " END)";
  };
  const std::string fresh =
      "WITH fresh AS MATERIALIZED (SELECT n.symbol, n.date, " + merged("open") + " AS open, " + merged("high") +
      " AS high, " + merged("low") + " AS low, n.close, " + merged("adj_close") + " AS adj_close, " + merged("volume") +
      " AS volume, n.adjustment, n.data_source, n.is_final"
      " FROM {rows} n LEFT JOIN " +
      table +
      " t ON t.symbol = n.symbol AND t.date = n.date AND t.symbol = ANY ($3)"
      " WHERE n.close IS NOT NULL AND (t.symbol IS NULL OR"
      " ($2 <> 'correction' OR NOT t.is_final OR (n.is_final AND t.data_source IS NOT DISTINCT FROM n.data_source))"
      " AND (t.close, t.open, t.high, t.low, t.adj_close, t.volume, t.adjustment, t.data_source, t.is_final)"
      " IS DISTINCT FROM (n.close, " +
      merged("open") + ", " + merged("high") + ", " + merged("low") + ", " + merged("adj_close") + ", " +
      merged("volume") + ", n.adjustment, n.data_source, n.is_final)))";
  const std::string former =
      ", former AS (INSERT INTO " + store.table("market_data_revisions") +
      " (symbol, date, revised_at, open, high, low, close, adj_close, volume, adjustment, data_source, is_final,"
      " fetched_at, reason, new_source) SELECT t.symbol, t.date, clock_timestamp(), t.open, t.high, t.low, t.close,"
      " t.adj_close, t.volume, t.adjustment, t.data_source, t.is_final, t.fetched_at, CASE WHEN NOT t.is_final AND"
      " f.is_final AND $2 = 'correction' THEN 'became_final' ELSE $2 END, f.data_source FROM fresh f JOIN " +
      table + " t ON t.symbol = f.symbol AND t.date = f.date AND t.symbol = ANY ($3))";
  return pg::execute_with_rows(
      fresh + former + " INSERT INTO " + table +
          " AS t (symbol, date, open, high, low, close, adj_close, volume, adjustment, data_source, is_final,"
          " fetched_at) SELECT symbol, date, open, high, low, close, adj_close, volume, adjustment, data_source,"
          " is_final, clock_timestamp() FROM fresh ON CONFLICT (symbol, date) DO UPDATE SET open = excluded.open,"
          " high = excluded.high, low = excluded.low, close = excluded.close, adj_close = excluded.adj_close,"
          " volume = excluded.volume, adjustment = excluded.adjustment, data_source = excluded.data_source,"
          " is_final = excluded.is_final, fetched_at = excluded.fetched_at",
      table, price_rows(prices),
      Args{Type::text, Type::text_array}
          .add(reason_words[static_cast<int>(reason)])
          .add(std::span<const std::string>(symbols)));
}

}  // namespace

std::int64_t write_prices(const Store& store, std::vector<IntakePrice> prices, IntakeReason reason) {
  const auto changed =
      std::stable_partition(prices.begin(), prices.end(), [](const IntakePrice& price) { return price.is_new; });
  std::int64_t written = 0;
  if (changed != prices.begin()) written += insert_prices(store, {prices.begin(), changed});
  if (changed != prices.end()) written += change_prices(store, {changed, prices.end()}, reason);
  return written;
}

std::int64_t write_quarantine(const Store& store, std::span<const QuarantinedPrice> prices) {
  using Row = QuarantinedPrice;
  static const auto columns = [] {
    std::vector<pg::Column<Row>> all;
    add_price_columns(all, [](const Row& row) -> const IntakePrice& { return row.price; });
    all.push_back(pg::column<Row>("gate", &Row::gate));
    all.push_back(pg::column<Row>("facts", [](const Row& row) { return pg::Json{row.facts_json}; }));
    return all;
  }();
  const std::string table = store.table("price_quarantine");
  std::string names, values, changes;
  for (const auto& column : columns) {
    names += (names.empty() ? "" : ", ") + column.name;
    values += (values.empty() ? "n." : ", n.") + column.name;
    changes += (changes.empty() ? "" : ", ") + column.name + " = excluded." + column.name;
  }
  return pg::execute_with_rows("INSERT INTO " + table + " AS t (" + names + ") SELECT " + values +
                                   " FROM {rows} n ON CONFLICT (symbol, date, data_source) DO UPDATE SET " + changes +
                                   " WHERE t.status = 'open'",
                               table, pg::as_rows<Row>(columns, prices));
}

void confirm_quarantined(const Store& store, std::span<const QuarantinedPrice> prices) {
  std::vector<std::string> symbols, days, sources;
  for (const QuarantinedPrice& suspect : prices) {
    symbols.push_back(suspect.price.symbol);
    days.push_back(core::to_iso(suspect.price.bar.date));
    sources.push_back(suspect.price.source);
  }
  pg::execute("UPDATE " + store.table("price_quarantine") +
                  " AS q SET status = 'accepted', decided_by = 'second source', decided_at = clock_timestamp()"
                  " FROM unnest($1, $2, $3) AS c (symbol, day, source) WHERE q.symbol = c.symbol"
                  " AND q.date = c.day::date AND q.data_source = c.source AND q.status = 'open'",
              Args{Type::text_array, Type::text_array, Type::text_array}
                  .add(std::span<const std::string>(symbols))
                  .add(std::span<const std::string>(days))
                  .add(std::span<const std::string>(sources)));
}

std::int64_t write_actions(const Store& store, std::span<const IntakeAction> actions) {
  struct Row {
    const IntakeAction* action;
    std::int32_t number;
  };
  // Several of one kind and day are numbered as they come.
  std::vector<Row> rows;
  std::map<std::tuple<std::string_view, Date, std::string_view>, std::int32_t> numbers;
  for (const IntakeAction& a : actions) rows.push_back({&a, ++numbers[{a.symbol, a.action.ex_date, a.action.kind}]});
  static const std::vector<pg::Column<Row>> columns{
      pg::column<Row>("symbol", [](const Row& r) { return std::string_view(r.action->symbol); }),
      pg::column<Row>("ex_date", [](const Row& r) { return r.action->action.ex_date; }),
      pg::column<Row>("kind", [](const Row& r) { return std::string_view(r.action->action.kind); }),
      pg::column<Row>("action_no", &Row::number),
      pg::column<Row>("ratio_numerator", [](const Row& r) { return r.action->action.numerator; }),
      pg::column<Row>("ratio_denominator", [](const Row& r) { return r.action->action.denominator; }),
      pg::column<Row>("amount", [](const Row& r) { return r.action->action.amount; }),
      pg::column<Row>("source", [](const Row& r) { return std::string_view(r.action->source); })};
  const std::string table = store.table("corporate_actions");
  return pg::execute_with_rows(
      "INSERT INTO " + table +
          " AS t (symbol, ex_date, kind, action_no, ratio_numerator, ratio_denominator, amount, source)"
          " SELECT n.symbol, n.ex_date, n.kind, n.action_no, n.ratio_numerator, n.ratio_denominator, n.amount,"
          " n.source FROM {rows} n ON CONFLICT (symbol, ex_date, kind, action_no) DO UPDATE SET"
          " ratio_numerator = excluded.ratio_numerator, ratio_denominator = excluded.ratio_denominator,"
          " amount = excluded.amount WHERE t.source = excluded.source AND (t.ratio_numerator, t.ratio_denominator,"
          " t.amount) IS DISTINCT FROM (excluded.ratio_numerator, excluded.ratio_denominator, excluded.amount)",
      table, pg::as_rows<Row>(columns, rows));
}

std::int64_t write_yields(const Store& store, std::span<const market::Yield> yields, const std::string& source) {
  using Row = market::Yield;
  // Of several vintages of a day the newest counts.
  std::map<std::pair<std::string_view, Date>, const Row*> newest;
  for (const Row& y : yields) {
    const Row*& kept = newest[{y.series, y.date}];
    if (kept == nullptr || !(y.known_on < kept->known_on)) kept = &y;
  }
  std::vector<Row> rows;
  rows.reserve(newest.size());
  for (const auto& [key, y] : newest) rows.push_back(*y);
  const std::vector<pg::Column<Row>> columns{
      pg::column<Row>("series", &Row::series), pg::column<Row>("date", &Row::date), pg::column<Row>("rate", &Row::rate),
      pg::column<Row>("source", [source](const Row&) { return source; }), pg::column<Row>("known_on", &Row::known_on)};
  const std::string table = store.table("interest_rates");
  return pg::execute_with_rows(
      "INSERT INTO " + table +
          " AS t (series, date, rate, source, known_on, fetched_at) SELECT n.series, n.date, n.rate, n.source,"
          " n.known_on, clock_timestamp() FROM {rows} n WHERE n.rate IS NOT NULL ON CONFLICT (series, date) DO UPDATE"
          " SET rate = excluded.rate, known_on = excluded.known_on, fetched_at = excluded.fetched_at"
          " WHERE t.source IS NOT DISTINCT FROM excluded.source AND (excluded.known_on < t.known_on) IS NOT TRUE"
          " AND (t.rate IS DISTINCT FROM excluded.rate OR (t.known_on IS NULL AND excluded.known_on IS NOT NULL))",
      table, pg::as_rows<Row>(columns, rows));
}

std::map<std::string, Date> newest_yields(const Store& store, std::span<const std::string> series) {
  struct Row {
    std::string series;
    Date date;
  };
  static const auto columns =
      pg::select("interest_rates", field("series", &Row::series), field("max(date)", &Row::date, "date"));
  std::map<std::string, Date> newest;
  columns.from(store.table("interest_rates") + " WHERE series = ANY ($1) AND isfinite(date) GROUP BY series",
               Args{Type::text_array}.add(series), [&](Row& row) { newest[std::move(row.series)] = row.date; });
  return newest;
}

}  // namespace pb::store
