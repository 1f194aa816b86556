// FRED: series of the Federal Reserve Bank of St. Louis, as JSON with a key and as CSV without one.

#include <algorithm>
#include <memory>
#include <utility>

#include "collect/provider/csv.hpp"
#include "collect/provider/json_tree.hpp"
#include "collect/provider/reply.hpp"

namespace pb::collect {

namespace {

constexpr std::size_t fred_page = 100000;
constexpr int fred_pages = 20;
// FRED refuses a request that spans more than 2000 vintages; a daily series has one a business day.
constexpr std::chrono::days fred_vintage_span{5 * 365};

bool fred_is_series(std::string_view series) {
  return !series.empty() && series.size() <= 32 && std::all_of(series.begin(), series.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

core::Date fred_today(const Configuration& configuration) {
  return std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(configuration.now)));
}

class FredDialogue final : public Dialogue {
 public:
  FredDialogue(const Configuration& configuration, Query asked)
      : Dialogue(std::move(asked)), configuration_(configuration) {
    // Vintages of the last years; of what is older, the value alone.
    const core::Date recent = fred_today(configuration_) - fred_vintage_span;
    if (configuration_.key.empty() || query.from >= recent || query.to < recent) {
      parts_.push_back({query.from, query.to, query.from >= recent});
    } else {
      parts_.push_back({query.from, recent - std::chrono::days{1}, false});
      parts_.push_back({recent, query.to, true});
    }
  }

 private:
  struct Part {
    core::Date from, to;
    bool has_vintages;
  };

  const std::string& series() const {
    const Instrument& instrument = query.instruments.front();
    return instrument.provider_symbol.empty() ? instrument.symbol : instrument.provider_symbol;
  }

  http::Request request() override {
    const Part& part = parts_[part_];
    const std::string from = core::to_iso(part.from), to = core::to_iso(part.to);
    if (configuration_.key.empty())
      return request_for(configuration_, base_of(configuration_, "https://fred.stlouisfed.org"),
                         "/graph/fredgraph.csv?id=" + percent_encoded(series()) + "&cosd=" + from + "&coed=" + to);
    std::string path = "/fred/series/observations?series_id=" + percent_encoded(series()) +
                       "&api_key=" + percent_encoded(configuration_.key) + "&file_type=json&observation_start=" + from +
                       "&observation_end=" + to;
    if (part.has_vintages) path += "&realtime_start=" + from + "&realtime_end=9999-12-31";
    path += "&sort_order=asc&limit=" + std::to_string(fred_page) + "&offset=" + std::to_string(page_ * fred_page);
    return request_for(configuration_, base_of(configuration_, "https://api.stlouisfed.org"), std::move(path));
  }

  Ending read(const http::Response& response) override {
    if (response.failure == http::Failure::none && is_page(response.body) &&
        (response.status == 200 || response.status == 404))
      return ending_of_page(response.body);
    const auto tree = configuration_.key.empty() ? std::nullopt : JsonTree::read(response.body);
    const std::string words =
        tree ? plain_words((*tree)["error_message"].text().value_or(""), configuration_.key) : std::string();
    Ending ending = ending_of(response, words);
    if (response.failure == http::Failure::none && response.status == 423) ending.outcome = Outcome::transient;
    if (response.failure == http::Failure::none && response.status == 400) ending = ending_of_bad_request(words);
    if (ending.outcome != Outcome::ok) return ending;
    return configuration_.key.empty() ? read_csv(response.body) : read_json(tree, words);
  }

  // FRED answers 400 for keys that are not registered and for series that do not exist.
  Ending ending_of_bad_request(const std::string& words) const {
    if (words.find("api_key") != std::string::npos || words.find("[key]") != std::string::npos)
      return {Outcome::auth, words};
    if (words.find("does not exist") != std::string::npos || configuration_.key.empty())
      return {Outcome::no_data, words};
    return {Outcome::malformed, words.empty() ? "status 400" : words};
  }

  Ending read_json(const std::optional<JsonTree>& tree, const std::string& words) {
    if (!tree || !tree->is_object()) return {Outcome::malformed, "the answer is not an object of JSON"};
    const JsonTree& observations = (*tree)["observations"];
    if (!observations.is_array()) return {Outcome::malformed, words.empty() ? "no observations in the answer" : words};
    const auto asked_from = (*tree)["realtime_start"].day();
    for (const JsonTree& observation : observations.elements()) {
      const auto day = observation["date"].day();
      if (!day) return {Outcome::malformed, "an observation without a date"};
      const auto rate = observation["value"].number();
      if (!rate || *day < query.from || *day > query.to) continue;
      // What was known already when the asked time begins has its vintage before it.
      auto known_on = observation["realtime_start"].day();
      if (known_on && asked_from && *known_on <= *asked_from) known_on.reset();
      symbol(0).yields.push_back({query.instruments[0].symbol, *day, *rate, known_on});
    }
    const double count = (*tree)["count"].number().value_or(0);
    if (count > static_cast<double>((page_ + 1) * fred_page) && !observations.elements().empty()) {
      if (++page_ == fred_pages) return {Outcome::malformed, "more pages than there can be"};
      is_more = true;
    } else {
      page_ = 0;
      is_more = ++part_ < parts_.size();
    }
    return {};
  }

  Ending read_csv(std::string_view body) {
    Csv csv(body);
    auto date = csv.column("observation_date");
    if (!date) date = csv.column("DATE");
    const auto value = csv.column(series());
    if (!csv.failure().empty()) return {Outcome::malformed, csv.failure()};
    if (!date || !value) return {Outcome::malformed, "no columns of dates and of " + series() + " in the header"};
    while (csv.next()) {
      const auto day = core::from_iso(csv.field(date));
      const std::string_view field = csv.field(value);
      const auto rate = number_in(field);
      if (!day)
        csv.add_problem("the date is not YYYY-MM-DD");
      else if (!rate && !field.empty() && field != ".")
        csv.add_problem("the value is not a number");
      else if (rate && *day >= query.from && *day <= query.to)
        symbol(0).yields.push_back({query.instruments[0].symbol, *day, *rate});
    }
    if (!csv.failure().empty()) return {Outcome::malformed, csv.failure()};
    if (csv.problem_count() == 0) return {};
    symbol(0).text = std::to_string(csv.problem_count()) + " malformed rows were left out, the first on line " +
                     std::to_string(csv.problems().front().line) + ": " + csv.problems().front().text;
    return symbol(0).yields.empty() ? Ending{Outcome::malformed, symbol(0).text} : Ending{};
  }

  void finish() override {
    Dialogue::finish();
    auto& yields = symbol(0).yields;
    std::stable_sort(yields.begin(), yields.end(), [](const auto& a, const auto& b) {
      return a.date != b.date ? a.date < b.date : a.known_on < b.known_on;
    });
  }

  Configuration configuration_;
  std::vector<Part> parts_;
  std::size_t part_ = 0;
  std::size_t page_ = 0;
};

class Fred final : public Provider {
 public:
  explicit Fred(const Configuration& configuration) : configuration_(configuration) {}
  const char* name() const override { return "fred"; }
  bool needs_key() const override { return false; }
  Limits limits() const override {
    return {.requests_per_second = 2, .burst = 2, .concurrent = 1, .when_limited = WhenLimited::wait_for_minute};
  }
  bool serves(Kind kind, const Instrument& instrument) const override {
    return kind == Kind::yields &&
           fred_is_series(instrument.provider_symbol.empty() ? instrument.symbol : instrument.provider_symbol);
  }
  std::size_t instruments_per_query(Kind) const override { return 1; }
  std::unique_ptr<Conversation> ask(const Query& query) override {
    return std::make_unique<FredDialogue>(configuration_, query);
  }

 private:
  Configuration configuration_;
};

}  // namespace

std::unique_ptr<Provider> make_fred(const Configuration& configuration) {
  return std::make_unique<Fred>(configuration);
}

}  // namespace pb::collect
