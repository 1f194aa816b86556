// What the HTTP engine is configured with, and what it needs of its surroundings.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace pb::collect::http {

// How long the dispatcher waits for what. Tests wait for less.
struct Delays {
  double retry_base = 1, retry_most = 60;  // decorrelated jitter between attempts
  double minute = 60;                      // after too many requests in a minute
  double failed = 60;                      // breaker: after failures and refused keys, doubled each time it opens
  double refused = 900;                    // breaker: after too many requests or a refusal, doubled likewise
  double most = 6 * 3600;                  // breaker
};

struct NetworkSettings {
  std::string ca_file = {};              // empty: the system's
  bool allow_insecure_loopback = false;  // plain HTTP and loopback addresses; never other private addresses
  std::string proxy = {};                // empty: none, whatever the environment says
  double connect_seconds = 5, total_seconds = 30;
  int slow_bytes = 200, slow_seconds = 10;  // fewer bytes a second for so long end a transfer
  Delays delays = {};
};

// What the engine needs of its surroundings: a server's backend, or a test.
struct Surroundings {
  // Waits until the descriptor is readable or the time is over, and throws where the caller is interrupted.
  std::function<void(int descriptor, int milliseconds)> wait;
  std::function<std::int64_t()> now;  // microseconds since the Unix epoch
};

}  // namespace pb::collect::http
