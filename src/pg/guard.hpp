// The error bridge between the server (longjmp) and C++ (exceptions), for the sources of src/pg only.
//
// A server error jumps over C++ frames without running destructors, and a C++ exception that reaches the server ends
// the whole cluster. So each call into the server goes through pg_call, and each entry from the server through enter().
#pragma once

#include "pg/server.hpp"

#include "pg/server_error.hpp"

namespace pb::pg {

// Owns the caught ErrorData. The memory hangs below TopMemoryContext because the error may outlive the
// subtransaction in which it was raised; the last reference frees it.
struct ServerError::Payload {
  ErrorData* data = nullptr;
  MemoryContext context = nullptr;

  Payload(ErrorData* data_, MemoryContext context_) noexcept : data(data_), context(context_) {}
  Payload(const Payload&) = delete;
  Payload& operator=(const Payload&) = delete;
  ~Payload() {
    if (context != nullptr) MemoryContextDelete(context);
  }
};

// Copies the error that the server has just raised and throws it. Runs after the jump has landed in pg_call.
[[noreturn]] void throw_current_server_error(MemoryContext restore);

// Calls into the server: whatever the callable raises becomes a ServerError. The callable's own frame, and every
// frame below it, may hold trivially destructible objects only; the result must be trivially destructible too.
template <class F>
auto pg_call(F&& callable) -> decltype(callable()) {
  using Result = decltype(callable());
  MemoryContext context = CurrentMemoryContext;
  sigjmp_buf* outer_handler = PG_exception_stack;
  ErrorContextCallback* outer_callbacks = error_context_stack;
  sigjmp_buf handler;
  if (sigsetjmp(handler, 0) == 0) {
    PG_exception_stack = &handler;
    if constexpr (std::is_void_v<Result>) {
      callable();
      PG_exception_stack = outer_handler;
      error_context_stack = outer_callbacks;
      return;
    } else {
      static_assert(std::is_trivially_destructible_v<Result>, "only plain data may leave pg_call");
      Result result = callable();
      PG_exception_stack = outer_handler;
      error_context_stack = outer_callbacks;
      return result;
    }
  }
  PG_exception_stack = outer_handler;
  error_context_stack = outer_callbacks;
  throw_current_server_error(context);
}

// A palloc'd scratch context for one call into the server, deleted when the scope ends, also by exception.
class ScratchContext {
 public:
  explicit ScratchContext(const char* name);
  ScratchContext(const ScratchContext&) = delete;
  ScratchContext& operator=(const ScratchContext&) = delete;
  ~ScratchContext();

  MemoryContext get() const noexcept { return context_; }

 private:
  MemoryContext context_;
};

}  // namespace pb::pg
