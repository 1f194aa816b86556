// Statements in background workers of the server.
//
// Parallel query cannot do this work: a parallel worker may not write, and its results are tuples. So the session that
// runs the batch (the leader) starts dynamic background workers and hands each of them one statement, which a worker
// executes in a transaction of its own. The design follows parallel query where it can, so that a worker behaves like
// the session that started it.
//
// The leader creates one dynamic shared memory segment for all tasks of a call. A table of contents (shm_toc) finds the
// parts of it: the identity of the caller, its settings and loaded libraries in the format of parallel query, the
// message area in which workers exchange estimates (message_area.hpp), and for each task its statement, its label for
// pg_stat_activity, and a message queue (shm_mq) from the worker to the leader.
//
// The leader registers as many workers as there are tasks. Where the server has no free slot, the task waits until a
// worker of an earlier task has ended. If no worker at all could be registered, the tasks are reported as not started,
// and the caller runs them itself. Then the leader sleeps on its latch. A worker that sends a message or ends sets the
// latch, and the leader reads all queues without blocking. Notices are raised again in the leader, errors are kept as
// the outcome of the task, and the message 'X' says that the worker has committed. A queue without its sender means
// that the worker has ended; without an error and without 'X' it has crashed or was terminated.
//
// A worker finds the segment by the handle in its argument and the number of its task in bgw_extra. It attaches to its
// queue first, so that every later error reaches the leader. It connects as the authenticated user of the leader,
// restores libraries and settings, and sets session user and role. It starts a transaction with the isolation level of
// the leader, takes the current user with its security context, executes the statement, commits, and sends 'X'. The
// caller chooses statements that share no locks with its own transaction, because the deadlock detector does not see
// that the leader waits for a worker.
//
// When the leader is canceled or fails, the destructor of WorkerPool terminates the workers and waits for their end
// before the error goes on. Should the leader exit without unwinding, the callback on detaching the segment terminates
// them. No C++ object with a destructor is alive in a worker when the server may jump: an error ends the process, and
// with it the transaction.
#include "pg/workers.hpp"

#include <algorithm>

#include "pg/function.hpp"
#include "pg/guard.hpp"
#include "pg/interrupts.hpp"
#include "pg/message_area.hpp"
#include "pg/work.hpp"

extern "C" {
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "storage/shm_toc.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"
}

namespace pb::pg {

namespace {

constexpr std::uint64_t segment_magic = 0x70625f776f726b65;
constexpr Size queue_size = 16384;

// The parts of the shared segment.
constexpr std::uint64_t caller_key = 1;
constexpr std::uint64_t settings_key = 2;
constexpr std::uint64_t libraries_key = 3;
constexpr std::uint64_t messages_key = 4;
constexpr std::uint64_t first_task_key = 16;
enum TaskPart : std::uint64_t { statement_part, label_part, queue_part, task_parts };

std::uint64_t task_key(int task, TaskPart part) {
  return first_task_key + static_cast<std::uint64_t>(task) * task_parts + part;
}

// Who the caller is and how its transaction reads, apart from its settings.
struct Caller {
  Oid database;
  Oid authenticated_user;
  Oid session_user;
  Oid role;
  Oid current_user;
  int security_context;
  int isolation_level;
  bool session_user_is_superuser;
  bool read_only;
};

Caller identity_of_caller() {
  Caller caller{};
  caller.database = MyDatabaseId;
  caller.authenticated_user = GetAuthenticatedUserId();
  caller.session_user = GetSessionUserId();
  caller.session_user_is_superuser = GetSessionUserIsSuperuser();
  caller.role = GetCurrentRoleId();
  const Identity identity = Identity::of_caller();
  caller.current_user = identity.user;
  caller.security_context = identity.security_context;
  caller.isolation_level = XactIsoLevel;
  caller.read_only = XactReadOnly;
  return caller;
}

// A task and its worker, as the leader sees them. Plain data in a context of its own: the server frees nothing of it on
// a jump.
struct WorkerSlot {
  BackgroundWorkerHandle* handle;  // nullptr: no process
  shm_mq_handle* queue;
  bool done;  // the message that follows its commit has arrived
};

struct WorkerSlots {
  int count;
  WorkerSlot* slots;
};

void terminate_all(const WorkerSlots& all) {
  for (int i = 0; i < all.count; ++i)
    if (all.slots[i].handle != nullptr) TerminateBackgroundWorker(all.slots[i].handle);
}

// The last resort, for a leader that ends without unwinding: its workers are terminated with it.
void terminate_on_detach(dsm_segment*, Datum slots) {
  terminate_all(*reinterpret_cast<WorkerSlots*>(DatumGetPointer(slots)));
}

void store_text(shm_toc* toc, std::uint64_t key, const std::string& text) {
  auto* copy = static_cast<char*>(shm_toc_allocate(toc, text.size() + 1));
  std::memcpy(copy, text.c_str(), text.size() + 1);
  shm_toc_insert(toc, key, copy);
}

// The leader's side: one segment with everything the workers need, and a queue from each of them.
class WorkerPool {
 public:
  WorkerPool(const std::string& library, std::span<const WorkerTask> tasks)
      : library_(library), tasks_(tasks), outcomes_(tasks.size()) {
    if (library.size() >= BGW_MAXLEN)
      throw core::Error(core::sqlstate::object_not_ready, "the path of the extension's library is too long for workers",
                        "It is " + library + ".", "Install the extension below the server's $libdir.");
    context_ = pg_call([] {
      return AllocSetContextCreateInternal(TopMemoryContext, "portfolio_batch workers", ALLOCSET_SMALL_SIZES);
    });
    try {
      pg_call([&] { make_segment(); });
    } catch (...) {
      release();
      throw;
    }
  }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool() { release(); }

  WorkersReport run() {
    start_pending();
    while (running_ > 0) {
      poll();
      bool ended = false;
      for (int i = 0; i < slots_->count; ++i)
        if (slots_->slots[i].handle != nullptr && !receive_messages(i)) ended = true;
      if (ended)
        start_pending();
      else
        wait();
    }
    return {std::move(outcomes_), most_running_};
  }

 private:
  // The server limits the number of segments. Without one no worker can be started, which is no error.
  void make_segment() {
    MemoryContext outer = MemoryContextSwitchTo(context_);
    const int count = static_cast<int>(tasks_.size());
    auto* slots = static_cast<WorkerSlots*>(palloc0(sizeof(WorkerSlots)));
    slots->slots = static_cast<WorkerSlot*>(palloc0(sizeof(WorkerSlot) * static_cast<Size>(count)));
    slots->count = count;
    slots_ = slots;
    shm_toc_estimator estimator;
    shm_toc_initialize_estimator(&estimator);
    const Size settings_size = EstimateGUCStateSpace();
    const Size libraries_size = EstimateLibraryStateSpace();
    shm_toc_estimate_chunk(&estimator, sizeof(Caller));
    shm_toc_estimate_chunk(&estimator, settings_size);
    shm_toc_estimate_chunk(&estimator, libraries_size);
    shm_toc_estimate_chunk(&estimator, message_area_size(count));
    for (const WorkerTask& task : tasks_) {
      shm_toc_estimate_chunk(&estimator, task.statement.size() + 1);
      shm_toc_estimate_chunk(&estimator, task.label.size() + 1);
      shm_toc_estimate_chunk(&estimator, queue_size);
    }
    shm_toc_estimate_keys(&estimator, first_task_key + static_cast<Size>(count) * task_parts);
    const Size size = shm_toc_estimate(&estimator);
    segment_ = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
    if (segment_ != nullptr) {
      dsm_pin_mapping(segment_);
      fill_segment(shm_toc_create(segment_magic, dsm_segment_address(segment_), size), settings_size, libraries_size);
      on_dsm_detach(segment_, terminate_on_detach, PointerGetDatum(slots));
    }
    MemoryContextSwitchTo(outer);
  }

  void fill_segment(shm_toc* toc, Size settings_size, Size libraries_size) {
    auto* caller = static_cast<Caller*>(shm_toc_allocate(toc, sizeof(Caller)));
    *caller = identity_of_caller();
    shm_toc_insert(toc, caller_key, caller);
    auto* settings = static_cast<char*>(shm_toc_allocate(toc, settings_size));
    SerializeGUCState(settings_size, settings);
    shm_toc_insert(toc, settings_key, settings);
    auto* libraries = static_cast<char*>(shm_toc_allocate(toc, libraries_size));
    SerializeLibraryState(libraries_size, libraries);
    shm_toc_insert(toc, libraries_key, libraries);
    void* messages = shm_toc_allocate(toc, message_area_size(slots_->count));
    create_message_area(messages, segment_, slots_->count);
    shm_toc_insert(toc, messages_key, messages);
    for (int i = 0; i < slots_->count; ++i) {
      const WorkerTask& task = tasks_[static_cast<std::size_t>(i)];
      store_text(toc, task_key(i, statement_part), task.statement);
      store_text(toc, task_key(i, label_part), task.label);
      shm_mq* queue = shm_mq_create(shm_toc_allocate(toc, queue_size), queue_size);
      shm_toc_insert(toc, task_key(i, queue_part), queue);
      shm_mq_set_receiver(queue, MyProc);
      slots_->slots[i].queue = shm_mq_attach(queue, segment_, nullptr);
    }
  }

  // Starts as many of the tasks that are left as there are free slots.
  void start_pending() {
    if (segment_ == nullptr) return;
    for (; next_ < slots_->count; ++next_) {
      if (!pg_call([&] { return start(next_); })) return;
      outcomes_[static_cast<std::size_t>(next_)].started = true;
      most_running_ = std::max(most_running_, ++running_);
    }
  }

  bool start(int task) {
    BackgroundWorker worker{};
    snprintf(worker.bgw_name, BGW_MAXLEN, "portfolio_batch worker of process %d", MyProcPid);
    strlcpy(worker.bgw_type, "portfolio_batch worker", BGW_MAXLEN);
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = BGW_NEVER_RESTART;
    strlcpy(worker.bgw_library_name, library_.c_str(), BGW_MAXLEN);
    strlcpy(worker.bgw_function_name, "pb_worker_main", BGW_MAXLEN);
    worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment_));
    std::memcpy(worker.bgw_extra, &task, sizeof task);
    worker.bgw_notify_pid = MyProcPid;
    MemoryContext outer = MemoryContextSwitchTo(context_);
    WorkerSlot& slot = slots_->slots[task];
    const bool granted = RegisterDynamicBackgroundWorker(&worker, &slot.handle);
    if (granted)
      shm_mq_set_handle(slot.queue, slot.handle);
    else
      slot.handle = nullptr;
    MemoryContextSwitchTo(outer);
    return granted;
  }

  // Handles the messages in the queue of a worker; false when the worker has ended.
  bool receive_messages(int task) {
    for (;;) {
      Size size = 0;
      void* data = nullptr;
      shm_mq_handle* queue = slots_->slots[task].queue;
      const shm_mq_result result = pg_call([&] { return shm_mq_receive(queue, &size, &data, true); });
      if (result == SHM_MQ_WOULD_BLOCK) return true;
      if (result == SHM_MQ_DETACHED) break;
      handle_message(task, static_cast<char*>(data), static_cast<int>(size));
    }
    finish(task);
    return false;
  }

  void handle_message(int task, char* data, int size) {
    const ScratchContext scratch("portfolio_batch message of a worker");
    struct Message {
      char kind;
      const char *sqlstate, *message, *detail, *hint;
    };
    const Message message = pg_call([&] {
      MemoryContext outer = MemoryContextSwitchTo(scratch.get());
      StringInfoData text;
      initStringInfo(&text);
      appendBinaryStringInfo(&text, data, size);
      Message result{};
      result.kind = static_cast<char>(pq_getmsgbyte(&text));
      if (result.kind == 'E' || result.kind == 'N') {
        ErrorData error{};
        pq_parse_errornotice(&text, &error);
        result.sqlstate = pstrdup(unpack_sql_state(error.sqlerrcode));
        result.message = error.message;
        result.detail = error.detail;
        result.hint = error.hint;
        if (result.kind == 'N') ThrowErrorData(&error);
      }
      MemoryContextSwitchTo(outer);
      return result;
    });
    const auto text = [](const char* value) { return std::string(value != nullptr ? value : ""); };
    if (message.kind == 'X') slots_->slots[task].done = true;
    if (message.kind == 'E')
      outcomes_[static_cast<std::size_t>(task)].failure =
          Failure{text(message.sqlstate), text(message.message), text(message.detail), text(message.hint)};
  }

  // Its slot is free only when the process has gone.
  void finish(int task) {
    WorkerSlot& slot = slots_->slots[task];
    pg_call([&] { WaitForBackgroundWorkerShutdown(slot.handle); });
    slot.handle = nullptr;
    --running_;
    TaskOutcome& outcome = outcomes_[static_cast<std::size_t>(task)];
    if (!slot.done && !outcome.failure)
      outcome.failure = Failure{core::sqlstate::object_not_ready, "background worker ended without a result", "",
                                "The server log may say more."};
  }

  static void wait() {
    pg_call([] {
      WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 1000, PG_WAIT_EXTENSION);
      ResetLatch(MyLatch);
    });
  }

  // Stops the workers that still run. Their queues are detached first: a worker that is stopped must not wait until
  // somebody reads its messages.
  void release() noexcept {
    // As by HOLD_INTERRUPTS; an error resets the count, hence it is kept here.
    const uint32 held = InterruptHoldoffCount;
    InterruptHoldoffCount = held + 1;
    try {
      if (slots_ != nullptr && segment_ != nullptr) pg_call([&] { stop(); });
    } catch (...) {
      // The workers have been told to finish; what failed is the waiting for it.
    }
    InterruptHoldoffCount = held;
    // A segment that could not be let go of still refers to the slots; it is freed with the session.
    if (segment_ == nullptr && context_ != nullptr) MemoryContextDelete(std::exchange(context_, nullptr));
  }

  void stop() {
    terminate_all(*slots_);
    for (int i = 0; i < slots_->count; ++i)
      if (slots_->slots[i].handle != nullptr && slots_->slots[i].queue != nullptr)
        shm_mq_detach(std::exchange(slots_->slots[i].queue, nullptr));
    for (int i = 0; i < slots_->count; ++i)
      if (BackgroundWorkerHandle* handle = std::exchange(slots_->slots[i].handle, nullptr))
        WaitForBackgroundWorkerShutdown(handle);
    cancel_on_dsm_detach(segment_, terminate_on_detach, PointerGetDatum(slots_));
    dsm_detach(std::exchange(segment_, nullptr));
  }

  const std::string& library_;
  std::span<const WorkerTask> tasks_;
  std::vector<TaskOutcome> outcomes_;
  MemoryContext context_ = nullptr;
  dsm_segment* segment_ = nullptr;
  WorkerSlots* slots_ = nullptr;
  int next_ = 0;
  int running_ = 0;
  int most_running_ = 0;
};

// The worker's side. It holds no C++ object that needs a destructor: an error ends the process, which rolls back.

struct Attached {
  shm_toc* toc;
  shm_mq_handle* queue;
};

// From then on the leader gets the worker's errors and notices through the queue.
Attached attach(dsm_handle segment_handle, int task) {
  CurrentResourceOwner = ResourceOwnerCreate(nullptr, "portfolio_batch worker");
  CurrentMemoryContext = AllocSetContextCreate(TopMemoryContext, "portfolio_batch worker", ALLOCSET_DEFAULT_SIZES);
  dsm_segment* segment = dsm_attach(segment_handle);
  shm_toc* toc = segment == nullptr ? nullptr : shm_toc_attach(segment_magic, dsm_segment_address(segment));
  if (toc == nullptr)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the session that started this worker has gone, or is not of portfolio_batch")));
  auto* queue = static_cast<shm_mq*>(shm_toc_lookup(toc, task_key(task, queue_part), false));
  shm_mq_set_sender(queue, MyProc);
  Attached attached{toc, shm_mq_attach(queue, segment, nullptr)};
  pq_redirect_to_shm_mq(segment, attached.queue);
  attach_message_area(shm_toc_lookup(toc, messages_key, false), segment, task);
  return attached;
}

// Settings first, because among them are those that the role is checked under.
void assume_identity(const Caller& caller, shm_toc* toc) {
  BackgroundWorkerInitializeConnectionByOid(caller.database, caller.authenticated_user, 0);
  StartTransactionCommand();
  RestoreLibraryState(static_cast<char*>(shm_toc_lookup(toc, libraries_key, false)));
  RestoreGUCState(shm_toc_lookup(toc, settings_key, false));
  if (GetSessionUserId() != caller.session_user)
    SetSessionAuthorization(caller.session_user, caller.session_user_is_superuser);
  if (OidIsValid(caller.role))
    SetConfigOption("role", GetUserNameFromId(caller.role, false), PGC_USERSET, PGC_S_SESSION);
  CommitTransactionCommand();
  // What is sent to the leader is in the encoding of the database, whatever that of its client is.
  SetClientEncoding(GetDatabaseEncoding());
}

void execute_task(const Caller& caller, const char* statement) {
  StartTransactionCommand();
  XactIsoLevel = caller.isolation_level;
  XactReadOnly = caller.read_only;
  SetUserIdAndSecContext(caller.current_user, caller.security_context);
  PushActiveSnapshot(GetTransactionSnapshot());
  const int connected = SPI_connect();
  const int executed = connected == SPI_OK_CONNECT ? SPI_execute(statement, false, 0) : connected;
  if (executed < 0) elog(ERROR, "a statement of a worker failed: %s", SPI_result_code_string(executed));
  SPI_finish();
  PopActiveSnapshot();
  CommitTransactionCommand();
}

}  // namespace

WorkersReport run_in_workers(const std::string& library, std::span<const WorkerTask> tasks) {
  if (tasks.empty()) return {};
  return WorkerPool(library, tasks).run();
}

int worker_limit() { return max_worker_processes; }

}  // namespace pb::pg

extern "C" {

PB_EXPORT void pb_worker_main(Datum segment);

void pb_worker_main(Datum segment) {
  using namespace pb::pg;
  // Told to finish, it rolls back and says so, like any session.
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  int task = 0;
  std::memcpy(&task, MyBgworkerEntry->bgw_extra, sizeof task);
  const Attached attached = attach(DatumGetUInt32(segment), task);
  shm_toc* toc = attached.toc;
  const auto& caller = *static_cast<const Caller*>(shm_toc_lookup(toc, caller_key, false));
  assume_identity(caller, toc);
  debug_query_string = static_cast<const char*>(shm_toc_lookup(toc, task_key(task, label_part), false));
  SetCurrentStatementStartTimestamp();
  pgstat_report_activity(STATE_RUNNING, debug_query_string);
  execute_task(caller, static_cast<const char*>(shm_toc_lookup(toc, task_key(task, statement_part), false)));
  pgstat_report_stat(true);
  pgstat_report_activity(STATE_IDLE, nullptr);
  shm_mq_send(attached.queue, 1, "X", false, true);
}
}
