// What corporate actions made of the lots that were opened.
#include <chrono>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "core/portfolio/conversions.hpp"
#include "core/portfolio/ranges.hpp"
#include "function/entry.hpp"
#include "pg/function.hpp"
#include "store/book_store.hpp"
#include "store/price_store.hpp"

namespace pb::function {

using core::Uuid;

namespace {

// Closings are booked by today, and corporate actions are announced ahead: all of them count.
constexpr core::Date latest_day{std::chrono::year{9999} / 12 / 31};

Uuid opened_as(const core::Lot& lot) { return lot.origin ? lot.origin->opened_as : lot.id; }

bool is_touched(const core::Lot& lot) { return lot.origin || lot.is_converted(); }

core::CorporateActions actions_of(const store::Store& store, const store::Book& book) {
  std::vector<std::string> symbols;
  for (const store::Portfolio& portfolio : book)
    for (const core::Lot& lot : portfolio.lots)
      if (is_touched(lot)) symbols.push_back(lot.symbol);
  return store::load_actions(store, symbols);
}

// NULL where it is more than money can be.
void add_amount(double amount, pg::RowBuffer& rows) {
  if (core::is_money(amount))
    rows.add(core::to_money(amount));
  else
    rows.null();
}

// One stretch of time of a lot between corporate actions.
void add_history(const core::Lot& lot, const core::CorporateActions& actions, pg::RowBuffer& rows) {
  rows.add(opened_as(lot)).add(lot.id).add(lot.symbol);
  rows.add(lot.origin ? lot.origin->action : "opened").add(lot.entry_date);
  if (lot.exit_date)
    rows.add(*lot.exit_date);
  else
    rows.null();
  rows.add(lot.quantity).add(lot.entry_price);
  add_amount(lot.quantity * lot.entry_price * lot.multiplier, rows);
  rows.add(lot.multiplier);
  const std::vector<core::Closing> closings =
      lot.is_converted() ? core::closings_through(lot, *lot.exit_date, actions) : std::vector<core::Closing>{};
  if (closings.empty()) {
    rows.null().null().null();
    return;
  }
  const core::Closing& end = closings.back();
  const double quantity = std::copysign(end.quantity, lot.quantity);
  rows.add(quantity);
  add_amount(quantity * *lot.converted_for * lot.multiplier, rows);
  rows.add(core::realized_pnl(lot, end, actions));
}

}  // namespace

PB_FUNCTION(pb_lot_history) {
  using pg::Type;
  const store::Store store(call);
  const Uuid portfolio_id = store::resolve_portfolio(store, call.uuid(0));
  pg::RowBuffer rows({{"opened_as", Type::uuid},
                      {"position_id", Type::uuid},
                      {"symbol", Type::text},
                      {"action", Type::text},
                      {"from_date", Type::date},
                      {"until_date", Type::date},
                      {"quantity", Type::float8},
                      {"entry_price", Type::float8},
                      {"cost", Type::money},
                      {"multiplier", Type::float8},
                      {"converted_quantity", Type::float8},
                      {"converted_cash", Type::money},
                      {"realized_pnl", Type::money}});
  const store::Book book = store::load_book(store, std::span(&portfolio_id, 1), latest_day);
  const core::CorporateActions actions = actions_of(store, book);
  for (const store::Portfolio& portfolio : book)
    for (const core::Lot& lot : portfolio.lots)
      if (is_touched(lot)) add_history(lot, actions, rows);
  call.return_rows(rows);
}

PB_FUNCTION(pb_converted_lots) {
  using pg::Type;
  const store::Store store(call);
  const Uuid portfolio_id = store::resolve_portfolio(store, call.uuid(0));
  const core::Date day = call.date(1).value_or(latest_day);
  pg::RowBuffer rows({{"opened_as", Type::uuid},
                      {"position_id", Type::uuid},
                      {"symbol", Type::text},
                      {"from_date", Type::date},
                      {"quantity", Type::float8},
                      {"closable", Type::float8}});
  const store::Book book = store::load_book(store, std::span(&portfolio_id, 1), latest_day);
  const core::CorporateActions actions = actions_of(store, book);
  for (const store::Portfolio& portfolio : book) {
    const core::ClosableQuantities closable(portfolio.lots, actions);
    for (std::size_t i = 0; i < portfolio.lots.size(); ++i) {
      const core::Lot& lot = portfolio.lots[i];
      const bool is_past = lot.next && portfolio.lots[*lot.next].entry_date <= day;
      if (lot.entry_date > day || is_past || !is_touched(lot)) continue;
      const double quantity = core::quantity_asof(lot, day, actions);
      rows.add(opened_as(lot)).add(lot.id).add(lot.symbol).add(lot.entry_date).add(quantity);
      rows.add(quantity == 0 ? 0 : closable.of(i, day));
    }
  }
  call.return_rows(rows);
}

}  // namespace pb::function
