// A date whose portfolios are divided among background workers: the plan, the shards, and what is one for the date.
#include "batch/shards.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "batch/commit.hpp"
#include "batch/run_notices.hpp"
#include "core/text/json.hpp"
#include "pg/function.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"
#include "pg/workers.hpp"
#include "store/shard_store.hpp"
#include "store/snapshot_store.hpp"

namespace pb::batch {

using core::Date;
using core::Uuid;
using engine::counted;

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

using Members = std::vector<std::vector<const Holding*>>;

// The symbols of each shard: each symbol belongs to the one, of those that hold it, that has the fewest so far.
std::vector<std::vector<std::string>> divide_symbols(const Members& members) {
  std::map<std::string, std::set<std::size_t>> holders;
  for (std::size_t shard = 0; shard < members.size(); ++shard)
    for (const Holding* holding : members[shard])
      if (!holding->blocked)
        for (const std::string& symbol : holding->symbols) holders[symbol].insert(shard);
  std::vector<std::vector<std::string>> symbols(members.size());
  for (const auto& [symbol, shards] : holders) {
    const auto fewest = [&](std::size_t a, std::size_t b) { return symbols[a].size() < symbols[b].size(); };
    symbols[*std::min_element(shards.begin(), shards.end(), fewest)].push_back(symbol);
  }
  return symbols;
}

// With its penalty chosen over all symbols of a date, a symbol's ridge model depends on what else is estimated with it.
bool can_divide(const pg::Settings& settings) { return settings.ridge_alpha_choice != "gcv"; }

}  // namespace

std::size_t shard_count(const store::Store& store, std::int32_t workers, std::size_t portfolios) {
  if (!can_divide(store.settings())) return 1;
  const auto granted = static_cast<std::size_t>(std::clamp(workers, 1, std::max(1, pg::worker_limit())));
  return std::min(granted, portfolios);
}

ShardPlan plan_shards(const store::Store& store, std::span<const Uuid> portfolio_ids, Date day, std::size_t shards,
                      const std::set<Uuid>& blocked) {
  const std::vector<Holding> all = holdings(store, portfolio_ids, day, blocked);
  Members members(shards);
  std::vector<std::size_t> load(shards, 0);
  for (const Holding& holding : all) {
    const auto least = static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    members[least].push_back(&holding);
    load[least] += holding.positions + 1;
  }
  ShardPlan plan;
  for (const auto& shard : members) {
    for (const Holding* holding : shard) plan.portfolio_ids.push_back(holding->portfolio_id);
    plan.portfolio_counts.push_back(static_cast<std::int32_t>(shard.size()));
  }
  for (const auto& symbols : divide_symbols(members)) {
    plan.symbols.insert(plan.symbols.end(), symbols.begin(), symbols.end());
    plan.symbol_counts.push_back(static_cast<std::int32_t>(symbols.size()));
  }
  return plan;
}

namespace {

// One shard on its way through a worker.
struct Shard {
  std::vector<Uuid> portfolio_ids;
  std::vector<std::string> other_symbols;  // whose models another shard writes
  pg::TaskOutcome outcome = {};
};

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

std::string place_of(const SessionOfRun& session) {
  return core::to_iso(session.day) + " (" + std::to_string(session.progress.done + 1) + " of " +
         std::to_string(session.progress.total) + ")";
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
          .label = "portfolio_batch run " + std::to_string(session.run_id) + ": " + place_of(session) + ", shard " +
                   std::to_string(number) + " of " + std::to_string(shards)};
}

}  // namespace

void run_shard(const store::Store& store, const SessionOfRun& session, const std::vector<std::string>& other_symbols,
               std::int64_t number, std::int64_t shards) {
  const auto ids = store::resolve_portfolios(store, session.portfolio_ids);
  const auto locked = store::lock_portfolios(store, ids);
  if (locked.empty()) return;
  const store::Store stamped = store.for_run({.run_id = session.run_id}).for_shard(other_symbols);
  Run run = open_run(stamped, session.run_id, ids, locked);
  run.set_part({.phases = PhaseKeys().sharded, .shard = number, .shards = shards});
  engine::Context context(stamped, locked, session.day, last_day(store, locked, session.day));
  pg::RowBuffer result = result_table();
  run.run_date(context, session.day, locked, session.newest, session.progress, result);
  run.write_jobs();
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
  const EndOfWork end(call);
  call.begin_work();
  pg::show_activity("portfolio_batch run " + std::to_string(session.run_id) + ": " + place_of(session) +
                    ", waiting for workers");
  pg::WorkersReport report = pg::run_in_workers(call.own_library(), tasks);
  for (std::size_t i = 0; i < which.size(); ++i) shards[which[i]].outcome = std::move(report.outcomes[i]);
  return report.most;
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
  for (int attempt = 1; !which.empty() && attempt <= attempts; ++attempt) {
    if (attempt > 1) pause_before(attempt);
    workers = std::max(workers, run_in_workers(call, session, shards, which));
    which = to_try_again(shards);
  }
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (shards[i].outcome.started) continue;
    shards[i].outcome.failure = commit_work(call, [&](const store::Store& store) {
      SessionOfRun own = session;
      own.portfolio_ids = shards[i].portfolio_ids;
      run_shard(store, own, shards[i].other_symbols, static_cast<std::int64_t>(i + 1),
                static_cast<std::int64_t>(shards.size()));
    });
  }
  return workers;
}

void tell_of_missing_workers(int workers, std::size_t shards) {
  if (static_cast<std::size_t>(workers) >= shards) return;
  pg::notice("portfolio_batch: " + std::to_string(workers) + " of " +
                 counted(static_cast<std::int64_t>(shards), "worker") + " could be started, the shards are run by " +
                 (workers == 0 ? "this session" : "those"),
             "max_worker_processes is " + std::to_string(pg::worker_limit()) +
                 ", for everything that runs in the background of the server.");
}

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
    say(part.shard > 0 ? "shard " + std::to_string(part.shard) + ": " + part.text : part.text);
    ++parts_;
  }

  void add_failed(const Shard& shard) {
    const auto portfolios = static_cast<std::int64_t>(shard.portfolio_ids.size());
    job_.failed += portfolios;
    ran_ = true;
    say("a shard of " + counted(portfolios, "portfolio") + " failed (" + shard.outcome.failure->sqlstate + ")");
  }

  void add_busy(std::int64_t portfolios) {
    if (!ran_ || portfolios == 0) return;
    job_.skipped += portfolios;
    say(counted(portfolios, "portfolio") + " skipped: already running");
  }

  store::Job job(int workers) {
    if (ran_) job_.status = job_.failed == 0 ? "success" : job_.processed > 0 ? "partial" : "failed";
    job_.detail_json = core::JsonObject().add("text", text_).add("workers", static_cast<std::int64_t>(workers)).str();
    return job_;
  }

 private:
  void say(const std::string& text) { text_ += (text_.empty() ? "" : "; ") + text; }

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
    for (const Uuid& id : store::failed_portfolios(store_, session_.run_id)) blocked_.insert(id);
    for (const Shard& shard : shards_)
      for (const Uuid& id : shard.portfolio_ids)
        if (!blocked_.contains(id)) open_.push_back(id);
    std::sort(open_.begin(), open_.end());
    write_totals();
    open_ = store::lock_portfolios(store_, open_);
    complete_shared_rows();
    note_session(session_.day, place_of(session_), worst_, workers_);
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
      if (phase.key == std::string("2"))
        for (const Shard& shard : shards_)
          if (shard.outcome.failure) total.add_failed(shard);
      total.add_busy(busy_);
      jobs.push_back(total.job(workers_));
      note(jobs.back());
    }
    store::write_jobs(store_, session_.run_id, jobs);
  }

  void note(const store::Job& job) {
    risk_failed_ = risk_failed_ || (job.phase == "3" && job.failed > 0);
    if (job.status == "failed" || (job.status == "partial" && worst_ == "success")) worst_ = job.status;
  }

  // Whoever was to write the rows of a symbol, or of the date, may have come to nothing. Those who hold the symbol as
  // well have left it alone, so it is made up for here; rows that are there already are not written again.
  void complete_shared_rows() {
    const auto with_snapshot = store::net_asset_values(store_, session_.day, open_);
    const bool failed = std::any_of(shards_.begin(), shards_.end(),
                                    [](const Shard& shard) { return shard.outcome.failure.has_value(); });
    if (with_snapshot.empty() || (!failed && !risk_failed_ && with_snapshot.size() == all_open())) return;
    std::vector<Uuid> ids;
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
  bool risk_failed_ = false;
};

// What begins a date: its phases before the shards, and the plan of these. No plan when every portfolio is being run
// elsewhere.
struct Beginning {
  std::optional<ShardPlan> plan = std::nullopt;
  std::int64_t busy = 0;
};

Beginning begin_date(const store::Store& store, const SessionOfRun& session, std::int32_t workers) {
  engine::require_closed_session(store, session.day);
  const auto ids = store::resolve_portfolios(store, session.portfolio_ids);
  const auto locked = store::lock_portfolios(store, ids);
  if (locked.empty()) return {};
  const store::Store stamped = store.for_run({.run_id = session.run_id});
  Run run = open_run(stamped, session.run_id, ids, locked);
  run.set_part({.phases = PhaseKeys().before});
  engine::Context context(stamped, locked, session.day, session.day);
  pg::RowBuffer result = result_table();
  run.run_date(context, session.day, locked, session.newest, session.progress, result);
  run.write_jobs();
  for (const Phase& phase : all_phases())
    if (phase.before_shards && (session.newest || !phase.newest_date_only))
      run.run_for_shards(context, phase, *phase.before_shards, session.day, locked);
  const auto failed = store::failed_portfolios(store, session.run_id);
  return {plan_shards(stamped, locked, session.day, shard_count(store, workers, locked.size()),
                      std::set<Uuid>(failed.begin(), failed.end())),
          static_cast<std::int64_t>(ids.size() - locked.size())};
}

}  // namespace

std::optional<pg::Failure> run_session_in_workers(const pg::Call& call, const SessionOfRun& session,
                                                  std::int32_t workers) {
  Beginning beginning;
  auto failure = commit_work(call, [&](const store::Store& store) { beginning = begin_date(store, session, workers); });
  if (failure || !beginning.plan) return failure;
  std::vector<Shard> shards = shards_of(*beginning.plan);
  const int most = run_all(call, session, shards);
  // What the workers committed is seen by the next transaction, whatever its isolation level.
  pg::commit();
  return commit_work(call, [&](const store::Store& store) {
    if (store.settings().progress) tell_of_missing_workers(most, shards.size());
    Closing(store.for_run({.run_id = session.run_id}), session, shards, most, beginning.busy).run();
  });
}

}  // namespace pb::batch
