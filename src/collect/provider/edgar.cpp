// SEC EDGAR: what companies file, free to use, with the day of filing. Asked for statements alone.
#include "collect/provider/edgar.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <unordered_map>
#include <utility>

#include "collect/provider/json_tree.hpp"
#include "collect/provider/provider.hpp"
#include "collect/provider/reply.hpp"

namespace pb::collect {

namespace edgar {

namespace {

// A fact of the document; none where it has no day or no number.
std::optional<Fact> read_fact(const JsonTree& entry, const std::string& concept_name, const std::string& unit) {
  const auto end = entry["end"].day(), filed = entry["filed"].day(), start = entry["start"].day();
  const auto digits = entry["val"].digits();
  const auto value = digits ? market::Decimal::parse(*digits) : std::nullopt;
  const bool has_start = entry["start"].type() != JsonTree::Type::null;
  if (!end || !filed || !value || has_start != start.has_value() || (start && *start > *end)) return std::nullopt;
  const std::string form = entry["form"].text().value_or("");
  const bool is_annual = form.starts_with("10-K") || form.starts_with("20-F") || form.starts_with("40-F");
  return Fact{concept_name, unit, start, *end, *value, *filed, is_annual};
}

}  // namespace

std::optional<std::vector<Fact>> read_facts(std::string_view body) {
  const auto document = JsonTree::read(body);
  if (!document || !(*document)["facts"].is_object()) return std::nullopt;
  std::vector<Fact> facts;
  for (const char* taxonomy : {"us-gaap", "ifrs-full"})
    for (const auto& [tag, content] : (*document)["facts"][taxonomy].members())
      for (const auto& [unit, entries] : content["units"].members())
        for (const JsonTree& entry : entries.elements())
          if (auto fact = read_fact(entry, std::string(taxonomy) + ":" + tag, unit)) facts.push_back(*std::move(fact));
  return facts;
}

}  // namespace edgar

namespace {

constexpr const char* edgar_data = "https://data.sec.gov";
constexpr const char* edgar_site = "https://www.sec.gov";

// Central index keys by ticker, as the list of all companies has them, read once a run.
struct EdgarCompanies {
  bool is_read = false;
  Outcome outcome = Outcome::skipped;  // why it is not
  std::string text = "the list of companies was not asked for";
  std::unordered_map<std::string, std::int64_t> by_ticker = {};

  // {"0": {"cik_str": 320193, "ticker": "…", "title": "…"}, …}
  void read(std::string_view body) {
    const auto document = JsonTree::read(body);
    if (document)
      for (const auto& [number, row] : document->members()) {
        const auto key = row["cik_str"].integer();
        auto ticker = row["ticker"].text();
        if (key && *key > 0 && ticker) by_ticker.emplace(*std::move(ticker), *key);
      }
    is_read = !by_ticker.empty();
    outcome = is_read ? Outcome::ok : Outcome::malformed;
    text = is_read ? "" : "the list of companies does not have the documented shape";
  }
};

// How a response that is no document ends; ok: it is one.
Ending edgar_outcome(const http::Response& response) {
  if (response.status == 404) return {Outcome::no_data, "the company has filed no XBRL facts"};
  if (response.status == 403)
    return {Outcome::blocked, "HTTP 403: SEC refuses requests without a contact address, or too many of them"};
  if (response.status == 200 && is_page(response.body)) return ending_of_page(response.body);
  return ending_of(response, "");
}

// What concerns the provider as a whole, for breaker and retries.
Outcome edgar_conversation_outcome(Outcome outcome) {
  return outcome == Outcome::rate_limit || outcome == Outcome::blocked || outcome == Outcome::transient ? outcome
                                                                                                        : Outcome::ok;
}

class EdgarList : public Conversation {
 public:
  EdgarList(http::Request request, EdgarCompanies& companies) : request_(std::move(request)), companies_(companies) {}

  http::Request first() override { return request_; }
  std::optional<http::Request> then(const http::Response& response) override {
    answer_.http_status = response.status;
    answer_.requests = 1;
    answer_.retry_after_seconds = response.retry_after_seconds;
    const auto [outcome, text] = edgar_outcome(response);
    companies_.outcome = outcome == Outcome::no_data ? Outcome::malformed : outcome;
    companies_.text = "the list of companies: " + text;
    if (outcome == Outcome::ok) companies_.read(response.body);
    answer_.outcome = edgar_conversation_outcome(companies_.outcome);
    return std::nullopt;
  }
  Answer answer() override { return answer_; }

 private:
  http::Request request_;
  EdgarCompanies& companies_;
  Answer answer_ = {};
};

class EdgarFacts : public Conversation {
 public:
  EdgarFacts(std::string symbol, http::Request request) : request_(std::move(request)) {
    symbol_.symbol = std::move(symbol);
    symbol_.outcome = Outcome::transient;
  }
  // Ends without a request.
  EdgarFacts(std::string symbol, Outcome outcome, std::string text) {
    symbol_.symbol = std::move(symbol);
    symbol_.outcome = outcome;
    symbol_.text = std::move(text);
    is_decided_ = true;
    answer_.outcome = edgar_conversation_outcome(outcome);
  }

  http::Request first() override { return request_; }
  std::optional<http::Request> then(const http::Response& response) override {
    if (is_decided_) return std::nullopt;
    answer_.http_status = response.status;
    answer_.requests = 1;
    answer_.retry_after_seconds = response.retry_after_seconds;
    const Ending ending = edgar_outcome(response);
    symbol_.outcome = ending.outcome;
    symbol_.text = ending.text;
    answer_.outcome = edgar_conversation_outcome(symbol_.outcome);
    if (symbol_.outcome != Outcome::ok) return std::nullopt;
    const auto facts = edgar::read_facts(response.body);
    if (!facts) {
      symbol_.outcome = Outcome::malformed;
      symbol_.text = "no document of company facts";
      return std::nullopt;
    }
    symbol_.statements = edgar::statements_of(*facts);
    if (symbol_.statements.empty()) {
      symbol_.outcome = Outcome::no_data;
      symbol_.text = "the company's facts hold no statement";
    }
    return std::nullopt;
  }
  Answer answer() override {
    Answer answer = answer_;
    answer.symbols = {symbol_};
    return answer;
  }

 private:
  http::Request request_ = {};
  SymbolAnswer symbol_ = {};
  bool is_decided_ = false;
  Answer answer_ = {};
};

class Edgar : public Provider {
 public:
  explicit Edgar(const Configuration& configuration) : configuration_(configuration) {}

  const char* name() const override { return "edgar"; }
  bool needs_key() const override { return false; }
  Limits limits() const override { return {.requests_per_second = 5, .burst = 5, .concurrent = 4}; }
  bool serves(Kind kind, const Instrument& instrument) const override {
    return kind == Kind::statements && is_plain_symbol(instrument.symbol) && instrument.symbol[0] != '^';
  }
  std::size_t instruments_per_query(Kind) const override { return 1; }

  std::unique_ptr<Conversation> open_session(Kind) override {
    if (configuration_.contact.empty() || companies_.is_read) return nullptr;
    return std::make_unique<EdgarList>(request(edgar_site, "/files/company_tickers.json"), companies_);
  }

  std::unique_ptr<Conversation> ask(const Query& query) override {
    const Instrument& instrument = query.instruments.front();
    if (configuration_.contact.empty())
      return std::make_unique<EdgarFacts>(
          instrument.symbol, Outcome::skipped,
          "SEC asks for a contact address in each request: set portfolio_batch.contact");
    const auto key = key_of(instrument);
    if (!key && !companies_.is_read)
      return std::make_unique<EdgarFacts>(instrument.symbol, companies_.outcome, companies_.text);
    if (!key)
      return std::make_unique<EdgarFacts>(instrument.symbol, Outcome::no_data, "no company with this ticker files");
    char path[64];
    std::snprintf(path, sizeof path, "/api/xbrl/companyfacts/CIK%010lld.json", static_cast<long long>(*key));
    http::Request facts = request(edgar_data, path);
    facts.max_bytes = std::size_t{64} << 20;  // those of a large bank take 20 MB
    return std::make_unique<EdgarFacts>(instrument.symbol, std::move(facts));
  }

 private:
  http::Request request(const char* host, std::string path) const {
    http::Request request = request_for(configuration_, base_of(configuration_, host), std::move(path));
    for (auto& [name, value] : request.headers)
      if (name == "User-Agent" && value.find(configuration_.contact) == std::string::npos)
        value += " " + configuration_.contact;
    return request;
  }

  // An alias is a ticker there or a central index key, such as CIK0000320193 or 320193.
  std::optional<std::int64_t> key_of(const Instrument& instrument) const {
    std::string name = instrument.provider_symbol.empty() ? instrument.symbol : instrument.provider_symbol;
    const std::string digits = name.starts_with("CIK") ? name.substr(3) : name;
    if (!digits.empty() && digits.size() <= 10 && digits.find_first_not_of("0123456789") == std::string::npos)
      if (const std::int64_t key = std::strtoll(digits.c_str(), nullptr, 10); key > 0) return key;
    std::replace(name.begin(), name.end(), '.', '-');
    const auto found = companies_.by_ticker.find(name);
    return found == companies_.by_ticker.end() ? std::nullopt : std::optional(found->second);
  }

  Configuration configuration_;
  EdgarCompanies companies_ = {};
};

}  // namespace

std::unique_ptr<Provider> make_edgar(const Configuration& configuration) {
  return std::make_unique<Edgar>(configuration);
}

}  // namespace pb::collect
