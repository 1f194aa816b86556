#include "store/holdings_store.hpp"

#include <algorithm>

#include "store/result_rows.hpp"

namespace pb::store {

std::int64_t write_holdings(const Store& store, std::span<const HoldingsRow> rows) {
  using Row = HoldingsRow;
  static const Columns<Row> columns{
      pg::column<Row>("portfolio_id", &Row::portfolio_id),
      pg::column<Row>("calculation_date", &Row::date),
      pg::column<Row>("position_ids", &Row::position_ids),
      pg::column<Row>("symbols", &Row::symbols),
      pg::column<Row>("quantities", &Row::quantities),
      pg::column<Row>("prices", &Row::prices),
      pg::column<Row>("price_dates", &Row::price_dates),
      pg::column<Row>("exposures", &Row::exposures),
      pg::column<Row>("market_values", &Row::market_values),
      pg::column<Row>("daily_pnl", &Row::daily_pnl),
      pg::column<Row>("realized_pnl", &Row::realized_pnl),
      pg::column<Row>("reasons", [](const Row& row) { return words_or_null(row.reasons); }),
      pg::column<Row>("unallocated_pnl", &Row::unallocated_pnl),
  };
  return write_results(store, "portfolio_holdings", {"portfolio_id", "calculation_date"}, columns, rows,
                       of_rows(rows, "calculation_date"));
}

}  // namespace pb::store
