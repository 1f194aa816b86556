#include "core/portfolio/specific_risk.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "polls.hpp"
#include "returns.hpp"
#include "support.hpp"

namespace specific_risk_test {
namespace {

using pb::core::Matrix;
using pb::core::specific_variance;
using pb::core::SpecificExposure;
using pb::core::SpecificVariance;
using pb::core::Vector;
using pb::test::generated_returns;
using pb::test::golden_file;
using pb::test::nan;
using pb::test::read_csv;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

using Book = std::vector<SpecificExposure>;

constexpr double fit_variance = 1.5e-4;

Matrix golden_residuals() {
  const char* const symbols[] = {"XOM", "CVX", "COP", "JPM", "BAC", "AAPL", "MSFT", "NVDA", "HD", "PG"};
  const std::vector<Record> rows = read_csv(golden_file("specific_risk_residuals.csv"));
  Matrix residuals(static_cast<Eigen::Index>(rows.size()), 10);
  for (Eigen::Index t = 0; t < residuals.rows(); ++t)
    for (Eigen::Index i = 0; i < 10; ++i)
      residuals(t, i) = rows[static_cast<std::size_t>(t)].number(symbols[static_cast<std::size_t>(i)]);
  return residuals;
}

std::map<std::string, Book> golden_books() {
  std::map<std::string, Book> books;
  for (const Record& row : read_csv(golden_file("specific_risk_books.csv")))
    books[row.text("book")].push_back({row.integer("column"), row.number("weight"), fit_variance});
  return books;
}

SpecificVariance of(const Matrix& residuals, const Book& book) { return specific_variance(residuals, book, 63, 60); }

TEST(SpecificRisk, AgreesWithNumPy) {
  const Matrix residuals = golden_residuals();
  const std::map<std::string, Book> books = golden_books();
  const std::vector<Record> rows = read_csv(golden_file("specific_risk.csv"));
  ASSERT_EQ(rows.size(), 7u);
  for (const Record& row : rows) {
    SCOPED_TRACE(row.text("book"));
    const SpecificVariance found = of(residuals, books.at(row.text("book")));
    EXPECT_LE(relative_error(found.diagonal, row.number("diagonal")), 1e-12);
    EXPECT_LE(relative_error(found.covariance, row.number("covariance")), 1e-11);
    EXPECT_LE(relative_error(found.shrinkage, row.number("shrinkage")), 1e-10);
    EXPECT_LE(relative_error(found.value, row.number("value")), 1e-11);
  }
}

// Companies of one sector have more in common than the factors say; longs and shorts of it less risk than apart.
TEST(SpecificRisk, OfASectorIsMoreThanTheDiagonal) {
  const Matrix residuals = golden_residuals();
  const auto books = golden_books();
  const SpecificVariance energy = of(residuals, books.at("energy"));
  EXPECT_GT(energy.value, 2 * energy.diagonal);
  const SpecificVariance hedged = of(residuals, books.at("hedged"));
  EXPECT_LT(hedged.value, 0.4 * hedged.diagonal);
}

// Independent residuals leave the diagonal; of those that are the same, the book's own variance.
TEST(SpecificRisk, ShrinksWhatIsNoise) {
  const Matrix noise = generated_returns(252, 40, 5, 0);
  Book book;
  for (int i = 0; i < 40; ++i) book.push_back({i, 0.025, 1});
  const SpecificVariance independent = of(noise, book);
  EXPECT_NEAR(independent.value / independent.diagonal, 1, 0.2);

  const Matrix same = noise.col(0).replicate(1, 40);
  const SpecificVariance one = of(same, book);
  EXPECT_LT(one.shrinkage, 0.15);
  EXPECT_NEAR(one.value / (40 * one.diagonal), 1, 0.15);
}

// Without a decay: the plain mean of squares, of single symbols and of the book.
TEST(SpecificRisk, IsThatOfTheBooksOwnSeries) {
  const Matrix residuals = generated_returns(100, 3, 8);
  const Book book{{0, 0.5, 1}, {2, -0.3, 1}};
  const SpecificVariance found = specific_variance(residuals, book, 1e12, 60);
  const Vector series = 0.5 * residuals.col(0) - 0.3 * residuals.col(2);
  EXPECT_LE(relative_error(found.diagonal,
                           (0.25 * residuals.col(0).squaredNorm() + 0.09 * residuals.col(2).squaredNorm()) / 100),
            1e-9);
  EXPECT_LE(relative_error(found.diagonal + found.covariance, series.squaredNorm() / 100), 1e-9);
  EXPECT_LE(relative_error(found.value, found.diagonal + (1 - found.shrinkage) * found.covariance), 1e-15);
}

TEST(SpecificRisk, ScalesWithTheBookAndNotWithItsOrder) {
  const Matrix residuals = golden_residuals();
  Book book = golden_books().at("long_short");
  const SpecificVariance before = of(residuals, book);
  std::reverse(book.begin(), book.end());
  for (SpecificExposure& exposure : book) exposure.weight *= -1e6;
  const SpecificVariance after = of(residuals, book);
  EXPECT_LE(relative_error(after.value, 1e12 * before.value), 1e-12);
  EXPECT_LE(relative_error(after.shrinkage, before.shrinkage), 1e-11);
}

// Never negative, and 0 where only rounding is left of a hedge.
TEST(SpecificRisk, OfAHedge) {
  Matrix twins(252, 2);
  twins.col(0) = generated_returns(252, 1, 9);
  twins.col(1) = twins.col(0);
  EXPECT_EQ(of(twins, {{0, 0.3, 1}, {1, -0.3, 1}}).value, 0);
  EXPECT_GT(of(twins, {{0, 0.3, 1}, {1, -0.2, 1}}).value, 0);
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Matrix residuals = generated_returns(70, 4, seed);
    pb::test::remove_cells(residuals, 0.3, seed);
    const SpecificVariance found =
        specific_variance(residuals, Book{{0, 1, 1}, {1, -1, 1}, {2, 1, 1}, {3, -1, 1}}, 20, 5);
    EXPECT_GE(found.value, 0) << seed;
    EXPECT_GE(found.diagonal + found.covariance, 0) << seed;
    EXPECT_GE(found.shrinkage, 0) << seed;
    EXPECT_LE(found.shrinkage, 1) << seed;
  }
}

TEST(SpecificRisk, OfWhatIsNotKnown) {
  Matrix residuals = golden_residuals();
  // Too few residuals: the variance of the fit, which nothing is known to go along with.
  const SpecificVariance few = of(residuals, {{8, 2, 0.5}, {0, 1, 1}});
  const SpecificVariance alone = of(residuals, {{0, 1, 1}});
  EXPECT_LE(relative_error(few.value, alone.value + 2), 1e-15);
  // The sixtieth residual makes the difference.
  residuals(192, 8) = 0.01;
  EXPECT_LT(of(residuals, {{8, 2, 0.5}}).value, 0.01);
  // Symbols that are never there together count as uncorrelated.
  Matrix apart = residuals.leftCols(2);
  apart.col(0).head(126).setConstant(nan);
  apart.col(1).tail(126).setConstant(nan);
  EXPECT_NEAR(of(apart, {{0, 1, 1}, {1, 1, 1}}).covariance, 0, 1e-20);

  EXPECT_EQ(of(residuals, {}).value, 0);
  EXPECT_EQ(of(Matrix(0, 10), {{0, 2, 0.25}}).value, 1);
  EXPECT_EQ(sqlstate_of([&] { specific_variance(residuals, {}, 0, 60); }), "22023");
  const Book book = golden_books().at("broad");
  pb::test::expect_to_end_by_poll(10, [&](pb::core::Poll poll) { specific_variance(residuals, book, 63, 60, poll); });
}

}  // namespace
}  // namespace specific_risk_test
