// What several providers share: how a response ends where it delivers no data, and conversations of several requests.
#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collect/provider/provider.hpp"
#include "collect/provider/texts.hpp"

namespace pb::collect {

class JsonTree;

// How a response or a step ends, with the provider's words.
struct Ending {
  Outcome outcome = Outcome::ok;
  std::string text = {};
};

// Whether the body is a page for people instead of data.
bool is_page(std::string_view body);
// How a page ends: transient where it says that the service is down for a while, otherwise blocked.
Ending ending_of_page(std::string_view body);

// Where no response came: what the engine says of it. Where one came with a status of 200: ok. Otherwise what the
// status means with most providers: 401 and 403 auth, 404 no_data, 408, 425 and 5xx transient, 429 rate_limit, the rest
// malformed.
Ending ending_of(const http::Response& response, std::string_view words);

// The symbol at the provider: the alias, or else by the rules; empty where it has no such instrument.
std::string ticker_of(std::string_view provider, const Instrument& instrument);

// Scheme and host: of the configuration, or else the provider's own.
std::string base_of(const Configuration& configuration, std::string_view own);
// A request with the product's user agent.
http::Request request_for(const Configuration& configuration, std::string base, std::string path);

// A conversation that asks step by step. A step either reads its response and says whether another follows, or ends the
// conversation for all symbols that are not answered yet.
class Dialogue : public Conversation {
 public:
  http::Request first() final { return request(); }
  std::optional<http::Request> then(const http::Response& response) final;
  Answer answer() final;

 protected:
  explicit Dialogue(Query query);

  virtual http::Request request() = 0;
  // Ok: the step was read; is_more says whether request() has another. Anything else ends the conversation.
  virtual Ending read(const http::Response& response) = 0;
  // Called once after the last step, for symbols that are not settled: by what they have.
  virtual void finish();

  SymbolAnswer& symbol(std::size_t i) { return answer_.symbols[i]; }
  std::size_t symbol_count() const { return answer_.symbols.size(); }
  void settle(std::size_t i, Ending ending);
  bool is_settled(std::size_t i) const { return settled_[i]; }

  Query query;
  bool is_more = false;

 private:
  Answer answer_;
  std::vector<bool> settled_;
  bool is_finished_ = false;
};

// Sorts bars by date and keeps the last of each; clips them to the query.
void put_in_order(std::vector<market::Bar>& bars, core::Date from, core::Date to);
// A volume, which may be written with an exponent or a point: to the nearest share; none where it is negative or
// absurd.
std::optional<std::int64_t> volume_in(const JsonTree& value);
// A split by its factor, new shares for one old, as the fraction with the smallest denominator up to 1000 that gives
// it.
market::Action split_of(core::Date day, double factor);
// Whether the answer has a row of any kind.
bool has_rows(const SymbolAnswer& answer);

}  // namespace pb::collect
