#include "store/book_store.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

#include "core/error.hpp"
#include "core/portfolio/conversions.hpp"
#include "core/portfolio/ranges.hpp"
#include "pg/select.hpp"
#include "store/calendar_store.hpp"
#include "store/conversion_store.hpp"
#include "store/price_store.hpp"

namespace pb::store {

using core::Uuid;
using pg::Args;
using pg::field;
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

std::string key(const std::optional<Uuid>& id) { return id ? "id " + to_string(*id) : "id NULL"; }

struct PortfolioRow {
  Uuid id;
  std::optional<std::string> name;
  std::optional<core::Date> inception_date;
  std::optional<core::Money> initial_equity;
  std::optional<std::string_view> uncountable_equity;
};

void load_portfolios(const Store& store, std::span<const Uuid> ids, Book& book) {
  using Row = PortfolioRow;
  static const auto columns = pg::select("portfolios", field("id", &Row::id), field("name", &Row::name),
                                         field(finite_date("inception_date"), &Row::inception_date),
                                         field(countable("initial_equity"), &Row::initial_equity),
                                         field(uncountable("initial_equity"), &Row::uncountable_equity));
  columns.from(
      store.table("portfolios") + " WHERE id = ANY ($1) ORDER BY id", Args{Type::uuid_array}.add(ids), [&](Row& row) {
        RowCheck check;
        Portfolio& portfolio = book.emplace_back();
        portfolio.id = row.id;
        portfolio.name = std::move(row.name).value_or("");
        portfolio.inception_date = check.day_or_null(row.inception_date, "inception_date");
        portfolio.initial_equity = check.money_or_null(row.initial_equity, row.uncountable_equity, "initial_equity");
        usable(check, "portfolios", key(row.id), std::nullopt, portfolio);
      });
  std::sort(book.begin(), book.end(), [](const Portfolio& a, const Portfolio& b) { return a.id < b.id; });
}

struct LotRow {
  Uuid portfolio_id;
  std::optional<Uuid> id;
  std::optional<std::string_view> symbol, position_type, investment_class;
  std::optional<double> quantity, entry_price;
  std::optional<core::Date> entry_date, exit_date;
  std::optional<double> exit_price, multiplier, strike_price;
  std::optional<std::string_view> underlying_symbol;
  std::optional<core::Date> expiration_date;
};

auto lot_columns(const Store& store) {
  using Row = LotRow;
  const std::string multiplier = "coalesce(contract_multiplier::float8, " + store.function("standard_multiplier") +
                                 "(position_type, investment_class))";
  return pg::select(
      "positions", field("portfolio_id", &Row::portfolio_id), field("id", &Row::id), field("symbol", &Row::symbol),
      field("position_type", &Row::position_type), field("investment_class", &Row::investment_class),
      field("quantity::float8", &Row::quantity), field("entry_price::float8", &Row::entry_price),
      field(finite_date("entry_date"), &Row::entry_date), field(finite_date("exit_date"), &Row::exit_date),
      field("exit_price::float8", &Row::exit_price), field(multiplier, &Row::multiplier, "contract_multiplier"),
      field("underlying_symbol", &Row::underlying_symbol), field("strike_price::float8", &Row::strike_price),
      field(finite_date("expiration_date"), &Row::expiration_date));
}

core::Lot read_lot(const LotRow& row, RowCheck& check) {
  core::Lot lot;
  lot.portfolio_id = row.portfolio_id;
  lot.id = check.id(row.id, "id");
  lot.symbol = check.name(row.symbol, "symbol", core::longest_symbol);
  lot.position_type = check.word(row.position_type, "position_type", {"LONG", "SHORT", "LC", "LP", "SC", "SP"});
  lot.investment_class = investment_class(row.investment_class.value_or(""), lot.position_type);
  lot.quantity = check.number(row.quantity, "quantity", -core::greatest_quantity, core::greatest_quantity);
  lot.entry_price = check.number(row.entry_price, "entry_price", 0, core::greatest_price);
  if (const auto day = check.day(row.entry_date, "entry_date")) lot.entry_date = *day;
  lot.exit_date = check.day_or_null(row.exit_date, "exit_date");
  lot.exit_price = check.number_or_null(row.exit_price, "exit_price", 0, core::greatest_price);
  if (lot.exit_date && !lot.exit_price) check.refuse("exit_price", "NULL");
  lot.multiplier =
      check.number(row.multiplier, "contract_multiplier", 1 / core::greatest_multiplier, core::greatest_multiplier);
  lot.underlying_symbol = check.name_or_empty(row.underlying_symbol, "underlying_symbol", core::longest_symbol);
  if (!lot.is_option()) return lot;
  lot.expiration_date = check.day_or_null(row.expiration_date, "expiration_date");
  if (const auto strike = check.number_or_null(row.strike_price, "strike_price", 0, core::greatest_price))
    lot.strike_price = *strike;
  return lot;
}

void load_lots(const Store& store, std::span<const Uuid> ids, core::Date until, Book& book) {
  static const auto columns = lot_columns(store);
  columns.from(store.table("positions") +
                   " WHERE portfolio_id = ANY ($1) AND (entry_date <= $2) IS NOT FALSE AND deleted_at IS NULL",
               Args{Type::uuid_array, Type::date}.add(ids).add(until), [&](const LotRow& row) {
                 Portfolio* portfolio = find(book, row.portfolio_id);
                 if (portfolio == nullptr) return;
                 RowCheck check;
                 core::Lot lot = read_lot(row, check);
                 if (usable(check, "positions", key(row.id), row.entry_date, *portfolio))
                   portfolio->lots.push_back(std::move(lot));
               });
  // Here, where they are few at a time: the server would sort all of them, on disk.
  for (Portfolio& portfolio : book)
    std::sort(portfolio.lots.begin(), portfolio.lots.end(), [](const core::Lot& a, const core::Lot& b) {
      return std::tie(a.entry_date, a.id) < std::tie(b.entry_date, b.id);
    });
}

// Finds the lots that closings or marks belong to. These come in the order of portfolios and lots, so that all of them
// take one pass over the lots.
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

struct ClosingRow {
  Uuid portfolio_id;
  std::optional<Uuid> id, position_id;
  std::optional<core::Date> trade_date;
  std::optional<double> quantity_closed, exit_price;
  std::optional<std::string_view> symbol;
};

void load_closings(const Store& store, std::span<const Uuid> ids, core::Date until, Book& book) {
  using Row = ClosingRow;
  static const auto columns =
      pg::select("position_realized_events", field("portfolio_id", &Row::portfolio_id), field("id", &Row::id),
                 field("position_id", &Row::position_id), field(finite_date("trade_date"), &Row::trade_date),
                 field("quantity_closed::float8", &Row::quantity_closed), field("exit_price::float8", &Row::exit_price),
                 field("symbol", &Row::symbol));
  LotFinder lots;
  columns.from(store.table("position_realized_events") +
                   " WHERE portfolio_id = ANY ($1) AND (trade_date <= $2) IS NOT FALSE"
                   " ORDER BY portfolio_id, position_id, trade_date, id",
               Args{Type::uuid_array, Type::date}.add(ids).add(until), [&](const Row& row) {
                 Portfolio* portfolio = find(book, row.portfolio_id);
                 if (portfolio == nullptr) return;
                 RowCheck check;
                 const Uuid lot_id = check.id(row.position_id, "position_id");
                 const auto day = check.day(row.trade_date, "trade_date");
                 const double quantity =
                     check.number(row.quantity_closed, "quantity_closed", 0, core::greatest_quantity);
                 const double price = check.number(row.exit_price, "exit_price", 0, core::greatest_price);
                 std::string symbol = check.name_or_empty(row.symbol, "symbol", core::longest_symbol);
                 if (!usable(check, "position_realized_events", key(row.id), day, *portfolio)) return;
                 if (core::Lot* lot = lots.find(*portfolio, lot_id))
                   lot->closings.push_back({*day, quantity, price, std::move(symbol)});
               });
}

struct MarkRow {
  Uuid portfolio_id;
  std::optional<Uuid> position_id;
  std::optional<core::Date> mark_date;
  std::optional<double> price;
};

void load_marks(const Store& store, std::span<const Uuid> ids, core::Date until, Book& book) {
  using Row = MarkRow;
  static const auto columns =
      pg::select("position_marks", field("portfolio_id", &Row::portfolio_id), field("position_id", &Row::position_id),
                 field(finite_date("mark_date"), &Row::mark_date), field("price::float8", &Row::price));
  LotFinder lots;
  columns.from(store.table("position_marks") +
                   " WHERE portfolio_id = ANY ($1) AND (mark_date <= $2) IS NOT FALSE"
                   " ORDER BY portfolio_id, position_id, mark_date",
               Args{Type::uuid_array, Type::date}.add(ids).add(until), [&](const Row& row) {
                 Portfolio* portfolio = find(book, row.portfolio_id);
                 if (portfolio == nullptr) return;
                 RowCheck check;
                 const Uuid lot_id = check.id(row.position_id, "position_id");
                 const auto day = check.day(row.mark_date, "mark_date");
                 const double price = check.number(row.price, "price", 0, core::greatest_price);
                 const std::string row_key = "position_id " + (row.position_id ? to_string(*row.position_id) : "NULL") +
                                             ", mark_date " + (row.mark_date ? core::to_iso(*row.mark_date) : "NULL");
                 if (!usable(check, "position_marks", row_key, day, *portfolio)) return;
                 if (core::Lot* lot = lots.find(*portfolio, lot_id)) lot->marks.push_back({*day, price});
               });
}

struct FlowRow {
  Uuid portfolio_id;
  std::optional<Uuid> id;
  std::optional<core::Date> change_date;
  std::optional<core::Money> amount;
  std::optional<std::string_view> uncountable_amount, change_type;
};

void load_flows(const Store& store, std::span<const Uuid> ids, core::Date until, Book& book) {
  using Row = FlowRow;
  static const auto columns =
      pg::select("equity_changes", field("portfolio_id", &Row::portfolio_id), field("id", &Row::id),
                 field(finite_date("change_date"), &Row::change_date), field(countable("amount"), &Row::amount),
                 field(uncountable("amount"), &Row::uncountable_amount), field("change_type", &Row::change_type));
  columns.from(store.table("equity_changes") +
                   " WHERE portfolio_id = ANY ($1) AND (change_date <= $2) IS NOT FALSE AND deleted_at IS NULL"
                   " ORDER BY portfolio_id, change_date, id",
               Args{Type::uuid_array, Type::date}.add(ids).add(until), [&](const Row& row) {
                 Portfolio* portfolio = find(book, row.portfolio_id);
                 if (portfolio == nullptr) return;
                 RowCheck check;
                 const auto day = check.day(row.change_date, "change_date");
                 const core::Money amount = check.money(row.amount, row.uncountable_amount, "amount");
                 if (amount <= core::Money{}) check.refuse("amount", std::to_string(core::to_double(amount)));
                 const auto type = check.word(row.change_type, "change_type", {"CONTRIBUTION", "WITHDRAWAL"});
                 if (usable(check, "equity_changes", key(row.id), day, *portfolio))
                   portfolio->flows.push_back({*day, type == "CONTRIBUTION" ? amount : -amount});
               });
}

struct CashRow {
  Uuid portfolio_id;
  std::optional<Uuid> id, position_id;
  std::optional<core::Date> event_date, ex_date;
  std::optional<core::Money> amount;
  std::optional<std::string_view> uncountable_amount, kind, symbol;
};

void load_cash_events(const Store& store, std::span<const Uuid> ids, core::Date until, Book& book) {
  using Row = CashRow;
  static const auto columns = pg::select(
      "cash_events", field("portfolio_id", &Row::portfolio_id), field("id", &Row::id),
      field("position_id", &Row::position_id), field(finite_date("event_date"), &Row::event_date),
      field(finite_date("ex_date"), &Row::ex_date), field(countable("amount"), &Row::amount),
      field(uncountable("amount"), &Row::uncountable_amount), field("kind", &Row::kind), field("symbol", &Row::symbol));
  columns.from(store.table("cash_events") +
                   " WHERE portfolio_id = ANY ($1) AND (event_date <= $2) IS NOT FALSE AND deleted_at IS NULL"
                   " ORDER BY portfolio_id, event_date, id",
               Args{Type::uuid_array, Type::date}.add(ids).add(until), [&](const Row& row) {
                 Portfolio* portfolio = find(book, row.portfolio_id);
                 if (portfolio == nullptr) return;
                 RowCheck check;
                 core::CashEvent event{};
                 const auto day = check.day(row.event_date, "event_date");
                 event.amount = check.money(row.amount, row.uncountable_amount, "amount");
                 const auto kind = core::cash_kind(row.kind.value_or(""));
                 if (!kind) check.refuse("kind", std::string(row.kind.value_or("NULL")));
                 event.position_id = row.position_id;
                 event.symbol = check.name_or_empty(row.symbol, "symbol", core::longest_symbol);
                 event.ex_date = check.day_or_null(row.ex_date, "ex_date");
                 if (!usable(check, "cash_events", key(row.id), day, *portfolio)) return;
                 event.date = *day;
                 event.kind = *kind;
                 portfolio->events.push_back(std::move(event));
               });
}

// The symbols of the lots that corporate actions convert, and what they become.
std::vector<std::string> converted_symbols(const Book& book, const core::CorporateActions& conversions) {
  std::set<std::string> found;
  std::vector<std::string> open;
  for (const Portfolio& portfolio : book)
    for (const core::Lot& lot : portfolio.lots)
      if (conversions.has_any(lot.symbol)) open.push_back(lot.symbol);
  while (!open.empty()) {
    const std::string symbol = std::move(open.back());
    open.pop_back();
    if (!found.insert(symbol).second) continue;
    for (const core::Conversion& conversion : conversions.conversions(symbol))
      for (const core::Conversion::Leg& leg : conversion.legs) open.push_back(leg.symbol);
  }
  return {found.begin(), found.end()};
}

void convert_lots(Portfolio& portfolio, const core::CorporateActions& actions,
                  const core::CorporateActions& conversions, core::Date until) {
  std::vector<core::UnplacedClosing> unplaced;
  portfolio.lots = core::apply_conversions(std::move(portfolio.lots), actions, unplaced);
  for (const core::Lot& lot : portfolio.lots)
    if (const auto* leg = conversions.problem(lot.symbol, lot.entry_date, lot.exit_date.value_or(until)))
      portfolio.problems.push_back({"corporate_action_legs", leg->row, leg->column, leg->value, leg->ex_date});
  for (const core::UnplacedClosing& closing : unplaced) {
    const std::string row =
        "position_id " + to_string(closing.opened_as) + ", trade_date " + core::to_iso(closing.trade_date);
    if (closing.is_exit)
      portfolio.problems.push_back(
          {"positions", key(closing.opened_as), "exit_date", core::to_iso(closing.trade_date), closing.trade_date});
    else
      portfolio.problems.push_back({"position_realized_events", row, "symbol",
                                    closing.symbol.empty() ? "NULL" : closing.symbol, closing.trade_date});
  }
}

// One statement where no corporate action touches a lot, as is usual, and the splits of those that it does.
void convert_lots(const Store& store, core::Date until, Book& book) {
  const core::CorporateActions conversions = load_conversions(store, until);
  const std::vector<std::string> symbols = converted_symbols(book, conversions);
  core::CorporateActions actions = symbols.empty() ? core::CorporateActions{} : load_actions(store, symbols);
  for (const std::string& symbol : symbols)
    for (const core::Conversion& conversion : conversions.conversions(symbol))
      actions.add_conversion(symbol, conversion);
  const auto is_converted = [&](const core::Lot& lot) {
    const bool has_part = std::any_of(lot.closings.begin(), lot.closings.end(),
                                      [](const core::Closing& closing) { return !closing.symbol.empty(); });
    return has_part || std::binary_search(symbols.begin(), symbols.end(), lot.symbol);
  };
  for (Portfolio& portfolio : book)
    if (std::any_of(portfolio.lots.begin(), portfolio.lots.end(), is_converted))
      convert_lots(portfolio, actions, conversions, until);
}

// What was held or paid in before the inception counts by its value at the close of the session before it. Most
// portfolios have nothing of the kind, and ask the calendar nothing.
void set_openings(const Store& store, Book& book) {
  std::map<core::Date, std::optional<core::Date>> sessions;
  for (Portfolio& portfolio : book) {
    if (!portfolio.inception_date) continue;
    const core::Date inception = *portfolio.inception_date;
    const auto is_earlier = [&](core::Date day) { return day < inception; };
    const bool has_earlier =
        std::any_of(portfolio.lots.begin(), portfolio.lots.end(),
                    [&](auto& lot) { return is_earlier(lot.entry_date); }) ||
        std::any_of(portfolio.flows.begin(), portfolio.flows.end(),
                    [&](auto& flow) { return is_earlier(flow.date); }) ||
        std::any_of(portfolio.events.begin(), portfolio.events.end(), [&](auto& e) { return is_earlier(e.date); });
    if (!has_earlier) continue;
    const auto [known, is_new] = sessions.try_emplace(inception);
    if (is_new) known->second = session_before(store, store.settings().calendar, inception);
    portfolio.opening = known->second;
    if (portfolio.opening) core::leave_out_until(*portfolio.opening, portfolio.flows, portfolio.events);
  }
}

std::string how_to_list_portfolios(const Store& store) {
  return "List the portfolios with SELECT id, name FROM " + store.table("portfolios") + ".";
}

}  // namespace

const Portfolio* find_portfolio(const Book& book, const Uuid& id) { return find(const_cast<Book&>(book), id); }

std::vector<Uuid> resolve_portfolios(const Store& store, const std::optional<std::vector<Uuid>>& requested) {
  struct Row {
    std::optional<Uuid> id;
  };
  static const auto columns = pg::select("portfolios", field("id", &Row::id));
  std::vector<Uuid> found;
  const auto collect = [&](const Row& row) {
    if (row.id) found.push_back(*row.id);
  };
  if (!requested) {
    columns.from(store.table("portfolios") + " WHERE is_active AND deleted_at IS NULL ORDER BY id", {}, collect);
    return found;
  }
  columns.from(store.table("portfolios") + " WHERE id = ANY ($1) AND deleted_at IS NULL ORDER BY id",
               Args{Type::uuid_array}.add(std::span<const Uuid>(*requested)), collect);
  std::string missing;
  for (const Uuid& id : *requested)
    if (!std::binary_search(found.begin(), found.end(), id)) missing += (missing.empty() ? "" : ", ") + to_string(id);
  if (!missing.empty())
    throw core::Error(core::sqlstate::undefined_object, "portfolio does not exist: " + missing,
                      "No row of " + store.table("portfolios") + " that is not deleted has this id.",
                      how_to_list_portfolios(store));
  return found;
}

Uuid resolve_portfolio(const Store& store, const std::optional<Uuid>& requested) {
  if (!requested)
    throw core::Error(core::sqlstate::invalid_parameter, "portfolio_id must not be NULL", "",
                      how_to_list_portfolios(store));
  return resolve_portfolios(store, std::vector{*requested}).front();
}

Book load_book(const Store& store, std::span<const Uuid> portfolio_ids, core::Date until) {
  Book book;
  load_portfolios(store, portfolio_ids, book);
  load_lots(store, portfolio_ids, until, book);
  load_closings(store, portfolio_ids, until, book);
  load_marks(store, portfolio_ids, until, book);
  load_flows(store, portfolio_ids, until, book);
  load_cash_events(store, portfolio_ids, until, book);
  convert_lots(store, until, book);
  set_openings(store, book);
  return book;
}

}  // namespace pb::store
