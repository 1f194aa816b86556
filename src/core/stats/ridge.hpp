#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <vector>

#include "core/poll.hpp"
#include "core/stats/linear_algebra.hpp"
#include "core/stats/sandwich.hpp"

namespace pb::core {

// How the penalty is found.
enum class AlphaChoice {
  fixed,  // as given
  gcv,    // by generalized cross-validation, for each response by itself
};

// Candidates of a search, evenly spaced in the logarithm, both ends included.
struct AlphaGrid {
  double lowest = 1e-3;
  double highest = 1e5;
  int count = 81;
};

// The candidates themselves, ascending. Throws 22023 unless 0 < lowest <= highest and there is at least one.
std::vector<double> alpha_candidates(const AlphaGrid& grid);

struct RidgeOptions {
  double alpha = 1.0;  // of a fixed choice; in units of the cross-product of standardized columns, as scikit-learn's
  AlphaChoice choice = AlphaChoice::fixed;
  AlphaGrid grid;
  CovarianceType covariance = CovarianceType::newey_west;
  std::optional<int> lag;  // of newey_west; the rule of newey_west_lag() when absent
};

// Fits of many responses on one design, a column each. Rows of the matrices are the intercept, then the regressors.
// Coefficients are in the units of the inputs; a t statistic is NaN where the standard error is 0.
struct RidgeFits {
  Matrix coefficients;
  Matrix std_errors;
  Matrix t_stats;
  Matrix p_values;
  Vector r_squared;      // 1 - RSS/TSS of the penalized fit, in sample; NaN for a constant response
  Vector adj_r_squared;  // 1 - (1 - R^2)(n - 1)/(n - 1 - df)
  Vector residual_sd;    // sqrt(RSS / (n - 1 - df)), per period
  Vector alpha;          // NaN where nothing is penalized
  Vector effective_df;   // df, without the intercept

  RidgeFits() = default;
  RidgeFits(Eigen::Index regressors, Eigen::Index responses);  // NaN throughout
};

// Copies the numbers of one response.
void copy_column(const RidgeFits& from, Eigen::Index source, RidgeFits& to, Eigen::Index target);

// A ridge regression's design, factored once for any number of responses (Hoerl and Kennard 1970):
//   minimize ||y - a - sum_j b_j (x_j - m_j)/s_j||^2 + alpha sum_{j penalized} b_j^2
// with m_j the mean and s_j the population standard deviation of column j, so that coefficients in units of the inputs
// are b_j / s_j. The intercept is never penalized; columns named as unpenalized are not either. With no such column
// this is scikit-learn's Ridge behind StandardScaler and MASS's lm.ridge; glmnet's lambda is alpha / n for a response
// of unit variance. With alpha 0, or all columns unpenalized, it is ordinary least squares in every number.
//
// Effective degrees of freedom: df = q + sum_j d_j / (d_j + alpha), with q the number of unpenalized columns, 1 each,
// and d_j = n lambda_j the eigenvalues of the cross-product of the penalized standardized columns after their
// regression on the unpenalized ones. The intercept is not in df. Criterion: GCV(alpha) = n RSS / (n - 1 - df)^2
// (Golub, Heath and Wahba 1979); of equal ones the smallest alpha is chosen.
//
// Standard errors are those of the linear estimator b = P y: its spread around its own expectation, which the penalty
// moves away from the true coefficients. Residual degrees of freedom, of t too, are n - 1 - df.
class RidgeDesign {
 public:
  // Throws 22000 when a number is not finite, 22023 for a column that does not exist, PB001 without two observations
  // and PB002 when a column is constant or the unpenalized columns are combinations of one another.
  explicit RidgeDesign(const Matrix& x, std::span<const int> unpenalized = {}, Poll poll = no_poll);

  int observations() const noexcept { return static_cast<int>(columns_.rows()); }
  // Of all columns and the intercept, scaled to unit length and unpenalized, as ols() reports it.
  double condition_number() const noexcept { return condition_number_; }
  // Of each column, centered and unpenalized; the penalty shrinks variances, not collinearity.
  const Vector& variance_inflation() const noexcept { return variance_inflation_; }
  double max_vif() const { return variance_inflation_.maxCoeff(); }

  double effective_df(double alpha) const;
  // How much each observation of a response moves each coefficient (observations x (intercept and regressors), in the
  // order and units of the inputs): coefficients = influence' y.
  Matrix influence(double alpha, Poll poll = no_poll) const;
  // The criterion of one response for each alpha.
  Vector gcv(const Eigen::Ref<const Vector>& y, std::span<const double> alphas, Poll poll = no_poll) const;

  // Fits each column of y (observations x responses). No response's numbers depend on the others, to the last bit.
  // Magnitudes may be any that a double holds; 22003 where the result is none. Throws 22023 for a bad alpha or number
  // of rows, 22000 when a number is not finite, PB001 when no residual degree of freedom is left, and PB002 for alpha 0
  // with penalized columns that are combinations of others.
  RidgeFits fit(const Eigen::Ref<const Matrix>& y, const RidgeOptions& options = {}, Poll poll = no_poll) const;

 private:
  // A response in units of 2^exponent, centered and seen from the design: its coordinates along the penalized
  // directions, and its coefficients on the unpenalized columns alone.
  struct Projection {
    int exponent = 0;
    double mean = 0;
    double rounding = 0;
    Vector centered;
    Vector along_penalized;
    Vector unpenalized_coefficients;
  };

  void standardize(const Matrix& x, Poll poll);
  void factor_unpenalized(Poll poll);
  void factor_penalized(Poll poll);
  void require_estimable(double alpha) const;
  void project(const Eigen::Ref<const Vector>& y, Projection& projection, Poll poll) const;
  Vector criteria(const Projection& projection, std::span<const double> alphas, Poll poll) const;
  std::vector<double> choose_alphas(const Eigen::Ref<const Matrix>& y, const RidgeOptions& options, Poll poll) const;
  Vector shrinkage(double alpha) const;
  Matrix scaled_influence(double alpha, Poll poll) const;
  Vector standardized_coefficients(const Projection& projection, double alpha) const;
  void restore_units(int y_exponent, Eigen::Index column, RidgeFits& fits) const;
  void fit_one(const Projection& projection, double alpha, const Matrix& influence, const RidgeOptions& options,
               Eigen::Index column, RidgeFits& fits, Poll poll) const;

  std::vector<int> exponents_;  // of the columns of x, in whose units of 2^exponent everything below is
  Matrix columns_;              // standardized, in internal order: the unpenalized first
  Vector means_;                // internal order
  Vector scales_;               // internal order
  std::vector<int> order_;      // internal position -> column of x
  Eigen::Index unpenalized_ = 0;
  Matrix unpenalized_basis_;     // orthonormal, n x q
  Matrix unpenalized_triangle_;  // columns = basis x triangle
  Matrix overlap_;               // coefficients of the penalized columns on the unpenalized ones, q x p
  Matrix penalized_basis_;       // left singular vectors of the penalized columns beside the unpenalized ones, n x r
  Vector singular_values_;       // r
  Matrix rotation_;              // right singular vectors, p x r
  double condition_number_ = 0;
  Vector variance_inflation_;
};

}  // namespace pb::core
