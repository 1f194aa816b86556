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

Columns<SnapshotRow> snapshot_columns() {
  using Row = SnapshotRow;
  const auto level = [](auto member) { return [member](const Row& row) { return std::invoke(member, row.levels); }; };
  const auto period = [](auto member) { return [member](const Row& row) { return std::invoke(member, row.period); }; };
  using Levels = core::PortfolioLevels;
  using Period = core::PeriodResult;
  return {
      pg::column<Row>("portfolio_id", &Row::portfolio_id),
      pg::column<Row>("snapshot_date", &Row::date),
      pg::column<Row>("previous_snapshot_date", period(&Period::previous_date)),
      pg::column<Row>("total_value", level(&Levels::equity)),
      pg::column<Row>("total_market_value", level(&Levels::net_market_value)),
      pg::column<Row>("cash_value", level(&Levels::cash)),
      pg::column<Row>("equity_balance", level(&Levels::equity)),
      pg::column<Row>("total_long", level(&Levels::long_value)),
      pg::column<Row>("total_short", level(&Levels::short_value)),
      pg::column<Row>("gross_exposure", level(&Levels::gross_exposure)),
      pg::column<Row>("net_exposure", level(&Levels::net_market_value)),
      pg::column<Row>("daily_pnl", period(&Period::daily_pnl)),
      pg::column<Row>("mtd_pnl", period(&Period::mtd_pnl)),
      pg::column<Row>("ytd_pnl", period(&Period::ytd_pnl)),
      pg::column<Row>("cumulative_pnl", level(&Levels::cumulative_pnl)),
      pg::column<Row>("daily_realized_pnl", period(&Period::daily_realized)),
      pg::column<Row>("cumulative_realized_pnl", level(&Levels::realized_to_date)),
      pg::column<Row>("daily_capital_flow", period(&Period::daily_flow)),
      pg::column<Row>("cumulative_capital_flow", level(&Levels::flows_to_date)),
      pg::column<Row>("daily_return", period(&Period::daily_return)),
      pg::column<Row>("long_count", level(&Levels::long_count)),
      pg::column<Row>("short_count", level(&Levels::short_count)),
      pg::column<Row>("option_count", level(&Levels::option_count)),
      pg::column<Row>("private_positions", level(&Levels::private_positions)),
      pg::column<Row>("stale_prices", level(&Levels::stale_prices)),
      pg::column<Row>("unpriced_positions", level(&Levels::unpriced_positions)),
  };
}

}  // namespace

std::int64_t write_snapshots(const Store& store, std::span<const SnapshotRow> rows) {
  Columns<SnapshotRow> columns = snapshot_columns();
  columns.push_back(constant<SnapshotRow>("run_id", store.stamp().run_id));
  pg::Target target = result_target(store, "portfolio_snapshots", {"portfolio_id", "snapshot_date"}, {});
  target.also_on_change +=
      ", analytics_complete = t.analytics_complete AND t.total_value = excluded.total_value"
      " AND t.total_long = excluded.total_long AND t.total_short = excluded.total_short";
  return pg::upsert(target, pg::as_rows(columns, rows));
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

std::int64_t update_snapshots(const Store& store, Date day, const RowBuffer& rows) {
  std::string assignments;
  std::string stored;
  std::string computed;
  for (const pg::ColumnDef& column : rows.columns()) {
    if (column.name == "portfolio_id") continue;
    const std::string comma = stored.empty() ? "" : ", ";
    assignments += column.name + " = n." + column.name + ", ";
    stored += comma + "t." + column.name;
    computed += comma + "n." + column.name;
  }
  const std::string snapshots = store.table("portfolio_snapshots");
  return pg::execute_with_rows("UPDATE " + snapshots + " t SET " + assignments +
                                   "run_id = $3, created_at = now() FROM {rows} n"
                                   " WHERE t.portfolio_id = n.portfolio_id AND t.snapshot_date = $2 AND (" +
                                   stored + ") IS DISTINCT FROM (" + computed + ")",
                               snapshots, rows, Args{Type::date, Type::int8}.add(day).add(store.stamp().run_id));
}

std::int64_t write_snapshot_betas(const Store& store, Date day, std::span<const SnapshotBeta> rows) {
  using Row = SnapshotBeta;
  static const Columns<Row> columns{
      pg::column<Row>("portfolio_id", &Row::portfolio_id), pg::column<Row>("beta", &Row::beta),
      pg::column<Row>("beta_r_squared", &Row::r_squared),  pg::column<Row>("beta_observations", &Row::observations),
      pg::column<Row>("beta_coverage", &Row::coverage),    pg::text_or_null<Row>("beta_reason", &Row::reason),
  };
  return update_snapshots(store, day, columns, rows);
}

void mark_analytics_complete(const Store& store, Date day, std::span<const Uuid> portfolio_ids) {
  pg::execute("UPDATE " + store.table("portfolio_snapshots") +
                  " SET analytics_complete = true WHERE portfolio_id = ANY ($1) AND snapshot_date = $2"
                  " AND NOT analytics_complete",
              Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(day));
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
