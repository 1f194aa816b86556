#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/calendar/sessions.hpp"
#include "core/poll.hpp"
#include "core/portfolio/corporate_actions.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// A price together with the day it is from and its age on the day it was asked for.
struct Mark {
  double price = std::numeric_limits<double>::quiet_NaN();
  Date date{};
  int stale_sessions = 0;
};

// One row of the price table.
struct PriceRow {
  Date date;
  double close;
  double adjusted_close;  // NaN when absent
  bool split_adjusted;    // close is in the shares of the day on which it was fetched, not in those of its own
  std::optional<Instant> fetched_at = std::nullopt;  // of a split-adjusted row, where it is known
};

// A session across which the adjusted closes jump by the ratio of a split: those before it were fetched before the
// split, and nobody has divided them since.
struct SplitJump {
  Date session;
  SplitRatio ratio;
  double change;  // of the adjusted closes, 9 for ten times as much
};

// All prices that a run needs, read once: sessions x symbols, NaN where there is no price, one contiguous column per
// symbol. Closes are in shares of their own day; returns are total returns of consecutive sessions.
class PricePanel {
 public:
  // Symbols must be sorted and unique; sessions ascending.
  PricePanel(Sessions sessions, std::vector<std::string> symbols, Poll poll = no_poll);
  // Not to be copied: the column index refers to the panel's own symbols.
  PricePanel(const PricePanel&) = delete;
  PricePanel& operator=(const PricePanel&) = delete;
  PricePanel(PricePanel&&) = default;
  PricePanel& operator=(PricePanel&&) = default;

  const Sessions& sessions() const noexcept { return sessions_; }
  const std::vector<std::string>& symbols() const noexcept { return symbols_; }
  std::optional<int> column(std::string_view symbol) const;

  // Rows on days that are no session are kept for valuation only: they have no return. A row with a price that is out
  // of range (core/portfolio/ranges.hpp) is left out. A close of 0 is a price of an option, which may be worthless, and
  // of nothing else; there is no return from or to it.
  void set(int column, const PriceRow& row, const CorporateActions& actions);
  // A price from before the panel begins: the last one of a symbol that has none on its first days, or the newest as of
  // an earlier day that is asked for.
  void set_earlier(int column, const PriceRow& row, const CorporateActions& actions);
  // A row that was left out because its price cannot be used, for those who set rows and for set() itself.
  void leave_out(int column, Date date) { left_out_[column].push_back(date); }
  // Says that a column is of an option, before its rows are set.
  void set_option(int column) { may_be_worthless_[static_cast<std::size_t>(column)] = true; }
  // Computes the returns once all rows are set.
  void finish(const CorporateActions& actions, Poll poll = no_poll);

  auto closes(int column) const { return close_.col(column); }
  double close(int session, int column) const { return close_(session, column); }
  // Simple total return of the session over the one before; NaN unless both sessions have a price, and one that is no
  // more than greatest_price_change times the other; NaN too where the adjusted closes jump by the ratio of a split.
  auto returns(int column) const { return returns_.col(column); }
  // All of them, sessions x symbols.
  const Matrix& returns() const noexcept { return returns_; }

  // The newest day up to the given one of which a row of the symbol was left out, or its return, because a price cannot
  // be used; none when there is no such day.
  std::optional<Date> newest_left_out(int column, Date day) const;

  // The sessions on which the returns of a column are left out for a jump by the ratio of a split, the newest first.
  const std::vector<SplitJump>& split_jumps(int column) const;
  // The newest of them up to the day; nullptr when there is none.
  const SplitJump* newest_split_jump(int column, Date day) const;

  // The newest price on or before the day, in shares of that day, with its age in sessions; none when there is none.
  std::optional<Mark> mark_asof(int column, Date day, const CorporateActions& actions) const;

 private:
  bool is_price_of(int column, double price) const;
  // The return of closes, splits and dividends.
  double return_of_closes(int session, int column, const CorporateActions& actions) const;
  // The return of adjusted closes; NaN where they jump by the ratio of a split.
  double return_of_adjusted(int session, int column, const CorporateActions& actions);

  struct OffSessionMark {
    Date date;
    double price;
  };

  Sessions sessions_;
  std::vector<std::string> symbols_;
  std::unordered_map<std::string_view, int> columns_;  // views into symbols_
  std::vector<bool> may_be_worthless_;                 // by column
  int session_ = 0;                                    // of the last row that was set
  Matrix close_;
  Matrix returns_;                                                    // adjusted closes until finish()
  std::unordered_map<int, std::vector<OffSessionMark>> off_session_;  // and from before the panel
  std::unordered_map<int, std::vector<Date>> left_out_;
  std::unordered_map<int, std::vector<SplitJump>> split_jumps_;
};

}  // namespace pb::core
