#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <span>
#include <vector>

#include "core/portfolio/sample_market.hpp"
#include "store/store.hpp"

namespace pb::store {

// How many rows of each input table were added; rows that exist are left alone.
struct SampleCounts {
  std::int64_t prices = 0;
  std::int64_t profiles = 0;
  std::int64_t rates = 0;
  std::int64_t portfolios = 0;
  std::int64_t positions = 0;
  std::int64_t closings = 0;
  std::int64_t flows = 0;
};

SampleCounts write_sample(const Store& store, const core::SampleMarket& market, std::span<const core::Date> sessions,
                          std::span<const core::SamplePortfolio> portfolios);

}  // namespace pb::store
