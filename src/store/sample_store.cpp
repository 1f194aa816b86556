#include "store/sample_store.hpp"

#include "core/portfolio/corporate_actions.hpp"
#include "pg/writer.hpp"

namespace pb::store {

using core::Lot;
using core::SamplePortfolio;
using core::SampleSymbol;
using pg::RowBuffer;
using pg::Type;

namespace {

// Rows are sent in portions, so that a large market needs little memory.
constexpr std::size_t portion = 100000;

constexpr const char* source = "sample";

std::int64_t write_prices(const Store& store, const core::SampleMarket& market, std::span<const core::Date> sessions) {
  const std::string sql = "INSERT INTO " + store.table("market_data_cache") +
                          " (symbol, date, close, adj_close, adjustment, data_source)"
                          " SELECT symbol, date, close, close, 'split', '" +
                          source + "' FROM {rows} n ON CONFLICT DO NOTHING";
  const std::vector<pg::ColumnDef> columns{{"symbol", Type::text}, {"date", Type::date}, {"close", Type::float8}};
  std::int64_t written = 0;
  RowBuffer out(columns);
  // In the order of dates, as a nightly loader would have written them.
  for (std::size_t t = 0; t < sessions.size(); ++t) {
    for (const SampleSymbol& symbol : market.symbols) out.add(symbol.symbol).add(sessions[t]).add(symbol.closes[t]);
    if (out.size() < portion && t + 1 < sessions.size()) continue;
    written += pg::execute_with_rows(sql, store.table("market_data_cache"), out);
    out = RowBuffer(columns);
  }
  return written;
}

std::int64_t write_profiles(const Store& store, const core::SampleMarket& market) {
  RowBuffer out({{"symbol", Type::text}, {"sector", Type::text}, {"is_etf", Type::boolean}});
  for (const SampleSymbol& symbol : market.symbols)
    out.add(symbol.symbol).add_text_or_null(symbol.sector).add(symbol.sector.empty());
  return pg::execute_with_rows("INSERT INTO " + store.table("company_profiles") +
                                   " (symbol, company_name, sector, is_etf, data_source) SELECT symbol,"
                                   " 'Sample ' || symbol, sector, is_etf, '" +
                                   source + "' FROM {rows} n ON CONFLICT DO NOTHING",
                               store.table("company_profiles"), out);
}

std::int64_t write_rates(const Store& store, const core::SampleMarket& market, std::span<const core::Date> sessions) {
  RowBuffer out({{"date", Type::date}, {"rate", Type::float8}});
  for (std::size_t t = 0; t < sessions.size(); ++t) out.add(sessions[t]).add(market.ten_year_yield[t]);
  return pg::execute_with_rows("INSERT INTO " + store.table("interest_rates") +
                                   " (series, date, rate) SELECT 'DGS10', date, rate FROM {rows} n"
                                   " ON CONFLICT DO NOTHING",
                               store.table("interest_rates"), out);
}

std::int64_t write_portfolios(const Store& store, std::span<const SamplePortfolio> portfolios) {
  RowBuffer out({{"id", Type::uuid}, {"name", Type::text}, {"initial_equity", Type::money}});
  for (const SamplePortfolio& portfolio : portfolios)
    out.add(portfolio.id).add(portfolio.name).add(portfolio.initial_equity);
  return pg::execute_with_rows("INSERT INTO " + store.table("portfolios") +
                                   " (id, name, owner, initial_equity) SELECT id, name, '" + source +
                                   "', initial_equity FROM {rows} n ON CONFLICT DO NOTHING",
                               store.table("portfolios"), out);
}

const char* investment_class(const Lot& lot) {
  return lot.is_private() ? "PRIVATE" : lot.is_option() ? "OPTIONS" : "PUBLIC";
}

std::int64_t write_positions(const Store& store, std::span<const SamplePortfolio> portfolios) {
  RowBuffer out({{"portfolio_id", Type::uuid},
                 {"id", Type::uuid},
                 {"symbol", Type::text},
                 {"position_type", Type::text},
                 {"investment_class", Type::text},
                 {"quantity", Type::float8},
                 {"entry_price", Type::float8},
                 {"entry_date", Type::date},
                 {"underlying_symbol", Type::text}});
  for (const SamplePortfolio& portfolio : portfolios)
    for (const Lot& lot : portfolio.lots)
      out.add(portfolio.id)
          .add(lot.id)
          .add(lot.symbol)
          .add(lot.position_type)
          .add(investment_class(lot))
          .add(lot.quantity)
          .add(lot.entry_price)
          .add(lot.entry_date)
          .add_text_or_null(lot.underlying_symbol);
  return pg::execute_with_rows(
      "INSERT INTO " + store.table("positions") +
          " (portfolio_id, id, symbol, position_type, investment_class, quantity, entry_price, entry_date,"
          " underlying_symbol) SELECT portfolio_id, id, symbol, position_type, investment_class, quantity,"
          " entry_price, entry_date, underlying_symbol FROM {rows} n ON CONFLICT DO NOTHING",
      store.table("positions"), out);
}

// The event takes the lot's id with its last byte inverted, so that the same seed gives the same ids.
core::Uuid event_id(const Lot& lot) {
  core::Uuid id = lot.id;
  id.bytes.back() = static_cast<std::uint8_t>(~id.bytes.back());
  return id;
}

std::int64_t write_closings(const Store& store, std::span<const SamplePortfolio> portfolios) {
  RowBuffer out({{"portfolio_id", Type::uuid},
                 {"id", Type::uuid},
                 {"position_id", Type::uuid},
                 {"trade_date", Type::date},
                 {"quantity_closed", Type::float8},
                 {"exit_price", Type::float8},
                 {"realized_pnl", Type::money}});
  for (const SamplePortfolio& portfolio : portfolios)
    for (const Lot& lot : portfolio.lots)
      for (const core::Closing& closing : lot.closings)
        out.add(portfolio.id)
            .add(event_id(lot))
            .add(lot.id)
            .add(closing.trade_date)
            .add(closing.quantity)
            .add(closing.price)
            .add(core::realized_pnl(lot, closing, core::CorporateActions()));
  return pg::execute_with_rows("INSERT INTO " + store.table("position_realized_events") +
                                   " (portfolio_id, id, position_id, trade_date, quantity_closed, exit_price,"
                                   " realized_pnl) SELECT portfolio_id, id, position_id, trade_date,"
                                   " quantity_closed, exit_price, realized_pnl FROM {rows} n"
                                   " ON CONFLICT DO NOTHING",
                               store.table("position_realized_events"), out);
}

std::int64_t write_flows(const Store& store, std::span<const SamplePortfolio> portfolios) {
  RowBuffer out(
      {{"portfolio_id", Type::uuid}, {"id", Type::uuid}, {"change_date", Type::date}, {"amount", Type::money}});
  for (const SamplePortfolio& portfolio : portfolios)
    for (const SamplePortfolio::Flow& flow : portfolio.flows)
      out.add(portfolio.id).add(flow.id).add(flow.date).add(flow.amount);
  return pg::execute_with_rows("INSERT INTO " + store.table("equity_changes") +
                                   " (portfolio_id, id, change_type, amount, change_date) SELECT portfolio_id, id,"
                                   " 'CONTRIBUTION', amount, change_date FROM {rows} n ON CONFLICT DO NOTHING",
                               store.table("equity_changes"), out);
}

}  // namespace

SampleCounts write_sample(const Store& store, const core::SampleMarket& market, std::span<const core::Date> sessions,
                          std::span<const SamplePortfolio> portfolios) {
  SampleCounts counts;
  counts.prices = write_prices(store, market, sessions);
  counts.profiles = write_profiles(store, market);
  counts.rates = write_rates(store, market, sessions);
  counts.portfolios = write_portfolios(store, portfolios);
  counts.positions = write_positions(store, portfolios);
  counts.closings = write_closings(store, portfolios);
  counts.flows = write_flows(store, portfolios);
  return counts;
}

}  // namespace pb::store
