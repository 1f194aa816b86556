#include "collect/http/keys.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "collect/http/redaction.hpp"
#include "core/error.hpp"

namespace keys_test {

using namespace pb::collect::http;

class Keys : public testing::Test {
 protected:
  std::string folder, path;
  void SetUp() override {
    char name[] = "/tmp/pb_keys_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder = name;
    path = folder + "/keys";
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  void write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path) << text;
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
  }
  // The error of reading, in one text with everything in it.
  std::string refusal(const std::string& of) {
    try {
      read_keys(of);
    } catch (const pb::core::Error& error) {
      return std::string(error.sqlstate()) + "|" + error.message() + "|" + error.detail() + "|" + error.hint();
    }
    return "none";
  }
};

TEST_F(Keys, AreReadByProvider) {
  write("# of the desk\n\nfmp = abc=def\n  Polygon=xyz \r\ntiingo\t=\t0123");
  const std::map<std::string, std::string> expected{{"fmp", "abc=def"}, {"polygon", "xyz"}, {"tiingo", "0123"}};
  EXPECT_EQ(read_keys(path), expected);
  write("fmp=a", 0400);
  EXPECT_EQ(read_keys(path).at("fmp"), "a");
  write("", 0600);
  EXPECT_TRUE(read_keys(path).empty());
}

TEST_F(Keys, AFileThatOthersReadIsRefusedWithItsMode) {
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0700}) {
    write("fmp=SECRETKEY", mode);
    const std::string text = refusal(path);
    EXPECT_TRUE(text.starts_with("42501|")) << text;
    EXPECT_NE(text.find(path), text.npos) << text;
    EXPECT_NE(text.find("chmod 0600"), text.npos) << text;
    EXPECT_EQ(text.find("SECRETKEY"), text.npos) << text;
  }
  write("fmp=SECRETKEY", 0640);
  EXPECT_NE(refusal(path).find("mode is 0640"), std::string::npos);
}

TEST_F(Keys, WhatIsNoOrdinaryFileIsRefused) {
  EXPECT_TRUE(refusal(folder).starts_with("42501|"));
  EXPECT_TRUE(refusal(path).starts_with("58P01|")) << refusal(path);
  EXPECT_TRUE(refusal("keys").starts_with("22023|"));
  EXPECT_TRUE(refusal("").starts_with("22023|"));
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_NE(refusal(path).find("not an ordinary file"), std::string::npos);
  ::unlink(path.c_str());
  write("fmp=SECRETKEY");
  ASSERT_EQ(::symlink(path.c_str(), (folder + "/link").c_str()), 0);
  EXPECT_NE(refusal(folder + "/link").find("symbolic link"), std::string::npos);
}

TEST_F(Keys, AnotherUsersFileIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  write("fmp=SECRETKEY");
  ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
  EXPECT_NE(refusal(path).find("belongs to the user 65534"), std::string::npos) << refusal(path);
}

TEST_F(Keys, ALineThatCannotBeReadIsNamedByItsNumber) {
  for (const char* line : {"SECRETKEY", "= SECRETKEY", "f m p = SECRETKEY", "fmp = SECRET KEY",
                           "fmp = \xc3\xa4SECRETKEY", "ok = other", "fmp ="}) {
    write(std::string("# one\nok = SECRETKEY\n") + line + "\n");
    const std::string text = refusal(path);
    EXPECT_TRUE(text.starts_with("22023|line 3 of")) << text;
    EXPECT_EQ(text.find("SECRET"), text.npos) << text;
  }
}

TEST_F(Keys, ALargeFileIsRefused) {
  write(std::string(65536, '#'));
  EXPECT_TRUE(read_keys(path).empty());
  write(std::string(65537, '#'));
  EXPECT_NE(refusal(path).find("is too large"), std::string::npos);
}

std::string address_refusal(const std::string& text, bool insecure) {
  try {
    parse_addresses(text, insecure);
  } catch (const pb::core::Error& error) {
    return std::string(error.sqlstate()) + "|" + error.message() + "|" + error.detail();
  }
  return "none";
}

TEST(Addresses, AreReadByProvider) {
  const std::map<std::string, std::string> expected{
      {"fmp", "https://b.example:8443"}, {"tiingo", "https://[2606:4700::1]:1"}, {"yahoo", "https://a.example"}};
  EXPECT_EQ(parse_addresses(" yahoo=https://a.example,\tFMP = https://b.example:8443 ,tiingo=https://[2606:4700::1]:1",
                            false),
            expected);
  EXPECT_TRUE(parse_addresses("", false).empty());
  EXPECT_EQ(parse_addresses("yahoo=http://127.0.0.1:80", true).at("yahoo"), "http://127.0.0.1:80");
  EXPECT_EQ(parse_addresses("yahoo=http://[::1]", true).at("yahoo"), "http://[::1]");
}

TEST(Addresses, OthersAreRefused) {
  for (const char* text : {"https://a",
                           "=https://a",
                           "yahoo",
                           "yahoo=a.example",
                           "yahoo=ftp://a",
                           "yahoo=file:///etc/passwd",
                           "yahoo=https://",
                           "yahoo=https://user:word@a",
                           "yahoo=https://user@a",
                           "yahoo=https://a/",
                           "yahoo=https://a/b",
                           "yahoo=https://a?b",
                           "yahoo=https://a#b",
                           "yahoo=https://a:",
                           "yahoo=https://a:0",
                           "yahoo=https://a:65536",
                           "yahoo=https://a:8x",
                           "yahoo=https://a:123456",
                           "yahoo=https://[a]",
                           "yahoo=https://[::1",
                           "yahoo=https://[::1]x",
                           "yahoo=https://a b",
                           "yahoo=https://a,yahoo=https://b",
                           "yahoo=http://a.example",
                           "yahoo=http://localhost",
                           "yahoo=http://10.0.0.1",
                           "yahoo=HTTPS://a",
                           "yahoo=https://a\\b"})
    EXPECT_TRUE(address_refusal(text, true).starts_with("22023|")) << text << ": " << address_refusal(text, true);
  EXPECT_NE(address_refusal("yahoo=http://127.0.0.1", false).find("allow_insecure_loopback is off"), std::string::npos);
  EXPECT_EQ(address_refusal("yahoo=https://me:SECRETKEY@a", false).find("SECRETKEY"), std::string::npos);
}

TEST(Redaction, TakesKeysOutOfTexts) {
  const std::pair<const char*, const char*> cases[] = {
      {"GET /a?apikey=K1&b=2", "GET /a?apikey=***&b=2"},
      {"/a?x=1&api_key=K1", "/a?x=1&api_key=***"},
      {"/a?apiKey=K1 failed", "/a?apiKey=*** failed"},
      {"https://h/a?token=K1#f", "https://h/a?token=***"},
      {"crumb=a/b.c&x", "crumb=***&x"},
      {"api_token%3DK1", "api_token%3D***"},
      {"{\"apikey\": \"K1\", \"a\": 1}", "{\"apikey\": \"***\", \"a\": 1}"},
      {"{'token':'K1'}", "{'token':'***'}"},
      {"Authorization: Bearer K1\r\nHost: a", "Authorization: ***\r\nHost: a"},
      {"Cookie: A3=K1; B=K2\nnext", "Cookie: ***\nnext"},
      {"set-cookie: A3=K1", "set-cookie: ***"},
      {"your token is wrong", "your token is wrong"},
      {"an ordinary text: a=b", "an ordinary text: a=b"},
      {"token=", "token="}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(redacted(text), expected);
}

TEST(Redaction, TakesTheKeyItselfOutOfTexts) {
  const std::vector<std::string> secrets{"a/b+SECRET", "abc"};
  EXPECT_EQ(redacted("key a/b+SECRET, a%2Fb%2BSECRET; abc", secrets), "key ***, ***; abc");
}

TEST(Redaction, KnowsTheSecretsOfARequest) {
  Request request;
  request.path = "/a?x=1&apikey=k%2F1&crumb=c";
  request.headers = {{"Authorization", "Bearer KEY1"}, {"X-Mine", "KEY2"}, {"Accept", "all"}};
  request.secret_headers = {"x-mine"};
  const std::vector<std::string> expected{"Bearer KEY1", "KEY1", "KEY2", "k%2F1", "k/1", "c", "c"};
  EXPECT_EQ(secrets_of(request), expected);
}

}  // namespace keys_test
