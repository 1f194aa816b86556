#pragma once
#include "core/no_postgres.hpp"

#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/calendar/date.hpp"

namespace pb::core {

// Splits and dividends by symbol. A symbol without any, the usual case, costs one failed look-up.
class CorporateActions {
 public:
  struct Split {
    Date ex_date;
    double ratio;  // new shares per old share
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
  };

  void add_split(const std::string& symbol, Split split) { by_symbol_[symbol].splits.push_back(split); }
  void add_dividend(const std::string& symbol, Dividend dividend) { by_symbol_[symbol].dividends.push_back(dividend); }

  // Whatever depends on such an action is not known: splits and dividends of its day count as NaN.
  void add_problem(const std::string& symbol, Problem problem, bool is_split) {
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    Actions& actions = by_symbol_[symbol];
    if (problem.ex_date && is_split) actions.splits.push_back({*problem.ex_date, unknown});
    if (problem.ex_date && !is_split) actions.dividends.push_back({*problem.ex_date, unknown});
    actions.problems.push_back(std::move(problem));
  }

  // The first unusable action with an ex-date in (after, until], or without any; nullptr when there is none.
  const Problem* problem(const std::string& symbol, Date after, Date until) const {
    if (const Actions* actions = find(symbol))
      for (const Problem& problem : actions->problems)
        if (!problem.ex_date || (*problem.ex_date > after && *problem.ex_date <= until)) return &problem;
    return nullptr;
  }

  // New shares on `until` per share held on `after`: the product of the ratios with ex-date in (after, until].
  static double split_factor(const std::vector<Split>& splits, Date after, Date until) {
    double factor = 1;
    for (const Split& split : splits)
      if (split.ex_date > after && split.ex_date <= until) factor *= split.ratio;
    return factor;
  }
  double split_factor(const std::string& symbol, Date after, Date until) const {
    return split_factor(splits(symbol), after, until);
  }

  // Shares of today per share of the day: the product of all later ratios.
  double later_split_factor(const std::string& symbol, Date day) const {
    return split_factor(symbol, day, Date::max());
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

  bool has_any(const std::string& symbol) const { return find(symbol) != nullptr; }

 private:
  struct Actions {
    std::vector<Split> splits;
    std::vector<Dividend> dividends;
    std::vector<Problem> problems;
  };
  const Actions* find(const std::string& symbol) const {
    const auto found = by_symbol_.find(symbol);
    return found == by_symbol_.end() ? nullptr : &found->second;
  }

  std::unordered_map<std::string, Actions> by_symbol_;
};

}  // namespace pb::core
