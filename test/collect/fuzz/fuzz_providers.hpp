// Feeds bytes to a provider as the body of its answers. Nothing is compared: the sanitizers look.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collect/provider/provider.hpp"

namespace fuzz {

inline pb::collect::Configuration configuration() {
  using namespace std::chrono;
  pb::collect::Configuration result;
  result.key = "KEY0123456789";
  result.contact = "ops@example.org";
  result.now = 1762300000;
  result.local_date = [](std::int64_t instant, std::string_view zone) -> std::optional<pb::core::Date> {
    if (zone.empty()) return std::nullopt;
    return floor<days>(sys_seconds(seconds(instant)));
  };
  result.start_of_day = [](pb::core::Date day, std::string_view) -> std::optional<std::int64_t> {
    return seconds(day.time_since_epoch()).count();
  };
  return result;
}

// One after the other the parts between bytes of 1 answer what is asked; the first byte gives the status.
inline void converse(pb::collect::Conversation& conversation, std::string_view bytes) {
  static constexpr int statuses[] = {200, 200, 200, 200, 400, 401, 403, 404, 429, 500};
  int status = 200;
  if (!bytes.empty() && bytes[0] >= '0' && bytes[0] <= '9') {
    status = statuses[bytes[0] - '0'];
    bytes.remove_prefix(1);
  }
  conversation.first();
  for (int i = 0; i < 8; ++i) {
    const auto end = bytes.find('\x01');
    pb::collect::http::Response response;
    response.status = i == 0 ? status : 200;
    response.body = bytes.substr(0, end);
    response.headers = {{"set-cookie", std::string(bytes.substr(0, 40))}};
    if (end != std::string_view::npos) bytes.remove_prefix(end + 1);
    if (!conversation.then(response)) break;
  }
  const pb::collect::Answer answer = conversation.answer();
  if (answer.symbols.size() > 1000) std::abort();
  for (const auto& symbol : answer.symbols) {
    if (symbol.text.size() > 2000 || symbol.text.find("KEY0123456789") != std::string::npos) std::abort();
    for (std::size_t i = 1; i < symbol.prices.bars.size(); ++i)
      if (symbol.prices.bars[i - 1].date >= symbol.prices.bars[i].date) std::abort();
  }
}

inline void ask(std::unique_ptr<pb::collect::Provider> (*make)(const pb::collect::Configuration&),
                const std::vector<pb::collect::Kind>& kinds, const char* symbol, std::string_view bytes) {
  for (const pb::collect::Kind kind : kinds) {
    const auto provider = make(configuration());
    if (const auto session = provider->open_session(kind)) converse(*session, bytes);
    pb::collect::Query query{
        kind, {{symbol}}, pb::core::from_iso("2025-10-01").value(), pb::core::from_iso("2025-11-04").value()};
    if (provider->serves(kind, query.instruments[0])) converse(*provider->ask(query), bytes);
  }
}

}  // namespace fuzz
