#include "pg/workers.hpp"

#include <algorithm>

#include "pg/board_seats.hpp"
#include "pg/function.hpp"
#include "pg/guard.hpp"
#include "pg/interrupts.hpp"
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
constexpr std::uint64_t board_key = 4;
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

Caller describe_caller() {
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

// A task as its leader follows it. Plain data in a context of its own: the server frees nothing of it on a jump.
struct Member {
  BackgroundWorkerHandle* handle;  // nullptr: not at work
  shm_mq_handle* queue;
  bool done;  // it has said so, after its commit
};

struct Members {
  int count;
  Member* all;
};

void terminate_all(const Members& members) {
  for (int i = 0; i < members.count; ++i)
    if (members.all[i].handle != nullptr) TerminateBackgroundWorker(members.all[i].handle);
}

// The last resort: a leader that ends without unwinding takes its workers with it.
void segment_is_going(dsm_segment*, Datum members) { terminate_all(*reinterpret_cast<Members*>(members)); }

const char* put_text(shm_toc* toc, std::uint64_t key, const std::string& text) {
  auto* place = static_cast<char*>(shm_toc_allocate(toc, text.size() + 1));
  std::memcpy(place, text.c_str(), text.size() + 1);
  shm_toc_insert(toc, key, place);
  return place;
}

// The leader's side: one segment with everything the workers need, and a queue from each of them.
class Crew {
 public:
  Crew(const std::string& library, std::span<const WorkerTask> tasks)
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
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() { release(); }

  WorkersReport run() {
    start_waiting();
    while (at_work_ > 0) {
      poll();
      bool ended = false;
      for (int i = 0; i < members_->count; ++i)
        if (members_->all[i].handle != nullptr && !attend(i)) ended = true;
      if (ended)
        start_waiting();
      else
        wait();
    }
    return {std::move(outcomes_), most_};
  }

 private:
  // The server limits the number of segments. Without one no worker can be started, which is no error.
  void make_segment() {
    MemoryContext outer = MemoryContextSwitchTo(context_);
    const int count = static_cast<int>(tasks_.size());
    auto* members = static_cast<Members*>(palloc0(sizeof(Members)));
    members->all = static_cast<Member*>(palloc0(sizeof(Member) * static_cast<Size>(count)));
    members->count = count;
    members_ = members;
    shm_toc_estimator estimator;
    shm_toc_initialize_estimator(&estimator);
    const Size settings_size = EstimateGUCStateSpace();
    const Size libraries_size = EstimateLibraryStateSpace();
    shm_toc_estimate_chunk(&estimator, sizeof(Caller));
    shm_toc_estimate_chunk(&estimator, settings_size);
    shm_toc_estimate_chunk(&estimator, libraries_size);
    shm_toc_estimate_chunk(&estimator, board_size(count));
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
      on_dsm_detach(segment_, segment_is_going, PointerGetDatum(members));
    }
    MemoryContextSwitchTo(outer);
  }

  void fill_segment(shm_toc* toc, Size settings_size, Size libraries_size) {
    auto* caller = static_cast<Caller*>(shm_toc_allocate(toc, sizeof(Caller)));
    *caller = describe_caller();
    shm_toc_insert(toc, caller_key, caller);
    auto* settings = static_cast<char*>(shm_toc_allocate(toc, settings_size));
    SerializeGUCState(settings_size, settings);
    shm_toc_insert(toc, settings_key, settings);
    auto* libraries = static_cast<char*>(shm_toc_allocate(toc, libraries_size));
    SerializeLibraryState(libraries_size, libraries);
    shm_toc_insert(toc, libraries_key, libraries);
    void* board = shm_toc_allocate(toc, board_size(members_->count));
    make_board(board, segment_, members_->count);
    shm_toc_insert(toc, board_key, board);
    for (int i = 0; i < members_->count; ++i) {
      const WorkerTask& task = tasks_[static_cast<std::size_t>(i)];
      put_text(toc, task_key(i, statement_part), task.statement);
      put_text(toc, task_key(i, label_part), task.label);
      shm_mq* queue = shm_mq_create(shm_toc_allocate(toc, queue_size), queue_size);
      shm_toc_insert(toc, task_key(i, queue_part), queue);
      shm_mq_set_receiver(queue, MyProc);
      members_->all[i].queue = shm_mq_attach(queue, segment_, nullptr);
    }
  }

  // Starts as many of the tasks that are left as there are free slots.
  void start_waiting() {
    if (segment_ == nullptr) return;
    for (; next_ < members_->count; ++next_) {
      if (!pg_call([&] { return start(next_); })) return;
      outcomes_[static_cast<std::size_t>(next_)].started = true;
      most_ = std::max(most_, ++at_work_);
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
    Member& member = members_->all[task];
    const bool granted = RegisterDynamicBackgroundWorker(&worker, &member.handle);
    if (granted)
      shm_mq_set_handle(member.queue, member.handle);
    else
      member.handle = nullptr;
    MemoryContextSwitchTo(outer);
    return granted;
  }

  // Takes what a worker has to say; false when it has ended.
  bool attend(int task) {
    for (;;) {
      Size size = 0;
      void* data = nullptr;
      shm_mq_handle* queue = members_->all[task].queue;
      const shm_mq_result result = pg_call([&] { return shm_mq_receive(queue, &size, &data, true); });
      if (result == SHM_MQ_WOULD_BLOCK) return true;
      if (result == SHM_MQ_DETACHED) break;
      hear(task, static_cast<char*>(data), static_cast<int>(size));
    }
    end(task);
    return false;
  }

  void hear(int task, char* data, int size) {
    const ScratchContext scratch("portfolio_batch message of a worker");
    struct Heard {
      char kind;
      const char *sqlstate, *message, *detail, *hint;
    };
    const Heard heard = pg_call([&] {
      MemoryContext outer = MemoryContextSwitchTo(scratch.get());
      StringInfoData text;
      initStringInfo(&text);
      appendBinaryStringInfo(&text, data, size);
      Heard result{};
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
    if (heard.kind == 'X') members_->all[task].done = true;
    if (heard.kind == 'E')
      outcomes_[static_cast<std::size_t>(task)].failure =
          Failure{text(heard.sqlstate), text(heard.message), text(heard.detail), text(heard.hint)};
  }

  // Its slot is free only when the process has gone.
  void end(int task) {
    Member& member = members_->all[task];
    pg_call([&] { WaitForBackgroundWorkerShutdown(member.handle); });
    member.handle = nullptr;
    --at_work_;
    TaskOutcome& outcome = outcomes_[static_cast<std::size_t>(task)];
    if (!member.done && !outcome.failure)
      outcome.failure = Failure{core::sqlstate::object_not_ready, "background worker ended without a result", "",
                                "The server log may say more."};
  }

  static void wait() {
    pg_call([] {
      WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 1000, PG_WAIT_EXTENSION);
      ResetLatch(MyLatch);
    });
  }

  // Leaves nothing running. A worker that is told to stop must not wait for anybody to read what it says.
  void release() noexcept {
    // As by HOLD_INTERRUPTS; an error resets the count, hence it is kept here.
    const uint32 held = InterruptHoldoffCount;
    InterruptHoldoffCount = held + 1;
    try {
      if (members_ != nullptr && segment_ != nullptr) pg_call([&] { stop(); });
    } catch (...) {
      // The workers have been told to end; what failed is the waiting for it.
    }
    InterruptHoldoffCount = held;
    // A segment that could not be let go of still refers to the members; it goes with the session.
    if (segment_ == nullptr && context_ != nullptr) MemoryContextDelete(std::exchange(context_, nullptr));
  }

  void stop() {
    terminate_all(*members_);
    for (int i = 0; i < members_->count; ++i)
      if (members_->all[i].handle != nullptr && members_->all[i].queue != nullptr)
        shm_mq_detach(std::exchange(members_->all[i].queue, nullptr));
    for (int i = 0; i < members_->count; ++i)
      if (BackgroundWorkerHandle* handle = std::exchange(members_->all[i].handle, nullptr))
        WaitForBackgroundWorkerShutdown(handle);
    cancel_on_dsm_detach(segment_, segment_is_going, PointerGetDatum(members_));
    dsm_detach(std::exchange(segment_, nullptr));
  }

  const std::string& library_;
  std::span<const WorkerTask> tasks_;
  std::vector<TaskOutcome> outcomes_;
  MemoryContext context_ = nullptr;
  dsm_segment* segment_ = nullptr;
  Members* members_ = nullptr;
  int next_ = 0;
  int at_work_ = 0;
  int most_ = 0;
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
  take_seat(shm_toc_lookup(toc, board_key, false), segment, task);
  return attached;
}

// Settings first, because among them are those that the role is checked under.
void become(const Caller& caller, shm_toc* toc) {
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
  return Crew(library, tasks).run();
}

int worker_limit() { return max_worker_processes; }

}  // namespace pb::pg

extern "C" {

PB_EXPORT void pb_worker_main(Datum segment);

void pb_worker_main(Datum segment) {
  using namespace pb::pg;
  // Told to end, it rolls back and says so, like any session.
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  int task = 0;
  std::memcpy(&task, MyBgworkerEntry->bgw_extra, sizeof task);
  const Attached attached = attach(DatumGetUInt32(segment), task);
  shm_toc* toc = attached.toc;
  const auto& caller = *static_cast<const Caller*>(shm_toc_lookup(toc, caller_key, false));
  become(caller, toc);
  debug_query_string = static_cast<const char*>(shm_toc_lookup(toc, task_key(task, label_part), false));
  SetCurrentStatementStartTimestamp();
  pgstat_report_activity(STATE_RUNNING, debug_query_string);
  execute_task(caller, static_cast<const char*>(shm_toc_lookup(toc, task_key(task, statement_part), false)));
  pgstat_report_stat(true);
  pgstat_report_activity(STATE_IDLE, nullptr);
  shm_mq_send(attached.queue, 1, "X", false, true);
}
}
