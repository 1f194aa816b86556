#include "collect/provider/reply.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "collect/provider/json_tree.hpp"
#include "collect/provider/symbols.hpp"

namespace pb::collect {

namespace {

std::string_view reply_without_mark(std::string_view body) {
  if (body.substr(0, 3) == "\xef\xbb\xbf") body.remove_prefix(3);
  const auto first = body.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view() : body.substr(first);
}

}  // namespace

bool is_page(std::string_view body) { return reply_without_mark(body).substr(0, 1) == "<"; }

Ending ending_of_page(std::string_view body) {
  const std::string text = lower_cased(body.substr(0, 64 << 10));
  for (const char* words : {"be right back", "maintenance", "temporarily unavailable", "service unavailable",
                            "bad gateway", "gateway time", "internal server error"})
    if (text.find(words) != std::string::npos)
      return {Outcome::transient, std::string("a page that says \"") + words + "\" in place of data"};
  return {Outcome::blocked, "a page for people in place of data"};
}

Ending ending_of(const http::Response& response, std::string_view words) {
  const auto with = [&](std::string what) {
    if (!words.empty()) what.append(": ").append(words);
    return what;
  };
  switch (response.failure) {
    case http::Failure::none:
      break;
    case http::Failure::too_large:
      return {Outcome::malformed, response.failure_text};
    case http::Failure::forbidden_address:
    case http::Failure::forbidden_redirect:
      return {Outcome::blocked, response.failure_text};
    default:
      return {Outcome::transient, response.failure_text};
  }
  const int status = response.status;
  const std::string number = "status " + std::to_string(status);
  if (status == 200) return {};
  if (status == 401 || status == 403) return {Outcome::auth, with(number)};
  if (status == 404) return {Outcome::no_data, with(number)};
  if (status == 429) return {Outcome::rate_limit, with(number)};
  if (status == 408 || status == 425 || status >= 500) return {Outcome::transient, with(number)};
  return {Outcome::malformed, with(number)};
}

std::string ticker_of(std::string_view provider, const Instrument& instrument) {
  if (!instrument.provider_symbol.empty()) return instrument.provider_symbol;
  return provider_symbol(provider, instrument.symbol).value_or("");
}

std::string base_of(const Configuration& configuration, std::string_view own) {
  std::string base = configuration.address.empty() ? std::string(own) : configuration.address;
  while (!base.empty() && base.back() == '/') base.pop_back();
  return base;
}

http::Request request_for(const Configuration& configuration, std::string base, std::string path) {
  http::Request request;
  request.base = std::move(base);
  request.path = std::move(path);
  std::string agent = configuration.user_agent;
  if (agent.empty()) {
    agent = "portfolio_batch/1.0.0";
    if (!configuration.contact.empty()) agent += " (" + configuration.contact + ")";
  }
  request.headers.emplace_back("User-Agent", std::move(agent));
  return request;
}

Dialogue::Dialogue(Query asked) : query(std::move(asked)), settled_(query.instruments.size()) {
  for (const Instrument& instrument : query.instruments) answer_.symbols.emplace_back().symbol = instrument.symbol;
}

std::optional<http::Request> Dialogue::then(const http::Response& response) {
  ++answer_.requests;
  answer_.http_status = response.status;
  is_more = false;
  const Ending ending = read(response);
  if (ending.outcome == Outcome::ok) {
    if (is_more) return request();
  } else {
    for (std::size_t i = 0; i < symbol_count(); ++i)
      if (!is_settled(i)) settle(i, ending);
    if (ending.outcome == Outcome::rate_limit || ending.outcome == Outcome::auth ||
        ending.outcome == Outcome::blocked || ending.outcome == Outcome::transient) {
      answer_.outcome = ending.outcome;
      answer_.retry_after_seconds = response.retry_after_seconds;
    }
  }
  finish();
  is_finished_ = true;
  return std::nullopt;
}

Answer Dialogue::answer() {
  // A conversation that was not led to its end has answered nothing.
  if (!is_finished_)
    for (std::size_t i = 0; i < symbol_count(); ++i)
      if (!is_settled(i)) settle(i, {Outcome::transient, "the conversation did not end"});
  return answer_;
}

void Dialogue::settle(std::size_t i, Ending ending) {
  settled_[i] = true;
  answer_.symbols[i].outcome = ending.outcome;
  answer_.symbols[i].text = std::move(ending.text);
}

void Dialogue::finish() {
  for (std::size_t i = 0; i < symbol_count(); ++i) {
    SymbolAnswer& answer = symbol(i);
    // Words that a step left go with the outcome.
    const std::string words = answer.text;
    if (is_settled(i)) {
      if (answer.prices.bars.empty()) continue;
    } else if (!has_rows(answer)) {
      settle(i, {Outcome::no_data, words});
    } else {
      settle(i, {Outcome::ok, words});
    }
    auto& bars = answer.prices.bars;
    put_in_order(bars, query.from, query.to);
    if (answer.outcome != Outcome::ok) continue;
    const bool is_price = query.kind == Kind::prices || query.kind == Kind::options;
    if (is_price && bars.empty()) settle(i, {Outcome::no_data, words});
    if (is_price && !bars.empty() && (bars.back().date < query.to || !bars.back().close))
      settle(i, {Outcome::pending, words});
  }
}

void put_in_order(std::vector<market::Bar>& bars, core::Date from, core::Date to) {
  std::erase_if(bars, [&](const market::Bar& bar) { return bar.date < from || bar.date > to; });
  std::stable_sort(bars.begin(), bars.end(),
                   [](const market::Bar& a, const market::Bar& b) { return a.date < b.date; });
  std::vector<market::Bar> once;
  for (market::Bar& bar : bars) {
    if (!once.empty() && once.back().date == bar.date)
      once.back() = bar;
    else
      once.push_back(bar);
  }
  bars = std::move(once);
}

std::optional<std::int64_t> volume_in(const JsonTree& value) {
  const auto number = value.number();
  if (!number || *number < 0 || *number > 9e15) return std::nullopt;
  return std::llround(*number);
}

market::Action split_of(core::Date day, double factor) {
  for (int denominator = 1; denominator <= 1000; ++denominator) {
    const double numerator = std::round(factor * denominator);
    // Providers round factors such as 1/3 to six digits and more.
    if (numerator >= 1 && std::abs(numerator / denominator - factor) <= 1e-6 * factor)
      return {day, "split", numerator, denominator, {}};
  }
  return {day, "split", factor, 1.0, {}};
}

bool has_rows(const SymbolAnswer& answer) {
  return !answer.prices.bars.empty() || !answer.actions.empty() || !answer.yields.empty() ||
         !answer.statements.empty() || answer.profile || !answer.estimates.empty() || !answer.earnings_dates.empty();
}

}  // namespace pb::collect
