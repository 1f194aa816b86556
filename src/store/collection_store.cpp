#include "store/collection_store.hpp"

#include "core/error.hpp"
#include "pg/select.hpp"
#include "pg/writer.hpp"

namespace pb::store {

using core::Date;
using market::Kind;
using pg::Args;
using pg::field;
using pg::Type;

namespace {

std::string both_orders(const Store& store) {
  return "(SELECT kind, name, priority, false AS is_provider FROM " + store.table("price_sources") +
         " WHERE is_enabled UNION ALL SELECT kind, provider, priority, true FROM " + store.table("provider_priority") +
         " WHERE is_enabled) o";
}

}  // namespace

std::vector<OrderedSource> load_order(const Store& store, Kind kind) {
  static const auto columns = pg::select("provider_priority", field("o.name", &OrderedSource::name),
                                         field("o.is_provider", &OrderedSource::is_provider));
  std::vector<OrderedSource> order;
  columns.from(both_orders(store) + " WHERE o.kind = $1 ORDER BY o.priority, o.is_provider, o.name",
               Args{Type::text}.add(market::to_word(kind)),
               [&](OrderedSource& source) { order.push_back(std::move(source)); });
  return order;
}

bool collects_for_batch(const Store& store) {
  struct Row {
    bool has;
  };
  static const auto columns = pg::select("provider_priority", field("count(*) > 0", &Row::has, "has"));
  return columns
      .only_row("SELECT " + columns.list() + " FROM " + both_orders(store) +
                    " WHERE has_function_privilege('_portfolio_batch.collect_for_batch(date)', 'EXECUTE')",
                {})
      .has;
}

std::optional<NewestCollection> newest_collection(const Store& store, Date target) {
  using Row = NewestCollection;
  static const auto columns =
      pg::select("collections", field("collection_id", &Row::collection_id), field("status", &Row::status),
                 field("coalesce(symbols_requested, 0)", &Row::symbols_requested, "symbols_requested"),
                 field("coalesce(symbols_fetched, 0)", &Row::symbols_fetched, "symbols_fetched"),
                 field("coalesce(symbols_with_data, 0)", &Row::symbols_with_data, "symbols_with_data"),
                 field("coalesce(detail ->> 'providers', '{}')", &Row::detail_json, "detail"));
  std::optional<NewestCollection> newest;
  columns.from(store.table("collections") +
                   " WHERE kind = 'market_data' AND target_date = $1 ORDER BY collection_id DESC LIMIT 1",
               Args{Type::date}.add(target), [&](Row& row) { newest = std::move(row); });
  return newest;
}

std::vector<WantedSeries> load_wanted_series(const Store& store, Date day) {
  static const auto columns =
      pg::select("positions", field("s.symbol", &WantedSeries::symbol),
                 field("bool_and(s.is_option)", &WantedSeries::is_option, "is_option"),
                 field("coalesce(min(s.since), $1)", &WantedSeries::since, "since"),
                 field("coalesce(max(least(s.until, $1)), $1)", &WantedSeries::until, "until"),
                 field("bool_or(s.since IS NULL)", &WantedSeries::is_of_models, "is_of_models"),
                 field("bool_or(s.has_class)", &WantedSeries::has_class, "has_class"),
                 field("CASE WHEN min(s.currency) = max(s.currency) AND count(s.currency) = count(*) THEN"
                       " min(s.currency) ELSE '' END",
                       &WantedSeries::currency, "currency"));
  // An option is priced until the day before it expires, its underlying on that day as well.
  const std::string lots =
      "SELECT s.symbol, s.is_option, greatest(p.entry_date, coalesce(o.inception_date, p.entry_date)),"
      " least(p.exit_date, s.until, $1), s.has_class, o.currency FROM " +
      store.table("positions") + " p JOIN " + store.table("portfolios") +
      " o ON o.id = p.portfolio_id AND o.is_active AND o.deleted_at IS NULL CROSS JOIN LATERAL"
      " (SELECT p.symbol, length(p.position_type) = 2, CASE WHEN length(p.position_type) = 2 THEN"
      " p.expiration_date - 1 END, p.investment_class IS NOT NULL UNION ALL SELECT p.underlying_symbol, false,"
      " p.expiration_date, true WHERE length(p.position_type) = 2) s (symbol, is_option, until, has_class)"
      " WHERE p.deleted_at IS NULL AND p.investment_class IS DISTINCT FROM 'PRIVATE' AND p.entry_date <= $1"
      " AND p.entry_date > '-infinity'";
  // What shares became counts from that day on, they themselves until then.
  const std::string legs = store.table("corporate_action_legs") + " l";
  const std::string held =
      "WITH RECURSIVE held (symbol, is_option, since, until, has_class, currency) AS (" + lots +
      " UNION SELECT l.to_symbol, false, l.ex_date, h.until, true, h.currency FROM held h JOIN " + legs +
      " ON l.symbol = h.symbol AND l.ex_date > h.since AND l.ex_date <= h.until"
      " WHERE l.to_symbol IS NOT NULL AND NOT h.is_option)"
      " SELECT h.symbol, h.is_option, h.since, least(h.until, (SELECT min(l.ex_date) - 1 FROM " +
      legs +
      " WHERE l.symbol = h.symbol AND l.ex_date > h.since AND l.kind NOT IN ('spin_off', 'return_of_capital'))),"
      " h.has_class, h.currency FROM held h";
  std::vector<WantedSeries> wanted;
  columns.from("(SELECT * FROM (" + held + ") h UNION ALL SELECT unnest(ARRAY[long_symbol, short_symbol]), false," +
                   " NULL, NULL, true, 'USD' FROM " + store.table("factor_definitions") +
                   " WHERE is_active UNION ALL SELECT $2, false, NULL, NULL, true, 'USD')"
                   " s (symbol, is_option, since, until, has_class, currency)"
                   " WHERE s.symbol <> '' AND (s.since <= s.until OR s.since IS NULL)"
                   " GROUP BY s.symbol ORDER BY s.symbol COLLATE \"C\"",
               Args{Type::date, Type::text}.add(day).add(store.settings().market_symbol),
               [&](WantedSeries& series) { wanted.push_back(std::move(series)); });
  return wanted;
}

std::map<std::string, std::string> load_currencies(const Store& store) {
  struct Row {
    std::string symbol, currency;
  };
  static const auto columns = pg::select("portfolios", field("s.symbol", &Row::symbol, "symbol"),
                                         field("min(o.currency)", &Row::currency, "currency"));
  std::map<std::string, std::string> currencies;
  columns.from(store.table("positions") + " p JOIN " + store.table("portfolios") +
                   " o ON o.id = p.portfolio_id AND o.is_active AND o.deleted_at IS NULL"
                   " CROSS JOIN LATERAL (VALUES (p.symbol), (p.underlying_symbol)) s (symbol)"
                   " WHERE p.deleted_at IS NULL AND p.investment_class IS DISTINCT FROM 'PRIVATE' AND s.symbol <> ''"
                   " GROUP BY s.symbol HAVING min(o.currency) = max(o.currency)",
               Args{}, [&](Row& row) { currencies[row.symbol] = std::move(row.currency); });
  return currencies;
}

std::map<std::string, std::string> load_aliases(const Store& store, const std::string& provider, Date day) {
  struct Row {
    std::string symbol, name;
  };
  static const auto columns =
      pg::select("symbol_aliases", field("symbol", &Row::symbol), field("provider_symbol", &Row::name));
  std::map<std::string, std::string> aliases;
  columns.from(store.table("symbol_aliases") +
                   " WHERE provider = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to >= $2)"
                   " ORDER BY valid_from",
               Args{Type::text, Type::date}.add(provider).add(day),
               [&](Row& row) { aliases[row.symbol] = std::move(row.name); });
  return aliases;
}

StoredLimits load_limits(const Store& store, const std::string& provider) {
  static const auto columns =
      pg::select("provider_limits", field("requests_per_second", &StoredLimits::requests_per_second),
                 field("burst", &StoredLimits::burst), field("concurrent", &StoredLimits::concurrent),
                 field("requests_per_day", &StoredLimits::requests_per_day));
  StoredLimits limits;
  columns.from(store.table("provider_limits") + " WHERE provider = $1", Args{Type::text}.add(provider),
               [&](const StoredLimits& row) { limits = row; });
  return limits;
}

StoredProviderState load_provider_state(const Store& store, const std::string& provider) {
  struct Row {
    std::optional<Date> quota_day;
    std::int64_t requests_sent;
    std::int32_t failures, opened;
    std::optional<pg::Timestamp> closed_until;
    std::optional<std::string> reason;
  };
  static const auto columns =
      pg::select("provider_state", field("quota_day", &Row::quota_day), field("requests_sent", &Row::requests_sent),
                 field("failures_in_a_row", &Row::failures), field("times_opened", &Row::opened),
                 field("closed_until", &Row::closed_until), field("reason", &Row::reason));
  StoredProviderState state;
  columns.from(store.table("provider_state") + " WHERE provider = $1", Args{Type::text}.add(provider), [&](Row& row) {
    state = {row.quota_day, row.requests_sent, row.failures, row.opened, std::nullopt, row.reason.value_or("")};
    if (row.closed_until) state.closed_until = row.closed_until->microseconds;
  });
  return state;
}

void save_provider_state(const Store& store, const std::string& provider, const StoredProviderState& state) {
  Args args{Type::text, Type::date, Type::int8, Type::int4, Type::int4, Type::timestamptz, Type::text};
  args.add(provider).add(state.quota_day).add(state.requests_sent).add(state.failures_in_a_row).add(state.times_opened);
  if (state.closed_until)
    args.add(pg::Timestamp{*state.closed_until});
  else
    args.null();
  if (state.reason.empty())
    args.null();
  else
    args.add(state.reason);
  pg::execute("INSERT INTO " + store.table("provider_state") +
                  " AS t (provider, quota_day, requests_sent, failures_in_a_row, times_opened, closed_until, reason,"
                  " updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp()) ON CONFLICT (provider) DO"
                  " UPDATE SET quota_day = excluded.quota_day, requests_sent = excluded.requests_sent,"
                  " failures_in_a_row = excluded.failures_in_a_row, times_opened = excluded.times_opened,"
                  " closed_until = excluded.closed_until, reason = excluded.reason, updated_at = excluded.updated_at",
              args);
}

std::map<std::string, std::pair<Date, Date>> load_answered(const Store& store, Kind kind,
                                                           std::span<const std::string> symbols) {
  struct Row {
    std::string symbol;
    Date first, last;
  };
  static const auto columns = pg::select("collection_results", field("symbol", &Row::symbol),
                                         field("min(asked_first)", &Row::first, "asked_first"),
                                         field("max(asked_last)", &Row::last, "asked_last"));
  std::map<std::string, std::pair<Date, Date>> answered;
  // Providers complete their histories, so after a month they are asked again.
  columns.from(store.table("collection_results") +
                   " WHERE symbol = ANY ($1) AND kind = $2 AND completed_at > now() - interval '30 days'"
                   " AND outcome IN ('OK', 'NO_DATA', 'PENDING') AND asked_first IS NOT NULL GROUP BY symbol",
               Args{Type::text_array, Type::text}.add(symbols).add(market::to_word(kind)), [&](Row& row) {
                 answered[std::move(row.symbol)] = {row.first, row.last};
               });
  return answered;
}

void write_collection_results(const Store& store, std::int64_t collection_id,
                              std::span<const CollectionResult> results) {
  using Row = CollectionResult;
  static const std::vector<pg::Column<Row>> columns{
      pg::column<Row>("symbol", &Row::symbol),
      pg::column<Row>("kind", [](const Row& r) { return market::to_word(r.kind); }),
      pg::column<Row>("provider", &Row::provider),
      pg::column<Row>("outcome", [](const Row& r) { return market::to_word(r.outcome); }),
      pg::column<Row>("http_status",
                      [](const Row& r) { return r.http_status == 0 ? std::nullopt : std::optional(r.http_status); }),
      pg::column<Row>("requests", &Row::requests),
      pg::column<Row>("rows_received", &Row::rows_received),
      pg::column<Row>("rows_written", &Row::rows_written),
      pg::column<Row>("rows_quarantined", &Row::rows_quarantined),
      pg::column<Row>("duration_seconds", &Row::seconds),
      pg::text_or_null<Row>("message", &Row::message),
      pg::column<Row>("asked_first", &Row::asked_first),
      pg::column<Row>("asked_last", &Row::asked_last)};
  std::string names, values, changes;
  for (const auto& column : columns) {
    names += ", " + column.name;
    values += ", n." + column.name;
    changes += ", " + column.name + " = excluded." + column.name;
  }
  const std::string table = store.table("collection_results");
  pg::execute_with_rows("INSERT INTO " + table + " (collection_id, completed_at" + names +
                            ") SELECT $2, clock_timestamp()" + values +
                            " FROM {rows} n ON CONFLICT (collection_id, symbol, kind, provider) DO UPDATE SET"
                            " completed_at = excluded.completed_at" +
                            changes,
                        table, pg::as_rows<Row>(columns, results), Args{Type::int8}.add(collection_id));
}

std::optional<std::int64_t> begin_collection(const Store& store, const std::string& kind, Date target) {
  store.require({"collections", "collection_results", "provider_state"});
  const std::string table = store.table("collections");
  // Two sessions that begin at once would each see none running. The record is what keeps others from collecting: it
  // counts as long as the session executes the statement that made it, so nothing is left behind however that ends.
  pg::execute("SELECT pg_advisory_xact_lock(hashtextextended('portfolio_batch.begin_collection ' || $1, 0))",
              Args{Type::text}.add(store.schema() + " " + kind));
  pg::execute("UPDATE " + table + " SET status = 'lost', completed_at = now() WHERE status = 'running' AND " +
              store.function("run_state") + "(status, backend_pid, backend_start, started_at) = 'lost'");
  struct Row {
    std::int64_t id;
  };
  static const auto columns = pg::select("collections", field("collection_id", &Row::id));
  std::optional<std::int64_t> id;
  columns.run("INSERT INTO " + table +
                  " (kind, target_date, status, started_at, backend_pid, backend_start)"
                  " SELECT $1, $2, 'running', clock_timestamp(), pg_backend_pid(), (SELECT backend_start FROM"
                  " pg_catalog.pg_stat_activity WHERE pid = pg_backend_pid()) WHERE NOT EXISTS (SELECT FROM " +
                  table + " WHERE kind = $1 AND status = 'running') RETURNING " + columns.list(),
              Args{Type::text, Type::date}.add(kind).add(target), [&](const Row& row) { id = row.id; });
  return id;
}

void finish_collection(const Store& store, std::int64_t collection_id, const CollectionEnd& end) {
  Args args{Type::int8, Type::text, Type::int4,  Type::int4, Type::int4,
            Type::int4, Type::int8, Type::jsonb, Type::text};
  args.add(collection_id)
      .add(end.status)
      .add(end.symbols_requested)
      .add(end.symbols_fetched)
      .add(end.symbols_with_data)
      .add(end.symbols_wanted)
      .add(end.rows_written)
      .add(pg::Json{end.detail_json});
  if (end.error.empty())
    args.null();
  else
    args.add(end.error);
  pg::execute("UPDATE " + store.table("collections") +
                  " SET status = $2, completed_at = clock_timestamp(), symbols_requested = $3, symbols_fetched = $4,"
                  " symbols_with_data = $5, symbols_wanted = $6, rows_written = $7, detail = $8, error_message = $9"
                  " WHERE collection_id = $1",
              args);
}

std::vector<std::string> symbols_with_price(const Store& store, std::span<const std::string> symbols, Date day) {
  struct Row {
    std::string symbol;
  };
  static const auto columns = pg::select("market_data_cache", field("symbol", &Row::symbol));
  std::vector<std::string> found;
  columns.from(store.table("market_data_cache") + " WHERE symbol = ANY ($1) AND date = $2",
               Args{Type::text_array, Type::date}.add(symbols).add(day),
               [&](Row& row) { found.push_back(std::move(row.symbol)); });
  return found;
}

std::int64_t close_of_session(const Store& store, Date day) {
  struct Row {
    pg::Timestamp close;
  };
  static const auto columns = pg::select("trading_sessions", field("close_at", &Row::close));
  std::int64_t close = 0;
  columns.from(store.table("trading_sessions") + " WHERE calendar = $1 AND session_date = $2",
               Args{Type::text, Type::date}.add(store.settings().calendar).add(day),
               [&](const Row& row) { close = row.close.microseconds / 1'000'000; });
  return close;
}

void require_primary(const Store&) {
  struct Row {
    bool is_standby;
  };
  static const auto columns = pg::select("server", field("pg_is_in_recovery()", &Row::is_standby, "is_standby"));
  if (columns.only_row("SELECT " + columns.list(), {}).is_standby)
    throw core::Error("25006", "market data cannot be collected on a standby",
                      "This server is in recovery and writes nothing.", "Call the procedure on the primary.");
}

}  // namespace pb::store
