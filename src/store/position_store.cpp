#include "store/position_store.hpp"

#include <limits>

#include "pg/columns.hpp"
#include "pg/select.hpp"
#include "pg/writer.hpp"

namespace pb::store {

using pg::Args;
using pg::field;
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
  const std::string never_valued = "n.last_price IS NOT NULL AND n.last_price_date IS NULL AND t.last_price IS NULL";
  const auto unless_never_valued = [&](const std::string& value, const std::string& otherwise) {
    return "CASE WHEN " + never_valued + " THEN " + otherwise + " ELSE " + value + " END";
  };
  // A position without a price keeps the one it has.
  const std::string price = unless_never_valued("coalesce(n.last_price, t.last_price)", "NULL");
  const std::string price_date = "coalesce(n.last_price_date, t.last_price_date)";
  const std::string unrealized = unless_never_valued("n.unrealized_pnl", "t.unrealized_pnl");
  return pg::execute_with_rows(
      "UPDATE " + positions + " t SET last_price = " + price + ", last_price_date = " + price_date +
          ", market_value = n.market_value, unrealized_pnl = " + unrealized +
          ", realized_pnl = n.realized_pnl, updated_at = now() FROM {rows} n"
          " WHERE t.portfolio_id = n.portfolio_id AND t.id = n.id"
          " AND (t.last_price, t.last_price_date, t.market_value, t.unrealized_pnl, t.realized_pnl)"
          " IS DISTINCT FROM (" +
          price + ", " + price_date + ", n.market_value, " + unrealized + ", n.realized_pnl)",
      positions, pg::as_rows(columns, rows));
}

GreeksOfLots load_greeks(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  struct Row {
    core::Uuid portfolio_id;
    std::optional<core::Uuid> position_id;
    std::optional<double> delta, gamma, theta, vega, underlying_price, implied_volatility;
  };
  static const auto columns = pg::select(
      "position_greeks", field("portfolio_id", &Row::portfolio_id), field("position_id", &Row::position_id),
      field("delta", &Row::delta), field("gamma", &Row::gamma), field("theta", &Row::theta), field("vega", &Row::vega),
      field("underlying_price", &Row::underlying_price), field("implied_volatility", &Row::implied_volatility));
  GreeksOfLots greeks;
  columns.from(
      store.table("position_greeks") + " WHERE portfolio_id = ANY ($1) AND calculation_date = $2",
      Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(day),
      [&](const Row& row) {
        constexpr double none = std::numeric_limits<double>::quiet_NaN();
        if (row.position_id)
          greeks[{row.portfolio_id, *row.position_id}] = {row.delta.value_or(none),
                                                          row.gamma.value_or(none),
                                                          row.theta.value_or(none),
                                                          row.vega.value_or(none),
                                                          row.underlying_price.value_or(none),
                                                          row.implied_volatility.value_or(none)};
      },
      pg::Planning::seldom);
  return greeks;
}

}  // namespace pb::store
