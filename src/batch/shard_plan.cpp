// How the work of a date is divided among background workers.
//
// A date is divided by portfolio. A shard is the portfolios that one worker runs, with everything that belongs to them:
// snapshots, position values, tags and risk figures. Shards share no portfolio, so no row of a portfolio is written
// twice.
//
// Portfolios share rows all the same. The estimates of a symbol are stored once for the date, whoever holds the symbol.
// Two workers that insert the same key would wait for each other: the second insert waits until the first transaction
// ends, which would make the workers run one after the other. So the plan gives every symbol to one shard, one of those
// that hold it, and only this shard writes its rows. The others compute with the same estimates and leave the rows
// alone. Rows of the date itself, such as the covariances of the factors, are written by the first shard.
//
// The plan balances two things, both greedily. Portfolios are taken with the largest first, and each goes to the shard
// that has the fewest open positions so far, as the time of a shard grows with its positions. Symbols are taken in
// alphabetical order, and each goes to the shard that has the fewest symbols so far among those that hold it, as an
// estimate costs about the same for every symbol.
//
// A portfolio that is blocked will not be run. It is assigned last and owns no symbol, so that the first shard has a
// portfolio that is run whenever any shard has one.
//
// The plan reads positions alone, before the snapshots of the date exist. A symbol that may drop out of a book until
// then, as after a partial close, is given to nobody. Every shard that holds it writes its rows, and the server decides
// who waits. To leave out such a symbol costs a wait. To include it would risk that nobody writes its rows.
//
// The same positions and settings give the same plan, so a run that is repeated divides its work in the same way.
#include "batch/shard_plan.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "store/shard_store.hpp"

namespace pb::batch {

using core::Date;
using core::Uuid;

namespace {

// What a portfolio has open on a day.
struct Holding {
  Uuid portfolio_id;
  bool blocked;
  std::size_t positions = 0;
  std::set<std::string> symbols = {};  // that the risk engines are sure to meet
};

std::vector<Holding> holdings(const store::Store& store, std::span<const Uuid> portfolio_ids, Date day,
                              const std::set<Uuid>& blocked) {
  std::vector<Holding> result;
  std::map<Uuid, std::size_t> places;
  for (const Uuid& id : portfolio_ids) {
    places[id] = result.size();
    result.push_back({id, blocked.contains(id)});
  }
  store::each_open_position(store, day, portfolio_ids, [&](const Uuid& id, std::string_view symbol) {
    Holding& holding = result[places.at(id)];
    ++holding.positions;
    if (!symbol.empty()) holding.symbols.emplace(symbol);
  });
  // Blocked ones last, so that the first shard has one that is run whenever any has: it writes the date's own rows.
  std::stable_sort(result.begin(), result.end(), [](const Holding& a, const Holding& b) {
    return a.blocked != b.blocked ? b.blocked : a.positions > b.positions;
  });
  return result;
}

// The portfolios of each shard.
using Assignment = std::vector<std::vector<const Holding*>>;

// The symbols of each shard: each symbol belongs to the one, of those that hold it, that has the fewest so far.
std::vector<std::vector<std::string>> divide_symbols(const Assignment& assignment) {
  std::map<std::string, std::set<std::size_t>> holders;
  for (std::size_t shard = 0; shard < assignment.size(); ++shard)
    for (const Holding* holding : assignment[shard])
      if (!holding->blocked)
        for (const std::string& symbol : holding->symbols) holders[symbol].insert(shard);
  std::vector<std::vector<std::string>> symbols(assignment.size());
  for (const auto& [symbol, shards] : holders) {
    const auto fewest = [&](std::size_t a, std::size_t b) { return symbols[a].size() < symbols[b].size(); };
    symbols[*std::min_element(shards.begin(), shards.end(), fewest)].push_back(symbol);
  }
  return symbols;
}

}  // namespace

std::size_t shard_count(std::int32_t workers, std::size_t portfolios) {
  const auto granted = static_cast<std::size_t>(std::clamp(workers, 1, std::max(1, pg::worker_limit())));
  return std::min(granted, portfolios);
}

ShardPlan plan_shards(const store::Store& store, std::span<const Uuid> portfolio_ids, Date day, std::size_t shards,
                      const std::set<Uuid>& blocked) {
  const std::vector<Holding> all = holdings(store, portfolio_ids, day, blocked);
  Assignment assignment(shards);
  std::vector<std::size_t> load(shards, 0);
  for (const Holding& holding : all) {
    const auto least = static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    assignment[least].push_back(&holding);
    load[least] += holding.positions + 1;
  }
  ShardPlan plan;
  for (const auto& shard : assignment) {
    for (const Holding* holding : shard) plan.portfolio_ids.push_back(holding->portfolio_id);
    plan.portfolio_counts.push_back(static_cast<std::int32_t>(shard.size()));
  }
  for (const auto& symbols : divide_symbols(assignment)) {
    plan.symbols.insert(plan.symbols.end(), symbols.begin(), symbols.end());
    plan.symbol_counts.push_back(static_cast<std::int32_t>(symbols.size()));
  }
  return plan;
}

std::vector<Shard> shards_of(const ShardPlan& plan) {
  std::vector<Shard> shards;
  auto portfolio = plan.portfolio_ids.begin();
  auto symbol = plan.symbols.begin();
  for (std::size_t i = 0; i < plan.portfolio_counts.size(); ++i) {
    Shard& shard = shards.emplace_back();
    shard.portfolio_ids.assign(portfolio, portfolio + plan.portfolio_counts[i]);
    portfolio += plan.portfolio_counts[i];
    shard.other_symbols.assign(plan.symbols.begin(), symbol);
    symbol += plan.symbol_counts[i];
    shard.other_symbols.insert(shard.other_symbols.end(), symbol, plan.symbols.end());
  }
  return shards;
}

}  // namespace pb::batch
