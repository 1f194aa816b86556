#pragma once
#include "core/no_postgres.hpp"

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/portfolio/corporate_actions.hpp"
#include "core/portfolio/money.hpp"
#include "core/text/uuid.hpp"

namespace pb::core {

enum class InvestmentClass { public_market, option, private_asset };

// Part of a lot that was sold (or bought back), in shares of the trade date.
struct Closing {
  Date trade_date;
  double quantity;  // > 0
  double price;
  // What was sold, where that is not what the lot itself is by then: shares that were spun off from it.
  std::string symbol = {};
};

// A price that the owner of a private lot set by hand, in shares of its day. It counts until the next one.
struct HandMark {
  Date date;
  double price;
};

// Where a lot comes from that nobody opened: a corporate action made it of another.
struct Origin {
  Uuid opened_as;  // the lot that was opened, at the beginning of all
  Date acquired;   // its entry date
  Uuid from;       // the lot that it was made of; of the same id where it goes on as the same position
  std::string action;
};

// One position lot: what was opened, and everything that was closed of it since. Its quantity is never rewritten, so
// the quantity of any past day can be told.
struct Lot {
  Uuid portfolio_id;
  Uuid id;
  std::string symbol;
  std::string position_type;  // LONG SHORT LC LP SC SP
  InvestmentClass investment_class = InvestmentClass::public_market;
  double quantity = 0;  // signed, as opened
  double entry_price = 0;
  Date entry_date{};
  std::optional<Date> exit_date;
  std::optional<double> exit_price;
  double multiplier = 1;  // on the entry date
  std::string underlying_symbol;
  double strike_price = std::numeric_limits<double>::quiet_NaN();  // of an option, on the entry date
  std::optional<Date> expiration_date;                             // of an option
  std::vector<Closing> closings;                                   // by trade date
  std::vector<HandMark> marks;                                     // by date; of a private lot
  std::optional<Origin> origin = std::nullopt;                     // of what a corporate action made
  std::optional<double> converted_for = std::nullopt;              // cash a share, where an action ends it on exit_date
  // The places among the lots of the portfolio of what the same position was before, and of what it became.
  std::optional<std::size_t> previous = std::nullopt;
  std::optional<std::size_t> next = std::nullopt;

  bool is_option() const { return position_type.size() == 2; }
  bool is_call() const { return position_type == "LC" || position_type == "SC"; }
  bool is_expired(Date day) const { return is_option() && expiration_date && *expiration_date <= day; }
  // Whether it was entered by the opening of its portfolio, so that its value of then is part of the initial equity.
  bool is_from_before(std::optional<Date> opening) const { return opening && entry_date <= *opening; }
  bool is_private() const { return investment_class == InvestmentClass::private_asset; }
  bool is_converted() const { return converted_for.has_value(); }
  // When what it is made of was bought.
  Date acquired() const { return origin ? origin->acquired : entry_date; }
  bool is_spun_off() const { return origin && origin->from != id; }
};

// The closings on or before the day. A lot whose exit date has come without events for all of it closes the rest at
// its exit price, which is how positions imported as already closed arrive.
std::vector<Closing> closings_through(const Lot& lot, Date day, const CorporateActions& actions);

// What a closing may be off by, in its own shares, since its entry or a split. Brokers round the shares of a split to
// six decimals; of a small quantity that would be much of it. Without a split, only the sums of a double are not exact.
// The shares of a lot that a corporate action made are rounded as well.
double rounding_of(const Closing& closing, const SplitRatio& since, const Lot& lot);

// What is open of a lot at the end of any day. Its closings are added up once; each day then costs a search among them.
// It refers to the lot and the actions.
class OpenQuantity {
 public:
  OpenQuantity(const Lot& lot, const CorporateActions& actions);

  // Signed, in shares of that day: as opened, less what was closed, times the splits since entry. Zero before the entry
  // and after the exit.
  double asof(Date day) const;
  // Unsigned, in shares of the entry date, whatever the exit date; nothing where what is left is no more than the
  // rounding of the closings, which a split between entry and closing makes visible.
  double as_entered(Date day) const;

 private:
  struct Left {
    double open;
    double rounding;
  };

  const Lot& lot_;
  const std::vector<CorporateActions::Split>& splits_;
  std::vector<Left> after_;  // each of the closings
};

// The same for one day alone.
double quantity_asof(const Lot& lot, Date day, const CorporateActions& actions);

// Shares of one contract on a day on or after the entry; 1 of what is no option.
double multiplier_asof(const Lot& lot, Date day, const CorporateActions& actions);

// Realized P&L of one closing: (exit - entry) x closed quantity x multiplier, with the sign of the lot. It follows from
// lot, closing and splits as they are known now, whatever was known when the closing was booked.
Money realized_pnl(const Lot& lot, const Closing& closing, const CorporateActions& actions);

}  // namespace pb::core
