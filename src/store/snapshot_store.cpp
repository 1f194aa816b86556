#include "store/snapshot_store.hpp"

#include <cmath>

#include "core/error.hpp"
#include "core/portfolio/ranges.hpp"
#include "pg/select.hpp"
#include "pg/writer.hpp"
#include "store/book_store.hpp"
#include "store/calendar_store.hpp"
#include "store/row_check.hpp"

namespace pb::store {

using core::Date;
using core::Reason;
using core::Uuid;
using pg::Args;
using pg::field;
using pg::RowBuffer;
using pg::Type;

Ledgers load_ledgers(const Store& store, std::span<const Uuid> portfolio_ids, Date first) {
  const Date year_start{std::chrono::year_month_day{first}.year() / std::chrono::January / 1};
  const std::string snapshots = store.table("portfolio_snapshots");
  struct Row {
    Uuid portfolio_id;
    Date date;
    std::optional<core::Money> equity, pnl, flow, realized, fees;
  };
  static const auto columns =
      pg::select("portfolio_snapshots", field("s.portfolio_id", &Row::portfolio_id),
                 field("s.snapshot_date", &Row::date), field("s.equity_balance", &Row::equity),
                 field("s.cumulative_pnl", &Row::pnl), field("s.cumulative_capital_flow", &Row::flow),
                 field("s.cumulative_realized_pnl", &Row::realized), field("s.cumulative_fees", &Row::fees));
  Ledgers ledgers;
  columns.from(
      "unnest($1) wanted (id)"
      " CROSS JOIN LATERAL (SELECT max(snapshot_date) AS date FROM " +
          snapshots +
          " WHERE portfolio_id = wanted.id AND snapshot_date < $2) before_year"
          " JOIN " +
          snapshots + " s ON s.portfolio_id = wanted.id AND s.snapshot_date >= coalesce(before_year.date, $2)",
      Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(year_start), [&](const Row& row) {
        // A snapshot without its figures is none: nothing can be measured from it.
        if (row.equity && row.pnl && row.flow && row.realized)
          ledgers[row.portfolio_id][row.date] = {*row.equity, *row.pnl, *row.flow, *row.realized,
                                                 row.fees.value_or(core::Money{})};
      });
  return ledgers;
}

std::map<Uuid, Date> newest_snapshots(const Store& store, std::span<const Uuid> portfolio_ids) {
  struct Row {
    Uuid portfolio_id;
    Date date;
  };
  static const auto columns =
      pg::select("portfolio_snapshots", field("wanted.id", &Row::portfolio_id), field("newest.date", &Row::date));
  std::map<Uuid, Date> newest;
  columns.from(
      "unnest($1) wanted (id) CROSS JOIN LATERAL"
      " (SELECT max(snapshot_date) AS date FROM " +
          store.table("portfolio_snapshots") + " WHERE portfolio_id = wanted.id) newest WHERE newest.date IS NOT NULL",
      Args{Type::uuid_array}.add(portfolio_ids), [&](const Row& row) { newest[row.portfolio_id] = row.date; });
  return newest;
}

namespace {

// Why one of the sums over options is missing.
Reason greeks_reason(const SnapshotRow& row) {
  if (row.levels.option_count == 0) return Reason::no_options;
  const GreekTotals& sums = row.greeks;
  const double all = sums.delta + sums.gamma + sums.theta + sums.vega;
  return std::isnan(all) ? Reason::option_without_greeks : Reason::none;
}

Columns<SnapshotRow> snapshot_columns() {
  using Row = SnapshotRow;
  const auto level = [](auto member) { return [member](const Row& row) { return std::invoke(member, row.levels); }; };
  const auto period = [](auto member) { return [member](const Row& row) { return std::invoke(member, row.period); }; };
  const auto greek = [](auto member) { return [member](const Row& row) { return row.greeks.*member; }; };
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
      pg::column<Row>("return_base", period(&Period::return_base)),
      pg::column<Row>("daily_return", period(&Period::daily_return)),
      pg::column<Row>("gross_return", period(&Period::gross_return)),
      pg::column<Row>("cumulative_dividends", level(&Levels::dividends_to_date)),
      pg::column<Row>("cumulative_cash_pnl", level(&Levels::cash_pnl_to_date)),
      pg::column<Row>("cumulative_fees", level(&Levels::fees_to_date)),
      pg::column<Row>("return_reason",
                      [](const Row& row) { return row.period.daily_return ? Reason::none : Reason::no_equity; }),
      pg::column<Row>("long_count", level(&Levels::long_count)),
      pg::column<Row>("short_count", level(&Levels::short_count)),
      pg::column<Row>("option_count", level(&Levels::option_count)),
      pg::column<Row>("private_positions", level(&Levels::private_positions)),
      pg::column<Row>("stale_prices", level(&Levels::stale_prices)),
      pg::column<Row>("unpriced_positions", level(&Levels::unpriced_positions)),
      pg::column<Row>("symbol_count", level(&Levels::symbol_count)),
      pg::column<Row>("gross_delta_exposure", &Row::gross_delta_exposure),
      pg::column<Row>("net_delta_exposure", &Row::net_delta_exposure),
      pg::column<Row>("net_delta", greek(&GreekTotals::delta)),
      pg::column<Row>("total_gamma", greek(&GreekTotals::gamma)),
      pg::column<Row>("total_theta", greek(&GreekTotals::theta)),
      pg::column<Row>("total_vega", greek(&GreekTotals::vega)),
      pg::column<Row>("greeks_reason", greeks_reason),
      pg::column<Row>("is_provisional", &Row::is_provisional),
  };
}

}  // namespace

std::int64_t write_snapshots(const Store& store, std::span<const SnapshotRow> rows) {
  Columns<SnapshotRow> columns = snapshot_columns();
  columns.push_back(constant<SnapshotRow>("run_id", store.stamp().run_id));
  const Scope scope = of_rows(rows, "snapshot_date");
  pg::Target target = result_target(store, "portfolio_snapshots", {"portfolio_id", "snapshot_date"}, scope);
  target.also_on_change +=
      ", analytics_complete = t.analytics_complete AND t.total_value = excluded.total_value"
      " AND t.total_long = excluded.total_long AND t.total_short = excluded.total_short";
  return pg::upsert(target, pg::as_rows(columns, rows), scope.args);
}

std::int64_t refresh_equity_balances(const Store& store, std::span<const Uuid> portfolio_ids) {
  return pg::execute("UPDATE " + store.table("portfolios") +
                         " p SET equity_balance = newest.equity_balance, updated_at = now()"
                         " FROM unnest($1) wanted (id) CROSS JOIN LATERAL (SELECT equity_balance FROM " +
                         store.table("portfolio_snapshots") +
                         " WHERE portfolio_id = wanted.id ORDER BY snapshot_date DESC LIMIT 1) newest"
                         " WHERE p.id = wanted.id AND p.equity_balance IS DISTINCT FROM newest.equity_balance",
                     Args{Type::uuid_array}.add(portfolio_ids), pg::Planning::seldom);
}

std::map<core::Uuid, core::Money> net_asset_values(const Store& store, core::Date day,
                                                   std::span<const core::Uuid> portfolio_ids) {
  struct Row {
    Uuid portfolio_id;
    std::optional<core::Money> total_value;
  };
  static const auto columns = pg::select("portfolio_snapshots", field("portfolio_id", &Row::portfolio_id),
                                         field("total_value", &Row::total_value));
  std::map<core::Uuid, core::Money> values;
  columns.from(
      store.table("portfolio_snapshots") + " WHERE portfolio_id = ANY ($1) AND snapshot_date = $2",
      Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(day),
      [&](const Row& row) {
        if (row.total_value) values[row.portfolio_id] = *row.total_value;
      },
      pg::Planning::seldom);
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
      pg::column<Row>("portfolio_id", &Row::portfolio_id),
      pg::column<Row>("beta", &Row::beta),
      pg::column<Row>("beta_std_error", &Row::std_error),
      pg::column<Row>("beta_r_squared", &Row::r_squared),
      pg::column<Row>("beta_observations", &Row::observations),
      pg::column<Row>("beta_coverage", &Row::coverage),
      pg::column<Row>("beta_reason", &Row::reason),
  };
  return update_snapshots(store, day, columns, rows);
}

void mark_analytics_complete(const Store& store, Date day, std::span<const SnapshotDigest> digests) {
  using Row = SnapshotDigest;
  static const Columns<Row> columns{
      pg::column<Row>("portfolio_id", &Row::portfolio_id),
      pg::column<Row>("input_digest", &Row::whole),
      pg::column<Row>("input_parts", &Row::parts),
  };
  // Also where no figure has changed, the row now is what this run made of these inputs.
  const std::string snapshots = store.table("portfolio_snapshots");
  pg::execute_with_rows("UPDATE " + snapshots +
                            " s SET analytics_complete = true, input_digest = n.input_digest,"
                            " input_parts = n.input_parts, run_id = $3, created_at = now()"
                            " FROM {rows} n WHERE s.portfolio_id = n.portfolio_id AND s.snapshot_date = $2"
                            " AND (NOT s.analytics_complete OR (s.input_digest, s.input_parts)"
                            " IS DISTINCT FROM (n.input_digest, n.input_parts))",
                        snapshots, pg::as_rows(columns, digests),
                        Args{Type::date, Type::int8}.add(day).add(store.stamp().run_id));
}

namespace {

// The snapshots of the portfolios $1 from $4 to $3 that lack a row which the engines of the risk phase owe them, asked
// of the tables. Rows of symbols are looked for over the last year: older ones are compared by rescan_sessions. NOT IN
// looks each up in a table that is hashed once; a join may go through all rows for each where the server believes that
// there are few.
std::string sessions_with_gaps(const Store& store) {
  const std::string of_dates = " WHERE calculation_date BETWEEN $4 AND $3";
  const std::string of_last_year = " WHERE calculation_date BETWEEN greatest($4, $3 - 366) AND $3";
  const std::string of_portfolios = " AND portfolio_id = ANY ($1)";
  const std::string owed =
      "SELECT calculation_date, sum(CASE WHEN model IN ('market', 'rate') THEN 1 ELSE cardinality(factors) + 1 END)"
      " AS exposures FROM " +
      store.table("factor_models") + of_dates + " GROUP BY calculation_date HAVING count(*) = 4";
  const std::string with_exposures =
      "SELECT e.portfolio_id, e.calculation_date FROM (SELECT portfolio_id, calculation_date,"
      " sum(cardinality(factors)) AS exposures FROM " +
      store.table("portfolio_model_exposures") + of_dates + of_portfolios +
      " GROUP BY portfolio_id, calculation_date) e JOIN (" + owed +
      ") o ON o.calculation_date = e.calculation_date AND o.exposures <= e.exposures";
  const std::string with_correlations = "SELECT portfolio_id, calculation_date FROM " +
                                        store.table("correlation_calculations") + of_dates + of_portfolios;
  const std::string with_covariances = "SELECT calculation_date FROM " + store.table("factor_correlations") + of_dates;
  // With every number of scenarios that the moves of the date suffice for.
  const std::string with_moves = "SELECT calculation_date, generate_series(0, count(*)::integer) FROM " +
                                 store.table("stress_scenario_moves") + of_dates + " GROUP BY calculation_date";
  const std::string with_fits = "SELECT calculation_date, symbol FROM " + store.table("symbol_model_fits") +
                                of_last_year + " GROUP BY calculation_date, symbol HAVING count(*) >= 4";
  const std::string with_volatility =
      "SELECT calculation_date, symbol FROM " + store.table("symbol_volatility") + of_last_year;
  return "SELECT s.portfolio_id, s.snapshot_date FROM " + store.table("portfolio_snapshots") + " s LEFT JOIN " +
         store.table("portfolio_holdings") +
         " h ON h.portfolio_id = s.portfolio_id AND h.calculation_date = s.snapshot_date LEFT JOIN " +
         store.table("portfolio_stress_tests") +
         " t ON t.portfolio_id = s.portfolio_id AND t.calculation_date = s.snapshot_date"
         " WHERE s.portfolio_id = ANY ($1) AND s.snapshot_date BETWEEN $4 AND $3"
         " AND (h.portfolio_id IS NULL OR t.portfolio_id IS NULL OR (s.portfolio_id, s.snapshot_date) NOT IN (" +
         with_exposures + ") OR (s.portfolio_id, s.snapshot_date) NOT IN (" + with_correlations +
         ") OR s.snapshot_date NOT IN (" + with_covariances +
         ") OR (s.snapshot_date, cardinality(t.scenario_ids)) NOT IN (" + with_moves +
         ")) UNION SELECT h.portfolio_id, h.calculation_date FROM " + store.table("portfolio_holdings") +
         " h CROSS JOIN LATERAL unnest(h.symbols, h.quantities) l (symbol, quantity)"
         " WHERE h.portfolio_id = ANY ($1) AND h.calculation_date BETWEEN greatest($4, $3 - 366) AND $3"
         " AND l.quantity <> 0 AND ((h.calculation_date, l.symbol) NOT IN (" +
         with_fits + ") OR (h.calculation_date, l.symbol) NOT IN (" + with_volatility + "))";
}

// The provisional snapshots for which a price has come that was missing, or was not final.
std::string sessions_with_new_prices(const Store& store) {
  return "SELECT s.portfolio_id, s.snapshot_date FROM " + store.table("portfolio_snapshots") + " s JOIN " +
         store.table("portfolio_holdings") +
         " h ON h.portfolio_id = s.portfolio_id AND h.calculation_date = s.snapshot_date"
         " CROSS JOIN LATERAL unnest(h.position_ids, h.price_dates, h.reasons) l (id, price_date, reason) JOIN " +
         store.table("positions") + " p ON p.portfolio_id = s.portfolio_id AND p.id = l.id JOIN " +
         store.table("market_data_cache") + " c ON c.symbol = p.symbol AND c.date = s.snapshot_date AND " +
         usable_price(store, "c") +
         " WHERE s.portfolio_id = ANY ($1) AND s.snapshot_date <= $3 AND s.is_provisional"
         " AND l.reason IS DISTINCT FROM 'expired' AND (l.price_date < s.snapshot_date OR l.reason = "
         "'provisional_price' AND c.is_final)";
}

}  // namespace

std::vector<MissingSession> missing_sessions(const Store& store, std::span<const Uuid> portfolio_ids, Date target) {
  using Row = MissingSession;
  static const auto columns =
      pg::select("portfolio_snapshots", field("w.id", &Row::portfolio_id), field("c.session_date", &Row::date),
                 field("CASE WHEN s.portfolio_id IS NULL THEN 'snapshot'"
                       " WHEN NOT s.analytics_complete OR g.id IS NOT NULL THEN 'analytics' ELSE 'prices' END",
                       &Row::missing, "missing"));
  std::vector<MissingSession> missing;
  // The start of each portfolio is found once, before the join with the sessions, and the sessions once for all.
  columns.run(
      "WITH first_trade AS MATERIALIZED (SELECT portfolio_id, min(entry_date) AS date FROM " +
          store.table("positions") +
          " WHERE portfolio_id = ANY ($1) AND deleted_at IS NULL AND isfinite(entry_date) GROUP BY portfolio_id),"
          " wanted AS MATERIALIZED (SELECT p.id, coalesce("
          "CASE WHEN isfinite(p.inception_date) THEN p.inception_date END, f.date) AS start FROM " +
          store.table("portfolios") +
          " p LEFT JOIN first_trade f ON f.portfolio_id = p.id WHERE p.id = ANY ($1)),"
          " session AS MATERIALIZED (SELECT session_date FROM " +
          store.table("trading_sessions") +
          " WHERE calendar = $2 AND session_date BETWEEN (SELECT min(start) FROM wanted) AND $3),"
          " gap (id, date) AS MATERIALIZED (" +
          sessions_with_gaps(store) + "), priced (id, date) AS MATERIALIZED (" + sessions_with_new_prices(store) +
          ") SELECT " + columns.list() + " FROM wanted w JOIN session c ON c.session_date >= w.start LEFT JOIN " +
          store.table("portfolio_snapshots") +
          " s ON s.portfolio_id = w.id AND s.snapshot_date = c.session_date"
          " LEFT JOIN (SELECT DISTINCT id, date FROM gap) g ON g.id = w.id AND g.date = c.session_date"
          " LEFT JOIN (SELECT DISTINCT id, date FROM priced) n ON n.id = w.id AND n.date = c.session_date"
          " WHERE s.portfolio_id IS NULL OR NOT s.analytics_complete OR g.id IS NOT NULL OR n.id IS NOT NULL"
          " ORDER BY c.session_date, w.id",
      Args{Type::uuid_array, Type::text, Type::date, Type::date}
          .add(portfolio_ids)
          .add(store.settings().calendar)
          .add(target)
          .add(core::first_input_day),
      [&](Row& row) { missing.push_back(std::move(row)); });
  return missing;
}

std::map<Uuid, std::int64_t> digests_of_complete(const Store& store, Date day, std::span<const Uuid> portfolio_ids) {
  struct Row {
    Uuid portfolio_id;
    std::int64_t digest;
  };
  static const auto columns = pg::select("portfolio_snapshots", field("c.portfolio_id", &Row::portfolio_id),
                                         field("c.input_digest", &Row::digest));
  std::map<Uuid, std::int64_t> digests;
  columns.from(
      store.table("portfolio_snapshots") +
          " c WHERE c.portfolio_id = ANY ($1) AND c.snapshot_date = $2 AND c.analytics_complete"
          " AND c.input_digest IS NOT NULL",
      Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(day),
      [&](const Row& row) { digests[row.portfolio_id] = row.digest; }, pg::Planning::seldom);
  // The dates of a backfill have none. To plan the search for gaps takes longer than this look.
  if (digests.empty()) return digests;
  struct Gap {
    Uuid portfolio_id;
  };
  static const auto gaps = pg::select("portfolio_snapshots", field("g.id", &Gap::portfolio_id));
  gaps.from("(" + sessions_with_gaps(store) + ") g (id, date) WHERE $2 = ''",
            Args{Type::uuid_array, Type::text, Type::date, Type::date}.add(portfolio_ids).add("").add(day).add(day),
            [&](const Gap& gap) { digests.erase(gap.portfolio_id); });
  return digests;
}

void forget_digests(const Store& store, Date day) {
  pg::execute("UPDATE " + store.table("portfolio_snapshots") +
                  " SET input_digest = NULL, input_parts = NULL WHERE snapshot_date = $1 AND input_digest IS NOT NULL",
              Args{Type::date}.add(day));
}

std::map<Date, std::vector<Uuid>> sessions_with_snapshots(const Store& store, std::span<const Uuid> portfolio_ids,
                                                          Date from, Date to) {
  struct Row {
    Date date;
    Uuid portfolio_id;
  };
  static const auto columns = pg::select("portfolio_snapshots", field("s.snapshot_date", &Row::date),
                                         field("s.portfolio_id", &Row::portfolio_id));
  std::map<Date, std::vector<Uuid>> sessions;
  columns.from(store.table("portfolio_snapshots") + " s JOIN " + store.table("trading_sessions") +
                   " c ON c.calendar = $4 AND c.session_date = s.snapshot_date"
                   " WHERE s.portfolio_id = ANY ($1) AND s.snapshot_date BETWEEN $2 AND $3"
                   " ORDER BY s.snapshot_date, s.portfolio_id",
               Args{Type::uuid_array, Type::date, Type::date, Type::text}
                   .add(portfolio_ids)
                   .add(from)
                   .add(to)
                   .add(store.settings().calendar),
               [&](const Row& row) { sessions[row.date].push_back(row.portfolio_id); });
  return sessions;
}

}  // namespace pb::store
