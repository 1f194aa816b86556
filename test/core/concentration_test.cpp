#include "core/portfolio/concentration.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support.hpp"

namespace concentration_test {
namespace {

using pb::core::BenchmarkWeights;
using pb::core::concentration;
using pb::core::Concentration;
using pb::core::KeyedExposure;
using pb::core::normalize_sector;
using pb::core::Reason;
using pb::core::sector_bucket;
using pb::core::sector_exposures;
using pb::core::SectorExposure;
using pb::test::bits;
using pb::test::nan;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

// Several lots in each of some keys, long and short; the names must outlive the exposures.
std::vector<KeyedExposure> random_positions(const std::vector<std::string>& keys, int count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(1000, 20000);
  std::vector<KeyedExposure> positions;
  for (int i = 0; i < count; ++i)
    positions.push_back({keys[static_cast<std::size_t>(i) % keys.size()], normal(random)});
  return positions;
}

const std::vector<std::string> some_keys{"A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"};

// ---- reference results ---------------------------------------------------------------------------------------------

struct Book {
  std::vector<KeyedExposure> by_underlying;
  std::vector<std::string> buckets;
  std::map<std::string, Record> sectors;
  double net_asset_value = nan;

  std::vector<KeyedExposure> by_bucket() const {
    std::vector<KeyedExposure> positions;
    for (std::size_t i = 0; i < buckets.size(); ++i) positions.push_back({buckets[i], by_underlying[i].exposure});
    return positions;
  }
};

void expect_sector(const SectorExposure& actual, const Record& expected, bool has_benchmark) {
  EXPECT_NEAR(actual.long_exposure, expected.number("long"), 1e-9);
  EXPECT_NEAR(actual.short_exposure, expected.number("short"), 1e-9);
  EXPECT_NEAR(actual.net(), expected.number("net"), 1e-9);
  EXPECT_NEAR(actual.gross(), expected.number("gross"), 1e-9);
  EXPECT_NEAR(*actual.net_weight, expected.number("net_weight"), 1e-15);
  EXPECT_NEAR(*actual.gross_weight, expected.number("gross_weight"), 1e-15);
  EXPECT_NEAR(*actual.long_weight - *actual.short_weight, expected.number("gross_weight"), 1e-15);
  ASSERT_EQ(actual.benchmark_weight.has_value(), has_benchmark);
  ASSERT_EQ(actual.active_weight.has_value(), has_benchmark);
  if (!has_benchmark) return;
  EXPECT_EQ(*actual.benchmark_weight, expected.number("benchmark_weight"));
  EXPECT_NEAR(*actual.active_weight, expected.number("active_weight"), 1e-15);
}

TEST(Concentration, AgreesWithGroupedSums) {
  const std::vector<Record> rows = pb::test::read_csv(pb::test::golden_file("concentration.csv"));
  BenchmarkWeights provider;
  std::map<std::string, Book> books;
  for (const Record& row : rows) {
    Book& book = books[row.text("book")];
    if (row.text("kind") == "benchmark") {
      provider[row.text("sector")] = row.number("benchmark_weight");
    } else if (row.text("kind") == "position") {
      book.by_underlying.push_back({row.text("underlying"), row.number("exposure")});
      book.buckets.push_back(
          sector_bucket(row.integer("is_private") == 1, row.integer("is_fund") == 1, row.text("sector")));
    } else if (row.text("kind") == "sector") {
      book.sectors.emplace(row.text("sector"), row);
      book.net_asset_value = row.number("net_asset_value");
    }
  }
  const BenchmarkWeights benchmark = pb::core::normalize_benchmark(provider);
  EXPECT_EQ(benchmark.size(), 10u);
  int compared = 0;
  for (const Record& expected : rows) {
    if (expected.text("kind") != "book") continue;
    ++compared;
    SCOPED_TRACE(expected.text("book"));
    const Book& book = books.at(expected.text("book"));
    const Concentration actual = *concentration(book.by_underlying);
    EXPECT_LE(relative_error(actual.hhi, expected.number("hhi")), 1e-14);
    EXPECT_LE(relative_error(actual.effective_positions, expected.number("effective_positions")), 1e-14);
    EXPECT_LE(relative_error(actual.top_3, expected.number("top_3")), 1e-14);
    EXPECT_LE(relative_error(actual.top_10, expected.number("top_10")), 1e-14);
    EXPECT_EQ(actual.underlyings, expected.integer("underlyings"));

    const bool has_benchmark = expected.text("book") != "specification";
    const auto sectors = sector_exposures(book.by_bucket(), book.net_asset_value, has_benchmark ? &benchmark : nullptr);
    ASSERT_EQ(sectors.size(), book.sectors.size());
    for (const SectorExposure& sector : sectors) {
      SCOPED_TRACE(sector.sector);
      expect_sector(sector, book.sectors.at(sector.sector), has_benchmark);
    }
  }
  EXPECT_EQ(compared, 2);
}

// ---- concentration -------------------------------------------------------------------------------------------------

TEST(Concentration, OfTheSpecification) {
  const std::vector<KeyedExposure> positions{{"A", 0.5}, {"B", -0.3}, {"C", 0.2}};
  const Concentration actual = *concentration(positions);
  EXPECT_DOUBLE_EQ(actual.hhi, 3800);
  EXPECT_NEAR(actual.effective_positions, 2.6315789474, 1e-10);
  EXPECT_DOUBLE_EQ(actual.top_3, 1);
}

TEST(Concentration, HasItsBounds) {
  const std::vector<KeyedExposure> one{{"A", -7}};
  EXPECT_DOUBLE_EQ(concentration(one)->hhi, 10000);
  EXPECT_DOUBLE_EQ(concentration(one)->effective_positions, 1);
  EXPECT_DOUBLE_EQ(concentration(one)->top_10, 1);
  std::vector<KeyedExposure> equal;
  for (const std::string& key : some_keys) equal.push_back({key, 5});
  EXPECT_NEAR(concentration(equal)->effective_positions, 12, 1e-12);
  EXPECT_NEAR(concentration(equal)->top_3, 0.25, 1e-15);
  EXPECT_NEAR(concentration(equal)->top_10, 10.0 / 12, 1e-15);
}

TEST(Concentration, NetsWithinAnUnderlying) {
  const std::vector<KeyedExposure> lots{{"A", 300}, {"B", 500}, {"A", -100}, {"C", 50}, {"C", -50}};
  const std::vector<KeyedExposure> merged{{"A", 200}, {"B", 500}};
  EXPECT_EQ(concentration(lots)->hhi, concentration(merged)->hhi);
  EXPECT_EQ(concentration(lots)->underlyings, 2);
  // Three tenths less a tenth and two tenths is rounding, not a position.
  const std::vector<KeyedExposure> hedged{{"A", 0.1}, {"A", 0.2}, {"A", -0.3}};
  EXPECT_EQ(concentration(hedged).reason(), Reason::no_exposure);
}

TEST(Concentration, DoesNotDependOnOrderSignOrScale) {
  std::vector<KeyedExposure> positions = random_positions(some_keys, 60, 1);
  const Concentration before = *concentration(positions);
  std::mt19937_64 random(2);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(positions.begin(), positions.end(), random);
    EXPECT_EQ(bits(concentration(positions)->hhi), bits(before.hhi));
    EXPECT_EQ(bits(concentration(positions)->top_3), bits(before.top_3));
  }
  for (KeyedExposure& position : positions) position.exposure *= -4;
  EXPECT_LE(relative_error(concentration(positions)->hhi, before.hhi), 1e-14);
  // Halving every lot twice over.
  std::vector<KeyedExposure> split;
  for (const KeyedExposure& position : positions)
    for (int part = 0; part < 4; ++part) split.push_back({position.key, position.exposure / 4});
  EXPECT_LE(relative_error(concentration(split)->hhi, before.hhi), 1e-13);
}

TEST(Concentration, OfNothingIsMissing) {
  EXPECT_EQ(concentration({}).reason(), Reason::no_exposure);
  const std::vector<KeyedExposure> flat{{"A", 0}, {"B", 0}};
  EXPECT_EQ(concentration(flat).reason(), Reason::no_exposure);
}

TEST(Concentration, RefusesWhatIsNoNumber) {
  const std::vector<KeyedExposure> odd{{"A", 1}, {"B", nan}};
  EXPECT_EQ(sqlstate_of([&] { concentration(odd); }), "22000");
  EXPECT_EQ(sqlstate_of([&] { sector_exposures(odd, 1); }), "22000");
}

// ---- sectors -------------------------------------------------------------------------------------------------------

TEST(SectorExposures, AddUpToThePortfolio) {
  std::vector<KeyedExposure> positions = random_positions(some_keys, 60, 3);
  double gross = 0;
  double net = 0;
  for (const KeyedExposure& position : positions) {
    gross += std::abs(position.exposure);
    net += position.exposure;
  }
  const auto sectors = sector_exposures(positions, 1e6);
  EXPECT_EQ(sectors.size(), some_keys.size());
  double sector_gross = 0;
  double sector_net = 0;
  for (const SectorExposure& sector : sectors) {
    EXPECT_GE(sector.long_exposure, 0);
    EXPECT_LE(sector.short_exposure, 0);
    sector_gross += *sector.gross_weight;
    sector_net += *sector.net_weight;
    EXPECT_FALSE(sector.benchmark_weight.has_value());
    EXPECT_FALSE(sector.active_weight.has_value());
  }
  EXPECT_LE(relative_error(sector_gross, gross / 1e6), 1e-13);
  EXPECT_LE(relative_error(sector_net, net / 1e6), 1e-12);
  std::mt19937_64 random(4);
  std::shuffle(positions.begin(), positions.end(), random);
  const auto shuffled = sector_exposures(positions, 1e6);
  for (std::size_t i = 0; i < sectors.size(); ++i) {
    EXPECT_EQ(shuffled[i].sector, sectors[i].sector);
    EXPECT_EQ(bits(shuffled[i].long_exposure), bits(sectors[i].long_exposure));
    EXPECT_EQ(bits(shuffled[i].short_exposure), bits(sectors[i].short_exposure));
  }
}

TEST(SectorExposures, CompareOverTheUnion) {
  const std::vector<KeyedExposure> positions{{"Energy", 200}, {"Unmapped", -50}};
  const BenchmarkWeights benchmark{{"Energy", 0.05}, {"Utilities", 0.03}};
  const auto sectors = sector_exposures(positions, 1000, &benchmark);
  ASSERT_EQ(sectors.size(), 3u);
  EXPECT_EQ(sectors[0].sector, "Energy");
  EXPECT_DOUBLE_EQ(*sectors[0].active_weight, 0.15);
  EXPECT_EQ(sectors[1].sector, "Unmapped");
  EXPECT_EQ(*sectors[1].benchmark_weight, 0);
  EXPECT_DOUBLE_EQ(*sectors[1].active_weight, -0.05);  // a short is an underweight
  EXPECT_EQ(sectors[2].sector, "Utilities");
  EXPECT_DOUBLE_EQ(*sectors[2].active_weight, -0.03);
  EXPECT_EQ(sectors[2].gross(), 0);
}

TEST(SectorExposures, HaveNoWeightsWithoutEquity) {
  const std::vector<KeyedExposure> positions{{"Energy", 200}};
  const BenchmarkWeights benchmark{{"Energy", 0.05}};
  for (const double equity : {0.0, -5.0, nan}) {
    const auto sectors = sector_exposures(positions, equity, &benchmark);
    ASSERT_EQ(sectors.size(), 1u);
    EXPECT_EQ(sectors[0].long_exposure, 200);
    EXPECT_FALSE(sectors[0].net_weight.has_value());
    EXPECT_FALSE(sectors[0].active_weight.has_value());
    EXPECT_EQ(sectors[0].benchmark_weight, 0.05);
  }
  EXPECT_TRUE(sector_exposures({}, 1000).empty());
}

TEST(SectorExposures, HaveWeightsHoweverSmallTheEquityIs) {
  EXPECT_DOUBLE_EQ(sector_exposures(std::vector<KeyedExposure>{{"Energy", 200}}, 0.5).front().net_weight.value(), 400);
}

// ---- names ---------------------------------------------------------------------------------------------------------

TEST(SectorNames, AreNormalized) {
  const std::map<std::string, std::string> expected{
      {"Financial Services", "Financials"},
      {"Consumer Cyclical", "Consumer Discretionary"},
      {"Consumer Defensive", "Consumer Staples"},
      {"Basic Materials", "Materials"},
      {"Information Technology", "Technology"},
      {"Health Care", "Healthcare"},
      {"  financial services ", "Financials"},
      {"TECHNOLOGY", "Technology"},
      {"Space Mining", "Space Mining"},
      {" space mining", "Space Mining"},
      {"SPACE MINING", "Space Mining"},
      {"e-commerce & 3d", "E-Commerce & 3d"},
      {"\xc3\xa9nergie verte", "\xc3\xa9nergie Verte"},
      {"None of these", "None Of These"},
  };
  for (const auto& [theirs, ours] : expected) EXPECT_EQ(normalize_sector(theirs), ours);
  for (const char* same : {"Communication Services", "Energy", "Healthcare", "Industrials", "Technology", "Real Estate",
                           "Utilities", "Financials", "Materials", "Consumer Staples", "Consumer Discretionary"})
    EXPECT_EQ(normalize_sector(same), same);
  for (const char* none :
       {"", "  ", "Unknown", "unknown", " UNKNOWN\t", "N/A", "n/a ", "NA", "None", "null", "NaN", "-", "--", "?",
        "Data not available", "Not Available", "not applicable", "Uncategorized", "Unmapped"})
    EXPECT_EQ(normalize_sector(none), std::nullopt);
}

TEST(SectorNames, BucketsComeInOrder) {
  EXPECT_EQ(sector_bucket(true, true, "Technology"), "Private");
  EXPECT_EQ(sector_bucket(false, true, "Technology"), "ETFs");
  EXPECT_EQ(sector_bucket(false, false, "Consumer Cyclical"), "Consumer Discretionary");
  EXPECT_EQ(sector_bucket(false, false, ""), "Unmapped");
}

TEST(SectorNames, BenchmarkWeightsThatBecomeOneAreAdded) {
  const BenchmarkWeights merged =
      pb::core::normalize_benchmark({{"Technology", 0.2}, {"Information Technology", 0.1}, {"", 0.01}});
  EXPECT_EQ(merged.size(), 2u);
  EXPECT_DOUBLE_EQ(merged.at("Technology"), 0.3);
  EXPECT_EQ(merged.at("Unmapped"), 0.01);
}

}  // namespace
}  // namespace concentration_test
