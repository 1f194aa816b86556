#include "collect/http/client.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <list>
#include <new>
#include <utility>

#include "collect/http/address.hpp"
#include "collect/http/redaction.hpp"
#include "core/error.hpp"

// CURLOPT_PROTOCOLS_STR, CURLOPT_QUICK_EXIT.
static_assert(LIBCURL_VERSION_NUM >= 0x075700, "libcurl 7.87 or later is needed");

namespace pb::collect::http {

// By name: the folder is compiled as one text, where members of types without linkage are warned of.
namespace client_parts {

constexpr int most_redirects = 3;
constexpr std::size_t most_header_bytes = 256 << 10;
// Text is packed to a tenth, seldom to a fiftieth; zeros to a thousandth.
constexpr std::size_t most_unpacked_ratio = 256, unpacked_without_ratio = 1 << 20;

// libcurl starts a thread to resolve names, which must not run the handlers of the server's signals.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* pointer) const noexcept {
    Free(pointer);
  }
};
using EasyHandle = std::unique_ptr<CURL, FreeWith<curl_easy_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, FreeWith<curl_slist_free_all>>;
using Url = std::unique_ptr<CURLU, FreeWith<curl_url_cleanup>>;

void begin_libcurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK)
    throw core::Error(core::sqlstate::internal_error, "libcurl cannot be used", curl_easy_strerror(code));
}

std::string lowered(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return result;
}

std::string url_part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, FreeWith<curl_free>> owner(text);
  return text;
}

// Parts of an address that decide where it leads.
struct Target {
  std::string url, scheme, host, port, query;
  bool has_user = false;
  bool same_origin(const Target& other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
  }
};

// The target of a URL, relative to another where there is one.
std::optional<Target> target_of(const std::string& base, const std::string& url) {
  const Url parsed(curl_url());
  if (!parsed) throw std::bad_alloc();
  // Schemes that libcurl does not know are read too, and refused by name.
  if (!base.empty() && curl_url_set(parsed.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK) return std::nullopt;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return std::nullopt;
  Target target;
  target.has_user =
      !url_part(parsed.get(), CURLUPART_USER).empty() || !url_part(parsed.get(), CURLUPART_PASSWORD).empty();
  curl_url_set(parsed.get(), CURLUPART_FRAGMENT, nullptr, 0);
  target.url = url_part(parsed.get(), CURLUPART_URL);
  target.scheme = lowered(url_part(parsed.get(), CURLUPART_SCHEME));
  target.host = lowered(url_part(parsed.get(), CURLUPART_HOST));
  target.port = url_part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  target.query = url_part(parsed.get(), CURLUPART_QUERY);
  return target;
}

bool has_secret_parameter(std::string_view query) {
  while (!query.empty()) {
    const std::string_view parameter = query.substr(0, query.find('&'));
    if (is_secret_name(parameter.substr(0, parameter.find('=')))) return true;
    query.remove_prefix(std::min(parameter.size() + 1, query.size()));
  }
  return false;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

const std::string* find_header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return &value;
  return nullptr;
}

Failure failure_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return Failure::none;
    case CURLE_OPERATION_TIMEDOUT:
      return Failure::timeout;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return Failure::certificate;
    case CURLE_PARTIAL_FILE:
    case CURLE_BAD_CONTENT_ENCODING:
      return Failure::truncated;
    default:
      return Failure::connection;
  }
}

}  // namespace client_parts
using namespace client_parts;

std::optional<int> retry_after(const Response& response, std::int64_t now) {
  const double most = 3600, seconds_now = static_cast<double>(now) / 1e6;
  const auto number = [](const std::string& text) -> std::optional<double> {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (end == text.c_str() || *end != '\0' || !std::isfinite(value)) return std::nullopt;
    return value;
  };
  std::optional<double> seconds;
  if (const std::string* header = find_header(response, "retry-after")) {
    seconds = number(*header);
    if (const time_t instant = seconds ? -1 : curl_getdate(header->c_str(), nullptr); instant != -1)
      seconds = static_cast<double>(instant) - seconds_now;
  } else if (const std::string* reset = find_header(response, "x-ratelimit-reset"); reset && response.status == 429) {
    seconds = number(*reset);
    if (seconds && *seconds > 60) *seconds -= seconds_now;
  }
  if (!seconds) return std::nullopt;
  return static_cast<int>(std::ceil(std::clamp(*seconds, 0.0, most)));
}

struct Client::Implementation {
  struct Transfer {
    Implementation* owner;
    Request request;
    Done done;
    Target target;
    std::vector<std::string> secrets;
    bool with_secrets = true;
    int requests = 0;
    Response response = {};
    std::size_t header_bytes = 0;
    bool is_too_large = false, is_bomb = false, is_out_of_memory = false;
    std::string refused_address = {};
    char error[CURL_ERROR_SIZE] = "";
    // Headers live as long as the handle that uses them.
    HeaderList headers = {};
    EasyHandle handle = {};
  };
  using Transfers = std::list<Transfer>;

  NetworkSettings settings;
  Surroundings surroundings;
  int epoll = -1;
  CURLM* multi = nullptr;
  Transfers transfers;
  std::optional<std::chrono::steady_clock::time_point> timer;
  // Answered without having been sent; called from run() as all others.
  std::list<std::pair<Done, Response>> refused;

  Implementation(const NetworkSettings& settings_, const Surroundings& surroundings_)
      : settings(settings_), surroundings(surroundings_) {
    begin_libcurl();
    epoll = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) throw core::Error("53000", "no descriptor is left to wait for providers with");
    multi = curl_multi_init();
    if (multi == nullptr) {
      ::close(epoll);
      throw std::bad_alloc();
    }
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  }

  ~Implementation() {
    clear();
    const SignalsBlocked blocked;
    curl_multi_cleanup(multi);
    ::close(epoll);
  }

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    Implementation& mine = *static_cast<Implementation*>(self);
    if (what == CURL_POLL_REMOVE) {
      // Where the socket is closed already, epoll has forgotten it.
      epoll_event none{};
      ::epoll_ctl(mine.epoll, EPOLL_CTL_DEL, socket, &none);
      return 0;
    }
    epoll_event event{};
    event.data.fd = socket;
    if (what & CURL_POLL_IN) event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
    // The number may have belonged to a socket that was closed meanwhile.
    if (::epoll_ctl(mine.epoll, EPOLL_CTL_MOD, socket, &event) != 0 &&
        ::epoll_ctl(mine.epoll, EPOLL_CTL_ADD, socket, &event) != 0)
      return -1;
    return 0;
  }

  static int on_timer(CURLM*, long milliseconds, void* self) {
    Implementation& mine = *static_cast<Implementation*>(self);
    if (milliseconds < 0)
      mine.timer.reset();
    else
      mine.timer = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    return 0;
  }

  // Where a name leads is checked here, behind the resolver, so that no answer of a name server can change it later.
  static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* address) {
    Transfer& transfer = *static_cast<Transfer*>(self);
    const NetworkSettings& settings = transfer.owner->settings;
    if (settings.proxy.empty()) {
      const std::string kind = address_class(&address->addr);
      const bool is_allowed = transfer.target.scheme == "http"
                                  ? kind == "loopback" && settings.allow_insecure_loopback
                                  : kind.empty() || (kind == "loopback" && settings.allow_insecure_loopback);
      if (!is_allowed) {
        transfer.refused_address = to_text(&address->addr) + " (" + (kind.empty() ? "not loopback" : kind) + ")";
        return CURL_SOCKET_BAD;
      }
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  // What differs from the number of bytes ends the transfer.
  static constexpr std::size_t end_of_transfer = 0xFFFFFFFF;

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) noexcept {
    Transfer& transfer = *static_cast<Transfer*>(self);
    std::string& body = transfer.response.body;
    curl_off_t packed = 0;
    curl_easy_getinfo(transfer.handle.get(), CURLINFO_SIZE_DOWNLOAD_T, &packed);
    const std::size_t whole = body.size() + size;
    transfer.is_too_large = whole > transfer.request.max_bytes;
    transfer.is_bomb =
        whole > unpacked_without_ratio && packed > 0 && whole / most_unpacked_ratio > static_cast<std::size_t>(packed);
    if (transfer.is_too_large || transfer.is_bomb) return end_of_transfer;
    try {
      body.append(data, size);
    } catch (...) {
      transfer.is_out_of_memory = true;
      return end_of_transfer;
    }
    return size;
  }
  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) noexcept {
    Transfer& transfer = *static_cast<Transfer*>(self);
    transfer.header_bytes += size;
    if (transfer.header_bytes > most_header_bytes) {
      transfer.is_too_large = true;
      return 0;
    }
    try {
      std::string_view line(data, size);
      while (!line.empty() && (line.back() == '\r' || line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
      // A further status line begins the headers of the final response.
      if (line.starts_with("HTTP/")) transfer.response.headers.clear();
      const auto colon = line.find(':');
      if (line.starts_with("HTTP/") || colon == line.npos) return size;
      std::string_view value = line.substr(colon + 1);
      value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
      transfer.response.headers.emplace_back(lowered(line.substr(0, colon)), value);
    } catch (...) {
      transfer.is_out_of_memory = true;
      return 0;
    }
    return size;
  }

  // Why a target may not be asked; empty: it may.
  std::string refusal(const Target& target) const {
    if (target.has_user) return "an address with a user's name";
    if (target.scheme == "https") return {};
    if (target.scheme != "http") return "the scheme " + target.scheme;
    if (!settings.allow_insecure_loopback) return "plain HTTP";
    return is_loopback_literal(target.host) ? std::string() : "plain HTTP to " + target.host;
  }

  void refuse(Done done, Failure failure, const std::string& text) {
    Response response;
    response.failure = failure;
    response.failure_text = text;
    refused.emplace_back(std::move(done), std::move(response));
  }

  void start(Request request, Done done) {
    const std::vector<std::string> secrets = secrets_of(request);
    const std::optional<Target> target = target_of({}, request.base + request.path);
    if (!target || target->host.empty())
      return refuse(std::move(done), Failure::connection, "the address is malformed");
    if (const std::string why = refusal(*target); !why.empty())
      return refuse(std::move(done), Failure::forbidden_address, redacted("not allowed: " + why, secrets));
    for (const auto& [name, value] : request.headers)
      if ((name + value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        return refuse(std::move(done), Failure::connection, "a header has a line break in it");
    transfers.push_back({this, std::move(request), std::move(done), *target, secrets});
    try {
      send(transfers.back());
    } catch (...) {
      transfers.pop_back();
      throw;
    }
  }

  HeaderList header_list(const Transfer& transfer) const {
    HeaderList list;
    const auto add = [&](const std::string& line) {
      curl_slist* longer = curl_slist_append(list.get(), line.c_str());
      if (longer == nullptr) throw std::bad_alloc();
      (void)list.release();
      list.reset(longer);
    };
    for (const auto& [name, value] : transfer.request.headers) {
      const bool is_named = std::any_of(transfer.request.secret_headers.begin(), transfer.request.secret_headers.end(),
                                        [&n = name](const std::string& s) { return lowered(s) == lowered(n); });
      if (!transfer.with_secrets && (is_named || is_secret_name(name))) continue;
      // An empty header ends with a semicolon for libcurl.
      std::string line = name;
      add(value.empty() ? line.append(";") : line.append(": ").append(value));
    }
    return list;
  }

  void send(Transfer& transfer) {
    transfer.response = {};
    transfer.header_bytes = 0;
    transfer.error[0] = '\0';
    transfer.headers = header_list(transfer);
    transfer.handle.reset(curl_easy_init());
    CURL* handle = transfer.handle.get();
    if (handle == nullptr) throw std::bad_alloc();
    const auto set = [&](CURLoption option, auto value) {
      const CURLcode code = curl_easy_setopt(handle, option, value);
      if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
      // What protects must not be left out silently.
      if (code != CURLE_OK)
        throw core::Error(core::sqlstate::internal_error, "libcurl does not know an option", curl_easy_strerror(code));
    };
    const auto milliseconds = [](double seconds) { return std::max(1L, std::lround(seconds * 1000)); };
    set(CURLOPT_PRIVATE, static_cast<void*>(&transfer));
    set(CURLOPT_ERRORBUFFER, transfer.error);
    set(CURLOPT_URL, transfer.target.url.c_str());
    set(CURLOPT_HTTPHEADER, transfer.headers.get());
    set(CURLOPT_HTTPGET, 1L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, transfer.target.scheme.c_str());
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_PROXY, settings.proxy.c_str());
    set(CURLOPT_NOPROXY, "");
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!settings.ca_file.empty()) {
      set(CURLOPT_CAINFO, settings.ca_file.c_str());
      set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
    }
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    set(CURLOPT_PIPEWAIT, 1L);
    set(CURLOPT_ACCEPT_ENCODING, "");
    set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(settings.connect_seconds));
    set(CURLOPT_TIMEOUT_MS, milliseconds(settings.total_seconds));
    set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(settings.slow_bytes));
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(settings.slow_seconds));
    // A cancel does not wait for a resolver that hangs.
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_OPENSOCKETFUNCTION, &on_open);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&transfer));
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
    ++transfer.requests;
    const SignalsBlocked blocked;
    if (curl_multi_add_handle(multi, handle) != CURLM_OK) throw std::bad_alloc();
  }

  void run(int milliseconds) {
    wait(milliseconds);
    serve();
    collect_messages();
    for (auto answered = std::exchange(refused, {}); auto& [done, response] : answered) done(std::move(response), 0);
  }

  void wait(int milliseconds) {
    if (!refused.empty()) milliseconds = 0;
    if (timer) {
      const auto left = *timer - std::chrono::steady_clock::now();
      const auto whole = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      milliseconds = static_cast<int>(std::clamp<std::int64_t>(whole, 0, milliseconds));
    }
    surroundings.wait(epoll, milliseconds);
  }

  void serve() {
    epoll_event events[64];
    const int count = ::epoll_wait(epoll, events, 64, 0);
    const SignalsBlocked blocked;
    int running = 0;
    for (int i = 0; i < count; ++i) {
      int what = 0;
      if (events[i].events & EPOLLIN) what |= CURL_CSELECT_IN;
      if (events[i].events & EPOLLOUT) what |= CURL_CSELECT_OUT;
      if (events[i].events & (EPOLLERR | EPOLLHUP)) what |= CURL_CSELECT_IN | CURL_CSELECT_ERR;
      curl_multi_socket_action(multi, events[i].data.fd, what, &running);
    }
    if (timer && *timer <= std::chrono::steady_clock::now()) {
      timer.reset();
      curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
  }

  void collect_messages() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      void* owner = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
      // Removing the handle frees the message.
      finish(*static_cast<Transfer*>(owner), message->data.result);
    }
  }

  void finish(Transfer& transfer, CURLcode code) {
    long status = 0;
    curl_easy_getinfo(transfer.handle.get(), CURLINFO_RESPONSE_CODE, &status);
    release(transfer);
    if (transfer.is_out_of_memory) throw std::bad_alloc();
    Response& response = transfer.response;
    response.status = static_cast<int>(status);
    if (code != CURLE_OK) describe(transfer, code);
    if (response.failure == Failure::none && is_redirect(response.status) && redirect(transfer)) return;
    response.retry_after_seconds = retry_after(response, surroundings.now());
    const auto here =
        std::find_if(transfers.begin(), transfers.end(), [&](const Transfer& t) { return &t == &transfer; });
    Transfers ended;
    ended.splice(ended.begin(), transfers, here);
    transfer.done(std::move(response), transfer.requests);
  }

  void release(Transfer& transfer) noexcept {
    const SignalsBlocked blocked;
    if (transfer.handle) curl_multi_remove_handle(multi, transfer.handle.get());
    transfer.handle.reset();
    transfer.headers.reset();
  }

  void describe(Transfer& transfer, CURLcode code) const {
    Response& response = transfer.response;
    std::string text = transfer.error[0] != '\0' ? transfer.error : curl_easy_strerror(code);
    response.failure = failure_of(code);
    if (transfer.is_too_large || transfer.is_bomb) {
      response.failure = Failure::too_large;
      text = transfer.is_bomb ? "the answer unpacks to a multiple of its size that data never have"
                              : "the answer is larger than " + std::to_string(transfer.request.max_bytes) + " bytes";
    } else if (code == CURLE_COULDNT_CONNECT && !transfer.refused_address.empty()) {
      response.failure = Failure::forbidden_address;
      text = "an address that may not be connected to: " + transfer.refused_address;
    }
    // What came before the failure is not an answer.
    response.body.clear();
    response.failure_text = redacted(transfer.target.host + ": " + text, transfer.secrets);
  }

  // Follows a redirect, or says why not. Whether it is followed.
  bool redirect(Transfer& transfer) {
    Response& response = transfer.response;
    const std::string* location = find_header(response, "location");
    if (location == nullptr) return false;
    const auto forbid = [&](const std::string& why) {
      response.failure = Failure::forbidden_redirect;
      response.failure_text = redacted(transfer.target.host + ": redirected to " + why, transfer.secrets);
      response.body.clear();
      return false;
    };
    if (transfer.requests > most_redirects) return forbid("more than 3 addresses");
    const std::optional<Target> next = target_of(transfer.target.url, *location);
    if (!next) return forbid("an address that cannot be read");
    if (const std::string why = refusal(*next); !why.empty()) return forbid(why);
    const std::optional<Target> first = target_of({}, transfer.request.base + transfer.request.path);
    const auto& hosts = transfer.request.redirect_hosts;
    const bool is_home = first && next->same_origin(*first);
    if (transfer.target.scheme == "https" && next->scheme != "https") return forbid("plain HTTP");
    if (!is_home && !(first && next->host == first->host) &&
        std::find(hosts.begin(), hosts.end(), next->host) == hosts.end())
      return forbid("another host, " + next->host);
    if (!is_home && has_secret_parameter(next->query)) return forbid("another host with a key, " + next->host);
    // Once away, secrets stay away.
    transfer.with_secrets = transfer.with_secrets && is_home;
    transfer.target = *next;
    send(transfer);
    return true;
  }

  void clear() noexcept {
    for (Transfer& transfer : transfers) release(transfer);
    transfers.clear();
    refused.clear();
  }
};

Client::Client(const NetworkSettings& settings, const Surroundings& surroundings)
    : implementation_(std::make_unique<Implementation>(settings, surroundings)) {}
Client::~Client() = default;
void Client::start(Request request, Done done) { implementation_->start(std::move(request), std::move(done)); }
void Client::run(int milliseconds) { implementation_->run(milliseconds); }
void Client::clear() noexcept { implementation_->clear(); }

}  // namespace pb::collect::http
