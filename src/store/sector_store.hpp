#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/portfolio/concentration.hpp"
#include "core/reason.hpp"
#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// What a company profile says about where a symbol belongs.
struct SectorProfile {
  std::string sector;  // as the provider names it; empty: none
  bool is_fund;        // exchange-traded or mutual
};

// The profiles of these symbols, those that have one.
std::map<std::string, SectorProfile> load_sector_profiles(const Store& store, std::span<const std::string> symbols);

// Sector weights of a benchmark.
struct Benchmark {
  core::Date asof_date;
  core::BenchmarkWeights weights;  // as stored
};

// The newest weights of portfolio_batch.benchmark on or before the day, if any.
std::optional<Benchmark> load_benchmark(const Store& store, core::Date day);

// A portfolio's exposure by sector and its concentration by underlying.
struct SnapshotSectors {
  core::Uuid portfolio_id;
  std::optional<std::vector<core::SectorExposure>> sectors;
  std::optional<core::Date> benchmark_date;
  std::optional<core::Concentration> concentration;
  core::Reason reason = core::Reason::none;
};

std::int64_t write_snapshot_sectors(const Store& store, core::Date day, std::span<const SnapshotSectors> rows);

}  // namespace pb::store
