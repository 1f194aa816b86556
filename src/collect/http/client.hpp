// Transfers over libcurl, many at a time, that wait on one descriptor only.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "collect/http/message.hpp"
#include "collect/http/network.hpp"

namespace pb::collect::http {

class Client {
 public:
  // What came back, and how many requests it took with those that followed redirects.
  using Done = std::function<void(Response, int requests)>;

  Client(const NetworkSettings& settings, const Surroundings& surroundings);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  // Begins a GET. Done is called by run(), also where the request could not be sent.
  void start(Request request, Done done);
  // Waits as long at most, and serves what is ready. What the wait throws leaves transfers as they are.
  void run(int milliseconds);
  // Ends all transfers without an answer. Connections that are idle stay open.
  void clear() noexcept;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

// Seconds to wait by the headers Retry-After (seconds or a date) and, of a refusal for too many requests,
// x-ratelimit-reset (seconds, or an instant); between 0 and 3600. Now is in microseconds since the Unix epoch.
std::optional<int> retry_after(const Response& response, std::int64_t now);

}  // namespace pb::collect::http
