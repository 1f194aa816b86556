#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "batch/logged_failure.hpp"
#include "batch/phases.hpp"
#include "batch/progress.hpp"
#include "pg/rows.hpp"
#include "store/run_store.hpp"

namespace pb::batch {

// The part of a date that is run by itself. Nothing set: all of it.
struct Part {
  std::vector<std::string> phases;  // keys; the others are no business of this part, and are not reported
  std::int64_t shard = 0;           // from 1 on: of the portfolios, beside other sessions that run the others
  std::int64_t shards = 0;

  bool holds(const Phase& phase) const;
};

// The portfolios among all that are not among some.
std::vector<core::Uuid> without(std::span<const core::Uuid> all, std::span<const core::Uuid> some);

// The last day that a run over these portfolios may have to roll: later snapshots follow a filled gap.
core::Date last_day(const store::Store& store, std::span<const core::Uuid> portfolio_ids, core::Date target);

// The result table of a run: one row per date and phase.
pg::RowBuffer result_table();

// A run in progress: executes dates phase by phase, each engine isolated, and logs every one of them.
class Run {
 public:
  Run(const store::Store& store, std::int64_t run_id, std::vector<std::string> phases);

  // Portfolios that have failed before in this run; their dates are reported as blocked.
  void block(std::span<const core::Uuid> portfolio_ids) { blocked_.insert(portfolio_ids.begin(), portfolio_ids.end()); }
  // Portfolios that another session is running.
  void set_busy(std::vector<core::Uuid> portfolio_ids) { busy_ = std::move(portfolio_ids); }
  std::int64_t run_id() const noexcept { return run_id_; }
  void set_part(Part part) { part_ = std::move(part); }

  // Runs the phases that write rows which all portfolios share, before the first date of a transaction that computes
  // several: when each transaction locks those before the rows of symbols, no two can wait for each other.
  void run_ahead(engine::Context& context, core::Date last, std::span<const core::Uuid> portfolio_ids);

  // Runs every phase of one date for the portfolios, which must be locked. The context must cover them and the date.
  void run_date(engine::Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids, bool newest,
                const Progress& progress, pg::RowBuffer& result);

  // Writes the log of the dates that were run.
  void write_jobs();

  // Runs the engines that write rows which portfolios share, for portfolios whose own rows are written already.
  void run_shared(engine::Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

  // Runs what a phase has its shards leave to their leader. What it wrote counts as a part of the phase, shard 0.
  void run_for_shards(engine::Context& context, const Phase& phase, const Engine& engine, core::Date day,
                      std::span<const core::Uuid> portfolio_ids);

 private:
  struct Outcome {
    std::string status;
    engine::Report report;
  };

  Outcome run_phase(engine::Context& context, const Phase& phase, core::Date day,
                    std::span<const core::Uuid> portfolio_ids, bool newest);
  engine::Report run_engine(engine::Context& context, const Phase& phase, const Engine& engine, core::Date day,
                            std::span<const core::Uuid> portfolio_ids);
  void log_portfolios(const Phase& phase, const store::Job& job, const engine::Report& report,
                      const std::optional<LoggedFailure>& logged);
  std::vector<core::Uuid> open_portfolios(std::span<const core::Uuid> portfolio_ids, const Phase& phase,
                                          core::Date day);
  void log_blocked(core::Date day, std::span<const core::Uuid> portfolio_ids);
  bool requested(const Phase& phase) const;
  void show(core::Date day, const Progress& progress, const Phase& phase) const;
  void find_unchanged(engine::Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);
  void mark_complete(engine::Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids);

  store::Store store_;
  std::int64_t run_id_;
  std::vector<std::string> phases_;
  std::set<core::Uuid> blocked_;
  std::vector<core::Uuid> busy_;
  std::set<core::Uuid> unchanged_;                       // of the date at hand: stored as their inputs are now
  std::set<std::pair<core::Date, core::Uuid>> waiting_;  // for prices
  Part part_;
  std::vector<store::Job> jobs_;
  std::map<std::string, Outcome> ahead_;  // by phase
};

// The jobs of portfolios of whose date nothing was kept.
std::vector<store::Job> failed_jobs(const store::Store& store, const char* name, core::Date day,
                                    std::span<const core::Uuid> portfolio_ids, const pg::Failure& failure);

// The result of a call that found nothing to run: every phase, skipped, with the reason.
void report_skipped(core::Date day, const std::string& reason, pg::RowBuffer& result);

}  // namespace pb::batch
