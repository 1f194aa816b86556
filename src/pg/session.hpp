#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <string>

namespace pb::pg {

// The transaction's clock and the wall clock, in microseconds since the Unix epoch.
std::int64_t now_usecs();
std::int64_t clock_usecs();

// Sends a NOTICE to the client at once, without waiting for the statement to end.
void notice(const std::string& message, const std::string& detail = {});

// Shows a text as this session's query in pg_stat_activity until the scope ends.
class Activity {
 public:
  Activity() = default;
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;
  ~Activity();
  void show(const std::string& text);

 private:
  bool changed_ = false;
};

}  // namespace pb::pg
