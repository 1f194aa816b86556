#include "collect/plan/gates.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/text/json.hpp"

namespace pb::collect {

namespace {

using core::Date;
using core::JsonObject;
using market::Action;
using market::Bar;

constexpr double jump_limit = 0.4;          // |ln| of a session's move
constexpr double largest_jump_limit = 2.3;  // after many sessions; below ln 100 - ln 10, so that 100 is always seen
constexpr double unit_tolerance = 0.01;     // of a factor of 100 between two prices of one session
constexpr double second_tolerance = 0.02;   // of two sources' prices of one session
constexpr double rounding = 1e-6;           // within which a range counts as consistent

bool gates_is_price(std::optional<double> value) { return value && std::isfinite(*value) && *value > 0; }

// A price of an earlier session.
struct Earlier {
  Date date;
  double close;
  bool is_split_adjusted;
  bool is_of_series;
};

struct Move {
  double expected = 0;  // the close that what is known of the symbol would have led to
  double ratio = 1;     // of the close to it
  double limit = jump_limit;
  double splits = 1;  // new shares for an old one between the two sessions
  bool is_explained = true;
};

// Judges one series. It sorts copies of what it is given: the order of rows decides nothing.
class Gates {
 public:
  Gates(const market::PriceSeries& series, const GateFacts& facts, const core::Sessions& sessions,
        std::optional<Date> open_session)
      : series_(series),
        facts_(facts),
        sessions_(sessions),
        open_session_(open_session),
        stored_(facts.stored.begin(), facts.stored.end()),
        second_(facts.second.begin(), facts.second.end()),
        actions_(facts.actions.begin(), facts.actions.end()) {
    // The product of ratios depends on their order in the last digit.
    std::sort(actions_.begin(), actions_.end(), [](const Action& a, const Action& b) {
      return std::tie(a.ex_date, a.numerator, a.denominator, a.amount) <
             std::tie(b.ex_date, b.numerator, b.denominator, b.amount);
    });
    std::sort(stored_.begin(), stored_.end(),
              [](const StoredBar& a, const StoredBar& b) { return a.bar.date < b.bar.date; });
    std::sort(second_.begin(), second_.end(), [](const Bar& a, const Bar& b) { return a.date < b.date; });
  }

  Gated pass() {
    std::vector<Bar> bars = series_.bars;
    std::sort(bars.begin(), bars.end(), [](const Bar& a, const Bar& b) { return a.date < b.date; });
    for (Bar& bar : bars)
      if (bar.close && !is_between_sessions(bar.date)) judge(bar);
    return std::move(gated_);
  }

 private:
  bool is_between_sessions(Date day) const {
    return facts_.trades_on_weekends && !sessions_.empty() && day < sessions_.dates().back() && !sessions_.index(day) &&
           day != open_session_;
  }

  void judge(Bar& bar) {
    const auto level = std::exchange(level_, std::nullopt);
    if (fails_alone(bar) || fails_range(bar) || fails_unit(bar) || fails_move(bar, level) || fails_second(bar)) return;
    last_ = Earlier{bar.date, *bar.close, series_.is_split_adjusted, true};
    gated_.accepted.push_back(bar);
  }

  bool set_aside(const Bar& bar, const char* gate, const JsonObject& facts) {
    gated_.suspects.push_back({bar, gate, facts.str()});
    return true;
  }

  // What needs no other price.
  bool fails_alone(const Bar& bar) {
    const bool is_open = open_session_ && bar.date == *open_session_;
    if (!is_open && (sessions_.empty() || bar.date > sessions_.dates().back())) {
      JsonObject facts;
      if (!sessions_.empty()) facts.add("last_closed_session", core::to_iso(sessions_.dates().back()));
      return set_aside(bar, "in_the_future", facts);
    }
    if (!is_open && !sessions_.index(bar.date)) {
      JsonObject facts;
      if (const int before = sessions_.count_through(bar.date); before > 0)
        facts.add("previous_session", core::to_iso(sessions_[before - 1]));
      return set_aside(bar, "not_a_session", facts);
    }
    for (const auto& [name, value] : {std::pair{"close", bar.close}, std::pair{"adj_close", bar.adj_close}})
      if (value && !gates_is_price(value))
        return set_aside(bar, "not_positive",
                         JsonObject()
                             .add("column", std::string_view(name))
                             .add("value", std::isfinite(*value) ? std::string_view("not above 0")
                                                                 : std::string_view("not a finite number")));
    if (!facts_.currency.empty() && !series_.currency.empty() && facts_.currency != series_.currency)
      return set_aside(bar, "currency",
                       JsonObject()
                           .add("expected", std::string_view(facts_.currency))
                           .add("found", std::string_view(series_.currency)));
    return false;
  }

  // Open, high and low that contradict each other or the close are dropped: valuation and returns need the close alone,
  // and providers round and adjust the others apart from it. A range that lies far from the close says that one of the
  // two is of something else: then the price is a suspect.
  bool fails_range(Bar& bar) {
    if (bar.volume && *bar.volume < 0) bar.volume.reset();
    double lowest = *bar.close, highest = *bar.close;
    bool is_consistent = true;
    for (const auto& value : {bar.open, bar.high, bar.low})
      if (value && !gates_is_price(value)) is_consistent = false;
    if (is_consistent) {
      if (bar.open) lowest = std::min(lowest, *bar.open), highest = std::max(highest, *bar.open);
      if (bar.low && *bar.low > lowest * (1 + rounding)) is_consistent = false;
      if (bar.high && *bar.high < highest * (1 - rounding)) is_consistent = false;
    }
    if (is_consistent) return false;
    const Bar before = bar;
    bar.open = bar.high = bar.low = std::nullopt;
    const double above = gates_is_price(before.high) ? std::log(*bar.close / *before.high) : 0;
    const double below = gates_is_price(before.low) ? std::log(*before.low / *bar.close) : 0;
    if (std::max(above, below) <= jump_limit || agrees_with_second(bar)) return false;
    JsonObject facts;
    facts.add("close", *before.close);
    if (before.high) facts.add("high", *before.high);
    if (before.low) facts.add("low", *before.low);
    return set_aside(before, "inconsistent_range", facts);
  }

  // The stored price of the same session in another unit, whatever the currencies are called.
  bool fails_unit(const Bar& bar) {
    const auto at = std::lower_bound(stored_.begin(), stored_.end(), bar.date,
                                     [](const StoredBar& stored, Date date) { return stored.bar.date < date; });
    if (at == stored_.end() || at->bar.date != bar.date || !gates_is_price(at->bar.close)) return false;
    const double ratio = *bar.close / *at->bar.close;
    if (!gates_is_factor_of_100(ratio, std::log1p(unit_tolerance)) || agrees_with_second(bar)) return false;
    return set_aside(bar, "factor_of_100",
                     JsonObject()
                         .add("close", *bar.close)
                         .add("stored_close", *at->bar.close)
                         .add("stored_source", std::string_view(at->source))
                         .add("ratio", ratio));
  }

  static bool gates_is_factor_of_100(double ratio, double tolerance) {
    return std::abs(std::abs(std::log(ratio)) - std::log(100.0)) <= tolerance;
  }

  // The move since the last price that was accepted. One that nothing explains is set aside. Where the next session
  // stays at the new level, that is no slip of one day: prices go on from there, and the jump itself waits for whoever
  // knows. Another unit is never a level: it would last as long as the mistake.
  bool fails_move(const Bar& bar, const std::optional<Earlier>& level) {
    const auto earlier = earlier_price(bar.date);
    if (!earlier) return false;
    const Move move = move_since(*earlier, bar);
    if (move.is_explained || agrees_with_second(bar)) return false;
    const bool is_unit = gates_is_factor_of_100(move.ratio, move.limit);
    if (!is_unit) {
      if (level && move_since(*level, bar).is_explained) return false;
      level_ = Earlier{bar.date, *bar.close, series_.is_split_adjusted, true};
    }
    JsonObject facts;
    facts.add("close", *bar.close)
        .add("previous_close", earlier->close)
        .add("previous_date", core::to_iso(earlier->date))
        .add("ratio", move.ratio)
        .add("limit", move.limit);
    if (move.splits != 1) facts.add("split_ratio", move.splits);
    if (const Bar* second = second_price(bar.date)) facts.add("second_close", *second->close);
    return set_aside(bar, is_unit ? "factor_of_100" : "jump", facts);
  }

  // A second source does not say which of the two is right: somebody has to.
  bool fails_second(const Bar& bar) {
    const Bar* second = second_price(bar.date);
    if (second == nullptr || agrees_with_second(bar)) return false;
    return set_aside(bar, "disagreement",
                     JsonObject()
                         .add("close", *bar.close)
                         .add("second_close", *second->close)
                         .add("ratio", *bar.close / *second->close));
  }

  // The latest price before the day: of the series, or else stored.
  std::optional<Earlier> earlier_price(Date day) const {
    auto at = std::lower_bound(stored_.begin(), stored_.end(), day,
                               [](const StoredBar& stored, Date date) { return stored.bar.date < date; });
    while (at != stored_.begin()) {
      --at;
      if (last_ && last_->date >= at->bar.date) break;
      if (gates_is_price(at->bar.close)) return Earlier{at->bar.date, *at->bar.close, at->is_split_adjusted, false};
    }
    return last_;
  }

  // New shares for an old one by the actions after one day and through another.
  double splits_between(Date after, std::optional<Date> through) const {
    double ratio = 1;
    for (const Action& action : actions_)
      if (action.ex_date > after && (!through || action.ex_date <= *through) && gates_is_price(action.numerator))
        ratio *= *action.numerator / (gates_is_price(action.denominator) ? *action.denominator : 1);
    return ratio;
  }

  Move move_since(const Earlier& earlier, const Bar& bar) const {
    Move move;
    move.splits = splits_between(earlier.date, bar.date);
    const double all_splits = splits_between(earlier.date, std::nullopt);
    // The closes that would be no move. Where a stored price was divided by splits, or the series is, it may know fewer
    // splits than the series does, or more.
    std::vector<double> expected;
    if (!series_.is_split_adjusted && !earlier.is_split_adjusted)
      expected = {earlier.close / move.splits};
    else if (earlier.is_of_series)
      expected = {earlier.close};
    else
      expected = {earlier.close, earlier.close / move.splits, earlier.close / all_splits, earlier.close * all_splits,
                  earlier.close * all_splits / move.splits};
    bool has_unknown_effect = false;
    double cash = 0;
    for (const Action& action : actions_) {
      if (action.ex_date <= earlier.date || action.ex_date > bar.date) continue;
      if (gates_is_price(action.amount)) cash += *action.amount;
      // A spin-off, a merger: what it leaves of the price is not known.
      has_unknown_effect = has_unknown_effect || (!gates_is_price(action.amount) && !gates_is_price(action.numerator));
    }
    for (std::size_t i = 0, plain = expected.size(); i < plain && cash > 0; ++i)
      if (expected[i] > cash) expected.push_back(expected[i] - cash);

    move.expected = *std::min_element(expected.begin(), expected.end(), [&](double a, double b) {
      return std::abs(std::log(*bar.close / a)) < std::abs(std::log(*bar.close / b));
    });
    move.ratio = *bar.close / move.expected;
    // Prices that are left to themselves move with the square root of the sessions.
    const int sessions = std::max(1, sessions_.age(earlier.date, bar.date));
    move.limit = std::min(jump_limit * std::sqrt(sessions), largest_jump_limit);
    move.is_explained = std::abs(std::log(move.ratio)) <= move.limit ||
                        (has_unknown_effect && !gates_is_factor_of_100(move.ratio, jump_limit));
    return move;
  }

  const Bar* second_price(Date day) const {
    const auto at = std::lower_bound(second_.begin(), second_.end(), day,
                                     [](const Bar& bar, Date date) { return bar.date < date; });
    return at == second_.end() || at->date != day || !gates_is_price(at->close) ? nullptr : &*at;
  }

  // Whether the second source has the price too, be it in the basis of later splits.
  bool agrees_with_second(const Bar& bar) const {
    const Bar* second = second_price(bar.date);
    if (second == nullptr) return false;
    const double later = splits_between(bar.date, std::nullopt);
    for (const double factor : {1.0, later, 1 / later})
      if (std::abs(*bar.close * factor / *second->close - 1) <= second_tolerance) return true;
    return false;
  }

  const market::PriceSeries& series_;
  const GateFacts& facts_;
  const core::Sessions& sessions_;
  std::optional<Date> open_session_;
  std::vector<StoredBar> stored_;
  std::vector<Bar> second_;
  std::vector<Action> actions_;
  std::optional<Earlier> last_;   // the newest price of the series that was accepted
  std::optional<Earlier> level_;  // the bar before, where it was set aside as a jump
  Gated gated_;
};

}  // namespace

Gated pass_gates(const market::PriceSeries& series, const GateFacts& facts, const core::Sessions& sessions,
                 std::optional<core::Date> open_session) {
  return Gates(series, facts, sessions, open_session).pass();
}

}  // namespace pb::collect
