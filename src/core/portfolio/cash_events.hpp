#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/portfolio/corporate_actions.hpp"
#include "core/portfolio/lot.hpp"
#include "core/portfolio/money.hpp"

namespace pb::core {

enum class CashKind { fee, commission, interest, dividend, withholding, borrow, tax, other };

// The kind of its word in tables, such as FEE; none for another word.
std::optional<CashKind> cash_kind(std::string_view word);

// An amount that the account booked and that is P&L, not a flow: fees, interest, dividends received, taxes.
struct CashEvent {
  Date date;
  CashKind kind;
  Money amount;                     // what the account gains; negative what it pays
  std::optional<Uuid> position_id;  // the lot that it belongs to
  std::string symbol;               // whose dividend it is; empty where the lot says so, and of other kinds
  std::optional<Date> ex_date;      // of a dividend, where the account names it
};

// An event as it counts.
struct BookedCash {
  const CashEvent* event;
  long double amount;
  std::optional<std::size_t> lot;  // by its place among the lots; none where it belongs to the portfolio
};

// The events up to a day, in the order given, which is that of their dates. A dividend counts as P&L when its shares go
// ex, so what the account reports of it weeks later is only the difference to what was counted then: each dividend
// event is matched with its ex-date or, where it names none, with the oldest dividend of its lot or symbol that went ex
// within the hundred days before and was not matched yet. An event that matches none counts in full. Dividends that
// went ex on or before the opening are not known.
std::vector<BookedCash> booked_cash(std::span<const CashEvent> events, std::span<const Lot> lots, Date day,
                                    std::optional<Date> opening, const CorporateActions& actions);

// What a lot was paid for the dividends of one ex-date: on the shares held the day before, negative when short.
long double dividend_of_lot(const Lot& lot, Date ex_date, const OpenQuantity& open, const CorporateActions& actions);

}  // namespace pb::core
