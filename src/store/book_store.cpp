#include "store/book_store.hpp"

#include <algorithm>
#include <tuple>

#include "core/error.hpp"
#include "pg/query.hpp"

namespace pb::store {

using core::Uuid;
using pg::Args;
using pg::nullable;
using pg::required;
using pg::RowView;
using pg::Type;

namespace {

Portfolio* find(Book& book, const Uuid& id) {
  const auto at =
      std::lower_bound(book.begin(), book.end(), id, [](const Portfolio& p, const Uuid& key) { return p.id < key; });
  return at != book.end() && at->id == id ? &*at : nullptr;
}

core::InvestmentClass investment_class(std::string_view declared, std::string_view position_type) {
  if (declared == "PRIVATE") return core::InvestmentClass::private_asset;
  if (declared == "OPTIONS" || position_type.size() == 2) return core::InvestmentClass::option;
  return core::InvestmentClass::public_market;
}

void load_portfolios(const Store& store, std::span<const Uuid> ids, Book& book) {
  pg::each_row(
      "SELECT id, name, (initial_equity * 10000)::bigint, inception_date FROM " + store.table("portfolios") +
          " WHERE id = ANY ($1) ORDER BY id",
      Args{Type::uuid_array}.add(ids),
      {required(Type::uuid, "portfolios.id"), nullable(Type::text), nullable(Type::int8), nullable(Type::date)},
      [&](const RowView& row) {
        book.push_back({row.uuid(0), row.text_or_empty(1), row.money_or_null(2), row.date_or_null(3), {}, {}});
      });
  std::sort(book.begin(), book.end(), [](const Portfolio& a, const Portfolio& b) { return a.id < b.id; });
}

void load_lots(const Store& store, std::span<const Uuid> ids, core::Date until, Book& book) {
  pg::each_row(
      "SELECT portfolio_id, id, symbol, position_type, investment_class, quantity::float8, entry_price::float8,"
      " entry_date, exit_date, exit_price::float8, coalesce(contract_multiplier::float8,"
      " CASE WHEN position_type IN ('LC', 'LP', 'SC', 'SP') AND investment_class IS DISTINCT FROM 'PRIVATE'"
      " THEN 100 ELSE 1 END),"
      " underlying_symbol, CASE investment_class WHEN 'PRIVATE' THEN last_price::float8 END, last_price_date FROM " +
          store.table("positions") + " WHERE portfolio_id = ANY ($1) AND entry_date <= $2 AND deleted_at IS NULL",
      Args{Type::uuid_array, Type::date}.add(ids).add(until),
      {required(Type::uuid, "positions.portfolio_id"), required(Type::uuid, "positions.id"),
       required(Type::text, "positions.symbol"), required(Type::text, "positions.position_type"), nullable(Type::text),
       required(Type::float8, "positions.quantity"), required(Type::float8, "positions.entry_price"),
       required(Type::date, "positions.entry_date"), nullable(Type::date), nullable(Type::float8),
       required(Type::float8, "positions.contract_multiplier"), nullable(Type::text), nullable(Type::float8),
       nullable(Type::date)},
      [&](const RowView& row) {
        Portfolio* portfolio = find(book, row.uuid(0));
        if (portfolio == nullptr) return;
        core::Lot lot;
        lot.portfolio_id = row.uuid(0);
        lot.id = row.uuid(1);
        lot.symbol = row.text_or_empty(2);
        lot.position_type = row.text_or_empty(3);
        lot.investment_class = investment_class(row.text(4), lot.position_type);
        lot.quantity = row.float8(5);
        lot.entry_price = row.float8(6);
        lot.entry_date = row.date(7);
        lot.exit_date = row.date_or_null(8);
        if (!row.is_null(9)) lot.exit_price = row.float8(9);
        lot.multiplier = row.float8(10);
        lot.underlying_symbol = row.text_or_empty(11);
        if (lot.is_private()) {
          if (!row.is_null(12)) lot.manual_price = row.float8(12);
          lot.manual_price_date = row.date_or_null(13);
        }
        portfolio->lots.push_back(std::move(lot));
      });
  // Here, where they are few at a time: the server would sort all of them, on disk.
  for (Portfolio& portfolio : book)
    std::sort(portfolio.lots.begin(), portfolio.lots.end(), [](const core::Lot& a, const core::Lot& b) {
      return std::tie(a.entry_date, a.id) < std::tie(b.entry_date, b.id);
    });
}

void load_closings(const Store& store, std::span<const Uuid> ids, core::Date until, Book& book) {
  pg::each_row(
      "SELECT portfolio_id, position_id, trade_date, quantity_closed::float8, exit_price::float8,"
      " (realized_pnl * 10000)::bigint FROM " +
          store.table("position_realized_events") +
          " WHERE portfolio_id = ANY ($1) AND trade_date <= $2 ORDER BY portfolio_id, position_id, trade_date, id",
      Args{Type::uuid_array, Type::date}.add(ids).add(until),
      {required(Type::uuid, "position_realized_events.portfolio_id"),
       required(Type::uuid, "position_realized_events.position_id"),
       required(Type::date, "position_realized_events.trade_date"),
       required(Type::float8, "position_realized_events.quantity_closed"),
       required(Type::float8, "position_realized_events.exit_price"), nullable(Type::int8)},
      [&](const RowView& row) {
        Portfolio* portfolio = find(book, row.uuid(0));
        if (portfolio == nullptr) return;
        const Uuid position = row.uuid(1);
        const auto lot = std::find_if(portfolio->lots.begin(), portfolio->lots.end(),
                                      [&](const core::Lot& candidate) { return candidate.id == position; });
        if (lot == portfolio->lots.end()) return;
        lot->closings.push_back({row.date(2), row.float8(3), row.float8(4), row.money_or_null(5)});
      });
}

void load_flows(const Store& store, std::span<const Uuid> ids, core::Date until, Book& book) {
  pg::each_row(
      "SELECT portfolio_id, change_date,"
      " ((CASE change_type WHEN 'CONTRIBUTION' THEN amount ELSE -amount END) * 10000)::bigint FROM " +
          store.table("equity_changes") +
          " WHERE portfolio_id = ANY ($1) AND change_date <= $2 AND deleted_at IS NULL"
          " ORDER BY portfolio_id, change_date, id",
      Args{Type::uuid_array, Type::date}.add(ids).add(until),
      {required(Type::uuid, "equity_changes.portfolio_id"), required(Type::date, "equity_changes.change_date"),
       required(Type::int8, "equity_changes.amount")},
      [&](const RowView& row) {
        if (Portfolio* portfolio = find(book, row.uuid(0))) portfolio->flows.push_back({row.date(1), row.money(2)});
      });
}

}  // namespace

const Portfolio* find_portfolio(const Book& book, const Uuid& id) { return find(const_cast<Book&>(book), id); }

std::vector<Uuid> resolve_portfolios(const Store& store, const std::optional<std::vector<Uuid>>& requested) {
  std::vector<Uuid> found;
  const auto collect = [&](const RowView& row) { found.push_back(row.uuid(0)); };
  if (!requested) {
    pg::each_row("SELECT id FROM " + store.table("portfolios") + " WHERE is_active AND deleted_at IS NULL ORDER BY id",
                 {}, {required(Type::uuid, "portfolios.id")}, collect);
    return found;
  }
  pg::each_row(
      "SELECT id FROM " + store.table("portfolios") + " WHERE id = ANY ($1) AND deleted_at IS NULL ORDER BY id",
      Args{Type::uuid_array}.add(std::span<const Uuid>(*requested)), {required(Type::uuid, "portfolios.id")}, collect);
  std::string missing;
  for (const Uuid& id : *requested)
    if (std::find(found.begin(), found.end(), id) == found.end())
      missing += (missing.empty() ? "" : ", ") + to_string(id);
  if (!missing.empty())
    throw core::Error(core::sqlstate::undefined_object, "portfolio does not exist: " + missing,
                      "No row of " + store.table("portfolios") + " that is not deleted has this id.",
                      "List the portfolios with SELECT id, name FROM " + store.table("portfolios") + ".");
  return found;
}

Book load_book(const Store& store, std::span<const Uuid> portfolio_ids, core::Date until) {
  Book book;
  load_portfolios(store, portfolio_ids, book);
  load_lots(store, portfolio_ids, until, book);
  load_closings(store, portfolio_ids, until, book);
  load_flows(store, portfolio_ids, until, book);
  return book;
}

}  // namespace pb::store
