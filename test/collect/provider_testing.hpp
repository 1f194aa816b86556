// What the tests of providers share: a configuration with the clock of New York, payloads, and conversations that are
// answered from a list.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collect/provider/provider.hpp"

namespace provider_testing {

using pb::collect::Answer;
using pb::collect::Configuration;
using pb::collect::Instrument;
using pb::collect::Kind;
using pb::collect::Outcome;
using pb::collect::Provider;
using pb::collect::Query;
using pb::collect::http::Request;
using pb::collect::http::Response;
using pb::core::Date;

inline constexpr const char* key = "SECRETKEY0123456789";

inline Date day(std::string_view iso) { return pb::core::from_iso(iso).value(); }

// Hours that New York is behind UTC, by the rules since 2007.
inline int hours_behind(std::int64_t instant) {
  using namespace std::chrono;
  const sys_seconds at{seconds{instant}};
  const year y = year_month_day{floor<days>(at)}.year();
  const auto begin = sys_days{y / March / Sunday[2]} + hours{7}, end = sys_days{y / November / Sunday[1]} + hours{6};
  return at >= begin && at < end ? 4 : 5;
}

inline std::int64_t midnight(Date local) {
  const std::int64_t utc = std::chrono::seconds(local.time_since_epoch()).count();
  return utc + 3600 * hours_behind(utc + 5 * 3600);
}

// On the evening of the day, 18:00 in New York.
inline Configuration configuration(std::string_view today, std::string_view with_key = key) {
  Configuration result;
  result.key = with_key;
  result.now = midnight(day(today)) + 18 * 3600;
  result.local_date = [](std::int64_t instant, std::string_view zone) -> std::optional<Date> {
    if (zone != "America/New_York") return std::nullopt;
    return std::chrono::floor<std::chrono::days>(
        std::chrono::sys_seconds(std::chrono::seconds(instant - 3600 * hours_behind(instant))));
  };
  result.start_of_day = [](Date local, std::string_view zone) -> std::optional<std::int64_t> {
    if (zone != "America/New_York") return std::nullopt;
    return midnight(local);
  };
  return result;
}

inline std::string payload(const std::string& name) {
  std::ifstream file(std::string(PB_COLLECT_TEST_DIR) + "/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline Response response(int status, std::string body) {
  Response result;
  result.status = status;
  result.body = std::move(body);
  return result;
}

inline Response failure(pb::collect::http::Failure why) {
  Response result;
  result.failure = why;
  result.failure_text = "connection refused";
  return result;
}

inline Query query(Kind kind, std::vector<std::string> symbols, std::string_view from, std::string_view to) {
  Query result{kind, {}, day(from), day(to)};
  for (std::string& symbol : symbols) result.instruments.push_back({std::move(symbol)});
  return result;
}

struct Talk {
  Answer answer;
  std::vector<Request> requests;
};

// All responses must be asked for, and no more.
inline Talk talk(Provider& provider, const Query& query, const std::vector<Response>& responses) {
  Talk result;
  const auto conversation = provider.ask(query);
  std::optional<Request> request = conversation->first();
  for (const Response& response : responses) {
    EXPECT_TRUE(request.has_value()) << "the conversation ended after " << result.requests.size() << " requests";
    if (!request) break;
    result.requests.push_back(*request);
    request = conversation->then(response);
  }
  EXPECT_FALSE(request.has_value()) << "asks for more: " << (request ? request->path : "");
  result.answer = conversation->answer();
  EXPECT_EQ(query.instruments.size(), result.answer.symbols.size());
  EXPECT_EQ(static_cast<int>(result.requests.size()), result.answer.requests);
  for (std::size_t i = 0; i < result.answer.symbols.size(); ++i) {
    EXPECT_EQ(query.instruments[i].symbol, result.answer.symbols[i].symbol);
    EXPECT_EQ(std::string::npos, result.answer.symbols[i].text.find(key));
  }
  return result;
}

// The outcome of one response, by word: that of the symbol, and that of the conversation where it ended it.
inline std::string ending(Provider& provider, const Query& query, Response response) {
  const Talk result = talk(provider, query, {std::move(response)});
  std::string words = to_word(result.answer.symbols.at(0).outcome);
  if (result.answer.outcome != Outcome::ok) {
    EXPECT_EQ(result.answer.outcome, result.answer.symbols.at(0).outcome);
    words += "!";
  }
  return words;
}

inline std::optional<std::string> header(const Request& request, std::string_view name) {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return std::nullopt;
}

inline void expect_bar(const pb::market::Bar& bar, std::string_view date, std::optional<double> close,
                       std::optional<std::int64_t> volume, std::optional<double> adjusted = {}) {
  EXPECT_EQ(date, pb::core::to_iso(bar.date));
  EXPECT_EQ(close, bar.close) << date;
  EXPECT_EQ(volume, bar.volume) << date;
  EXPECT_EQ(adjusted, bar.adj_close) << date;
}

}  // namespace provider_testing
