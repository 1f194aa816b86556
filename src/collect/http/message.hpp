// What is sent and what comes back. Plain data: providers make requests and read responses without a connection.
#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pb::collect::http {

struct Request {
  std::string base;  // scheme and host, such as https://query1.finance.yahoo.com, from the provider's address
  std::string path;  // percent-encoded, with the query
  std::vector<std::pair<std::string, std::string>> headers = {};
  // Hosts besides that of base to which a redirect may lead. Headers of Secret::header go to none but base's host.
  std::vector<std::string> redirect_hosts = {};
  std::vector<std::string> secret_headers = {};   // names
  std::size_t max_bytes = std::size_t{16} << 20;  // of the decoded body
};

// Why there is no response.
enum class Failure {
  none,
  connection,   // resolve, connect, reset, TLS handshake
  certificate,  // the server's certificate is not to be trusted
  timeout,
  too_large,
  truncated,
  forbidden_address,  // an address that may not be connected to
  forbidden_redirect,
};

struct Response {
  Failure failure = Failure::none;
  std::string failure_text = {};  // for people, without keys
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers = {};  // names in lower case
  std::string body = {};
  std::optional<int> retry_after_seconds = {};
};

}  // namespace pb::collect::http
