#include "store/snapshot_store.hpp"

#include "core/error.hpp"
#include "pg/query.hpp"
#include "pg/writer.hpp"
#include "store/book_store.hpp"
#include "store/calendar_store.hpp"

namespace pb::store {

using core::Date;
using core::Uuid;
using pg::Args;
using pg::nullable;
using pg::required;
using pg::RowBuffer;
using pg::RowView;
using pg::Type;

Ledgers load_ledgers(const Store& store, std::span<const Uuid> portfolio_ids, Date first) {
  const Date year_start{std::chrono::year_month_day{first}.year() / std::chrono::January / 1};
  const std::string snapshots = store.table("portfolio_snapshots");
  Ledgers ledgers;
  pg::each_row(
      "SELECT s.portfolio_id, s.snapshot_date, (s.equity_balance * 10000)::bigint,"
      " (s.cumulative_pnl * 10000)::bigint, (s.cumulative_capital_flow * 10000)::bigint,"
      " (s.cumulative_realized_pnl * 10000)::bigint"
      " FROM unnest($1) wanted (id)"
      " CROSS JOIN LATERAL (SELECT max(snapshot_date) AS date FROM " +
          snapshots +
          " WHERE portfolio_id = wanted.id AND snapshot_date < $2) before_year"
          " JOIN " +
          snapshots + " s ON s.portfolio_id = wanted.id AND s.snapshot_date >= coalesce(before_year.date, $2)",
      Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(year_start),
      {required(Type::uuid, "portfolio_snapshots.portfolio_id"),
       required(Type::date, "portfolio_snapshots.snapshot_date"), nullable(Type::int8), nullable(Type::int8),
       nullable(Type::int8), nullable(Type::int8)},
      [&](const RowView& row) {
        // A snapshot without its figures is none: nothing can be measured from it.
        for (int column = 2; column < 6; ++column)
          if (row.is_null(column)) return;
        ledgers[row.uuid(0)][row.date(1)] = {row.money(2), row.money(3), row.money(4), row.money(5)};
      });
  return ledgers;
}

std::map<Uuid, Date> newest_snapshots(const Store& store, std::span<const Uuid> portfolio_ids) {
  std::map<Uuid, Date> newest;
  pg::each_row(
      "SELECT wanted.id, newest.date FROM unnest($1) wanted (id) CROSS JOIN LATERAL"
      " (SELECT max(snapshot_date) AS date FROM " +
          store.table("portfolio_snapshots") + " WHERE portfolio_id = wanted.id) newest WHERE newest.date IS NOT NULL",
      Args{Type::uuid_array}.add(portfolio_ids),
      {required(Type::uuid, "portfolio_snapshots.portfolio_id"),
       required(Type::date, "portfolio_snapshots.snapshot_date")},
      [&](const RowView& row) { newest[row.uuid(0)] = row.date(1); });
  return newest;
}

namespace {

std::vector<pg::ColumnDef> snapshot_columns() {
  std::vector<pg::ColumnDef> columns{
      {"portfolio_id", Type::uuid}, {"snapshot_date", Type::date}, {"previous_snapshot_date", Type::date}};
  for (const char* name :
       {"total_value", "total_market_value", "cash_value", "equity_balance", "total_long", "total_short",
        "gross_exposure", "net_exposure", "daily_pnl", "mtd_pnl", "ytd_pnl", "cumulative_pnl", "daily_realized_pnl",
        "cumulative_realized_pnl", "daily_capital_flow", "cumulative_capital_flow"})
    columns.push_back({name, Type::money});
  columns.push_back({"daily_return", Type::float8});
  for (const char* name :
       {"long_count", "short_count", "option_count", "private_positions", "stale_prices", "unpriced_positions"})
    columns.push_back({name, Type::int4});
  return columns;
}

void add_snapshot(RowBuffer& out, const SnapshotRow& row) {
  const core::PortfolioLevels& levels = row.levels;
  const core::PeriodResult& period = row.period;
  out.add(row.portfolio_id).add(row.date).add(period.previous_date);
  out.add(levels.equity()).add(levels.net_market_value()).add(levels.cash).add(levels.equity());
  out.add(levels.long_value).add(levels.short_value).add(levels.gross_exposure()).add(levels.net_market_value());
  out.add(period.daily_pnl).add(period.mtd_pnl).add(period.ytd_pnl).add(levels.cumulative_pnl());
  out.add(period.daily_realized).add(levels.realized_to_date);
  out.add(period.daily_flow).add(levels.flows_to_date);
  out.add(period.daily_return);
  out.add(levels.long_count).add(levels.short_count).add(levels.option_count).add(levels.private_positions);
  out.add(levels.stale_prices).add(levels.unpriced_positions);
}

}  // namespace

std::int64_t write_snapshots(const Store& store, std::span<const SnapshotRow> rows) {
  RowBuffer out(snapshot_columns());
  out.reserve(rows.size());
  for (const SnapshotRow& row : rows) add_snapshot(out, row);
  pg::Target target{.table = store.table("portfolio_snapshots"), .keys = {"portfolio_id", "snapshot_date"}};
  target.stamp = store.stamp();
  target.also_on_change =
      "analytics_complete = t.analytics_complete AND t.total_value = excluded.total_value"
      " AND t.total_long = excluded.total_long AND t.total_short = excluded.total_short";
  return pg::upsert(target, std::move(out));
}

std::int64_t refresh_equity_balances(const Store& store, std::span<const Uuid> portfolio_ids) {
  return pg::execute("UPDATE " + store.table("portfolios") +
                         " p SET equity_balance = newest.equity_balance, updated_at = now()"
                         " FROM unnest($1) wanted (id) CROSS JOIN LATERAL (SELECT equity_balance FROM " +
                         store.table("portfolio_snapshots") +
                         " WHERE portfolio_id = wanted.id ORDER BY snapshot_date DESC LIMIT 1) newest"
                         " WHERE p.id = wanted.id AND p.equity_balance IS DISTINCT FROM newest.equity_balance",
                     Args{Type::uuid_array}.add(portfolio_ids));
}

std::map<core::Uuid, core::Money> net_asset_values(const Store& store, core::Date day,
                                                   std::span<const core::Uuid> portfolio_ids) {
  std::map<core::Uuid, core::Money> values;
  pg::each_row("SELECT portfolio_id, (total_value * 10000)::bigint FROM " + store.table("portfolio_snapshots") +
                   " WHERE portfolio_id = ANY ($1) AND snapshot_date = $2",
               Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(day),
               {required(Type::uuid, "portfolio_snapshots.portfolio_id"), nullable(Type::int8)},
               [&](const pg::RowView& row) {
                 if (!row.is_null(1)) values[row.uuid(0)] = row.money(1);
               });
  return values;
}

pg::WriteSpan write_span(const Store& store, std::span<const Uuid> portfolio_ids, Date first, Date last,
                         std::vector<std::string> symbols) {
  pg::WriteSpan span{.first = first, .last = last, .symbols = std::move(symbols)};
  const std::string snapshots = store.table("portfolio_snapshots");
  if (pg::execute(
          "SELECT FROM " + snapshots + " WHERE portfolio_id = ANY ($1) AND snapshot_date BETWEEN $2 AND $3 LIMIT 1",
          Args{Type::uuid_array, Type::date, Type::date}.add(portfolio_ids).add(first).add(last)) == 0)
    span.empty.insert(snapshots);
  return span;
}

namespace {

// Whether the snapshots that are updated are new, and so have nothing yet in the columns that engines add.
bool are_new(const Store& store) {
  const pg::WriteSpan* span = store.stamp().span.get();
  return span != nullptr && span->empty.contains(store.table("portfolio_snapshots"));
}

std::int64_t rows_with_values(const RowBuffer& rows) {
  std::int64_t count = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::size_t column = 2;
    while (column < rows.columns().size() && rows.cell(row, column).is_null) ++column;
    if (column < rows.columns().size()) ++count;
  }
  return count;
}

}  // namespace

std::int64_t update_snapshots(const Store& store, RowBuffer rows) {
  std::string assignments;
  std::string stored;
  std::string computed;
  for (std::size_t i = 2; i < rows.columns().size(); ++i) {
    const std::string& name = rows.columns()[i].name;
    assignments += name + " = n." + name + ", ";
    stored += (i == 2 ? "t." : ", t.") + name;
    computed += (i == 2 ? "n." : ", n.") + name;
  }
  const auto run_id = store.stamp().run_id;
  const std::string statement = "UPDATE " + store.table("portfolio_snapshots") + " t SET " + assignments +
                                "run_id = " + (run_id ? std::to_string(*run_id) : "NULL") +
                                ", created_at = now() FROM new_rows n"
                                " WHERE t.portfolio_id = n.portfolio_id AND t.snapshot_date = n.snapshot_date AND (" +
                                stored + ") IS DISTINCT FROM (" + computed + ")";
  if (are_new(store)) {
    const std::int64_t changed = rows_with_values(rows);
    if (pg::defer_statement(store.stamp(), statement, rows)) return changed;
  }
  return pg::execute_with_rows(statement, rows);
}

std::int64_t write_snapshot_betas(const Store& store, Date day, std::span<const SnapshotBeta> rows) {
  RowBuffer out({{"portfolio_id", Type::uuid},
                 {"snapshot_date", Type::date},
                 {"beta", Type::float8},
                 {"beta_r_squared", Type::float8},
                 {"beta_observations", Type::int4},
                 {"beta_coverage", Type::float8},
                 {"beta_reason", Type::text}});
  for (const SnapshotBeta& row : rows)
    out.add(row.portfolio_id)
        .add(day)
        .add(row.beta)
        .add(row.r_squared)
        .add(row.observations)
        .add(row.coverage)
        .add_text_or_null(row.reason);
  return update_snapshots(store, std::move(out));
}

void mark_analytics_complete(const Store& store, Date day, std::span<const Uuid> portfolio_ids) {
  RowBuffer rows({{"portfolio_id", Type::uuid}, {"snapshot_date", Type::date}});
  for (const Uuid& id : portfolio_ids) rows.add(id).add(day);
  const std::string statement = "UPDATE " + store.table("portfolio_snapshots") +
                                " t SET analytics_complete = true FROM new_rows n WHERE t.portfolio_id = n.portfolio_id"
                                " AND t.snapshot_date = n.snapshot_date AND NOT t.analytics_complete";
  if (!pg::defer_statement(store.stamp(), statement, rows)) pg::execute_with_rows(statement, rows);
}

std::vector<MissingSession> missing_sessions(const Store& store, std::span<const Uuid> portfolio_ids, Date target) {
  std::vector<MissingSession> missing;
  // The start of each portfolio is found once, before the join with the sessions, and the sessions once for all.
  pg::each_row(
      "WITH first_trade AS MATERIALIZED (SELECT portfolio_id, min(entry_date) AS date FROM " +
          store.table("positions") +
          " WHERE portfolio_id = ANY ($1) AND deleted_at IS NULL AND isfinite(entry_date) GROUP BY portfolio_id),"
          " wanted AS MATERIALIZED (SELECT p.id, coalesce("
          "CASE WHEN isfinite(p.inception_date) THEN p.inception_date END, f.date) AS start FROM " +
          store.table("portfolios") +
          " p LEFT JOIN first_trade f ON f.portfolio_id = p.id WHERE p.id = ANY ($1)),"
          " session AS MATERIALIZED (SELECT session_date FROM " +
          store.table("trading_sessions") +
          " WHERE calendar = $2 AND session_date BETWEEN (SELECT min(start) FROM wanted) AND $3)"
          " SELECT w.id, c.session_date, s.portfolio_id IS NOT NULL FROM wanted w JOIN session c"
          " ON c.session_date >= w.start LEFT JOIN " +
          store.table("portfolio_snapshots") +
          " s ON s.portfolio_id = w.id AND s.snapshot_date = c.session_date"
          " WHERE s.portfolio_id IS NULL OR NOT s.analytics_complete ORDER BY c.session_date, w.id",
      Args{Type::uuid_array, Type::text, Type::date}.add(portfolio_ids).add(store.settings().calendar).add(target),
      {required(Type::uuid, "portfolios.id"), required(Type::date, "trading_sessions.session_date"),
       required(Type::boolean, "portfolio_snapshots.portfolio_id")},
      [&](const RowView& row) {
        missing.push_back({row.uuid(0), row.date(1), row.boolean(2)});
      });
  return missing;
}

std::map<Date, std::vector<Uuid>> sessions_with_snapshots(const Store& store, std::span<const Uuid> portfolio_ids,
                                                          Date from, Date to) {
  std::map<Date, std::vector<Uuid>> sessions;
  pg::each_row("SELECT s.snapshot_date, s.portfolio_id FROM " + store.table("portfolio_snapshots") + " s JOIN " +
                   store.table("trading_sessions") +
                   " c ON c.calendar = $4 AND c.session_date = s.snapshot_date"
                   " WHERE s.portfolio_id = ANY ($1) AND s.snapshot_date BETWEEN $2 AND $3"
                   " ORDER BY s.snapshot_date, s.portfolio_id",
               Args{Type::uuid_array, Type::date, Type::date, Type::text}
                   .add(portfolio_ids)
                   .add(from)
                   .add(to)
                   .add(store.settings().calendar),
               {required(Type::date, "portfolio_snapshots.snapshot_date"),
                required(Type::uuid, "portfolio_snapshots.portfolio_id")},
               [&](const RowView& row) { sessions[row.date(0)].push_back(row.uuid(1)); });
  return sessions;
}

}  // namespace pb::store
