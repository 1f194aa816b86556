#include "collect/http/dispatcher.hpp"

#include <gtest/gtest.h>

#include "replay.hpp"

namespace dispatcher_test {

using namespace pb::collect;
using http::Asked;
using http::Dispatcher;
using http::NetworkSettings;
using http::ProviderState;

replay::Server& server() { return replay::Server::get(); }

// What a provider of the test understands: 401 auth, 403 blocked, 429 too many requests, 404 nothing; "more" is a
// page that another follows, "{" begins data, and everything else is a page for people.
class ScriptedConversation : public Conversation {
 public:
  ScriptedConversation(std::string base, Query query, std::string path)
      : base_(std::move(base)), query_(std::move(query)), path_(std::move(path)) {}

  http::Request first() override { return request(path_); }
  std::optional<http::Request> then(const http::Response& response) override {
    answer_.retry_after_seconds = response.retry_after_seconds;
    answer_.outcome = outcome(response);
    for (const Instrument& instrument : query_.instruments)
      answer_.symbols.push_back(
          {.symbol = instrument.symbol, .outcome = answer_.outcome, .text = response.failure_text});
    if (response.body == "throw") throw std::runtime_error("broken at token=SECRETKEY");
    if (response.body != "more") return std::nullopt;
    answer_.symbols.clear();
    return request(path_ + "&page=2");
  }
  Answer answer() override { return answer_; }

 private:
  std::string base_;
  Query query_;
  std::string path_;
  Answer answer_ = {};

  http::Request request(const std::string& path) const {
    return {.base = base_, .path = path, .headers = {{"Authorization", "Token SECRETKEY"}}};
  }
  static Outcome outcome(const http::Response& response) {
    if (response.failure != http::Failure::none || response.status >= 500) return Outcome::transient;
    switch (response.status) {
      case 401:
        return Outcome::auth;
      case 403:
        return Outcome::blocked;
      case 404:
        return Outcome::no_data;
      case 429:
        return Outcome::rate_limit;
      default:
        return response.body.starts_with("{") || response.body == "more" ? Outcome::ok : Outcome::transient;
    }
  }
};

class ScriptedProvider : public Provider {
 public:
  bool has_session = false;
  int sessions = 0;
  std::string base = server().http();

  const char* name() const override { return "scripted"; }
  bool needs_key() const override { return false; }
  Limits limits() const override { return {}; }
  bool serves(Kind, const Instrument&) const override { return true; }
  std::size_t instruments_per_query(Kind) const override { return 1; }
  std::unique_ptr<Conversation> open_session(Kind) override {
    if (!has_session) return nullptr;
    ++sessions;
    return std::make_unique<ScriptedConversation>(base, Query{}, "/session?x=1");
  }
  std::unique_ptr<Conversation> ask(const Query& query) override {
    return std::make_unique<ScriptedConversation>(base, query,
                                                  "/a/" + query.instruments.front().symbol + "?apikey=SECRETKEY");
  }
};

std::vector<Query> queries(int count) {
  std::vector<Query> all;
  for (int i = 0; i < count; ++i) {
    Query query{Kind::prices, {}, {}, {}};
    query.instruments.push_back({.symbol = "ZZ" + std::to_string(i)});
    all.push_back(std::move(query));
  }
  return all;
}

// A dispatcher that waits hundredths of a second where others wait for minutes.
class Dispatching : public testing::Test {
 protected:
  ScriptedProvider provider;
  Limits limits{.requests_per_second = 10000, .burst = 10000, .concurrent = 4};
  ProviderState state;
  NetworkSettings settings;
  std::int64_t offset = 0;  // of the clock
  std::int64_t seconds_to_deadline = 30;

  void SetUp() override {
    settings.ca_file = server().ca_file();
    settings.allow_insecure_loopback = true;
    settings.delays = {
        .retry_base = 0.01, .retry_most = 0.05, .minute = 0.3, .failed = 10, .refused = 100, .most = 300};
  }
  std::int64_t now() const { return replay::clock_usecs() + offset; }
  http::Surroundings surroundings() {
    return {replay::surroundings().wait, [this] { return now(); }};
  }
  static void play(const std::string& responses, const std::string& session = "{\"body\":\"{}\"}") {
    server().play(R"({"routes":[{"path":"/a/{symbol}","query":{"page":"2"},"responses":[{"body":"{}"}]},
                      {"path":"/session","responses":[)" +
                  session + R"(]},
                      {"path":"/a/{symbol}","responses":[)" +
                  responses + "]}]}");
  }
  std::vector<Asked> ask(Dispatcher& dispatcher, int count) {
    return dispatcher.ask(provider, limits, state, queries(count), now() + seconds_to_deadline * 1'000'000);
  }
  std::vector<Asked> ask(int count) {
    Dispatcher dispatcher(settings, surroundings());
    return ask(dispatcher, count);
  }
  // Each has an answer, in the order of the queries, and no text has a key in it.
  static void expect_outcomes(const std::vector<Asked>& answers, const std::vector<Outcome>& expected) {
    ASSERT_EQ(answers.size(), expected.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
      ASSERT_EQ(answers[i].answer.symbols.size(), 1u) << i;
      const SymbolAnswer& symbol = answers[i].answer.symbols.front();
      EXPECT_EQ(symbol.symbol, "ZZ" + std::to_string(i));
      EXPECT_STREQ(pb::market::to_word(symbol.outcome), pb::market::to_word(expected[i])) << i << ": " << symbol.text;
      EXPECT_EQ(symbol.text.find("SECRET"), symbol.text.npos) << symbol.text;
    }
  }
  static std::vector<Outcome> all(std::size_t count, Outcome outcome) { return std::vector<Outcome>(count, outcome); }
};

TEST_F(Dispatching, EachQueryIsAskedOnce) {
  play(R"({"body":"{}"})");
  const auto answers = ask(20);
  expect_outcomes(answers, all(20, Outcome::ok));
  EXPECT_EQ(server().requests(), 20);
  EXPECT_EQ(state.requests_sent, 20);
  EXPECT_EQ(answers[7].answer.requests, 1);
  EXPECT_EQ(answers[7].answer.http_status, 200);
  EXPECT_GT(answers[7].seconds, 0);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(server().count("/a/ZZ" + std::to_string(i) + "?"), 1);
}

TEST_F(Dispatching, PagesFollowEachOther) {
  play(R"({"body":"more"})");
  const auto answers = ask(3);
  expect_outcomes(answers, all(3, Outcome::ok));
  EXPECT_EQ(server().requests(), 6);
  EXPECT_EQ(answers[0].answer.requests, 2);
}

TEST_F(Dispatching, FailuresThatMayPassAreTriedThreeTimes) {
  for (const char* failure :
       {R"({"status":500})", R"({"status":502})", R"({"status":503})", R"({"status":408})", R"({"status":425})",
        R"({"reset":true})", R"({"body":"{}  ","truncate":2})", R"({"body":"<html>Will be right back</html>"})"}) {
    play(std::string(failure) + "," + failure + R"(,{"body":"{}"})");
    state = {};
    auto answers = ask(1);
    expect_outcomes(answers, {Outcome::ok});
    EXPECT_EQ(answers[0].answer.requests, 3) << failure;
    EXPECT_EQ(state.failures_in_a_row, 0);
    play(failure);
    answers = ask(1);
    expect_outcomes(answers, {Outcome::transient});
    EXPECT_EQ(server().requests(), 3) << failure;
    EXPECT_EQ(state.failures_in_a_row, 3);
  }
}

TEST_F(Dispatching, OtherAnswersAreNotRepeated) {
  for (const char* response : {R"({"status":404})", R"({"status":400,"body":"{}"})", R"({"status":402,"body":"{}"})"}) {
    play(response);
    ask(1);
    EXPECT_EQ(server().requests(), 1) << response;
    EXPECT_EQ(state.failures_in_a_row, 0);
  }
  play("{}");
  provider.base = server().foreign();
  expect_outcomes(ask(1), {Outcome::transient});
  EXPECT_EQ(state.failures_in_a_row, 1);
}

TEST_F(Dispatching, OneThatWaitsHoldsUpNoOther) {
  settings.delays.retry_base = settings.delays.retry_most = 1;
  limits.concurrent = 1;
  server().play(R"({"routes":[{"path":"/a/ZZ0","responses":[{"status":503},{"body":"{}"}]},
                              {"path":"/a/{symbol}","responses":[{"body":"{}"}]}]})");
  const auto answers = ask(10);
  expect_outcomes(answers, all(10, Outcome::ok));
  EXPECT_GE(answers[0].seconds, 1);
  for (std::size_t i = 1; i < 10; ++i) EXPECT_LT(answers[i].seconds, 0.5);
  const std::string log = server().log();
  EXPECT_GT(log.rfind("/a/ZZ0"), log.find("/a/ZZ9"));
}

TEST_F(Dispatching, RetryAfterWins) {
  play(R"({"status":503,"headers":{"Retry-After":"1"}},{"body":"{}"})");
  const auto answers = ask(1);
  expect_outcomes(answers, {Outcome::ok});
  EXPECT_GE(answers[0].seconds, 1);
  EXPECT_LT(answers[0].seconds, 2);
  play(R"({"status":503,"headers":{"Retry-After":"-3"}},{"body":"{}"})");
  EXPECT_LT(ask(1)[0].seconds, 0.5);
  // Longer than the run lasts: what came is the answer.
  play(R"({"status":503,"headers":{"Retry-After":"100"}},{"body":"{}"})");
  const auto late = ask(1);
  expect_outcomes(late, {Outcome::transient});
  EXPECT_LT(late[0].seconds, 1);
}

TEST_F(Dispatching, RequestsComeAtTheRate) {
  play(R"({"body":"{}"})");
  limits.requests_per_second = 20;
  limits.burst = 3;
  Dispatcher dispatcher(settings, surroundings());
  std::int64_t start = now();
  ask(dispatcher, 9);
  EXPECT_GE(now() - start, 290'000);
  EXPECT_LT(now() - start, 900'000);
  // The bucket is as empty as it was left.
  start = now();
  ask(dispatcher, 2);
  EXPECT_GE(now() - start, 60'000);
}

TEST_F(Dispatching, NoMoreAreUnderWayThanAllowed) {
  play(R"({"delay":0.1,"body":"{}"})");
  limits.concurrent = 2;
  const std::int64_t start = now();
  ask(8);
  EXPECT_GE(now() - start, 400'000);
  EXPECT_LT(now() - start, 750'000);
}

TEST_F(Dispatching, TheQuotaCountsWhatIsSent) {
  play(R"({"status":503},{"status":404},{"body":"{}"})");
  limits.concurrent = 1;
  limits.requests_per_day = 5;
  const auto answers = ask(6);
  EXPECT_EQ(server().requests(), 5);
  EXPECT_EQ(state.requests_sent, 5);
  EXPECT_EQ(std::count_if(answers.begin(), answers.end(),
                          [](const Asked& a) { return a.answer.symbols[0].outcome == Outcome::rate_limit; }),
            2);
  EXPECT_NE(answers[5].answer.symbols[0].text.find("quota of 5 requests a day"), std::string::npos);
  expect_outcomes(ask(1), {Outcome::rate_limit});
  EXPECT_EQ(server().requests(), 5);
  // The next day in UTC.
  offset += 86'400'000'000;
  expect_outcomes(ask(1), {Outcome::ok});
  EXPECT_EQ(state.requests_sent, 1);
}

TEST_F(Dispatching, TooManyRequestsRestTheProviderWhereItWatches) {
  play(R"({"body":"{}"},{"status":429,"headers":{"Retry-After":"0"}})");
  limits.concurrent = 1;
  const std::int64_t start = now();
  expect_outcomes(ask(5),
                  {Outcome::ok, Outcome::rate_limit, Outcome::rate_limit, Outcome::rate_limit, Outcome::rate_limit});
  EXPECT_EQ(server().requests(), 2);
  EXPECT_GE(*state.closed_until, start + 100'000'000);
  EXPECT_LT(*state.closed_until, now() + 100'000'001);
  EXPECT_EQ(state.reason, "RATE_LIMIT: too many requests");
  // The next run, with the state as it was stored.
  expect_outcomes(ask(2), all(2, Outcome::rate_limit));
  EXPECT_EQ(server().requests(), 2);
  // Each time for twice as long, up to the most.
  for (const int expected : {200, 300, 300}) {
    offset += *state.closed_until - now();
    limits.concurrent = 4;
    expect_outcomes(ask(3), all(3, Outcome::rate_limit));
    EXPECT_NEAR(static_cast<double>(*state.closed_until - now()) / 1e6, expected, 2);
  }
  EXPECT_EQ(server().requests(), 5);
  offset += *state.closed_until - now();
  play(R"({"body":"{}"})");
  expect_outcomes(ask(3), all(3, Outcome::ok));
  EXPECT_FALSE(state.closed_until);
  EXPECT_EQ(state.times_opened, 0);
}

TEST_F(Dispatching, AfterTheCoolDownOneIsAskedAlone) {
  play(R"({"delay":0.2,"body":"{}"})");
  state.closed_until = now() - 1;
  state.reason = "TRANSIENT: failures";
  state.times_opened = 1;
  const std::int64_t start = now();
  expect_outcomes(ask(5), all(5, Outcome::ok));
  EXPECT_GE(now() - start, 400'000);
  EXPECT_FALSE(state.closed_until);
}

TEST_F(Dispatching, APlanByMinuteWaitsForTheNext) {
  play(R"({"body":"{}"},{"status":429},{"body":"{}"})");
  limits.concurrent = 1;
  limits.when_limited = WhenLimited::wait_for_minute;
  const std::int64_t start = now();
  expect_outcomes(ask(4), all(4, Outcome::ok));
  EXPECT_GE(now() - start, 300'000);
  EXPECT_EQ(server().requests(), 5);
  EXPECT_FALSE(state.closed_until);
}

TEST_F(Dispatching, APlanByDayIsLeftUntilTheDayIsOver) {
  play(R"({"status":429})");
  limits.concurrent = 1;
  limits.when_limited = WhenLimited::until_day_is_over;
  expect_outcomes(ask(3), all(3, Outcome::rate_limit));
  EXPECT_EQ(server().requests(), 1);
  EXPECT_EQ(*state.closed_until % 86'400'000'000, 0);
  EXPECT_GT(*state.closed_until, now());
  EXPECT_LE(*state.closed_until - now(), 86'400'000'000);
}

TEST_F(Dispatching, FiveFailuresInARowOpenTheBreaker) {
  play(R"({"status":500})");
  limits.concurrent = 1;
  const auto answers = ask(10);
  expect_outcomes(answers, all(10, Outcome::transient));
  EXPECT_EQ(server().requests(), 5);
  EXPECT_NEAR(static_cast<double>(*state.closed_until - now()) / 1e6, 10, 2);
  EXPECT_TRUE(state.reason.starts_with("TRANSIENT: 5 failures in a row")) << state.reason;
  // A probe that fails opens it for twice as long.
  offset += *state.closed_until - now();
  expect_outcomes(ask(3), all(3, Outcome::transient));
  EXPECT_EQ(server().requests(), 6);
  EXPECT_NEAR(static_cast<double>(*state.closed_until - now()) / 1e6, 20, 2);
}

TEST_F(Dispatching, ARefusedKeyEndsTheRun) {
  play(R"({"status":401},{"body":"{}"})");
  limits.concurrent = 1;
  Dispatcher dispatcher(settings, surroundings());
  expect_outcomes(ask(dispatcher, 3), all(3, Outcome::auth));
  offset += 20'000'000;
  expect_outcomes(ask(dispatcher, 2), all(2, Outcome::auth));
  EXPECT_EQ(server().requests(), 1);
  // Another run may try.
  expect_outcomes(ask(2), all(2, Outcome::ok));
}

TEST_F(Dispatching, ARefusalOfTheAddressOpensTheBreaker) {
  play(R"({"status":403})");
  limits.concurrent = 1;
  expect_outcomes(ask(3), all(3, Outcome::blocked));
  EXPECT_EQ(server().requests(), 1);
  EXPECT_NEAR(static_cast<double>(*state.closed_until - now()) / 1e6, 100, 2);
}

TEST_F(Dispatching, WhatIsUnderWayWhenTheBreakerOpensIsStillAnswered) {
  server().play(R"({"routes":[{"path":"/a/ZZ0","responses":[{"status":403}]},
                              {"path":"/a/{symbol}","responses":[{"delay":0.3,"body":"{}"}]}]})");
  limits.concurrent = 2;
  expect_outcomes(ask(4), {Outcome::blocked, Outcome::ok, Outcome::blocked, Outcome::blocked});
  EXPECT_TRUE(state.closed_until);
}

TEST_F(Dispatching, ASessionIsOpenedOnce) {
  provider.has_session = true;
  play(R"({"body":"{}"})");
  Dispatcher dispatcher(settings, surroundings());
  expect_outcomes(ask(dispatcher, 10), all(10, Outcome::ok));
  expect_outcomes(ask(dispatcher, 10), all(10, Outcome::ok));
  EXPECT_EQ(server().count("/session"), 1);
  EXPECT_EQ(server().requests(), 21);
  EXPECT_LT(server().log().find("/session"), server().log().find("/a/"));
}

TEST_F(Dispatching, ASessionThatIsRefusedIsOpenedOnceAgain) {
  provider.has_session = true;
  // The first four are under way at the same time.
  std::string routes;
  for (int i = 0; i < 4; ++i)
    routes += R"({"path":"/a/ZZ)" + std::to_string(i) + R"(","responses":[{"status":401},{"body":"{}"}]},)";
  server().play(R"({"routes":[)" + routes + R"({"path":"/{any}","responses":[{"body":"{}"}]},
                              {"path":"/a/{symbol}","responses":[{"body":"{}"}]}]})");
  expect_outcomes(ask(10), all(10, Outcome::ok));
  EXPECT_EQ(server().count("/session"), 2);
  EXPECT_EQ(server().requests(), 16);
  // However the refusals of those under way at the same time arrive.
  for (const int concurrent : {1, 4, 10}) {
    limits.concurrent = concurrent;
    play(R"({"delay":0.05,"status":401})");
    state = {};
    // Several refusals are read before anything else happens.
    http::Surroundings gathering = surroundings();
    gathering.wait = [](int descriptor, int milliseconds) {
      replay::surroundings().wait(descriptor, milliseconds);
      if (milliseconds > 0) std::this_thread::sleep_for(std::chrono::milliseconds(40));
    };
    Dispatcher dispatcher(settings, gathering);
    expect_outcomes(ask(dispatcher, 10), all(10, Outcome::auth));
    EXPECT_EQ(server().count("/session"), 2);
    EXPECT_LE(server().requests(), 2 + 2 * concurrent);
  }
  play(R"({"status":401})");
  state = {};
  expect_outcomes(ask(10), all(10, Outcome::auth));
  EXPECT_EQ(server().count("/session"), 2);
  EXPECT_TRUE(state.reason.starts_with("AUTH:"));
}

TEST_F(Dispatching, WithoutASessionNothingIsAskedAndTheBreakerStaysClosed) {
  provider.has_session = true;
  for (const char* session :
       {R"({"status":429})", R"({"status":500})", R"({"body":"<html>"})", R"({"body":"throw"})"}) {
    play(R"({"body":"{}"})", session);
    Dispatcher dispatcher(settings, surroundings());
    const auto answers = ask(dispatcher, 5);
    EXPECT_NE(answers[0].answer.symbols[0].outcome, Outcome::ok);
    EXPECT_EQ(server().requests(), 1) << session;
    ask(dispatcher, 5);
    EXPECT_EQ(server().requests(), 1) << session;
    EXPECT_FALSE(state.closed_until);
    // What needs no session is asked.
    provider.has_session = false;
    expect_outcomes(ask(dispatcher, 2), all(2, Outcome::ok));
    provider.has_session = true;
  }
}

TEST_F(Dispatching, TheDeadlineAnswersTheRest) {
  play(R"({"body":"{}"},{"hang":true})");
  seconds_to_deadline = 1;
  limits.concurrent = 1;
  const std::int64_t start = now();
  expect_outcomes(ask(3), {Outcome::ok, Outcome::deadline, Outcome::deadline});
  EXPECT_LT(now() - start, 1'300'000);
  seconds_to_deadline = 0;
  expect_outcomes(ask(2), all(2, Outcome::deadline));
  EXPECT_EQ(server().requests(), 2);
}

TEST_F(Dispatching, AnAnswerThatCannotBeReadSpoilsNoOther) {
  play(R"({"body":"throw"},{"body":"{}"})");
  limits.concurrent = 1;
  const auto answers = ask(2);
  expect_outcomes(answers, {Outcome::malformed, Outcome::ok});
  EXPECT_EQ(answers[0].answer.symbols[0].text, "broken at token=***");
}

struct Interrupted {};

TEST_F(Dispatching, AnInterruptEndsItAndItCanBeUsedAgain) {
  provider.has_session = true;
  // The answers come when nobody waits for them any more.
  const std::string late = R"({"delay":0.5,"body":"{}"})";
  play(late + "," + late + "," + late + "," + late + R"(,{"delay":0.4,"body":"{}"})");
  std::int64_t interrupt_at = now() + 300'000;
  http::Surroundings other = surroundings();
  other.wait = [&](int descriptor, int milliseconds) {
    replay::surroundings().wait(descriptor, std::min(milliseconds, 20));
    if (interrupt_at != 0 && now() > interrupt_at) throw Interrupted();
  };
  Dispatcher dispatcher(settings, other);
  EXPECT_THROW(ask(dispatcher, 10), Interrupted);
  EXPECT_LT(now() - interrupt_at, 200'000);
  interrupt_at = 0;
  expect_outcomes(ask(dispatcher, 3), all(3, Outcome::ok));
}

TEST_F(Dispatching, NoQueriesAreNoRequests) {
  play("{}");
  EXPECT_TRUE(ask(0).empty());
  EXPECT_EQ(server().requests(), 0);
}

}  // namespace dispatcher_test
