#include <fcntl.h>
#include <gtest/gtest.h>

#include "collect/http/client.hpp"
#include "replay.hpp"

namespace http_test {

using namespace pb::collect::http;

replay::Server& server() { return replay::Server::get(); }

NetworkSettings trusting() {
  NetworkSettings settings;
  settings.ca_file = server().ca_file();
  settings.allow_insecure_loopback = true;
  return settings;
}

struct Got {
  Response response;
  int requests = -1;
};

Got get(const NetworkSettings& settings, Request request) {
  Client client(settings, replay::surroundings());
  std::optional<Got> got;
  client.start(std::move(request), [&](Response response, int requests) { got = Got{std::move(response), requests}; });
  const std::int64_t end = replay::clock_usecs() + 20'000'000;
  while (!got && replay::clock_usecs() < end) client.run(100);
  if (!got) throw std::runtime_error("no answer");
  return *got;
}

std::string one_route(const std::string& response) {
  return R"({"routes":[{"path":"/a","responses":[)" + response + "]}]}";
}

Got get_scripted(const std::string& response, NetworkSettings settings = trusting(),
                 const std::string& base = server().https()) {
  server().play(one_route(response));
  return get(settings, {.base = base, .path = "/a?apikey=SECRETKEY"});
}

void expect_failure(const Got& got, Failure failure, const std::string& text = "") {
  EXPECT_EQ(got.response.failure, failure) << got.response.failure_text;
  EXPECT_NE(got.response.failure_text.find(text), std::string::npos) << got.response.failure_text;
  EXPECT_FALSE(got.response.failure_text.empty());
  EXPECT_EQ(got.response.failure_text.find("SECRET"), std::string::npos) << got.response.failure_text;
  EXPECT_EQ(got.response.body, "");
}

TEST(Http, AnAnswerHasStatusHeadersAndBody) {
  server().play(one_route(R"({"status":201,"headers":{"X-Mine":" yes "},"body":"text\u0000behind"})"));
  const Got got = get(trusting(), {.base = server().https(), .path = "/a", .headers = {{"X-Key", "one"}}});
  EXPECT_EQ(got.response.failure, Failure::none) << got.response.failure_text;
  EXPECT_EQ(got.response.status, 201);
  EXPECT_EQ(got.response.body, std::string("text\0behind", 11));
  EXPECT_EQ(got.requests, 1);
  bool has_header = false;
  for (const auto& [name, value] : got.response.headers)
    has_header = has_header || (name == "x-mine" && value == "yes");
  EXPECT_TRUE(has_header);
  EXPECT_EQ(server().count("\"x-key\": \"one\""), 1);
}

TEST(Http, PackedAndChunkedAnswersAreRead) {
  EXPECT_EQ(get_scripted(R"({"gzip":true,"body":"packed"})").response.body, "packed");
  EXPECT_EQ(get_scripted(R"({"chunked":true,"body":"chunked"})").response.body, "chunked");
  EXPECT_EQ(get_scripted(R"({"status":204})").response.status, 204);
}

TEST(Http, PlainHttpOnlyToLoopbackAndOnlyWhereAllowed) {
  server().play(one_route(R"({"body":"plain"})"));
  EXPECT_EQ(get(trusting(), {.base = server().http(), .path = "/a"}).response.body, "plain");
  NetworkSettings strict = trusting();
  strict.allow_insecure_loopback = false;
  expect_failure(get(strict, {.base = server().http(), .path = "/a"}), Failure::forbidden_address, "plain HTTP");
  expect_failure(get(strict, {.base = server().https(), .path = "/a"}), Failure::forbidden_address, "loopback");
  const std::string port = std::to_string(server().port("http"));
  expect_failure(get(trusting(), {.base = "http://localhost:" + port, .path = "/a"}), Failure::forbidden_address);
  expect_failure(get(trusting(), {.base = "http://192.0.2.1", .path = "/a"}), Failure::forbidden_address);
  EXPECT_EQ(server().requests(), 1);
}

TEST(Http, AddressesThatAreNotPublicAreNotConnectedTo) {
  for (const char* base : {"https://169.254.169.254", "https://10.0.0.1", "https://[fd00:ec2::254]", "https://0.0.0.0",
                           "https://[::ffff:169.254.169.254]", "https://[64:ff9b::a9fe:a9fe]", "https://100.64.0.1"})
    expect_failure(get(trusting(), {.base = base, .path = "/a"}), Failure::forbidden_address);
}

TEST(Http, OtherSchemesAndUsersAreRefused) {
  for (const char* base : {"file:///etc/passwd", "ftp://127.0.0.1", "gopher://127.0.0.1", "https://me:word@127.0.0.1"})
    EXPECT_NE(get(trusting(), {.base = base, .path = "/a"}).response.failure, Failure::none) << base;
}

TEST(Http, HeadersCannotBeBroken) {
  expect_failure(get(trusting(), {.base = server().https(), .path = "/a", .headers = {{"A", "b\r\nC: d"}}}),
                 Failure::connection, "line break");
}

TEST(Http, OnlyCertificatesOfTheCaAreTrusted) {
  expect_failure(get_scripted("{}", trusting(), server().foreign()), Failure::certificate);
  NetworkSettings of_system = trusting();
  of_system.ca_file = "";
  expect_failure(get_scripted("{}", of_system), Failure::certificate);
  NetworkSettings without = trusting();
  without.ca_file = "/nowhere/ca.pem";
  expect_failure(get_scripted("{}", without), Failure::certificate);
  EXPECT_EQ(server().requests(), 0);
}

TEST(Http, NobodyThereIsAFailureOfTheConnection) {
  expect_failure(get(trusting(), {.base = "https://127.0.0.1:1", .path = "/a"}), Failure::connection);
  expect_failure(get(trusting(), {.base = "https://nowhere.invalid", .path = "/a?token=SECRETKEY"}),
                 Failure::connection, "nowhere.invalid");
}

TEST(Http, AResetAndATruncatedBodyAreFailures) {
  expect_failure(get_scripted(R"({"reset":true})"), Failure::connection);
  expect_failure(get_scripted(R"({"body":"all of it","truncate":4})", trusting(), server().http()), Failure::truncated);
  expect_failure(get_scripted(R"({"body":"all of it","chunked":true,"truncate":0})", trusting(), server().http()),
                 Failure::truncated);
  expect_failure(get_scripted(R"({"body":"all of it","content_length":20})", trusting(), server().http()),
                 Failure::truncated);
}

TEST(Http, SlowAnswersTimeOut) {
  NetworkSettings hasty = trusting();
  hasty.total_seconds = 0.3;
  expect_failure(get_scripted(R"({"hang":true})", hasty), Failure::timeout);
  expect_failure(get_scripted(R"({"delay":2})", hasty), Failure::timeout);
  NetworkSettings impatient = trusting();
  impatient.slow_seconds = 1;
  const std::int64_t start = replay::clock_usecs();
  expect_failure(get_scripted(R"({"size":1000,"drip":0.05})", impatient), Failure::timeout);
  EXPECT_LT(replay::clock_usecs() - start, 6'000'000);
}

TEST(Http, LargeAnswersEnd) {
  Request request{.base = server().https(), .path = "/a", .max_bytes = 1000};
  server().play(one_route(R"({"size":1000},{"size":1001},{"size":1001,"chunked":true})"));
  EXPECT_EQ(get(trusting(), request).response.body.size(), 1000u);
  expect_failure(get(trusting(), request), Failure::too_large, "larger than 1000 bytes");
  expect_failure(get(trusting(), request), Failure::too_large);
  expect_failure(get_scripted(R"({"size":20971520})"), Failure::too_large, "larger than 16777216 bytes");
}

TEST(Http, BombsEndByTheirRatio) {
  // 8 MiB are within the limit of size.
  expect_failure(get_scripted(R"({"bomb":8})"), Failure::too_large, "unpacks");
  expect_failure(get_scripted(R"({"bomb":200})"), Failure::too_large);
  EXPECT_EQ(get_scripted(R"({"bomb":1})").response.body.size(), 1u << 20);
}

std::string redirecting(const std::string& location) {
  return R"({"routes":[{"path":"/a","responses":[{"status":302,"headers":{"Location":")" + location +
         R"("}}]},{"path":"/b","responses":[{"body":"there"}]}]})";
}

Got get_redirected(const std::string& location, std::vector<std::string> hosts = {}) {
  server().play(redirecting(location));
  return get(trusting(), {.base = server().https(),
                          .path = "/a",
                          .headers = {{"X-Key", "SECRETKEY"}, {"Authorization", "SECRETKEY"}, {"X-Open", "o"}},
                          .redirect_hosts = std::move(hosts),
                          .secret_headers = {"x-key"}});
}

TEST(Redirects, StayAtTheHostWithItsHeaders) {
  const Got got = get_redirected("/b?x=1");
  EXPECT_EQ(got.response.body, "there");
  EXPECT_EQ(got.requests, 2);
  EXPECT_EQ(server().count("\"x-key\": \"SECRETKEY\""), 2);
}

TEST(Redirects, LeadToHostsOfTheListWithoutSecrets) {
  const Got got = get_redirected("https://localhost:{https}/b", {"localhost"});
  EXPECT_EQ(got.response.body, "there") << got.response.failure_text;
  EXPECT_EQ(server().requests(), 2);
  EXPECT_EQ(server().count("SECRETKEY"), 2);  // both headers of the first request
  EXPECT_EQ(server().count("\"x-open\": \"o\""), 2);
}

TEST(Redirects, AnotherPortGetsNoSecrets) {
  server().play(redirecting("http://127.0.0.1:{http}/b"));
  server().play(
      R"({"routes":[{"path":"/a","responses":[{"status":307,"headers":{"Location":"https://127.0.0.1:{https}/b"}}]},
                             {"path":"/b","responses":[{"body":"there"}]}]})");
  const Got got = get(trusting(), {.base = server().http(), .path = "/a", .headers = {{"Authorization", "SECRETKEY"}}});
  EXPECT_EQ(got.response.body, "there");
  EXPECT_EQ(server().count("SECRETKEY"), 1);
}

TEST(Redirects, ElsewhereAreRefused) {
  for (const char* location :
       {"https://localhost:{https}/b", "https://169.254.169.254/latest/meta-data", "file:///etc/passwd",
        "ftp://127.0.0.1/", "http://127.0.0.1:{http}/b", "//localhost:{https}/b", "https://u:p@127.0.0.1:{https}/b"}) {
    const Got got = get_redirected(location);
    expect_failure(got, Failure::forbidden_redirect);
    EXPECT_EQ(got.response.status, 302);
    EXPECT_EQ(server().requests(), 1) << location;
  }
  // A host of the list, whose address is not public.
  expect_failure(get_redirected("https://169.254.169.254/a", {"169.254.169.254"}), Failure::forbidden_address);
  // A key that the server would have us carry away.
  expect_failure(get_redirected("https://localhost:{https}/b?apikey=SECRETKEY", {"localhost"}),
                 Failure::forbidden_redirect);
}

TEST(Redirects, EndAfterThree) {
  const auto chain = [](int count) {
    std::string text = R"({"routes":[)";
    for (int i = 0; i < count; ++i)
      text += R"({"path":"/)" + (i == 0 ? std::string("a") : std::to_string(i)) +
              R"(","responses":[{"status":301,"headers":{"Location":"/)" + std::to_string(i + 1) + R"("}}]},)";
    server().play(text + R"({"path":"/)" + std::to_string(count) + R"(","responses":[{"body":"end"}]}]})");
    return get(trusting(), {.base = server().https(), .path = "/a"});
  };
  EXPECT_EQ(chain(3).response.body, "end");
  expect_failure(chain(4), Failure::forbidden_redirect, "more than 3");
  EXPECT_EQ(server().requests(), 4);
}

TEST(Http, TheEnvironmentsProxyIsNotUsed) {
  ::setenv("https_proxy", "http://127.0.0.1:1", 1);
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  ::setenv("all_proxy", "http://127.0.0.1:1", 1);
  ::unsetenv("no_proxy");
  EXPECT_EQ(get_scripted(R"({"body":"direct"})").response.body, "direct");
  ::unsetenv("https_proxy");
  ::unsetenv("http_proxy");
  ::unsetenv("all_proxy");
}

TEST(Http, CookiesAreNotKept) {
  server().play(one_route(R"({"headers":{"Set-Cookie":"a=b"}})"));
  Client client(trusting(), replay::surroundings());
  for (int i = 0; i < 2; ++i) {
    bool done = false;
    client.start({.base = server().https(), .path = "/a"}, [&](Response, int) { done = true; });
    while (!done) client.run(100);
  }
  EXPECT_EQ(server().requests(), 2);
  EXPECT_EQ(server().count("\"cookie\""), 0);
}

TEST(Http, DescriptorsEndWithTheProgram) {
  Client client(trusting(), replay::surroundings());
  server().play(one_route("{}"));
  bool done = false;
  client.start({.base = server().https(), .path = "/a"}, [&](Response, int) { done = true; });
  while (!done) client.run(100);
  int sockets = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int descriptor = std::stoi(entry.path().filename().string());
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0 || peer.ss_family != AF_INET)
      continue;
    ++sockets;
    EXPECT_TRUE(::fcntl(descriptor, F_GETFD) & FD_CLOEXEC);
  }
  EXPECT_GE(sockets, 1);
}

struct Interrupted {};

TEST(Http, AnInterruptedWaitEndsEveryTransferAtOnce) {
  server().play(one_route(R"({"hang":true})"));
  const std::int64_t start = replay::clock_usecs();
  Surroundings surroundings = replay::surroundings();
  const auto wait = surroundings.wait;
  surroundings.wait = [&, wait](int descriptor, int milliseconds) {
    wait(descriptor, std::min(milliseconds, 20));
    if (replay::clock_usecs() - start > 500'000) throw Interrupted();
  };
  std::int64_t interrupted = 0;
  {
    Client client(trusting(), surroundings);
    for (int i = 0; i < 10; ++i)
      client.start({.base = server().https(), .path = "/a"}, [](Response, int) { ADD_FAILURE() << "an answer"; });
    EXPECT_THROW(
        {
          for (;;) client.run(1000);
        },
        Interrupted);
    interrupted = replay::clock_usecs();
    EXPECT_EQ(server().requests(), 10);
    // It can be used again.
    surroundings.wait = wait;
    client.clear();
  }
  EXPECT_LT(replay::clock_usecs() - interrupted, 150'000);
}

TEST(Http, SignalsAreServedByTheCallersThreadAlone) {
  sigset_t before, after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  get_scripted("{}");
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1})
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal));
}

TEST(RetryAfter, IsReadAsSecondsOrADateWithinAnHour) {
  const std::int64_t now = 1'800'000'000'000'000;  // 2027-01-15 08:00:00
  const auto of = [&](const char* name, const char* value, int status = 429) {
    Response response;
    response.status = status;
    response.headers = {{name, value}};
    return retry_after(response, now);
  };
  EXPECT_EQ(of("retry-after", "7"), 7);
  EXPECT_EQ(of("retry-after", "0"), 0);
  EXPECT_EQ(of("retry-after", "-5"), 0);
  EXPECT_EQ(of("retry-after", "99999999999999999999"), 3600);
  EXPECT_EQ(of("retry-after", "Fri, 15 Jan 2027 08:01:30 GMT"), 90);
  EXPECT_EQ(of("retry-after", "Fri, 15 Jan 2027 07:00:00 GMT"), 0);
  EXPECT_EQ(of("retry-after", "Fri, 15 Jan 2037 07:00:00 GMT"), 3600);
  EXPECT_EQ(of("retry-after", "soon"), std::nullopt);
  EXPECT_EQ(of("retry-after", "nan"), std::nullopt);
  EXPECT_EQ(of("retry-after", "7", 503), 7);
  EXPECT_EQ(of("x-ratelimit-reset", "60"), 60);
  EXPECT_EQ(of("x-ratelimit-reset", "1800000100"), 100);
  EXPECT_EQ(of("x-ratelimit-reset", "60", 200), std::nullopt);
  EXPECT_EQ(of("date", "60"), std::nullopt);
}

}  // namespace http_test
