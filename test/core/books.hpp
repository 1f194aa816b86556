// The books of test/fixtures, as core types.
#pragma once

// Boost's JSON reader still asks for its placeholders by their global names.
#define BOOST_BIND_GLOBAL_PLACEHOLDERS
#include <boost/property_tree/json_parser.hpp>
#include <boost/property_tree/ptree.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/portfolio/accounting.hpp"
#include "core/portfolio/conversions.hpp"
#include "support.hpp"

namespace pb::test {

using Json = boost::property_tree::ptree;

struct Book {
  std::string id;
  std::string name;  // of the case; empty for the real books
  core::Money initial_equity;
  std::vector<core::Lot> lots;
  std::vector<core::CapitalFlow> flows;       // booked from the beginning
  std::vector<core::CapitalFlow> late_flows;  // booked when the snapshots already exist
  std::vector<core::CashEvent> events;
  std::optional<Date> opening;
  std::vector<Date> sessions;
};

struct Fixture {
  std::vector<Book> books;
  std::vector<Price> prices;
  core::CorporateActions actions;
};

// The ids of the fixtures differ in their last byte.
inline core::Uuid read_id(const std::string& text) {
  core::Uuid id{};
  id.bytes[15] = static_cast<unsigned char>(std::stoi(text.substr(text.size() - 2), nullptr, 16));
  return id;
}

inline core::Lot read_lot(const Json& row, const Json& events, const Json& marks) {
  core::Lot lot;
  lot.id = read_id(row.get<std::string>("id"));
  lot.underlying_symbol = row.get<std::string>("underlying_symbol", "");
  lot.strike_price = row.get<double>("strike_price", nan);
  if (const auto date = row.get_optional<std::string>("expiration_date")) lot.expiration_date = day(*date);
  lot.symbol = row.get<std::string>("symbol");
  lot.position_type = row.get<std::string>("position_type");
  const auto declared = row.get<std::string>("investment_class");
  if (declared == "OPTIONS") lot.investment_class = core::InvestmentClass::option;
  if (declared == "PRIVATE") lot.investment_class = core::InvestmentClass::private_asset;
  lot.quantity = row.get<double>("quantity");
  lot.entry_price = row.get<double>("entry_price");
  lot.entry_date = day(row.get<std::string>("entry_date"));
  if (const auto date = row.get_optional<std::string>("exit_date")) lot.exit_date = day(*date);
  if (const auto price = row.get_optional<double>("exit_price")) lot.exit_price = *price;
  lot.multiplier = row.get<double>("contract_multiplier", lot.is_option() ? 100 : 1);
  for (const auto& [_, event] : events)
    if (event.get<std::string>("position_id") == row.get<std::string>("id"))
      lot.closings.push_back({day(event.get<std::string>("trade_date")), event.get<double>("quantity_closed"),
                              event.get<double>("exit_price"), event.get<std::string>("symbol", "")});
  for (const auto& [_, mark] : marks)
    if (mark.get<std::string>("position_id") == row.get<std::string>("id"))
      lot.marks.push_back({day(mark.get<std::string>("mark_date")), mark.get<double>("price")});
  return lot;
}

inline core::CashEvent read_event(const Json& row) {
  core::CashEvent event{};
  event.date = day(row.get<std::string>("event_date"));
  event.kind = core::cash_kind(row.get<std::string>("kind")).value();
  event.amount = core::to_money(row.get<double>("amount"));
  event.symbol = row.get<std::string>("symbol", "");
  if (const auto id = row.get_optional<std::string>("position_id")) event.position_id = read_id(*id);
  if (const auto date = row.get_optional<std::string>("ex_date")) event.ex_date = day(*date);
  return event;
}

inline Book read_book(const Json& portfolio) {
  static const Json none;
  Book book;
  book.id = portfolio.get<std::string>("id");
  book.name = portfolio.get<std::string>("case", "");
  book.initial_equity = core::to_money(portfolio.get<double>("initial_equity"));
  for (const auto& [_, position] : portfolio.get_child("positions"))
    book.lots.push_back(read_lot(position, portfolio.get_child("realized_events"), portfolio.get_child("marks", none)));
  for (const auto& [_, change] : portfolio.get_child("equity_changes")) {
    const core::Money amount = core::to_money(change.get<double>("amount"));
    const bool contribution = change.get<std::string>("change_type") == "CONTRIBUTION";
    auto& flows = change.get<bool>("booked_late", false) ? book.late_flows : book.flows;
    flows.push_back({day(change.get<std::string>("change_date")), contribution ? amount : -amount});
  }
  if (const auto events = portfolio.get_child_optional("cash_events"))
    for (const auto& [_, event] : *events) book.events.push_back(read_event(event));
  if (const auto opening = portfolio.get_optional<std::string>("opening")) {
    book.opening = day(*opening);
    core::leave_out_until(*book.opening, book.flows, book.events);
  }
  if (const auto sessions = portfolio.get_child_optional("sessions"))
    for (const auto& [_, session] : *sessions) book.sessions.push_back(day(session.get_value<std::string>()));
  return book;
}

inline core::SplitRatio read_ratio(const Json& row) {
  return {row.get<double>("ratio_numerator"), row.get<double>("ratio_denominator", 1)};
}

inline core::Conversion read_conversion(const Json& action, const Json& all_legs) {
  core::Conversion conversion{.ex_date = day(action.get<std::string>("ex_date")),
                              .kind = action.get<std::string>("kind")};
  conversion.stays = conversion.kind == "spin_off" || conversion.kind == "return_of_capital";
  for (const auto& [_, leg] : all_legs) {
    if (leg.get<std::string>("symbol") != action.get<std::string>("symbol")) continue;
    if (const auto cash = leg.get_optional<double>("cash")) {
      conversion.cash = *cash;
      if (const auto share = leg.get_optional<double>("cost_share")) conversion.cash_cost_share = *share;
    } else {
      conversion.legs.push_back({leg.get<std::string>("to_symbol"), read_ratio(leg), leg.get<double>("cost_share", 1)});
    }
  }
  return conversion;
}

inline void read_action(const Json& action, const Json& legs, core::CorporateActions& actions) {
  const auto symbol = action.get<std::string>("symbol");
  const auto kind = action.get<std::string>("kind");
  const Date ex_date = day(action.get<std::string>("ex_date"));
  if (kind == "split" || kind == "stock_dividend")
    actions.add_split(symbol, {ex_date, read_ratio(action)});
  else if (kind == "dividend")
    actions.add_dividend(symbol, {ex_date, action.get<double>("amount")});
  else
    actions.add_conversion(symbol, read_conversion(action, legs));
}

inline Fixture read_fixture(const char* name) {
  Json json;
  boost::property_tree::read_json(fixture_file(name).string(), json);
  Fixture fixture;
  for (const auto& [_, portfolio] : json.get_child("portfolios")) fixture.books.push_back(read_book(portfolio));
  for (const auto& [_, series] : json.get_child("market_data"))
    for (const auto& [_, row] : series.get_child("rows"))
      fixture.prices.push_back({series.get<std::string>("symbol"), day(row.front().second.get_value<std::string>()),
                                row.back().second.get_value<double>(), nan,
                                series.get<std::string>("adjustment") == "split"});
  for (const auto& [_, series] : json.get_child("market_data"))
    if (series.get<std::string>("fetched", "") == "nightly")
      for (Price& price : fixture.prices)
        if (price.symbol == series.get<std::string>("symbol"))
          price.fetched_at = core::Instant(price.date) + std::chrono::hours(22);
  const Json none;
  for (const auto& [_, action] : json.get_child("corporate_actions"))
    read_action(action, json.get_child("corporate_action_legs", none), fixture.actions);
  std::vector<core::UnplacedClosing> unplaced;
  for (Book& book : fixture.books) book.lots = core::apply_conversions(std::move(book.lots), fixture.actions, unplaced);
  EXPECT_TRUE(unplaced.empty());
  for (const Book& book : fixture.books)
    for (const core::Lot& lot : book.lots)
      if (lot.is_option() && !lot.underlying_symbol.empty()) fixture.actions.follow(lot.symbol, lot.underlying_symbol);
  return fixture;
}

}  // namespace pb::test
