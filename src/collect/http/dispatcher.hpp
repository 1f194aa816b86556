// Asks one provider many queries: several at a time, no faster than it allows, again where a failure may pass.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "collect/http/network.hpp"
#include "collect/provider/provider.hpp"

namespace pb::collect::http {

// What is remembered of a provider between runs; the caller reads it from provider_state and writes it back.
struct ProviderState {
  std::optional<core::Date> quota_day = {};
  std::int64_t requests_sent = 0;
  int failures_in_a_row = 0;
  int times_opened = 0;
  std::optional<std::int64_t> closed_until = {};  // microseconds since the Unix epoch
  std::string reason = {};
};

struct Asked {
  Query query;
  Answer answer;
  double seconds = 0;
};

class Dispatcher {
 public:
  Dispatcher(const NetworkSettings& settings, const Surroundings& surroundings);
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;
  ~Dispatcher();  // ends every transfer that is under way

  // Asks all queries before the deadline (microseconds since the Unix epoch). Each is answered: where the breaker is
  // open, the quota is used up or the time is over, by symbols with rate_limit, auth, …, skipped or deadline.
  // Connections stay open from call to call.
  std::vector<Asked> ask(Provider& provider, const Limits& limits, ProviderState& state, std::vector<Query> queries,
                         std::int64_t deadline);

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace pb::collect::http
