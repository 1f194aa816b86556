#pragma once
#include "core/no_postgres.hpp"

#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "core/poll.hpp"
#include "core/stats/beta.hpp"
#include "core/stats/factor_model.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// A symbol of a portfolio, by its place among the fits of a model.
struct WeightedSymbol {
  int symbol;
  double weight;  // signed exposure over net asset value
};

// Standard errors of the betas of portfolios, x_k = sum of w_i beta_ik, from the residuals of the portfolio itself: an
// observation moves the beta of symbol i by W_it e_it, and that of the portfolio by u_t = sum of w_i W_it e_it, so that
// surprises which symbols share count as often as they are shared. The variance is that of the sum of the u_t as
// sandwich_variances() has it for Newey-West errors, each symbol's with its own n / residual_df, by the rule for the
// lag of as many observations as there are sessions with a residual. Of symbols that were estimated on the same
// sessions it is the error of one regression of the portfolio's returns; of one symbol it is the symbol's.
// Newey and West (1987); White (1980).
class PortfolioErrors {
 public:
  // Simple returns of a symbol by session, NaN where it has none. They stay where they are: each portfolio reads those
  // of all that it holds.
  using Returns = std::function<std::span<const double>(int symbol)>;

  // The fits are those that the model made of these returns and factors (sessions x factors), and must outlive this.
  PortfolioErrors(Returns returns, Matrix factors, const FactorFits& fits, int session,
                  const FactorModelSettings& settings, Poll poll = no_poll);

  // One error for each factor, of the symbols that are estimated; NaN where none is.
  Vector std_errors(std::span<const WeightedSymbol> held, Poll poll = no_poll);

 private:
  struct Design {
    Matrix x;
    Matrix influence;  // observations x (intercept and factors)
  };
  // Symbols of one window and one penalty, which is 0 where nothing is penalized.
  using Group = std::pair<int, double>;

  const std::vector<int>& days(const Group& group) const { return windows_[static_cast<std::size_t>(group.first)]; }
  Design make(const Group& group, Poll poll) const;
  void add_pulls(const Group& group, std::span<const WeightedSymbol> members, Matrix& pulls, Poll poll);

  Returns returns_;
  Matrix factors_;
  const FactorFits& fits_;
  FactorModelSettings settings_;
  std::vector<std::vector<int>> windows_;  // sessions, ascending
  std::vector<int> window_of_;             // by symbol; -1 without an estimate
  std::map<Group, Design> designs_;        // of the first groups that were asked for
};

// Market models as fits of a model with one factor.
FactorFits as_factor_fits(std::span<const BetaFit> fits);

}  // namespace pb::core
