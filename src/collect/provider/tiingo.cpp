// Tiingo: raw prices with the dividend and the split of each day in the same row.

#include <memory>
#include <utility>

#include "collect/provider/json_tree.hpp"
#include "collect/provider/reply.hpp"

namespace pb::collect {

namespace {

class TiingoDialogue final : public Dialogue {
 public:
  TiingoDialogue(const Configuration& configuration, Query asked)
      : Dialogue(std::move(asked)), configuration_(configuration) {}

 private:
  http::Request request() override {
    http::Request request =
        request_for(configuration_, base_of(configuration_, "https://api.tiingo.com"),
                    "/tiingo/daily/" + percent_encoded(ticker_of("tiingo", query.instruments.front())) +
                        "/prices?startDate=" + core::to_iso(query.from) + "&endDate=" + core::to_iso(query.to) +
                        "&format=json&resampleFreq=daily");
    request.headers.emplace_back("Authorization", "Token " + configuration_.key);
    request.secret_headers.emplace_back("Authorization");
    return request;
  }

  Ending read(const http::Response& response) override {
    if (response.failure == http::Failure::none && response.status == 200 && is_page(response.body))
      return ending_of_page(response.body);
    const auto tree = JsonTree::read(response.body);
    std::string words;
    if (tree && tree->is_object()) words = plain_words((*tree)["detail"].text().value_or(""), configuration_.key);
    if (!tree && !is_page(response.body)) words = plain_words(response.body, configuration_.key);
    // The allocation of an hour, a day or a month is used up; some come with status 200 and a sentence.
    const bool is_over_limit = words.find("allocation") != std::string::npos ||
                               words.find("request limit") != std::string::npos ||
                               words.find("unique symbol") != std::string::npos;
    Ending ending = ending_of(response, words);
    if (response.failure == http::Failure::none && is_over_limit && ending.outcome != Outcome::transient)
      return {Outcome::rate_limit, words};
    if (ending.outcome == Outcome::auth && response.status == 403 && words.find("oken") == std::string::npos)
      ending.outcome = Outcome::plan_limit;
    if (ending.outcome != Outcome::ok) return ending;
    if (!tree) return {Outcome::malformed, words.empty() ? "the answer is not JSON" : words};
    if (!tree->is_array()) return {Outcome::malformed, words.empty() ? "the answer is not an array" : words};
    return read_rows(*tree);
  }

  Ending read_rows(const JsonTree& rows) {
    SymbolAnswer& answer = symbol(0);
    answer.prices.currency = "USD";
    for (const JsonTree& row : rows.elements()) {
      const auto day = row["date"].day();
      if (!day) return {Outcome::malformed, "a row without a date"};
      if (*day < query.from || *day > query.to) continue;
      market::Bar bar{*day};
      bar.open = row["open"].number();
      bar.high = row["high"].number();
      bar.low = row["low"].number();
      bar.close = row["close"].number();
      bar.adj_close = row["adjClose"].number();
      bar.volume = volume_in(row["volume"]);
      answer.prices.bars.push_back(bar);
      // Of prices and of actions alike: the row is one, and the split tells why the raw close jumps.
      const double dividend = row["divCash"].number().value_or(0), factor = row["splitFactor"].number().value_or(1);
      if (dividend > 0) answer.actions.push_back({*day, "dividend", {}, {}, dividend});
      if (factor > 0 && factor != 1) answer.actions.push_back(split_of(*day, factor));
    }
    return {};
  }

  void finish() override {
    Dialogue::finish();
    if (query.kind != Kind::corporate_actions) return;
    symbol(0).prices = {};
    if (symbol(0).outcome == Outcome::ok && symbol(0).actions.empty()) symbol(0).outcome = Outcome::no_data;
  }

  Configuration configuration_;
};

class Tiingo final : public Provider {
 public:
  explicit Tiingo(const Configuration& configuration) : configuration_(configuration) {}
  const char* name() const override { return "tiingo"; }
  bool needs_key() const override { return true; }
  // What is said of the free plan: 50 requests an hour.
  Limits limits() const override {
    return {.requests_per_second = 50.0 / 3600, .burst = 50, .concurrent = 2, .requests_per_day = 1000};
  }
  bool serves(Kind kind, const Instrument& instrument) const override {
    const std::string ticker = ticker_of("tiingo", instrument);
    return (kind == Kind::prices || kind == Kind::corporate_actions) && is_plain_symbol(ticker) &&
           ticker.find_first_of("^=:") == std::string::npos;
  }
  std::size_t instruments_per_query(Kind) const override { return 1; }
  std::unique_ptr<Conversation> ask(const Query& query) override {
    return std::make_unique<TiingoDialogue>(configuration_, query);
  }

 private:
  Configuration configuration_;
};

}  // namespace

std::unique_ptr<Provider> make_tiingo(const Configuration& configuration) {
  return std::make_unique<Tiingo>(configuration);
}

}  // namespace pb::collect
