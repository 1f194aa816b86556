#include "collect/provider/yahoo.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <utility>

#include "collect/provider/symbols.hpp"

namespace pb::collect {

namespace yahoo {

namespace {

constexpr const char* yahoo_host = "https://query2.finance.yahoo.com";
constexpr const char* yahoo_cookie_host = "https://fc.yahoo.com";
constexpr std::size_t yahoo_longest_crumb = 32, yahoo_longest_cookie = 4096;
// A session is opened, and opened anew once.
constexpr int yahoo_most_sessions = 2;

bool yahoo_has(std::string_view text, std::string_view part) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [&](char a, char b) { return lower(a) == lower(b); }) != text.end();
}

bool yahoo_is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

void yahoo_add_cookie(http::Request& request, const Session& session) {
  if (session.cookie.empty()) return;
  request.headers.emplace_back("Cookie", session.cookie);
  request.secret_headers.emplace_back("Cookie");
}

// Yahoo's own description of an error, under chart, quoteSummary, …, or finance.
std::string yahoo_error(const JsonTree& tree) {
  for (const char* name : {"chart", "quoteSummary", "quoteResponse", "timeseries", "optionChain", "finance"}) {
    const JsonTree& error = tree[name]["error"];
    if (const auto words = error["description"].text()) return *words;
    if (const auto words = error["code"].text()) return *words;
    if (const auto words = error.text()) return *words;
  }
  return {};
}

// The names and values of the cookies that an answer sets, as a request sends them.
std::string yahoo_cookies(const http::Response& response) {
  std::string cookies;
  for (const auto& [name, value] : response.headers) {
    if (name != "set-cookie") continue;
    const std::string_view pair = std::string_view(value).substr(0, value.find(';'));
    const auto equals = pair.find('=');
    if (equals == 0 || equals == std::string_view::npos || equals + 1 == pair.size() || !yahoo_is_visible(pair))
      continue;
    if (cookies.size() + pair.size() + 2 > yahoo_longest_cookie) break;
    if (!cookies.empty()) cookies += "; ";
    cookies += pair;
  }
  return cookies;
}

// Asks for a cookie at a host whose page is of no matter, then for the crumb that belongs to it.
class SessionConversation final : public Conversation {
 public:
  explicit SessionConversation(SharedPointer shared) : shared_(std::move(shared)) {
    shared_->session.cookie.clear();
    shared_->session.crumb.clear();
    ++shared_->session.times_opened;
  }

  http::Request first() override {
    return request_for(shared_->configuration, base_of(shared_->configuration, yahoo_cookie_host), "/");
  }

  std::optional<http::Request> then(const http::Response& response) override {
    ++answer_.requests;
    answer_.http_status = response.status;
    if (answer_.requests == 1) return take_cookie(response);
    answer_.outcome = take_crumb(response);
    answer_.retry_after_seconds = response.retry_after_seconds;
    if (answer_.outcome != Outcome::ok) shared_->session.cookie.clear();
    return std::nullopt;
  }

  Answer answer() override { return answer_; }

 private:
  std::optional<http::Request> take_cookie(const http::Response& response) {
    if (response.failure != http::Failure::none) {
      answer_.outcome = Outcome::transient;
      return std::nullopt;
    }
    shared_->session.cookie = yahoo_cookies(response);
    if (shared_->session.cookie.empty()) {
      answer_.outcome = response.status == 429 ? Outcome::rate_limit : Outcome::auth;
      return std::nullopt;
    }
    http::Request request =
        request_for(shared_->configuration, base_of(shared_->configuration, yahoo_host), "/v1/test/getcrumb");
    yahoo_add_cookie(request, shared_->session);
    return request;
  }

  Outcome take_crumb(const http::Response& response) {
    if (response.failure != http::Failure::none) return Outcome::transient;
    const std::string& body = response.body;
    if (response.status == 429 || yahoo_has(body, "Too Many Requests")) return Outcome::rate_limit;
    if (response.status >= 500) return Outcome::transient;
    if (response.status != 200) return Outcome::auth;
    if (is_page(body) || yahoo_has(body, "<html")) return Outcome::blocked;
    std::string_view crumb = body;
    while (!crumb.empty() && (crumb.back() == '\n' || crumb.back() == '\r' || crumb.back() == ' '))
      crumb.remove_suffix(1);
    if (crumb.empty() || crumb.size() > yahoo_longest_crumb || !yahoo_is_visible(crumb) || crumb[0] == '{')
      return Outcome::auth;
    shared_->session.crumb = crumb;
    return Outcome::ok;
  }

  SharedPointer shared_;
  Answer answer_;
};

class Yahoo final : public Provider {
 public:
  explicit Yahoo(const Configuration& configuration) : shared_(std::make_shared<Shared>(Shared{configuration})) {}
  const char* name() const override { return "yahoo"; }
  bool needs_key() const override { return false; }
  // Nothing is documented; addresses that ask faster were refused for hours.
  Limits limits() const override { return {.requests_per_second = 1, .burst = 2, .concurrent = 2}; }
  bool serves(Kind kind, const Instrument& instrument) const override {
    if (kind == Kind::yields) return false;
    const auto symbol_class = class_of(instrument.symbol);
    if (!instrument.provider_symbol.empty()) return is_plain_symbol(instrument.provider_symbol);
    if (!symbol_class || *symbol_class == SymbolClass::private_asset) return false;
    const bool is_option = *symbol_class == SymbolClass::option;
    const bool is_company = *symbol_class == SymbolClass::equity || *symbol_class == SymbolClass::foreign_listing;
    switch (kind) {
      case Kind::prices:
        return !is_option;
      case Kind::options:
        return is_option;
      case Kind::corporate_actions:
      case Kind::profiles:
        return is_company || *symbol_class == SymbolClass::fund;
      default:
        return is_company;
    }
  }
  std::size_t instruments_per_query(Kind) const override { return 1; }
  std::unique_ptr<Conversation> open_session(Kind kind) override {
    if (kind != Kind::profiles && kind != Kind::estimates && kind != Kind::earnings_dates) return nullptr;
    return std::make_unique<SessionConversation>(shared_);
  }
  std::unique_ptr<Conversation> ask(const Query& query) override {
    switch (query.kind) {
      case Kind::statements:
        return ask_statements(shared_, query);
      case Kind::profiles:
      case Kind::estimates:
      case Kind::earnings_dates:
        return ask_summary(shared_, query);
      default:
        return ask_chart(shared_, query);
    }
  }

 private:
  SharedPointer shared_;
};

}  // namespace

PriceUnit price_unit(std::string_view said) {
  if (said == "GBp" || said == "GBX") return {"GBP", true};
  if (said == "ZAc" || said == "ZAX") return {"ZAR", true};
  if (said == "ILA") return {"ILS", true};
  return {std::string(said), false};
}

double price(double said, bool is_hundredths) {
  char text[64];
  const auto single = static_cast<float>(said);
  const auto written = static_cast<double>(single) == said
                           ? std::to_chars(text, text + 32, single, std::chars_format::scientific)
                           : std::to_chars(text, text + 32, said, std::chars_format::scientific);
  char* end = written.ptr;
  if (is_hundredths) {
    // The decimal point moves; a division would round.
    char* exponent = std::find(text, end, 'e') + 1;
    int power = 0;
    std::from_chars(*exponent == '+' ? exponent + 1 : exponent, end, power);
    end = std::to_chars(exponent, text + sizeof text, power - 2).ptr;
  }
  double result = 0;
  std::from_chars(text, end, result);
  return result;
}

std::optional<core::Date> utc_day(std::optional<std::int64_t> instant) {
  // From 1900 to 2200: what a date in the database can hold and a calendar can mean.
  if (!instant || *instant < -2208988800 || *instant > 7258118400) return std::nullopt;
  return std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds{std::chrono::seconds{*instant}});
}

SymbolDialogue::SymbolDialogue(SharedPointer shared, Query asked, NeedsSession needs)
    : Dialogue(std::move(asked)), shared_(std::move(shared)), needs_(needs) {
  const Instrument& instrument = query.instruments.front();
  symbol_there_ = percent_encoded(instrument.provider_symbol.empty()
                                      ? provider_symbol("yahoo", instrument.symbol).value_or(instrument.symbol)
                                      : instrument.provider_symbol);
}

core::Date SymbolDialogue::today() const {
  const auto& here = configuration();
  const auto local = here.local_date ? here.local_date(here.now, "America/New_York") : std::nullopt;
  return local ? *local : utc_day(here.now).value_or(query.to);
}

http::Request SymbolDialogue::request() {
  std::string whole = path();
  const Session& session = shared_->session;
  crumb_sent_ = is_without_crumb_ ? "" : session.crumb;
  if (!crumb_sent_.empty())
    whole += (whole.find('?') == std::string::npos ? "?crumb=" : "&crumb=") + percent_encoded(crumb_sent_);
  http::Request request = request_for(configuration(), base_of(configuration(), yahoo_host), std::move(whole));
  if (!crumb_sent_.empty()) yahoo_add_cookie(request, session);
  return request;
}

// A crumb that is refused: first a new one; what needs none is asked again without. The second refusal is told of the
// symbol alone, since it says nothing of prices.
Ending SymbolDialogue::refused(Ending ending) {
  Session& session = shared_->session;
  const bool was_renewed = session.crumb != crumb_sent_;
  if (!was_renewed && !crumb_sent_.empty()) session.crumb.clear();
  if (needs_ == NeedsSession::no) {
    if (crumb_sent_.empty()) return ending;
    is_without_crumb_ = true;
    is_more = true;
    return {};
  }
  if (session.times_opened < yahoo_most_sessions || (was_renewed && !session.crumb.empty())) return ending;
  settle(0, std::move(ending));
  return {};
}

Ending SymbolDialogue::read(const http::Response& response) {
  if (response.failure != http::Failure::none) return ending_of(response, {});
  const std::string& body = response.body;
  const int status = response.status;
  const auto tree = JsonTree::read(body);
  std::string words = tree ? yahoo_error(*tree) : std::string();
  if (words.empty() && !tree && !is_page(body)) words = body;
  words = plain_words(words, crumb_sent_);
  const std::string told = "status " + std::to_string(status) + (words.empty() ? "" : ": " + words);
  if (status == 401) return refused({Outcome::auth, told});
  // The refusal of an address names no crumb: a new one would not help.
  if (status == 403) return yahoo_has(body, "crumb") ? refused({Outcome::auth, told}) : Ending{Outcome::blocked, told};
  if (status == 429 || (!tree && yahoo_has(body, "Too Many Requests"))) return {Outcome::rate_limit, told};
  if (status == 999) return {Outcome::transient, told};
  if (is_page(body) && status < 500) return ending_of_page(body);
  if (status == 404) return tree ? Ending{Outcome::no_data, words} : Ending{Outcome::transient, told};
  if (status == 400 && yahoo_has(words, "Data doesn't exist")) return {Outcome::no_data, words};
  if (status != 200) return ending_of(response, words);
  if (!tree) {
    const auto begin = body.find_first_not_of(" \t\r\n");
    const bool is_broken = begin != std::string::npos && (body[begin] == '{' || body[begin] == '[');
    return is_broken ? Ending{Outcome::malformed, "the answer is not whole JSON"}
                     : Ending{Outcome::transient, words.empty() ? "an empty answer" : words};
  }
  // With status 200, "Invalid Crumb" comes under finance.
  if (!words.empty() && yahoo_has(words, "crumb")) return refused({Outcome::auth, words});
  if (!words.empty()) symbol(0).text = words;
  return read_tree(*tree);
}

}  // namespace yahoo

std::unique_ptr<Provider> make_yahoo(const Configuration& configuration) {
  return std::make_unique<yahoo::Yahoo>(configuration);
}

}  // namespace pb::collect
