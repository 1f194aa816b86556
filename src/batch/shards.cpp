// A date whose portfolios are divided among background workers (shard_plan.cpp says how). Three parts, each in
// transactions of its own: this session runs the phases that come before the shards and makes the plan; workers run the
// shards, each in one transaction; this session adds up what they logged (shard_totals.cpp).
#include "batch/shards.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "batch/shard_plan.hpp"
#include "batch/shard_totals.hpp"
#include "pg/function.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"
#include "pg/workers.hpp"
#include "store/commit.hpp"
#include "store/run_store.hpp"

namespace pb::batch {

using core::Date;
using core::Uuid;
using engine::counted;

namespace {

// The keys of the phases that come before those that shards run, and of these.
struct PhaseKeys {
  std::vector<std::string> before, sharded;

  PhaseKeys() {
    for (const Phase& phase : all_phases()) (phase.sharded ? sharded : before).push_back(phase.key);
  }
};

// An array as an SQL literal of its text form, each element quoted.
template <class Elements, class Text>
std::string array_literal(const Elements& elements, Text&& text, const char* type) {
  std::string body;
  for (const auto& element : elements) {
    body += body.empty() ? "\"" : ",\"";
    for (const char c : text(element)) {
      if (c == '"' || c == '\\') body.push_back('\\');
      body.push_back(c);
    }
    body += "\"";
  }
  return pg::quote_literal("{" + body + "}") + "::" + type;
}

// The call of run_batch_shard that a worker executes. It is read under the settings of pg::Work, which are the worker's
// from its beginning.
pg::WorkerTask task_of(const std::string& schema, const SessionOfRun& session, const Shard& shard, std::size_t number,
                       std::size_t shards) {
  const std::string ids = array_literal(
      shard.portfolio_ids, [](const Uuid& id) { return to_string(id); }, "uuid[]");
  const std::string symbols = array_literal(
      shard.other_symbols, [](const std::string& symbol) { return symbol; }, "text[]");
  return {.statement = "SELECT " + schema + ".run_batch_shard(" + std::to_string(session.run_id) + ", '" +
                       core::to_iso(session.day) + "', " + ids + ", " + symbols + ", " +
                       (session.newest ? "true" : "false") + ", " + std::to_string(number) + ", " +
                       std::to_string(shards) + ", " + std::to_string(session.progress.done) + ", " +
                       std::to_string(session.progress.total) + ")",
          .label = text_of({.run_id = session.run_id,
                            .session = session.day,
                            .progress = session.progress,
                            .shard = static_cast<std::int64_t>(number),
                            .shards = static_cast<std::int64_t>(shards),
                            .doing = "beginning"})};
}

}  // namespace

void run_shard(const store::Store& store, const SessionOfRun& session, const std::vector<std::string>& other_symbols,
               std::int64_t number, std::int64_t shards) {
  auto open = open_session(store.for_shard(other_symbols, number == 1), session);
  if (!open) return;
  open->run.set_part({.phases = PhaseKeys().sharded, .shard = number, .shards = shards});
  pg::RowBuffer result = result_table();
  open->run_date(session.day, session.newest, session.progress, result);
}

namespace {

// Runs those of the shards that are given in workers, and returns how many there were at the most.
int run_in_workers(const pg::Call& call, const SessionOfRun& session, std::vector<Shard>& shards,
                   std::span<const std::size_t> which) {
  std::vector<pg::WorkerTask> tasks;
  const std::string schema = store::helper_schema;
  for (const std::size_t i : which) tasks.push_back(task_of(schema, session, shards[i], i + 1, shards.size()));
  // Without a store: this session may touch no table while it waits, because the server could not see that a worker
  // which waits for a lock waits for this session.
  const store::EndOfWork end(call);
  call.begin_work();
  pg::show_activity(text_of({.run_id = session.run_id,
                             .session = session.day,
                             .progress = session.progress,
                             .doing = "waiting for workers"}));
  pg::WorkersReport report = pg::run_in_workers(call.own_library(), tasks);
  for (std::size_t i = 0; i < which.size(); ++i) shards[which[i]].outcome = std::move(report.outcomes[i]);
  return report.most_running;
}

// Those that may succeed when they are tried again, because what stopped them was another session.
std::vector<std::size_t> to_try_again(std::span<const Shard> shards) {
  std::vector<std::size_t> again;
  for (std::size_t i = 0; i < shards.size(); ++i)
    if (shards[i].outcome.failure && pg::may_succeed_again(*shards[i].outcome.failure)) again.push_back(i);
  return again;
}

// Runs the shards, those that find no worker in this session, and returns how many workers there were.
int run_all(const pg::Call& call, const SessionOfRun& session, std::vector<Shard>& shards) {
  std::vector<std::size_t> which(shards.size());
  std::iota(which.begin(), which.end(), std::size_t{0});
  int workers = 0;
  for (int attempt = 1; !which.empty() && attempt <= store::attempts; ++attempt) {
    if (attempt > 1) store::pause_before(attempt);
    workers = std::max(workers, run_in_workers(call, session, shards, which));
    which = to_try_again(shards);
  }
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (shards[i].outcome.started) continue;
    shards[i].outcome.failure = store::commit_work(call, [&](const store::Store& store) {
      SessionOfRun own = session;
      own.portfolio_ids = shards[i].portfolio_ids;
      run_shard(store, own, shards[i].other_symbols, static_cast<std::int64_t>(i + 1),
                static_cast<std::int64_t>(shards.size()));
    });
  }
  return workers;
}

void notice_of_missing_workers(int workers, std::size_t shards) {
  if (static_cast<std::size_t>(workers) >= shards) return;
  pg::notice("portfolio_batch: " + std::to_string(workers) + " of " +
                 counted(static_cast<std::int64_t>(shards), "worker") + " could be started, the shards are run by " +
                 (workers == 0 ? "this session" : "those"),
             "max_worker_processes is " + std::to_string(pg::worker_limit()) +
                 ", for everything that runs in the background of the server.");
}

// What begins a date: its phases before the shards, and the plan of these. No plan when every portfolio is being run
// elsewhere.
struct Beginning {
  std::optional<ShardPlan> plan = std::nullopt;
  std::int64_t busy = 0;
};

Beginning begin_date(const store::Store& store, const SessionOfRun& session, std::int32_t workers) {
  auto open = open_session(store, session);
  if (!open) return {};
  open->run.set_part({.phases = PhaseKeys().before});
  engine::Context context(open->store, open->portfolio_ids, session.day, session.day);
  pg::RowBuffer result = result_table();
  open->run.run_date(context, session.day, open->portfolio_ids, session.newest, session.progress, result);
  open->run.write_jobs();
  for (const Phase& phase : all_phases())
    if (phase.before_shards && (session.newest || !phase.newest_date_only))
      open->run.run_for_shards(context, phase, *phase.before_shards, session.day, open->portfolio_ids);
  const auto failed = store::failed_portfolios(store, session.run_id, snapshot_phase().key);
  return {plan_shards(open->store, open->portfolio_ids, session.day, shard_count(workers, open->portfolio_ids.size()),
                      std::set<Uuid>(failed.begin(), failed.end())),
          open->busy};
}

}  // namespace

std::optional<pg::Failure> run_session_in_workers(const pg::Call& call, const SessionOfRun& session,
                                                  std::int32_t workers) {
  Beginning beginning;
  auto failure =
      store::commit_work(call, [&](const store::Store& store) { beginning = begin_date(store, session, workers); });
  if (failure || !beginning.plan) return failure;
  std::vector<Shard> shards = shards_of(*beginning.plan);
  const int most = run_all(call, session, shards);
  // What the workers committed is seen by the next transaction, whatever its isolation level.
  pg::commit();
  return store::commit_work(call, [&](const store::Store& store) {
    if (store.settings().progress) notice_of_missing_workers(most, shards.size());
    close_date(store.for_run({.run_id = session.run_id}), session, shards, most, beginning.busy);
  });
}

}  // namespace pb::batch
