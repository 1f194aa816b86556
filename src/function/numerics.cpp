// The numerics of src/core on arrays: regressions, repaired and shrunk matrices, clusters and q-values. They read no
// table.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/stats/clustering.hpp"
#include "core/stats/distributions.hpp"
#include "core/stats/multiple_testing.hpp"
#include "core/stats/nearest_correlation.hpp"
#include "core/stats/polled_algebra.hpp"
#include "core/stats/regression.hpp"
#include "core/stats/ridge.hpp"
#include "core/stats/shrinkage.hpp"
#include "pg/function.hpp"
#include "pg/interrupts.hpp"
#include "store/settings.hpp"

namespace pb::function {

namespace {

using core::Matrix;
using core::Vector;
using pg::Type;

// Matrices of the size of the input that a computation holds at the same time, rounded up.
constexpr std::size_t regression_copies = 12;
constexpr std::size_t matrix_copies = 8;

constexpr double default_alpha = 1.0;
constexpr double default_cut = 0.7;

pg::MemoryBudget memory_budget() { return pg::MemoryBudget(store::current_settings().max_memory_bytes); }

void take(pg::MemoryBudget& budget, Eigen::Index rows, Eigen::Index columns, std::size_t copies, const char* what) {
  budget.take(static_cast<std::size_t>(rows), static_cast<std::size_t>(columns), copies * sizeof(double), what);
}

template <class T>
T required(std::optional<T> value, const char* name) {
  if (!value) throw core::Error(core::sqlstate::invalid_parameter, std::string(name) + " must not be NULL");
  return *std::move(value);
}

// The value that the text names, the first one for NULL.
template <class T>
T choice(const pg::Call& call, int index, const char* name,
         std::initializer_list<std::pair<const char*, T>> alternatives) {
  const auto text = call.text(index);
  if (!text) return alternatives.begin()->second;
  std::string names;
  for (const auto& [alternative, value] : alternatives) {
    if (*text == alternative) return value;
    names += (names.empty() ? "" : ", ") + std::string(alternative);
  }
  throw core::Error(core::sqlstate::invalid_parameter, std::string(name) + " \"" + *text + "\" does not exist", "",
                    "Use one of " + names + ".");
}

core::CovarianceType covariance_argument(const pg::Call& call, int index) {
  using core::CovarianceType;
  return choice<CovarianceType>(call, index, "covariance",
                                {{"newey_west", CovarianceType::newey_west},
                                 {"hc1", CovarianceType::hc1},
                                 {"classical", CovarianceType::classical}});
}

// Refused also where it would not be used, so that a slip does not hide.
std::optional<int> lag_argument(const pg::Call& call, int index) {
  const auto lag = call.int4(index);
  if (lag && *lag < 0)
    throw core::Error(core::sqlstate::invalid_parameter, "lag must not be negative",
                      "It is " + std::to_string(*lag) + ".");
  return lag;
}

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix to_matrix(const pg::Float8Matrix& matrix) {
  return core::copied(Eigen::Map<const RowMajor>(matrix.values.data(), matrix.rows, matrix.columns), pg::poll);
}

pg::Float8Matrix to_sql(const Matrix& matrix) {
  pg::Float8Matrix result{static_cast<int>(matrix.rows()), static_cast<int>(matrix.cols()), {}};
  result.values.reserve(static_cast<std::size_t>(matrix.size()));
  core::in_steps(matrix.rows(), 4 * matrix.cols(), pg::poll, [&](Eigen::Index first, Eigen::Index count) {
    const std::size_t filled = result.values.size();
    result.values.resize(filled + static_cast<std::size_t>(count * matrix.cols()));
    Eigen::Map<RowMajor>(result.values.data() + filled, count, matrix.cols()) = matrix.middleRows(first, count);
  });
  return result;
}

Matrix matrix_argument(const pg::Call& call, int index, const char* name, pg::MemoryBudget& budget,
                       pg::Nulls nulls = pg::Nulls::refused) {
  return to_matrix(required(call.float8_matrix(index, budget, nulls), name));
}

struct RegressionData {
  Vector y;
  Matrix x;
};

// y and x, the first two arguments; an empty x means no regressors.
RegressionData regression_arguments(const pg::Call& call) {
  pg::MemoryBudget budget = memory_budget();
  const std::vector<double> y = required(call.float8s(0, budget), "y");
  RegressionData data{Eigen::Map<const Vector>(y.data(), static_cast<Eigen::Index>(y.size())),
                      matrix_argument(call, 1, "x", budget)};
  if (data.x.cols() == 0) data.x.resize(data.y.size(), 0);
  core::require_matching_rows(data.x.rows(), data.y.size());
  take(budget, data.x.rows(), data.x.cols() + 1, regression_copies, "regression");
  return data;
}

std::string term_name(Eigen::Index term, bool intercept) {
  if (intercept && term == 0) return "intercept";
  return "x" + std::to_string(intercept ? term : term + 1);
}

// The columns of unpenalized regressors, counted from 1 in SQL.
std::vector<int> unpenalized_argument(const pg::Call& call, int index, Eigen::Index columns) {
  std::vector<int> unpenalized = call.int4s(index).value_or(std::vector<int>{});
  for (int& column : unpenalized) {
    if (column < 1 || column > columns)
      throw core::Error(core::sqlstate::invalid_parameter, "unpenalized column does not exist",
                        "Column " + std::to_string(column) + " of " + std::to_string(columns) + ".",
                        "Columns of x are counted from 1.");
    --column;
  }
  return unpenalized;
}

core::RidgeOptions ridge_options(const pg::Call& call) {
  using core::AlphaChoice;
  core::RidgeOptions options;
  options.alpha = call.float8(2).value_or(default_alpha);
  options.choice = choice<AlphaChoice>(call, 4, "choose", {{"fixed", AlphaChoice::fixed}, {"gcv", AlphaChoice::gcv}});
  options.covariance = covariance_argument(call, 5);
  options.lag = lag_argument(call, 6);
  return options;
}

[[noreturn]] void refuse_correlations(const std::string& detail) {
  throw core::Error(core::sqlstate::data_exception, "not a matrix of correlations", detail,
                    "Give a symmetric matrix with a diagonal of 1 and elements from -1 to 1, or NULL.");
}

void require_correlations_of(const Matrix& matrix, Eigen::Index i) {
  const auto name = [i](Eigen::Index j) {
    return "Element [" + std::to_string(i + 1) + "][" + std::to_string(j + 1) + "] ";
  };
  if (matrix(i, i) != 1) refuse_correlations(name(i) + "is not 1.");
  for (Eigen::Index j = 0; j < i; ++j) {
    if (std::fabs(matrix(i, j)) > 1) refuse_correlations(name(j) + "is outside -1 to 1.");
    if (matrix(i, j) != matrix(j, i) && !(std::isnan(matrix(i, j)) && std::isnan(matrix(j, i))))
      refuse_correlations(name(j) + "differs from its mirror image.");
  }
}

void require_correlations(const Matrix& matrix) {
  if (matrix.rows() != matrix.cols())
    refuse_correlations("It is " + std::to_string(matrix.rows()) + " x " + std::to_string(matrix.cols()) + ".");
  for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
    pg::poll();
    require_correlations_of(matrix, i);
  }
}

void require_probabilities(const std::vector<double>& values) {
  core::in_steps(std::ssize(values), 1, pg::poll, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
    const auto end = values.begin() + first + count;
    const auto impossible = std::find_if(values.begin() + first, end, [](double p) { return p < 0 || p > 1; });
    if (impossible != end)
      throw core::Error(
          core::sqlstate::invalid_parameter, "a p-value must be from 0 to 1",
          "Element [" + std::to_string(impossible - values.begin() + 1) + "] is " + std::to_string(*impossible) + ".");
  });
}

struct Linkage {
  int items;
  std::vector<core::Merge> merges;
};

// Average linkage of the correlations in the first argument, NULL where a pair has none.
Linkage linkage_argument(const pg::Call& call) {
  pg::MemoryBudget budget = memory_budget();
  const Matrix correlations = matrix_argument(call, 0, "correlation", budget, pg::Nulls::as_nan);
  require_correlations(correlations);
  take(budget, correlations.rows(), correlations.cols(), 2, "clustering");
  const int items = static_cast<int>(correlations.rows());
  std::vector<double> distances = core::correlation_distances(core::pack_triangle(correlations, pg::poll), pg::poll);
  return {items, core::average_linkage(std::move(distances), items, pg::poll)};
}

}  // namespace

PB_FUNCTION(pb_ols_fit) {
  using pg::Type;
  core::RegressionOptions options;
  options.covariance = covariance_argument(call, 2);
  options.lag = lag_argument(call, 3);
  options.intercept = call.boolean(4).value_or(true);
  const RegressionData data = regression_arguments(call);
  const core::RegressionFit fit = core::ols(data.y, data.x, options, pg::poll);
  pg::RowBuffer rows({{"term", Type::text},
                      {"coefficient", Type::float8},
                      {"std_error", Type::float8},
                      {"t_stat", Type::float8},
                      {"p_value", Type::float8},
                      {"observations", Type::int4},
                      {"residual_df", Type::int4},
                      {"r_squared", Type::float8},
                      {"adj_r_squared", Type::float8},
                      {"residual_sd", Type::float8},
                      {"condition_number", Type::float8}});
  for (Eigen::Index j = 0; j < fit.coefficients.size(); ++j) {
    rows.add(term_name(j, options.intercept)).add(fit.coefficients(j)).add(fit.std_errors(j));
    rows.add(fit.t_stats(j)).add(fit.p_values(j)).add(fit.observations).add(fit.residual_df);
    rows.add(fit.r_squared).add(fit.adj_r_squared).add(fit.residual_sd).add(fit.condition_number);
  }
  call.return_rows(rows);
}

PB_FUNCTION(pb_ridge_fit) {
  using pg::Type;
  const core::RidgeOptions options = ridge_options(call);
  const RegressionData data = regression_arguments(call);
  if (data.x.cols() == 0)
    throw core::Error(core::sqlstate::invalid_parameter, "ridge regression needs a regressor", "x is empty.",
                      "Use ols_fit for an intercept alone.");
  const auto unpenalized = unpenalized_argument(call, 3, data.x.cols());
  const core::RidgeDesign design(data.x, unpenalized, pg::poll);
  const core::RidgeFits fit = design.fit(data.y, options, pg::poll);
  pg::RowBuffer rows({{"term", Type::text},
                      {"coefficient", Type::float8},
                      {"std_error", Type::float8},
                      {"t_stat", Type::float8},
                      {"p_value", Type::float8},
                      {"observations", Type::int4},
                      {"alpha", Type::float8},
                      {"effective_df", Type::float8},
                      {"r_squared", Type::float8},
                      {"adj_r_squared", Type::float8},
                      {"residual_sd", Type::float8},
                      {"condition_number", Type::float8},
                      {"variance_inflation", Type::float8}});
  for (Eigen::Index j = 0; j < fit.coefficients.rows(); ++j) {
    rows.add(term_name(j, true)).add(fit.coefficients(j, 0)).add(fit.std_errors(j, 0));
    rows.add(fit.t_stats(j, 0)).add(fit.p_values(j, 0)).add(design.observations());
    rows.add(fit.alpha(0)).add(fit.effective_df(0)).add(fit.r_squared(0)).add(fit.adj_r_squared(0));
    rows.add(fit.residual_sd(0)).add(design.condition_number());
    if (j == 0)
      rows.null();
    else
      rows.add(design.variance_inflation()(j - 1));
  }
  call.return_rows(rows);
}

PB_FUNCTION(pb_nearest_correlation) {
  using pg::Type;
  pg::MemoryBudget budget = memory_budget();
  const core::Matrix matrix = matrix_argument(call, 0, "correlation", budget);
  take(budget, matrix.rows(), matrix.cols(), matrix_copies, "nearest correlation matrix");
  core::NearestCorrelationSettings settings;
  settings.eigenvalue_floor = call.float8(1).value_or(settings.eigenvalue_floor);
  const core::NearestCorrelation nearest = core::nearest_correlation(matrix, settings, pg::poll);
  pg::RowBuffer rows({{"matrix", Type::float8_matrix},
                      {"distance", Type::float8},
                      {"iterations", Type::int4},
                      {"converged", Type::boolean}});
  rows.add(to_sql(nearest.matrix)).add(nearest.distance).add(nearest.iterations).add(nearest.converged);
  call.return_rows(rows);
}

PB_FUNCTION(pb_ledoit_wolf) {
  using pg::Type;
  using Estimator = core::ShrunkCovariance (*)(const Eigen::Ref<const core::Matrix>&, core::Poll);
  const auto shrink = choice<Estimator>(
      call, 1, "target",
      {{"constant_variance", core::ledoit_wolf}, {"constant_correlation", core::ledoit_wolf_constant_correlation}});
  pg::MemoryBudget budget = memory_budget();
  const core::Matrix returns = matrix_argument(call, 0, "returns", budget);
  take(budget, returns.rows() + returns.cols(), returns.cols(), matrix_copies, "covariance matrix");
  const core::ShrunkCovariance shrunk = shrink(returns, pg::poll);
  pg::RowBuffer rows(
      {{"covariance", Type::float8_matrix}, {"intensity", Type::float8}, {"target_value", Type::float8}});
  rows.add(to_sql(shrunk.covariance)).add(shrunk.intensity).add(shrunk.target);
  call.return_rows(rows);
}

PB_FUNCTION(pb_cluster_average_linkage) {
  using pg::Type;
  const double cut = call.float8(1).value_or(default_cut);
  if (!(cut >= -1 && cut <= 1))
    throw core::Error(core::sqlstate::invalid_parameter, "cut must be a correlation from -1 to 1",
                      "It is " + std::to_string(cut) + ".");
  const Linkage linkage = linkage_argument(call);
  pg::RowBuffer rows({{"item", Type::int4}, {"cluster", Type::int4}});
  int item = 0;
  for (const int label : core::flat_clusters(linkage.merges, linkage.items, core::correlation_distance(cut)))
    rows.add(++item).add(label + 1);
  call.return_rows(rows);
}

PB_FUNCTION(pb_linkage_average) {
  using pg::Type;
  const Linkage linkage = linkage_argument(call);
  pg::RowBuffer rows({{"step", Type::int4},
                      {"left_cluster", Type::int4},
                      {"right_cluster", Type::int4},
                      {"height", Type::float8},
                      {"size", Type::int4}});
  int step = 0;
  for (const core::Merge& merge : linkage.merges)
    rows.add(++step).add(merge.left + 1).add(merge.right + 1).add(merge.height).add(merge.size);
  call.return_rows(rows);
}

PB_FUNCTION(pb_correlation_p_value) {
  const auto correlation = call.float8(0);
  const auto observations = call.int4(1);
  if (!correlation || !observations) return call.return_null();
  call.return_float8(core::correlation_p_value(*correlation, *observations));
}

PB_FUNCTION(pb_benjamini_hochberg) {
  pg::MemoryBudget budget = memory_budget();
  const auto p_values = call.float8s(0, budget, pg::Nulls::as_nan);
  if (!p_values) return call.return_null();
  require_probabilities(*p_values);
  call.return_float8s(core::benjamini_hochberg(*p_values, 0, pg::poll));
}

PB_FUNCTION(pb_student_t_p_value) {
  const auto t_stat = call.float8(0);
  const auto degrees_of_freedom = call.float8(1);
  if (!t_stat || !degrees_of_freedom) return call.return_null();
  call.return_float8(core::student_t_p_value(*t_stat, *degrees_of_freedom));
}

}  // namespace pb::function
