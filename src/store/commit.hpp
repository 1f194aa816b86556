// Pieces of work of a procedure, each in a transaction of its own.
#pragma once
#include "core/no_postgres.hpp"

#include <functional>
#include <optional>

#include "pg/server_error.hpp"
#include "store/store.hpp"

namespace pb::store {

// How often work is tried that other sessions keep from its end: by a deadlock, a serialization failure or a lock.
inline constexpr int attempts = 3;

// Waits before another attempt, longer before the last one, and not as long as the other session.
void pause_before(int attempt);

// Ends the work of a call when the scope ends: none may go on when a transaction ends.
class EndOfWork {
 public:
  explicit EndOfWork(const pg::Call& call) noexcept : call_(call) {}
  EndOfWork(const EndOfWork&) = delete;
  EndOfWork& operator=(const EndOfWork&) = delete;
  ~EndOfWork() { call_.end_work(); }

 private:
  const pg::Call& call_;
};

// Does a piece of work and commits it. Where another session keeps it from its end it is rolled back and tried again;
// what the last attempt met is returned, and the transaction is a new one. Every other error is thrown.
std::optional<pg::Failure> commit_work(const pg::Call& call, const std::function<void(const Store&)>& work);

}  // namespace pb::store
