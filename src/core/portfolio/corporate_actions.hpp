#pragma once
#include "core/no_postgres.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/calendar/date.hpp"

namespace pb::core {

// What one share becomes by splits: new shares for old ones, as two numbers. Their quotient, such as 1/3, is often no
// number of a double, and would lose a part of a share.
struct SplitRatio {
  double new_shares = 1;
  double old_shares = 1;

  double to_new_shares(double quantity) const { return quantity * new_shares / old_shares; }
  double to_old_shares(double quantity) const { return quantity * old_shares / new_shares; }
  double to_new_price(double price) const { return price * old_shares / new_shares; }
  double to_old_price(double price) const { return price * new_shares / old_shares; }

  SplitRatio& operator*=(const SplitRatio& later) {
    new_shares *= later.new_shares;
    old_shares *= later.old_shares;
    return *this;
  }
  bool operator==(const SplitRatio& other) const {
    return new_shares * other.old_shares == other.new_shares * old_shares;
  }
};

// What a share becomes on a day: shares of other instruments, cash, or both. A share of what it cost goes with each.
struct Conversion {
  struct Leg {
    std::string symbol;
    SplitRatio ratio;       // its shares for each one converted
    double cost_share = 1;  // of the cost that cash leaves
  };

  Date ex_date;
  std::string kind;  // as corporate_actions has it
  // Whether the share itself goes on, with the cost that the legs leave: in a spin-off, or a return of capital.
  bool stays = false;
  std::vector<Leg> legs = {};  // the first is what the position becomes when the share does not stay
  double cash = 0;             // paid for each share
  // Of the cost. Without one, cash returns cost, as far as that goes.
  std::optional<double> cash_cost_share = std::nullopt;

  bool leaves_shares() const { return stays || !legs.empty(); }
};

// Splits, dividends and conversions by symbol. There may be several of a day. A symbol without any, the usual case,
// costs one failed look-up.
class CorporateActions {
 public:
  struct Split {
    Date ex_date;
    SplitRatio ratio;
    Instant effective = Instant(ex_date);  // when the ex-date begins where the instrument trades
    // Of an option: the number of contracts stays, and what each of them delivers changes.
    bool in_multiplier = false;
  };
  struct Dividend {
    Date ex_date;
    double amount;  // per share held the day before, in shares of that day
  };

  // An action that cannot be used, and what it says. Without a day there is no telling what it changes.
  struct Problem {
    std::optional<Date> ex_date;
    std::string column;
    std::string value;
    std::string row;  // the key of its row
    bool is_split = false;
  };

  void add_split(const std::string& symbol, Split split) { by_symbol_[symbol].splits.push_back(split); }
  void add_dividend(const std::string& symbol, Dividend dividend) { by_symbol_[symbol].dividends.push_back(dividend); }

  // In the order of their dates, those of one day in the order in which they apply: after the splits of the day.
  void add_conversion(const std::string& symbol, Conversion conversion) {
    by_symbol_[symbol].conversions.push_back(std::move(conversion));
  }

  // Whatever depends on such an action is not known: splits and dividends of its day count as NaN.
  void add_problem(const std::string& symbol, Problem problem) {
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    Actions& actions = by_symbol_[symbol];
    const bool is_split = problem.is_split;
    if (problem.ex_date && is_split) actions.splits.push_back({.ex_date = *problem.ex_date, .ratio = {unknown, 1}});
    if (problem.ex_date && !is_split) actions.dividends.push_back({*problem.ex_date, unknown});
    actions.problems.push_back(std::move(problem));
  }

  // Gives a symbol the splits and dividends that another had until it was renamed to it, so that they are one history.
  void join(const std::string& symbol, const std::string& former, Date renamed) {
    const Actions* earlier = find(former);
    if (earlier == nullptr || symbol == former) return;
    const Actions copied = *earlier;
    Actions& own = by_symbol_[symbol];
    for (const Split& split : copied.splits)
      if (split.ex_date <= renamed) own.splits.push_back(split);
    for (const Dividend& dividend : copied.dividends)
      if (dividend.ex_date <= renamed) own.dividends.push_back(dividend);
    std::stable_sort(own.splits.begin(), own.splits.end(), is_earlier<Split>);
    std::stable_sort(own.dividends.begin(), own.dividends.end(), is_earlier<Dividend>);
  }

  // Makes an option follow the splits of its underlying, once those of both are there. A split into whole shares
  // multiplies the contracts; any other changes what a contract delivers. Days on which the option has splits of its
  // own stay as they are: these say how the contracts were adjusted.
  void follow(const std::string& option, const std::string& underlying) {
    const Actions* followed = find(underlying);
    if (followed == nullptr || option == underlying) return;
    Actions own = find(option) != nullptr ? *find(option) : Actions{};
    const std::vector<Split> splits = own.splits;
    for (Split split : followed->splits) {
      if (std::any_of(splits.begin(), splits.end(), [&](const Split& s) { return s.ex_date == split.ex_date; }))
        continue;
      split.in_multiplier = !is_whole(split.ratio);
      own.splits.push_back(split);
    }
    for (const Problem& problem : followed->problems)
      if (problem.is_split) own.problems.push_back(problem);
    std::stable_sort(own.splits.begin(), own.splits.end(), is_earlier<Split>);
    if (!own.splits.empty() || !own.problems.empty()) by_symbol_[option] = std::move(own);
  }

  // The first unusable action with an ex-date in (after, until], or without any; nullptr when there is none.
  const Problem* problem(const std::string& symbol, Date after, Date until) const {
    if (const Actions* actions = find(symbol))
      for (const Problem& problem : actions->problems)
        if (!problem.ex_date || (*problem.ex_date > after && *problem.ex_date <= until)) return &problem;
    return nullptr;
  }

  // New shares on `until` for shares held on `after`: the product of the ratios with ex-date in (after, until]. Of an
  // option, shares that its contracts deliver.
  static SplitRatio split_ratio(const std::vector<Split>& splits, Date after, Date until) {
    return product(splits, after, until, [](const Split&) { return true; });
  }
  // The part of it that changes quantities: shares, or contracts of an option.
  static SplitRatio quantity_ratio(const std::vector<Split>& splits, Date after, Date until) {
    return product(splits, after, until, [](const Split& split) { return !split.in_multiplier; });
  }
  // The part of it that changes what a contract delivers.
  static SplitRatio multiplier_ratio(const std::vector<Split>& splits, Date after, Date until) {
    return product(splits, after, until, [](const Split& split) { return split.in_multiplier; });
  }
  SplitRatio split_ratio(const std::string& symbol, Date after, Date until) const {
    return split_ratio(splits(symbol), after, until);
  }

  // What is divided out of a split-adjusted price of the day that was fetched at a time: the splits after the day whose
  // ex-date had begun by then. No provider can divide out a split that has not happened.
  SplitRatio divided_out(const std::string& symbol, Date day, Instant fetched_at) const {
    SplitRatio ratio;
    for (const Split& split : splits(symbol))
      if (split.ex_date > day && split.effective <= fetched_at) ratio *= split.ratio;
    return ratio;
  }

  bool has_split_after(const std::string& symbol, Date day) const {
    const std::vector<Split>& all = splits(symbol);
    return std::any_of(all.begin(), all.end(), [&](const Split& split) { return split.ex_date > day; });
  }

  const std::vector<Dividend>& dividends(const std::string& symbol) const {
    static const std::vector<Dividend> none;
    const Actions* actions = find(symbol);
    return actions != nullptr ? actions->dividends : none;
  }

  const std::vector<Split>& splits(const std::string& symbol) const {
    static const std::vector<Split> none;
    const Actions* actions = find(symbol);
    return actions != nullptr ? actions->splits : none;
  }

  const std::vector<Conversion>& conversions(const std::string& symbol) const {
    static const std::vector<Conversion> none;
    const Actions* actions = find(symbol);
    return actions != nullptr ? actions->conversions : none;
  }

  bool has_any(const std::string& symbol) const { return find(symbol) != nullptr; }

 private:
  template <class Action>
  static bool is_earlier(const Action& a, const Action& b) {
    return a.ex_date < b.ex_date;
  }
  template <class Counts>
  static SplitRatio product(const std::vector<Split>& splits, Date after, Date until, Counts counts) {
    SplitRatio ratio;
    for (const Split& split : splits)
      if (split.ex_date > after && split.ex_date <= until && counts(split)) ratio *= split.ratio;
    return ratio;
  }
  static bool is_whole(const SplitRatio& ratio) {
    const double quotient = ratio.new_shares / ratio.old_shares;
    return quotient == std::floor(quotient);
  }

  struct Actions {
    std::vector<Split> splits;
    std::vector<Dividend> dividends;
    std::vector<Conversion> conversions;
    std::vector<Problem> problems;
  };
  const Actions* find(const std::string& symbol) const {
    const auto found = by_symbol_.find(symbol);
    return found == by_symbol_.end() ? nullptr : &found->second;
  }

  std::unordered_map<std::string, Actions> by_symbol_;
};

}  // namespace pb::core
