// Starts replay_server.py for a test and speaks with it.
#pragma once
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "collect/http/network.hpp"

namespace replay {

inline std::int64_t clock_usecs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

inline pb::collect::http::Surroundings surroundings() {
  return {[](int descriptor, int milliseconds) {
            pollfd one{descriptor, POLLIN, 0};
            ::poll(&one, 1, milliseconds);
          },
          clock_usecs};
}

// One server for all tests of a program.
class Server {
 public:
  static Server& get() {
    static Server server;
    return server;
  }

  std::string http() const { return "http://127.0.0.1:" + std::to_string(port("http")); }
  std::string https() const { return "https://127.0.0.1:" + std::to_string(port("https")); }
  std::string foreign() const { return "https://127.0.0.1:" + std::to_string(port("foreign")); }
  std::string ca_file() const { return folder_ + "/ca.pem"; }

  int port(const std::string& name) const {
    const auto at = ports_.find("\"" + name + "\": ");
    return std::stoi(ports_.substr(at + name.size() + 4));
  }

  // Every route is at its first response, and the log is empty.
  void play(const std::string& scenario) { command("POST", "/_scenario", scenario); }
  std::string log() { return command("GET", "/_requests", ""); }

  int count(const std::string& text) {
    const std::string all = log();
    int found = 0;
    for (std::size_t at = 0; (at = all.find(text, at)) != all.npos; ++at) ++found;
    return found;
  }
  int requests() { return count("\"method\": \"GET\""); }

 private:
  std::string folder_, ports_;
  pid_t process_ = -1;
  int input_ = -1;

  Server() {
    char folder[] = "/tmp/pb_replay_XXXXXX";
    if (::mkdtemp(folder) == nullptr) throw std::runtime_error("no folder");
    folder_ = folder;
    int pipe[2];
    if (::pipe(pipe) != 0) throw std::runtime_error("no pipe");
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(pipe[0], 0);
      ::close(pipe[1]);
      ::execl("/usr/bin/python3", "python3", PB_COLLECT_TEST_DIR "/replay_server.py", "--folder", folder,
              static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(pipe[0]);
    input_ = pipe[1];
    for (int i = 0; i < 600 && !std::filesystem::exists(folder_ + "/ready"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::stringstream text;
    text << std::ifstream(folder_ + "/ports.json").rdbuf();
    ports_ = text.str();
    if (ports_.empty()) throw std::runtime_error("the server does not start");
  }
  ~Server() {
    // It ends with its input.
    ::close(input_);
    ::waitpid(process_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }

  std::string command(const std::string& method, const std::string& path, const std::string& body) const {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port("http")));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("the server does not answer");
    const std::string text =
        method + " " + path + " HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    if (::send(socket, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
      throw std::runtime_error("the server does not listen");
    ::shutdown(socket, SHUT_WR);
    std::string answer;
    char buffer[65536];
    for (ssize_t count; (count = ::recv(socket, buffer, sizeof buffer, 0)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(count));
    ::close(socket);
    if (!answer.starts_with("HTTP/1.1 200")) throw std::runtime_error("the server refuses: " + answer);
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }
};

}  // namespace replay
