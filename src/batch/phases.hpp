#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/context.hpp"

namespace pb::batch {

// Rows that an engine writes and that portfolios share: those that each shard writes for its own symbols and the first
// shard for the date, or those of the date alone, whose engine runs in the first shard only.
enum class SharedRows { none, of_symbols, of_date };

// One engine as the batch calls it.
struct Engine {
  const char* name;
  engine::Report (*run)(engine::Context&, core::Date, std::span<const core::Uuid>);
  SharedRows shared = SharedRows::none;
};

// One phase of a run. A phase that has nothing to do on a date says why.
struct Phase {
  const char* key;
  const char* name;
  bool newest_date_only;  // writes what has no history
  bool needs_snapshot;    // works on portfolios that have a snapshot of the date
  std::vector<Engine> engines;
  const char* skip_reason = nullptr;
  bool (*has_work)(const engine::Context&, core::Date) = nullptr;  // none: always; else skip_reason is said
  bool ahead = false;  // writes rows that all portfolios share, and so comes first in a transaction of many dates
  bool books = false;  // computes portfolios from their rows, all of which must be usable
  // Makes the snapshot of the date: a portfolio that fails here has its later dates blocked.
  bool owns_snapshots = false;
  bool sharded = false;  // can run for some of a date's portfolios beside others
  // Whether a portfolio whose inputs are those of its stored date can be left out: all that the phase writes is of the
  // portfolio and the date.
  bool leaves_unchanged() const { return books && !newest_date_only; }
  // What makes rows that all shards need: once, and by no shard, as these would wait for each other.
  std::optional<Engine> before_shards = std::nullopt;

  bool has_shared_rows() const;
};

// All phases in the order in which they run. A new engine is one more entry here.
const std::vector<Phase>& all_phases();

// The phase that owns the snapshots.
const Phase& snapshot_phase();

// Throws 22023, naming the key and the known ones, when a requested phase does not exist.
void require_known_phases(std::span<const std::string> keys);

}  // namespace pb::batch
