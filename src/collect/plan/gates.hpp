// The gates that a price passes before it is accepted. Pure: what is stored and what is known is handed in.
#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/calendar/sessions.hpp"
#include "core/market/data.hpp"

namespace pb::collect {

// A price that is stored already.
struct StoredBar {
  market::Bar bar;
  bool is_split_adjusted = false;
  bool is_final = true;
  std::string source = {};
};

// What the gates know of a symbol.
struct GateFacts {
  std::string source = {};                       // of the series
  std::string currency = {};                     // expected; empty: not known
  std::span<const StoredBar> stored = {};        // by date, around and before the series
  std::span<const market::Action> actions = {};  // known, and those that came with the series
  std::span<const market::Bar> second = {};      // of a second source, where there is one, by date
  bool trades_on_weekends = false;               // its bars between sessions are none, and nothing is wrong with them
};

struct Suspect {
  market::Bar bar;
  std::string gate;   // not_positive, inconsistent_range, not_a_session, in_the_future, currency, jump, …
  std::string facts;  // a JSON object
};

struct Gated {
  std::vector<market::Bar> accepted = {};
  std::vector<Suspect> suspects = {};
};

// The bars of the series by gate, in the order of their dates, whatever the order in which all is handed in. A bar
// without a close is none. A bar ends once, at the first of these that it does not pass:
//   in_the_future, not_a_session
//   not_positive        close or adj_close are not finite or not above 0. A contract that is worth nothing is accepted
//                       by hand: a 0 is mostly a gap.
//   currency            other than the expected one, where both are known
//   inconsistent_range  the close lies beyond high or low by more than a jump. Smaller contradictions among open, high,
//                       low and close are repaired: those three become NULL, the close is kept; a negative volume too.
//   factor_of_100       the close is 100 times or a hundredth of the stored one of its session, within 1 %, or of the
//                       close before, within a jump
//   jump                |ln(close / close before)| > 0.4 times the square root of the sessions between, after splits,
//                       stock dividends and dividends; an action of unknown effect between explains any but a factor of
//                       100. Where the next session stays at the new level, prices go on from there, and the jump alone
//                       waits.
//   disagreement        the second source has the session and differs by more than 2 %, splits regarded. It does not
//                       say which of the two is right.
// Where the second source agrees, inconsistent_range, factor_of_100 and jump are taken as confirmed. Sessions are those
// of the calendar up to the last closed one; a later bar is in the future, unless it is of the open session that is
// handed in, which is provisional.
Gated pass_gates(const market::PriceSeries& series, const GateFacts& facts, const core::Sessions& sessions,
                 std::optional<core::Date> open_session);

}  // namespace pb::collect
