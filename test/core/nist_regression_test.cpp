// The linear regression sets of the NIST Statistical Reference Datasets: how many of the certified digits are reached.
// https://www.itl.nist.gov/div898/strd/lls/lls.shtml
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "core/stats/regression.hpp"
#include "core/stats/ridge.hpp"
#include "support.hpp"

namespace nist_regression_test {
namespace {

using pb::core::CovarianceType;
using pb::core::Matrix;
using pb::core::ols;
using pb::core::RidgeDesign;
using pb::core::RidgeFits;
using pb::core::RidgeOptions;
using pb::core::Vector;
using pb::test::Record;

struct Dataset {
  std::vector<Record> rows;
  int degree = 0;  // of the polynomial in one regressor; 0 when every regressor has a column
  bool intercept = true;
  std::map<std::string, std::vector<double>> certified;
};

std::map<std::string, Dataset> read_datasets() {
  std::map<std::string, Dataset> datasets;
  for (Record& row : pb::test::read_csv(pb::test::golden_file("nist_strd_data.csv")))
    datasets[row.text("dataset")].rows.push_back(std::move(row));
  for (const Record& row : pb::test::read_csv(pb::test::golden_file("nist_strd_certified.csv"))) {
    Dataset& dataset = datasets.at(row.text("dataset"));
    dataset.degree = row.integer("degree");
    dataset.intercept = row.integer("intercept") != 0;
    dataset.certified[row.text("quantity")].push_back(row.number("certified"));
  }
  return datasets;
}

struct Data {
  Vector y;
  Matrix x;
};

Data data_of(const Dataset& dataset) {
  const char* names[] = {"x1", "x2", "x3", "x4", "x5", "x6"};
  const Record& first = dataset.rows.front();
  const auto regressors =
      std::count_if(std::begin(names), std::end(names), [&](const char* name) { return first.has(name); });
  const auto n = static_cast<Eigen::Index>(dataset.rows.size());
  Data data{Vector(n), Matrix(n, std::max<Eigen::Index>(regressors, dataset.degree))};
  for (Eigen::Index i = 0; i < n; ++i) {
    const Record& row = dataset.rows[static_cast<std::size_t>(i)];
    data.y(i) = row.number("y");
    for (Eigen::Index j = 0; j < data.x.cols(); ++j)
      data.x(i, j) = dataset.degree > 0 ? std::pow(row.number("x1"), static_cast<double>(j + 1)) : row.number(names[j]);
  }
  return data;
}

// The base-10 logarithm of the relative error, the number of correct digits; of the absolute error where the certified
// value is 0 (McCullough 1998). 15 digits are certified, so more do not count.
double correct_digits(double actual, double certified) {
  const double error = certified == 0 ? std::fabs(actual) : std::fabs(actual - certified) / std::fabs(certified);
  return error == 0 ? 15 : std::min(15.0, -std::log10(error));
}

double worst_digits(const Vector& actual, const std::vector<double>& certified) {
  double worst = actual.size() == static_cast<Eigen::Index>(certified.size()) ? 15 : pb::test::nan;
  for (std::size_t i = 0; i < certified.size(); ++i)
    worst = std::min(worst, correct_digits(actual(static_cast<Eigen::Index>(i)), certified[i]));
  return worst;
}

// Digits that must be correct; what is reached is up to one more. Filip's powers up to the tenth have a condition
// number of 5e9 with scaled columns, and the noise of Wampler4 and Wampler5 is 1e4 to 1e6 times their coefficients.
struct Digits {
  double coefficients;
  double std_errors;
  double residual_sd;
  double r_squared;
};

void expect_digits(const Dataset& dataset, const Vector& coefficients, const Vector& std_errors, double residual_sd,
                   double r_squared, const Digits& digits) {
  EXPECT_GE(worst_digits(coefficients, dataset.certified.at("coefficient")), digits.coefficients);
  EXPECT_GE(worst_digits(std_errors, dataset.certified.at("std_error")), digits.std_errors);
  EXPECT_GE(correct_digits(residual_sd, dataset.certified.at("residual_sd").front()), digits.residual_sd);
  EXPECT_GE(correct_digits(r_squared, dataset.certified.at("r_squared").front()), digits.r_squared);
}

TEST(NistRegression, OlsReachesTheDigits) {
  const std::map<std::string, Digits> required{
      {"Norris", {13, 13.5, 13.5, 14.5}},   {"Pontius", {12.5, 12.5, 12.5, 14.5}}, {"NoInt1", {14, 14, 14.5, 14.5}},
      {"NoInt2", {14.5, 14.5, 14.5, 14.5}}, {"Filip", {7.5, 7.5, 7.5, 9.5}},       {"Longley", {10.5, 11.5, 11.5, 14}},
      {"Wampler1", {9.5, 15, 15, 15}},      {"Wampler2", {12.5, 15, 15, 15}},      {"Wampler3", {9, 13, 13.5, 14.5}},
      {"Wampler4", {7.5, 13, 14, 14.5}},    {"Wampler5", {5.5, 13, 14, 12.5}},
  };
  const std::map<std::string, Dataset> datasets = read_datasets();
  EXPECT_EQ(datasets.size(), required.size());
  for (const auto& [name, dataset] : datasets) {
    SCOPED_TRACE(name);
    const Data data = data_of(dataset);
    const auto fit = ols(data.y, data.x, {dataset.intercept, CovarianceType::classical, {}});
    expect_digits(dataset, fit.coefficients, fit.std_errors, fit.residual_sd, fit.r_squared, required.at(name));
  }
}

// The estimator of many responses, which has an intercept always, with every column or none unpenalized.
TEST(NistRegression, RidgeDesignWithoutPenaltyReachesTheDigits) {
  const std::map<std::string, Digits> required{
      {"Norris", {12, 13, 13, 14.5}},      {"Pontius", {12, 13, 13, 14.5}}, {"Filip", {7, 7, 8, 10}},
      {"Longley", {12.5, 14, 14, 14.5}},   {"Wampler1", {9, 15, 15, 15}},   {"Wampler2", {12, 15, 15, 15}},
      {"Wampler3", {8.5, 13, 13.5, 14.5}}, {"Wampler4", {8, 13, 14, 14.5}}, {"Wampler5", {6, 13, 14, 12.5}},
  };
  RidgeOptions options;
  options.alpha = 0;
  options.covariance = CovarianceType::classical;
  for (const auto& [name, dataset] : read_datasets()) {
    if (!dataset.intercept) continue;
    const Data data = data_of(dataset);
    std::vector<int> all(static_cast<std::size_t>(data.x.cols()));
    std::iota(all.begin(), all.end(), 0);
    for (const std::vector<int>& unpenalized : {all, {}}) {
      SCOPED_TRACE(name + (unpenalized.empty() ? " by singular values" : " by QR"));
      const RidgeFits fit = RidgeDesign(data.x, unpenalized).fit(data.y, options);
      expect_digits(dataset, fit.coefficients, fit.std_errors, fit.residual_sd(0), fit.r_squared(0), required.at(name));
    }
  }
}

}  // namespace
}  // namespace nist_regression_test
