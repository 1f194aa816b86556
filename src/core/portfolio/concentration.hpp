#pragma once
#include "core/no_postgres.hpp"

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/stats/estimate.hpp"

namespace pb::core {

// Sectors that no provider names.
inline constexpr const char* sector_funds = "ETFs";
inline constexpr const char* sector_private = "Private";
inline constexpr const char* sector_unmapped = "Unmapped";
inline constexpr const char* tag_without_sector = "Uncategorized";  // how the application's tags call it

// One name for each sector, whatever a provider calls it: Financial Services is Financials, Consumer Cyclical is
// Consumer Discretionary, Consumer Defensive is Consumer Staples, Basic Materials is Materials; and, so that a
// benchmark can be compared, the GICS spellings Information Technology and Health Care are Technology and Healthcare.
// Other names have each word with a capital; case and surrounding blanks do not matter. None for a name without a
// letter or digit, and for what providers write where they have no sector: Unknown, N/A, None, Data not available and
// the like. The one place that decides what the sector of a company is: exposures, tags and names of clusters all ask
// here.
std::optional<std::string> normalize_sector(std::string_view name);

// The bucket of a position: private assets and funds first, then the sector of its company (for an option that of the
// underlying's), else Unmapped.
std::string sector_bucket(bool is_private, bool is_fund, std::string_view company_sector);

// A signed dollar exposure under a key: a sector bucket, or an underlying.
struct KeyedExposure {
  std::string_view key;
  double exposure;
};

// Exposure in dollars, and over net asset value where that is positive, by sector. Long is at least 0 and short at most
// 0; net = long + short and gross = long - short, and the gross of all sectors is that of the portfolio.
struct SectorExposure {
  std::string sector;
  double long_exposure = 0;
  double short_exposure = 0;
  std::optional<double> long_weight;
  std::optional<double> short_weight;
  std::optional<double> net_weight;
  std::optional<double> gross_weight;
  std::optional<double> benchmark_weight;  // 0 for a sector that the benchmark lacks; none without a benchmark
  std::optional<double> active_weight;     // net - benchmark

  double net() const { return long_exposure + short_exposure; }
  double gross() const { return long_exposure - short_exposure; }
};

// Benchmark weights by sector, decimals.
using BenchmarkWeights = std::map<std::string, double, std::less<>>;

// Benchmark weights under normalized names; weights of names that become one are added.
BenchmarkWeights normalize_benchmark(const BenchmarkWeights& weights);

// Exposures by bucket, ordered by name; with a benchmark, over the union of its sectors and the portfolio's. A position
// counts as a whole, long or short by its own sign. The same for any order of the positions. Throws 22000 for an
// exposure that is not finite: positions without one are left out and counted by the caller.
std::vector<SectorExposure> sector_exposures(std::span<const KeyedExposure> positions, double net_asset_value,
                                             const BenchmarkWeights* benchmark = nullptr);

// Concentration of gross weights w = |e| / sum |e| by underlying, where e is the net (delta-adjusted) exposure of all
// positions in it: Herfindahl-Hirschman index 10^4 sum w^2 (0 to 10,000; Hirschman 1945), effective number of positions
// 10^4 / index, and the sums of the 3 and 10 largest weights.
struct Concentration {
  double hhi = 0;
  double effective_positions = 0;
  double top_3 = 0;
  double top_10 = 0;
  int underlyings = 0;  // with an exposure
};

// The same for any order of the positions, and up to rounding for any split of them. Missing with no_exposure when
// every underlying nets to 0. Throws 22000 as above.
Estimate<Concentration> concentration(std::span<const KeyedExposure> positions);

}  // namespace pb::core
