#include "pg/guard.hpp"

#include "core/error.hpp"

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

bool ServerError::is_interruption() const {
  return ERRCODE_TO_CATEGORY(payload_->data->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION;
}

static bool ends_run(int code) {
  const int category = ERRCODE_TO_CATEGORY(code);
  return category == ERRCODE_OPERATOR_INTERVENTION || category == ERRCODE_INSUFFICIENT_RESOURCES ||
         category == ERRCODE_SYSTEM_ERROR;
}

static bool ends_date(int code) {
  return ERRCODE_TO_CATEGORY(code) == ERRCODE_TRANSACTION_ROLLBACK || code == ERRCODE_LOCK_NOT_AVAILABLE;
}

Failure describe_current_exception(Isolated isolated) {
  try {
    throw;
  } catch (const ServerError& error) {
    const int code = error.payload()->data->sqlerrcode;
    if (ends_run(code) || (isolated == Isolated::engine && ends_date(code))) throw;
    return {error.sqlstate(), error.message(), error.detail(), error.hint()};
  } catch (const core::Error& error) {
    return {error.sqlstate(), error.message(), error.detail(), error.hint()};
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    return {core::sqlstate::internal_error, error.what(), "", ""};
  }
}

bool may_succeed_again(const Failure& failure) {
  const std::string& state = failure.sqlstate;
  return state.size() == 5 && ends_date(MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]));
}

ScratchContext::ScratchContext(const char* name)
    : context_(
          pg_call([name] { return AllocSetContextCreateInternal(CurrentMemoryContext, name, 0, 8192, 8388608); })) {}

ScratchContext::~ScratchContext() { MemoryContextDelete(context_); }

}  // namespace pb::pg
