// What a provider of market data is to the collector. A provider composes requests and reads responses; it neither
// connects nor waits, nor knows a table.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collect/http/message.hpp"
#include "core/market/data.hpp"

namespace pb::collect {

using market::Kind;
using market::Outcome;
using market::SymbolAnswer;

// A symbol that is asked for.
struct Instrument {
  std::string symbol;                // canonical; of yields: the series
  std::string provider_symbol = {};  // from symbol_aliases; empty: by the provider's rules
};

struct Query {
  Kind kind;
  std::vector<Instrument> instruments;  // as many as the provider takes in one query of the kind
  core::Date from, to;                  // sessions, both included
};

struct Answer {
  std::vector<SymbolAnswer> symbols = {};  // one for each instrument of the query
  int http_status = 0;                     // of the last response
  int requests = 0;
  // What ended the conversation as a whole: ok, or rate_limit, auth, blocked, transient. For the breaker and retries.
  Outcome outcome = Outcome::ok;
  std::optional<int> retry_after_seconds = {};
};

// One query to a provider, which may take several requests (pages, statements).
class Conversation {
 public:
  virtual ~Conversation() = default;
  // Without a base where there is nothing to ask: the answer is complete then.
  virtual http::Request first() = 0;
  // The next request, or none when the answer is complete.
  virtual std::optional<http::Request> then(const http::Response& response) = 0;
  virtual Answer answer() = 0;
};

// What an answer of too many requests means, where it does not say how long to wait.
enum class WhenLimited {
  rest,             // the address is watched: not asked for 15 minutes, doubled up to 6 hours, whatever the answer says
  wait_for_minute,  // the plan counts by minute: asked again in the next one
  until_day_is_over  // the plan counts by day: not asked until the day ends in UTC
};

// How often a provider may be asked.
struct Limits {
  double requests_per_second = 1;
  double burst = 1;
  int concurrent = 2;
  std::optional<std::int64_t> requests_per_day = {};
  WhenLimited when_limited = WhenLimited::rest;
};

// What a provider is configured with: from settings, the file of keys and provider_priority.
struct Configuration {
  std::string address;     // scheme and host; empty: the provider's own
  std::string key;         // empty: none
  std::string user_agent;  // empty: the product's own
  std::string contact;     // address for people, which some providers require in the user agent
  std::int64_t now = 0;    // seconds since the Unix epoch
  // The local day of an instant in a time zone of the IANA database; none where the zone is not known.
  std::function<std::optional<core::Date>(std::int64_t instant, std::string_view zone)> local_date;
  // The first instant of a local day.
  std::function<std::optional<std::int64_t>(core::Date day, std::string_view zone)> start_of_day;
};

class Provider {
 public:
  virtual ~Provider() = default;
  virtual const char* name() const = 0;  // yahoo, fmp, polygon, tiingo, fred, treasury, edgar
  virtual bool needs_key() const = 0;
  virtual Limits limits() const = 0;
  // Whether it can be asked this of the symbol; else the symbol is left to the next provider.
  virtual bool serves(Kind kind, const Instrument& instrument) const = 0;
  // How many instruments one query takes: 1, or more where there is a call for many.
  virtual std::size_t instruments_per_query(Kind kind) const = 0;
  // What must have been asked before queries of this kind, such as a session's cookie; none where nothing is. Asked
  // once a run, and once again when an answer ends with auth.
  virtual std::unique_ptr<Conversation> open_session(Kind) { return nullptr; }
  virtual std::unique_ptr<Conversation> ask(const Query& query) = 0;
};

std::unique_ptr<Provider> make_yahoo(const Configuration& configuration);
std::unique_ptr<Provider> make_fmp(const Configuration& configuration);
std::unique_ptr<Provider> make_polygon(const Configuration& configuration);
std::unique_ptr<Provider> make_tiingo(const Configuration& configuration);
std::unique_ptr<Provider> make_fred(const Configuration& configuration);
std::unique_ptr<Provider> make_treasury(const Configuration& configuration);
std::unique_ptr<Provider> make_edgar(const Configuration& configuration);

}  // namespace pb::collect
