#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <utility>

#include "pg/server_error.hpp"

namespace pb::pg {

// A subtransaction as a scope: release() keeps its work; leaving the scope otherwise rolls it back.
class Subtransaction {
 public:
  Subtransaction();
  Subtransaction(const Subtransaction&) = delete;
  Subtransaction& operator=(const Subtransaction&) = delete;
  ~Subtransaction();

  void release();

 private:
  void* memory_context_;
  void* resource_owner_;
  bool open_ = true;
};

// Runs the body in a subtransaction. A failure rolls back what the body did, and only that, and is returned; what is
// not to be survived (see describe_current_exception) passes through.
template <class Body>
std::optional<Failure> isolate(Body&& body, Isolated isolated = Isolated::engine) {
  try {
    Subtransaction scope;
    std::forward<Body>(body)();
    scope.release();
    return std::nullopt;
  } catch (const Cancelled&) {
    throw;
  } catch (...) {
    return describe_current_exception(isolated);
  }
}

}  // namespace pb::pg
