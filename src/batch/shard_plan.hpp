#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/text/uuid.hpp"
#include "pg/workers.hpp"
#include "store/store.hpp"

namespace pb::batch {

// A date's portfolios in shards that several sessions run beside each other, and the symbols whose rows each of them
// writes. Shard after shard, so that an array and the number of each shard's elements can travel through SQL.
struct ShardPlan {
  std::vector<core::Uuid> portfolio_ids;
  std::vector<std::int32_t> portfolio_counts;
  // Symbols by the shard that writes their rows, one of those that hold them: a second one that wrote them as well
  // would have to wait for the first one's commit. Each shard has about as many.
  std::vector<std::string> symbols;
  std::vector<std::int32_t> symbol_counts;
};

// Divides the portfolios, the largest first, so that each shard has about as many open positions as the others. The
// blocked ones will not be run, and so own no symbol. The same book gives the same plan.
ShardPlan plan_shards(const store::Store& store, std::span<const core::Uuid> portfolio_ids, core::Date day,
                      std::size_t shards, const std::set<core::Uuid>& blocked);

// Into how many shards so many portfolios are divided for some workers, of which the server may have fewer.
std::size_t shard_count(std::int32_t workers, std::size_t portfolios);

// One shard: its portfolios, the symbols that others write, and what came of it.
struct Shard {
  std::vector<core::Uuid> portfolio_ids;
  std::vector<std::string> other_symbols;  // whose models another shard writes
  pg::TaskOutcome outcome = {};
};

std::vector<Shard> shards_of(const ShardPlan& plan);

}  // namespace pb::batch
