#include "store/book_store.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "core/error.hpp"
#include "core/portfolio/ranges.hpp"
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

// Notes what cannot be used of a row; true when there is nothing.
bool usable(const RowCheck& check, const char* table, std::string row, std::optional<core::Date> since,
            Portfolio& portfolio) {
  if (!check.problem()) return true;
  portfolio.problems.push_back({table, std::move(row), check.problem()->column, check.problem()->value, since});
  return false;
}

std::string key(const RowView& row, int at) { return row.is_null(at) ? "id NULL" : "id " + to_string(row.uuid(at)); }

void load_portfolios(const Store& store, std::span<const Uuid> ids, Book& book) {
  pg::each_row("SELECT id, name, " + finite_date("inception_date") + ", " + safe_money("initial_equity") + " FROM " +
                   store.table("portfolios") + " WHERE id = ANY ($1) ORDER BY id",
               Args{Type::uuid_array}.add(ids),
               {required(Type::uuid, "portfolios.id"), nullable(Type::text), nullable(Type::date), nullable(Type::int8),
                nullable(Type::text)},
               [&](const RowView& row) {
                 RowCheck check(row);
                 Portfolio& portfolio = book.emplace_back();
                 portfolio.id = row.uuid(0);
                 portfolio.name = row.text_or_empty(1);
                 portfolio.inception_date = check.day_or_null(2, "inception_date");
                 portfolio.initial_equity = check.money_or_null(3, "initial_equity");
                 usable(check, "portfolios", key(row, 0), std::nullopt, portfolio);
               });
  std::sort(book.begin(), book.end(), [](const Portfolio& a, const Portfolio& b) { return a.id < b.id; });
}

constexpr const char* position_types[] = {"LONG", "SHORT", "LC", "LP", "SC", "SP"};

void check_position_type(const RowView& row, int at, RowCheck& check) {
  const std::string_view type = row.text(at);
  if (std::find(std::begin(position_types), std::end(position_types), type) == std::end(position_types))
    check.refuse("position_type", row.is_null(at) ? "NULL" : shortened(type));
}

core::Lot read_lot(const RowView& row, RowCheck& check) {
  core::Lot lot;
  lot.portfolio_id = row.uuid(0);
  if (row.is_null(1))
    check.refuse("id", "NULL");
  else
    lot.id = row.uuid(1);
  lot.symbol = check.name(2, "symbol", core::longest_symbol);
  check_position_type(row, 3, check);
  lot.position_type = row.text_or_empty(3);
  lot.investment_class = investment_class(row.text(4), lot.position_type);
  lot.quantity = check.number(5, "quantity", -core::greatest_quantity, core::greatest_quantity);
  lot.entry_price = check.number(6, "entry_price", 0, core::greatest_price);
  if (const auto day = check.day(7, "entry_date")) lot.entry_date = *day;
  lot.exit_date = check.day_or_null(8, "exit_date");
  lot.exit_price = check.number_or_null(9, "exit_price", 0, core::greatest_price);
  if (lot.exit_date && !lot.exit_price) check.refuse("exit_price", "NULL");
  lot.multiplier = check.number(10, "contract_multiplier", 1 / core::greatest_multiplier, core::greatest_multiplier);
  lot.underlying_symbol = check.name_or_empty(11, "underlying_symbol", core::longest_symbol);
  if (lot.is_private()) {
    lot.manual_price = check.number_or_null(12, "last_price", 0, core::greatest_price);
    lot.manual_price_date = check.day_or_null(13, "last_price_date");
  }
  return lot;
}

void load_lots(const Store& store, std::span<const Uuid> ids, core::Date until, Book& book) {
  pg::each_row(
      "SELECT portfolio_id, id, symbol, position_type, investment_class, quantity::float8, entry_price::float8, " +
          finite_date("entry_date") + ", " + finite_date("exit_date") +
          ", exit_price::float8, coalesce(contract_multiplier::float8,"
          " CASE WHEN position_type IN ('LC', 'LP', 'SC', 'SP') AND investment_class IS DISTINCT FROM 'PRIVATE'"
          " THEN 100 ELSE 1 END),"
          " underlying_symbol, CASE investment_class WHEN 'PRIVATE' THEN last_price::float8 END, " +
          finite_date("last_price_date") + " FROM " + store.table("positions") +
          " WHERE portfolio_id = ANY ($1) AND (entry_date <= $2) IS NOT FALSE AND deleted_at IS NULL",
      Args{Type::uuid_array, Type::date}.add(ids).add(until),
      {required(Type::uuid, "positions.portfolio_id"), nullable(Type::uuid), nullable(Type::text), nullable(Type::text),
       nullable(Type::text), nullable(Type::float8), nullable(Type::float8), nullable(Type::date), nullable(Type::date),
       nullable(Type::float8), required(Type::float8, "positions.contract_multiplier"), nullable(Type::text),
       nullable(Type::float8), nullable(Type::date)},
      [&](const RowView& row) {
        Portfolio* portfolio = find(book, row.uuid(0));
        if (portfolio == nullptr) return;
        RowCheck check(row);
        core::Lot lot = read_lot(row, check);
        if (usable(check, "positions", key(row, 1), row.date_or_null(7), *portfolio))
          portfolio->lots.push_back(std::move(lot));
      });
  // Here, where they are few at a time: the server would sort all of them, on disk.
  for (Portfolio& portfolio : book)
    std::sort(portfolio.lots.begin(), portfolio.lots.end(), [](const core::Lot& a, const core::Lot& b) {
      return std::tie(a.entry_date, a.id) < std::tie(b.entry_date, b.id);
    });
}

// Finds the lots that closings belong to. Closings come in the order of portfolios and lots, so that all of them take
// one pass over the lots.
class LotFinder {
 public:
  // nullptr for a lot that was not read. Pointers are good as long as no lot is added.
  core::Lot* find(Portfolio& portfolio, const Uuid& id) {
    if (&portfolio != portfolio_) turn_to(portfolio);
    while (next_ < by_id_.size() && by_id_[next_]->id < id) ++next_;
    return next_ < by_id_.size() && by_id_[next_]->id == id ? by_id_[next_] : nullptr;
  }

 private:
  void turn_to(Portfolio& portfolio) {
    portfolio_ = &portfolio;
    next_ = 0;
    by_id_.clear();
    for (core::Lot& lot : portfolio.lots) by_id_.push_back(&lot);
    std::sort(by_id_.begin(), by_id_.end(), [](const core::Lot* a, const core::Lot* b) { return a->id < b->id; });
  }

  Portfolio* portfolio_ = nullptr;
  std::vector<core::Lot*> by_id_;
  std::size_t next_ = 0;
};

void load_closings(const Store& store, std::span<const Uuid> ids, core::Date until, Book& book) {
  LotFinder lots;
  pg::each_row("SELECT portfolio_id, position_id, " + finite_date("trade_date") +
                   ", quantity_closed::float8, exit_price::float8, " + safe_money("realized_pnl") + ", id FROM " +
                   store.table("position_realized_events") +
                   " WHERE portfolio_id = ANY ($1) AND (trade_date <= $2) IS NOT FALSE"
                   " ORDER BY portfolio_id, position_id, trade_date, id",
               Args{Type::uuid_array, Type::date}.add(ids).add(until),
               {required(Type::uuid, "position_realized_events.portfolio_id"), nullable(Type::uuid),
                nullable(Type::date), nullable(Type::float8), nullable(Type::float8), nullable(Type::int8),
                nullable(Type::text), nullable(Type::uuid)},
               [&](const RowView& row) {
                 Portfolio* portfolio = find(book, row.uuid(0));
                 if (portfolio == nullptr) return;
                 RowCheck check(row);
                 if (row.is_null(1)) check.refuse("position_id", "NULL");
                 const auto day = check.day(2, "trade_date");
                 const double quantity = check.number(3, "quantity_closed", 0, core::greatest_quantity);
                 const double price = check.number(4, "exit_price", 0, core::greatest_price);
                 const auto realized = check.money_or_null(5, "realized_pnl");
                 if (!usable(check, "position_realized_events", key(row, 7), day, *portfolio)) return;
                 if (core::Lot* lot = lots.find(*portfolio, row.uuid(1)))
                   lot->closings.push_back({*day, quantity, price, realized});
               });
}

void load_flows(const Store& store, std::span<const Uuid> ids, core::Date until, Book& book) {
  pg::each_row("SELECT portfolio_id, " + finite_date("change_date") + ", " + safe_money("amount") +
                   ", change_type, id FROM " + store.table("equity_changes") +
                   " WHERE portfolio_id = ANY ($1) AND (change_date <= $2) IS NOT FALSE AND deleted_at IS NULL"
                   " ORDER BY portfolio_id, change_date, id",
               Args{Type::uuid_array, Type::date}.add(ids).add(until),
               {required(Type::uuid, "equity_changes.portfolio_id"), nullable(Type::date), nullable(Type::int8),
                nullable(Type::text), nullable(Type::text), nullable(Type::uuid)},
               [&](const RowView& row) {
                 Portfolio* portfolio = find(book, row.uuid(0));
                 if (portfolio == nullptr) return;
                 RowCheck check(row);
                 const auto day = check.day(1, "change_date");
                 const core::Money amount = check.money(2, "amount");
                 if (amount <= core::Money{}) check.refuse("amount", std::to_string(core::to_double(amount)));
                 const std::string_view type = row.text(4);
                 const bool is_contribution = type == "CONTRIBUTION";
                 if (!is_contribution && type != "WITHDRAWAL")
                   check.refuse("change_type", row.is_null(4) ? "NULL" : shortened(type));
                 if (usable(check, "equity_changes", key(row, 5), day, *portfolio))
                   portfolio->flows.push_back({*day, is_contribution ? amount : -amount});
               });
}

}  // namespace

const Portfolio* find_portfolio(const Book& book, const Uuid& id) { return find(const_cast<Book&>(book), id); }

std::vector<Uuid> resolve_portfolios(const Store& store, const std::optional<std::vector<Uuid>>& requested) {
  std::vector<Uuid> found;
  const auto collect = [&](const RowView& row) {
    if (!row.is_null(0)) found.push_back(row.uuid(0));
  };
  if (!requested) {
    pg::each_row("SELECT id FROM " + store.table("portfolios") + " WHERE is_active AND deleted_at IS NULL ORDER BY id",
                 {}, {nullable(Type::uuid)}, collect);
    return found;
  }
  pg::each_row(
      "SELECT id FROM " + store.table("portfolios") + " WHERE id = ANY ($1) AND deleted_at IS NULL ORDER BY id",
      Args{Type::uuid_array}.add(std::span<const Uuid>(*requested)), {required(Type::uuid, "portfolios.id")}, collect);
  std::string missing;
  for (const Uuid& id : *requested)
    if (!std::binary_search(found.begin(), found.end(), id)) missing += (missing.empty() ? "" : ", ") + to_string(id);
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
