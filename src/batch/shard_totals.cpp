#include "batch/shard_totals.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "batch/run_notices.hpp"
#include "core/text/json.hpp"
#include "pg/session.hpp"
#include "store/shard_store.hpp"
#include "store/snapshot_store.hpp"

namespace pb::batch {

using core::Date;
using core::Uuid;
using engine::counted;

namespace {

// A shard that failed as a whole has left nothing behind, so its jobs are written for it.
std::vector<store::Job> failures(const store::Store& store, const SessionOfRun& session,
                                 std::span<const Shard> shards) {
  std::vector<store::Job> jobs;
  for (const Shard& shard : shards)
    if (shard.outcome.failure)
      for (store::Job& job :
           failed_jobs(store, "run_batch_shard", session.day, shard.portfolio_ids, *shard.outcome.failure))
        jobs.push_back(std::move(job));
  return jobs;
}

// One row of the log for a phase of the date, from those of its shards.
class PhaseTotal {
 public:
  PhaseTotal(const Phase& phase, Date day)
      : job_{.name = phase.name,
             .type = "phase",
             .phase = phase.key,
             .portfolio_id = std::nullopt,
             .calculation_date = day,
             .status = "skipped"} {
    job_.started_at = job_.completed_at = pg::clock_usecs();
  }

  void add(const store::ShardPhase& part) {
    const store::Job& job = part.job;
    job_.processed += job.processed;
    job_.skipped += job.skipped;
    job_.failed += job.failed;
    job_.rows_written += job.rows_written;
    job_.started_at = std::min(job_.started_at, job.started_at);
    job_.completed_at = parts_ == 0 ? job.completed_at : std::max(job_.completed_at, job.completed_at);
    if (job.status != "skipped") ran_ = true;
    append(part.shard > 0 ? "shard " + std::to_string(part.shard) + ": " + part.text : part.text);
    ++parts_;
  }

  void add_failed(const Shard& shard) {
    const auto portfolios = static_cast<std::int64_t>(shard.portfolio_ids.size());
    job_.failed += portfolios;
    ran_ = true;
    append("a shard of " + counted(portfolios, "portfolio") + " failed (" + shard.outcome.failure->sqlstate + ")");
  }

  void add_busy(std::int64_t portfolios) {
    if (!ran_ || portfolios == 0) return;
    job_.skipped += portfolios;
    append(counted(portfolios, "portfolio") + " skipped: already running");
  }

  store::Job job(int workers) {
    if (ran_) job_.status = job_.failed == 0 ? "success" : job_.processed > 0 ? "partial" : "failed";
    job_.detail_json = core::JsonObject().add("text", text_).add("workers", static_cast<std::int64_t>(workers)).str();
    return job_;
  }

 private:
  void append(const std::string& text) { text_ += (text_.empty() ? "" : "; ") + text; }

  store::Job job_;
  std::string text_;
  int parts_ = 0;
  bool ran_ = false;
};

// What is left of a date when its shards are done.
class Closing {
 public:
  Closing(const store::Store& store, const SessionOfRun& session, std::span<const Shard> shards, int workers,
          std::int64_t busy)
      : store_(store), session_(session), shards_(shards), workers_(workers), busy_(busy) {}

  void run() {
    store::write_jobs(store_, session_.run_id, failures(store_, session_, shards_));
    for (const Uuid& id : store::failed_portfolios(store_, session_.run_id, snapshot_phase().key)) blocked_.insert(id);
    for (const Shard& shard : shards_)
      for (const Uuid& id : shard.portfolio_ids)
        if (!blocked_.contains(id)) open_.push_back(id);
    std::sort(open_.begin(), open_.end());
    write_totals();
    open_ = store::lock_portfolios(store_, open_);
    complete_shared_rows();
    note_session(session_.day, describe(session_.day, session_.progress), worst_, workers_);
  }

 private:
  void write_totals() {
    const std::vector<store::ShardPhase> parts = store::take_shard_phases(store_, session_.run_id, session_.day);
    std::vector<store::Job> jobs;
    for (const Phase& phase : all_phases()) {
      if (!phase.sharded) continue;
      PhaseTotal total(phase, session_.day);
      for (const store::ShardPhase& part : parts)
        if (part.job.phase == phase.key) total.add(part);
      if (phase.owns_snapshots)
        for (const Shard& shard : shards_)
          if (shard.outcome.failure) total.add_failed(shard);
      total.add_busy(busy_);
      jobs.push_back(total.job(workers_));
      note(phase, jobs.back());
    }
    store::write_jobs(store_, session_.run_id, jobs);
  }

  void note(const Phase& phase, const store::Job& job) {
    shared_rows_failed_ = shared_rows_failed_ || (phase.has_shared_rows() && job.failed > 0);
    if (job.status == "failed" || (job.status == "partial" && worst_ == "success")) worst_ = job.status;
  }

  // Whoever was to write the rows of a symbol, or of the date, may have come to nothing. Those who hold the symbol as
  // well have left it alone, so it is made up for here; rows that are there already are not written again.
  void complete_shared_rows() {
    const auto with_snapshot = store::net_asset_values(store_, session_.day, open_);
    const bool failed = std::any_of(shards_.begin(), shards_.end(),
                                    [](const Shard& shard) { return shard.outcome.failure.has_value(); });
    if (with_snapshot.empty() || (!failed && !shared_rows_failed_ && with_snapshot.size() == all_open())) return;
    std::vector<Uuid> ids;
    ids.reserve(with_snapshot.size());
    for (const auto& [id, value] : with_snapshot) ids.push_back(id);
    engine::Context context(store_, ids, session_.day, session_.day);
    Run(store_, session_.run_id, {}).run_shared(context, session_.day, ids);
  }

  std::size_t all_open() const {
    std::size_t count = 0;
    for (const Shard& shard : shards_)
      count += static_cast<std::size_t>(std::count_if(shard.portfolio_ids.begin(), shard.portfolio_ids.end(),
                                                      [&](const Uuid& id) { return !blocked_.contains(id); }));
    return count;
  }

  const store::Store& store_;
  const SessionOfRun& session_;
  std::span<const Shard> shards_;
  int workers_;
  std::int64_t busy_;
  std::set<Uuid> blocked_;
  std::vector<Uuid> open_;
  std::string worst_ = "success";
  bool shared_rows_failed_ = false;
};

}  // namespace

void close_date(const store::Store& store, const SessionOfRun& session, std::span<const Shard> shards, int workers,
                std::int64_t busy) {
  Closing(store, session, shards, workers, busy).run();
}

}  // namespace pb::batch
