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

// Describes the exception that is being handled, and rethrows it when it must not be survived: cancellation,
// termination, and lost connections end the whole statement.
Failure describe_current_exception();

}  // namespace pb::pg
