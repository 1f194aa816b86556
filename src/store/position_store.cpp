#include "store/position_store.hpp"

#include "pg/columns.hpp"
#include "pg/query.hpp"
#include "pg/writer.hpp"

namespace pb::store {

using pg::Args;
using pg::nullable;
using pg::required;
using pg::Type;

std::int64_t write_position_values(const Store& store, std::span<const PositionValue> rows) {
  using Row = PositionValue;
  static const std::vector<pg::Column<Row>> columns{
      pg::column<Row>("portfolio_id", &Row::portfolio_id), pg::column<Row>("id", &Row::position_id),
      pg::column<Row>("last_price", &Row::last_price),     pg::column<Row>("last_price_date", &Row::last_price_date),
      pg::column<Row>("market_value", &Row::market_value), pg::column<Row>("unrealized_pnl", &Row::unrealized_pnl),
      pg::column<Row>("realized_pnl", &Row::realized_pnl),
  };
  const std::string positions = store.table("positions");
  // A position without a price keeps the one it has.
  const std::string price = "coalesce(n.last_price, t.last_price)";
  const std::string price_date = "coalesce(n.last_price_date, t.last_price_date)";
  return pg::execute_with_rows(
      "UPDATE " + positions + " t SET last_price = " + price + ", last_price_date = " + price_date +
          ", market_value = n.market_value, unrealized_pnl = n.unrealized_pnl, realized_pnl = n.realized_pnl,"
          " updated_at = now() FROM {rows} n WHERE t.portfolio_id = n.portfolio_id AND t.id = n.id"
          " AND (t.last_price, t.last_price_date, t.market_value, t.unrealized_pnl, t.realized_pnl)"
          " IS DISTINCT FROM (" +
          price + ", " + price_date + ", n.market_value, n.unrealized_pnl, n.realized_pnl)",
      positions, pg::as_rows(columns, rows));
}

Deltas load_deltas(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  Deltas deltas;
  pg::each_row("SELECT portfolio_id, position_id, delta, underlying_price FROM " + store.table("position_greeks") +
                   " WHERE portfolio_id = ANY ($1) AND calculation_date = $2 AND delta IS NOT NULL",
               Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(day),
               {required(Type::uuid, "position_greeks.portfolio_id"), nullable(Type::uuid), nullable(Type::float8),
                nullable(Type::float8)},
               [&](const pg::RowView& row) {
                 if (!row.is_null(1)) deltas[{row.uuid(0), row.uuid(1)}] = {row.float8(2), row.float8(3)};
               });
  return deltas;
}

}  // namespace pb::store
