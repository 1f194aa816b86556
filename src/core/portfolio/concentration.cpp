#include "core/portfolio/concentration.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <tuple>
#include <utility>

#include "core/error.hpp"

namespace pb::core {

namespace {

// Of what offsets each other up to this share, the rest is rounding.
constexpr double hedged_within = 1e-12;

// The names of providers in lower case, and ours.
constexpr std::array<std::pair<std::string_view, std::string_view>, 17> sector_names{{
    {"financial services", "Financials"},
    {"financials", "Financials"},
    {"consumer cyclical", "Consumer Discretionary"},
    {"consumer discretionary", "Consumer Discretionary"},
    {"consumer defensive", "Consumer Staples"},
    {"consumer staples", "Consumer Staples"},
    {"basic materials", "Materials"},
    {"materials", "Materials"},
    {"communication services", "Communication Services"},
    {"energy", "Energy"},
    {"healthcare", "Healthcare"},
    {"health care", "Healthcare"},
    {"industrials", "Industrials"},
    {"technology", "Technology"},
    {"information technology", "Technology"},
    {"real estate", "Real Estate"},
    {"utilities", "Utilities"},
}};

std::string_view trimmed(std::string_view text) {
  constexpr const char* blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// ASCII alone, so that the result does not depend on the server's locale.
std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// What providers write where they have no sector, in lower case.
constexpr std::array<std::string_view, 11> no_sector{
    "unknown",       "n/a",     "na", "nan", "none", "null", "not available", "not applicable", "data not available",
    "uncategorized", "unmapped"};

// Bytes of letters outside of ASCII count as letters.
bool is_word(char c) {
  return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

// Of a name in lower case: each word with a capital.
std::string title_case(std::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i < out.size(); ++i)
    if (is_lower(out[i]) && (i == 0 || !is_word(out[i - 1]))) out[i] = static_cast<char>(out[i] - 'a' + 'A');
  return out;
}

bool is_no_sector(std::string_view key) {
  return std::none_of(key.begin(), key.end(), is_word) ||
         std::find(no_sector.begin(), no_sector.end(), key) != no_sector.end();
}

// Positions by key, then by size: sums that follow this order do not depend on the one they came in.
std::vector<KeyedExposure> ordered(std::span<const KeyedExposure> positions) {
  std::vector<KeyedExposure> sorted(positions.begin(), positions.end());
  for (const KeyedExposure& position : sorted)
    if (!std::isfinite(position.exposure))
      throw Error(sqlstate::data_exception, "an exposure must be finite", "Key: " + std::string(position.key) + ".");
  std::sort(sorted.begin(), sorted.end(), [](const KeyedExposure& a, const KeyedExposure& b) {
    return std::tie(a.key, a.exposure) < std::tie(b.key, b.exposure);
  });
  return sorted;
}

void weigh(SectorExposure& sector, double net_asset_value, const BenchmarkWeights* benchmark) {
  const bool has_equity = std::isfinite(net_asset_value) && net_asset_value > 0;
  if (has_equity) {
    sector.long_weight = sector.long_exposure / net_asset_value;
    sector.short_weight = sector.short_exposure / net_asset_value;
    sector.net_weight = sector.net() / net_asset_value;
    sector.gross_weight = sector.gross() / net_asset_value;
  }
  if (benchmark == nullptr) return;
  const auto found = benchmark->find(sector.sector);
  sector.benchmark_weight = found == benchmark->end() ? 0 : found->second;
  if (has_equity) sector.active_weight = *sector.net_weight - *sector.benchmark_weight;
}

double sum_of_first(const std::vector<double>& values, std::size_t count) {
  const auto end = values.begin() + static_cast<std::ptrdiff_t>(std::min(count, values.size()));
  return std::min(1.0, std::accumulate(values.begin(), end, 0.0));  // all of them add up to 1 but for rounding
}

}  // namespace

std::optional<std::string> normalize_sector(std::string_view name) {
  const std::string key = lower(trimmed(name));
  if (is_no_sector(key)) return std::nullopt;
  for (const auto& [theirs, ours] : sector_names)
    if (key == theirs) return std::string(ours);
  return title_case(key);
}

std::string sector_bucket(bool is_private, bool is_fund, std::string_view company_sector) {
  if (is_private) return sector_private;
  if (is_fund) return sector_funds;
  return normalize_sector(company_sector).value_or(sector_unmapped);
}

BenchmarkWeights normalize_benchmark(const BenchmarkWeights& weights) {
  BenchmarkWeights normalized;
  for (const auto& [name, weight] : weights) normalized[normalize_sector(name).value_or(sector_unmapped)] += weight;
  return normalized;
}

std::vector<SectorExposure> sector_exposures(std::span<const KeyedExposure> positions, double net_asset_value,
                                             const BenchmarkWeights* benchmark) {
  std::map<std::string, SectorExposure, std::less<>> sectors;
  if (benchmark != nullptr)
    for (const auto& [name, weight] : *benchmark) sectors[name];
  for (const KeyedExposure& position : ordered(positions)) {
    auto found = sectors.find(position.key);
    if (found == sectors.end()) found = sectors.emplace(position.key, SectorExposure{}).first;
    (position.exposure > 0 ? found->second.long_exposure : found->second.short_exposure) += position.exposure;
  }
  std::vector<SectorExposure> result;
  result.reserve(sectors.size());
  for (auto& [name, sector] : sectors) {
    sector.sector = name;
    weigh(sector, net_asset_value, benchmark);
    result.push_back(std::move(sector));
  }
  return result;
}

Estimate<Concentration> concentration(std::span<const KeyedExposure> positions) {
  std::vector<double> sizes;
  const std::vector<KeyedExposure> sorted = ordered(positions);
  for (auto at = sorted.begin(); at != sorted.end();) {
    double net = 0;
    double gross = 0;
    const std::string_view underlying = at->key;
    for (; at != sorted.end() && at->key == underlying; ++at) {
      net += at->exposure;
      gross += std::fabs(at->exposure);
    }
    if (std::fabs(net) > hedged_within * gross) sizes.push_back(std::fabs(net));
  }
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  const double gross = std::accumulate(sizes.begin(), sizes.end(), 0.0);
  if (!(gross > 0)) return Estimate<Concentration>::missing(Reason::no_exposure);
  for (double& size : sizes) size /= gross;
  Concentration result;
  result.underlyings = static_cast<int>(sizes.size());
  result.hhi = 1e4 * std::inner_product(sizes.begin(), sizes.end(), sizes.begin(), 0.0);
  result.effective_positions = 1e4 / result.hhi;
  result.top_3 = sum_of_first(sizes, 3);
  result.top_10 = sum_of_first(sizes, 10);
  return result;
}

}  // namespace pb::core
