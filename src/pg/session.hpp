#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <string>

namespace pb::pg {

// The wall clock, in microseconds since the Unix epoch.
std::int64_t clock_usecs();

// Sends a NOTICE to the client at once, without waiting for the statement to end.
void notice(const std::string& message, const std::string& detail = {});

// Shows a text as this session's query in pg_stat_activity, until the statement's own text is shown again.
void show_activity(const std::string& text);
void restore_activity() noexcept;

// Restores the statement's text when the scope ends.
struct ActivityScope {
  ActivityScope() = default;
  ActivityScope(const ActivityScope&) = delete;
  ActivityScope& operator=(const ActivityScope&) = delete;
  ~ActivityScope() { restore_activity(); }
};

}  // namespace pb::pg
