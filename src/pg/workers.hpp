// Statements in background workers: each in a process and a transaction of its own, with the caller's rights.
#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pg/server_error.hpp"

namespace pb::pg {

// A statement for a worker. Whatever it returns is discarded.
struct WorkerTask {
  std::string statement;
  std::string label;  // what pg_stat_activity shows as its query
};

// What became of a task. One that was not started found no free worker, and nothing of it has happened.
struct TaskOutcome {
  bool started = false;
  std::optional<Failure> failure;  // none: its transaction is committed
};

struct WorkersReport {
  std::vector<TaskOutcome> outcomes;  // one for each task
  int most_running = 0;               // how many workers ran at the same time
};

// Runs each task in a dynamic background worker of the same database, as many at a time as the server grants: a task
// that finds no free slot waits for a worker of another task to end, and is left out when there is none. The workers
// have the caller's authenticated user, session user, role, settings, isolation level and loaded libraries, so that
// privileges and row-level security hold as they do here. Their notices are passed on; their errors are returned and
// not raised. When the caller is canceled or fails, the workers are stopped and have ended before the error goes on.
// The caller should hold no locks that the tasks may want, because the server cannot see that it waits for them.
// library: the extension's, as pg_proc names it (Call::own_library).
WorkersReport run_in_workers(const std::string& library, std::span<const WorkerTask> tasks);

// How many background workers the server has room for at most, whoever uses them.
int worker_limit();

}  // namespace pb::pg
