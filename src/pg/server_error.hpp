#pragma once
#include "core/no_postgres.hpp"

#include <exception>
#include <memory>
#include <string>

namespace pb::pg {

// A server error on its way through C++ frames. It carries the complete ErrorData (SQLSTATE, DETAIL, HINT, CONTEXT,
// constraint and column names), so that the client sees exactly what the server raised.
class ServerError final : public std::exception {
 public:
  struct Payload;

  explicit ServerError(std::shared_ptr<Payload> payload) noexcept : payload_(std::move(payload)) {}

  const char* what() const noexcept override;
  std::string sqlstate() const;
  std::string message() const;
  std::string detail() const;
  std::string hint() const;
  // Class 57: the statement was canceled or the session is to end.
  bool is_interruption() const;

  const std::shared_ptr<Payload>& payload() const noexcept { return payload_; }

 private:
  std::shared_ptr<Payload> payload_;
};

// Thrown by poll() when the statement is canceled or the session is told to end: unwind everything, catch nothing.
// It is deliberately no std::exception, so that code which isolates failures cannot swallow it.
struct Cancelled {};

// What an error says about itself, whichever side it came from; the form in which failures are logged.
struct Failure {
  std::string sqlstate;
  std::string message;
  std::string detail;
  std::string hint;
};

// What is to go on after an error: the other engines and portfolios of a date, or the other dates of a run.
enum class Isolated { engine, date };

// Describes the exception that is being handled, and rethrows it when what is isolated is not to blame for it.
// Cancellation and termination (class 57), want of resources of the server (53, where it is not our own budget of
// memory) and its system errors (58) end the run. A serialization failure or a deadlock (class 40) and a lock that was
// not to be had in time (55P03) end the date, which can be tried again.
Failure describe_current_exception(Isolated isolated = Isolated::engine);

// Whether the same work may succeed when it is tried again in another transaction: the second kind.
bool may_succeed_again(const Failure& failure);

}  // namespace pb::pg
