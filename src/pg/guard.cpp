#include "pg/guard.hpp"

#include "core/error.hpp"
#include "pg/interrupts.hpp"

namespace pb::pg {

void throw_current_server_error(MemoryContext restore) {
  // CopyErrorData can itself fail for want of memory; then the server's own handler takes over, which is the best
  // that can be done with no memory left.
  MemoryContext context = AllocSetContextCreate(TopMemoryContext, "portfolio_batch error", ALLOCSET_SMALL_SIZES);
  MemoryContextSwitchTo(context);
  ErrorData* data = CopyErrorData();
  FlushErrorState();
  MemoryContextSwitchTo(restore);
  std::shared_ptr<ServerError::Payload> payload;
  try {
    payload = std::make_shared<ServerError::Payload>(data, context);
  } catch (...) {
    MemoryContextDelete(context);
    throw;
  }
  throw ServerError(std::move(payload));
}

const char* ServerError::what() const noexcept {
  const char* message = payload_->data->message;
  return message != nullptr ? message : "server error without a message";
}

std::string ServerError::sqlstate() const {
  // The server packs the five characters six bits each; unpack_sql_state writes to a static buffer and never fails.
  return unpack_sql_state(payload_->data->sqlerrcode);
}

std::string ServerError::message() const { return what(); }

std::string ServerError::detail() const {
  return payload_->data->detail != nullptr ? std::string(payload_->data->detail) : std::string();
}

std::string ServerError::hint() const {
  return payload_->data->hint != nullptr ? std::string(payload_->data->hint) : std::string();
}

Failure describe_current_exception() {
  try {
    throw;
  } catch (const ServerError& error) {
    const int code = error.payload()->data->sqlerrcode;
    // 57xxx: canceled, shut down, terminated. These end the statement, whatever phase they met.
    if (ERRCODE_TO_CATEGORY(code) == ERRCODE_OPERATOR_INTERVENTION) throw;
    return {error.sqlstate(), error.message(), error.detail(), error.hint()};
  } catch (const core::Error& error) {
    return {error.sqlstate(), error.message(), error.detail(), error.hint()};
  } catch (const std::bad_alloc&) {
    return {core::sqlstate::out_of_memory, "out of memory", "", "Lower portfolio_batch.max_memory or process less."};
  } catch (const std::exception& error) {
    return {core::sqlstate::internal_error, error.what(), "", ""};
  }
}

ScratchContext::ScratchContext(const char* name)
    : context_(
          pg_call([name] { return AllocSetContextCreateInternal(CurrentMemoryContext, name, 0, 8192, 8388608); })) {}

ScratchContext::~ScratchContext() { MemoryContextDelete(context_); }

}  // namespace pb::pg
