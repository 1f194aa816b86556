// Polygon, which calls itself Massive since 2025: aggregates of stocks and options, grouped days, actions, yields,
// profiles and statements.

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

#include "collect/provider/json_tree.hpp"
#include "collect/provider/reply.hpp"
#include "collect/provider/symbols.hpp"
#include "core/market/fundamentals.hpp"

namespace pb::collect {

namespace {

constexpr int polygon_pages = 50;
constexpr std::array polygon_hosts{"https://api.massive.com", "https://api.polygon.io"};
constexpr const char* polygon_zone = "America/New_York";

struct PolygonField {
  const char* column;
  const char* field;
};

constexpr std::array polygon_income{
    PolygonField{"total_revenue", "revenue"},
    PolygonField{"cost_of_revenue", "cost_of_revenue"},
    PolygonField{"gross_profit", "gross_profit"},
    PolygonField{"research_and_development", "research_development"},
    PolygonField{"selling_general_and_administrative", "selling_general_administrative"},
    PolygonField{"operating_income", "operating_income"},
    PolygonField{"ebitda", "ebitda"},
    PolygonField{"net_income", "net_income_loss_attributable_common_shareholders"},
    PolygonField{"basic_eps", "basic_earnings_per_share"},
    PolygonField{"diluted_eps", "diluted_earnings_per_share"},
    PolygonField{"basic_average_shares", "basic_shares_outstanding"},
    PolygonField{"diluted_average_shares", "diluted_shares_outstanding"},
    PolygonField{"tax_provision", "income_taxes"},
    PolygonField{"interest_expense", "interest_expense"},
    PolygonField{"depreciation_and_amortization", "depreciation_depletion_amortization"}};

// Long-term debt comes with leases in one sum and is left out, and so is the total.
constexpr std::array polygon_balance{PolygonField{"total_assets", "total_assets"},
                                     PolygonField{"current_assets", "total_current_assets"},
                                     PolygonField{"cash_and_cash_equivalents", "cash_and_equivalents"},
                                     PolygonField{"short_term_investments", "short_term_investments"},
                                     PolygonField{"accounts_receivable", "receivables"},
                                     PolygonField{"inventory", "inventories"},
                                     PolygonField{"property_plant_equipment", "property_plant_equipment_net"},
                                     PolygonField{"total_liabilities", "total_liabilities"},
                                     PolygonField{"current_liabilities", "total_current_liabilities"},
                                     PolygonField{"accounts_payable", "accounts_payable"},
                                     PolygonField{"short_term_debt", "debt_current"},
                                     PolygonField{"total_stockholders_equity", "total_equity_attributable_to_parent"},
                                     PolygonField{"retained_earnings", "retained_earnings_deficit"},
                                     PolygonField{"common_stock", "common_stock"}};

constexpr std::array polygon_cash{
    PolygonField{"operating_cash_flow", "net_cash_from_operating_activities"},
    PolygonField{"depreciation_and_amortization", "depreciation_depletion_and_amortization"},
    PolygonField{"investing_cash_flow", "net_cash_from_investing_activities"},
    PolygonField{"capital_expenditures", "purchase_of_property_plant_and_equipment"},
    PolygonField{"financing_cash_flow", "net_cash_from_financing_activities"},
    PolygonField{"dividends_paid", "dividends"},
    PolygonField{"net_change_in_cash", "change_in_cash_and_equivalents"}};

constexpr std::array polygon_yields{PolygonField{"DGS1MO", "yield_1_month"}, PolygonField{"DGS3MO", "yield_3_month"},
                                    PolygonField{"DGS6MO", "yield_6_month"}, PolygonField{"DGS1", "yield_1_year"},
                                    PolygonField{"DGS2", "yield_2_year"},    PolygonField{"DGS3", "yield_3_year"},
                                    PolygonField{"DGS5", "yield_5_year"},    PolygonField{"DGS7", "yield_7_year"},
                                    PolygonField{"DGS10", "yield_10_year"},  PolygonField{"DGS20", "yield_20_year"},
                                    PolygonField{"DGS30", "yield_30_year"}};

const PolygonField* polygon_yield(std::string_view series) {
  const auto found = std::find_if(polygon_yields.begin(), polygon_yields.end(),
                                  [&](const PolygonField& entry) { return series == entry.column; });
  return found == polygon_yields.end() ? nullptr : &*found;
}

bool polygon_contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

std::string polygon_ticker(Kind kind, const Instrument& instrument) {
  if (kind != Kind::options) return ticker_of("polygon", instrument);
  const auto option = option_in(instrument.provider_symbol.empty() ? instrument.symbol : instrument.provider_symbol);
  return option ? "O:" + option->compact() : std::string();
}

class PolygonDialogue : public Dialogue {
 public:
  PolygonDialogue(const Configuration& configuration, Query asked)
      : Dialogue(std::move(asked)), configuration_(configuration), base_(base_of(configuration, polygon_hosts[0])) {}

 protected:
  // Path of the step without the address.
  virtual std::string path() = 0;
  virtual Ending read_results(const JsonTree& tree) = 0;
  // Whether another step follows after the last page of one.
  virtual bool go_on() { return false; }
  // A refusal of the plan; ok where the step is asked again differently or left out.
  virtual Ending refused(Ending ending) { return ending; }
  // Nothing there for this step.
  virtual Ending nothing(Ending ending) { return ending; }

  const Configuration& configuration() const { return configuration_; }
  std::string ticker(std::size_t i) const { return polygon_ticker(query.kind, query.instruments[i]); }
  // Data that is delayed is what it will be tomorrow, but not while its session may be under way.
  bool is_under_way(const JsonTree& tree, core::Date day) const {
    if (tree["status"].text().value_or("") != "DELAYED") return false;
    const auto begin = configuration_.start_of_day(day, polygon_zone);
    return !begin || configuration_.now < *begin + (16 * 60 + 20) * std::int64_t{60};
  }
  std::optional<core::Date> day_of(const JsonTree& milliseconds) const {
    const auto number = milliseconds.number();
    if (!number || std::abs(*number) > 4e14) return std::nullopt;
    const auto instant = static_cast<std::int64_t>(std::floor(*number / 1000));
    return configuration_.local_date(instant, polygon_zone);
  }

 private:
  http::Request request() final {
    http::Request request = next_base_.empty() ? request_for(configuration_, base_, path())
                                               : request_for(configuration_, next_base_, next_path_);
    request.headers.emplace_back("Authorization", "Bearer " + configuration_.key);
    request.secret_headers.emplace_back("Authorization");
    if (next_base_.empty()) first_path_ = request.path;
    return request;
  }

  Ending read(const http::Response& response) final {
    if (response.failure == http::Failure::none && response.status == 200 && is_page(response.body))
      return ending_of_page(response.body);
    const auto tree = JsonTree::read(response.body);
    std::string words;
    if (tree) {
      auto said = (*tree)["error"].text();
      if (!said) said = (*tree)["message"].text();
      words = plain_words(said.value_or(""), configuration_.key);
    }
    Ending ending = ending_of(response, words);
    if (response.failure == http::Failure::none && response.status == 403) {
      ending.outcome = is_plan(words, tree) ? Outcome::plan_limit : Outcome::auth;
      if (ending.outcome == Outcome::plan_limit) ending = refused(std::move(ending));
    } else if (ending.outcome == Outcome::no_data) {
      ending = nothing(std::move(ending));
    }
    if (ending.outcome != Outcome::ok || response.status != 200) {
      if (ending.outcome == Outcome::ok) start_step();
      return ending;
    }
    if (!tree || !tree->is_object()) return {Outcome::malformed, "the answer is not an object of JSON"};
    const std::string status = (*tree)["status"].text().value_or("OK");
    // Old endpoints say with status 200 that they failed.
    if (status == "NOT_FOUND" || status == "NOT_AUTHORIZED") {
      ending = status == "NOT_FOUND" ? nothing({Outcome::no_data, words}) : refused({Outcome::plan_limit, words});
      if (ending.outcome == Outcome::ok) start_step();
      return ending;
    }
    if (status == "ERROR") return ending_of_error(words);
    if (auto failure = read_results(*tree); failure.outcome != Outcome::ok) return failure;
    return turn_page(*tree);
  }

  static bool is_plan(const std::string& words, const std::optional<JsonTree>& tree) {
    return polygon_contains(words, "plan") || polygon_contains(words, "entitled") ||
           polygon_contains(words, "upgrade") || (tree && (*tree)["status"].text().value_or("") == "NOT_AUTHORIZED");
  }

  static Ending ending_of_error(const std::string& words) {
    if (polygon_contains(words, "API Key")) return {Outcome::auth, words};
    if (polygon_contains(words, "maximum requests")) return {Outcome::rate_limit, words};
    return {Outcome::malformed, words.empty() ? "status ERROR" : words};
  }

  void start_step() {
    next_base_.clear();
    next_path_.clear();
    cursors_.clear();
    is_more = is_more || go_on();
  }

  // The address of the next page comes from the answer: it goes nowhere but to a host of the provider's and to the path
  // that was asked for, and no page is asked for twice.
  Ending turn_page(const JsonTree& tree) {
    const auto next = tree["next_url"].text();
    if (!next) {
      start_step();
      return {};
    }
    std::string base, path;
    std::vector<std::string> bases(polygon_hosts.begin(), polygon_hosts.end());
    bases.push_back(base_);
    for (const std::string& allowed : bases)
      if (next->size() > allowed.size() && next->compare(0, allowed.size(), allowed) == 0 &&
          (*next)[allowed.size()] == '/') {
        base = allowed;
        path = next->substr(allowed.size());
      }
    if (base.empty()) return {Outcome::malformed, "the next page would be on a host that is not the provider's"};
    const auto is_safe = [](char c) { return c > ' ' && c < 0x7f && c != '#' && c != '\\'; };
    if (!is_same_endpoint(path) || !std::all_of(path.begin(), path.end(), is_safe))
      return {Outcome::malformed, "the next page would be at another path than the first"};
    if (!cursors_.insert(path).second || path == first_path_)
      return {Outcome::malformed, "the pages repeat themselves"};
    if (cursors_.size() >= polygon_pages)
      return {Outcome::malformed, "there are more than " + std::to_string(polygon_pages) + " pages"};
    next_base_ = base;
    next_path_ = path;
    is_more = true;
    return {};
  }

  // Aggregates move the beginning of the range in the path, so that only what stands before it must be the same.
  bool is_same_endpoint(const std::string& path) const {
    const std::string first = first_path_.substr(0, first_path_.find('?'));
    const std::string next = path.substr(0, path.find('?'));
    if (polygon_contains(next, "..") || polygon_contains(next, "//")) return false;
    const auto range = first.find("/range/");
    if (range == std::string::npos) return next == first;
    const auto decoded = [](std::string text) {
      for (std::size_t at; (at = text.find("%3A")) != std::string::npos;) text.replace(at, 3, ":");
      return text;
    };
    const std::string prefix = decoded(first.substr(0, range + 7));
    return decoded(next).compare(0, prefix.size(), prefix) == 0;
  }

  Configuration configuration_;
  std::string base_;
  std::string first_path_;
  std::string next_base_, next_path_;
  std::set<std::string> cursors_;
};

market::Bar polygon_bar(core::Date day, const JsonTree& row) {
  market::Bar bar{day};
  bar.open = row["o"].number();
  bar.high = row["h"].number();
  bar.low = row["l"].number();
  bar.close = row["c"].number();
  bar.volume = volume_in(row["v"]);
  return bar;
}

// Aggregates by symbol, one symbol after the other.
class PolygonAggregates final : public PolygonDialogue {
 public:
  using PolygonDialogue::PolygonDialogue;

 private:
  std::string path() override {
    return "/v2/aggs/ticker/" + percent_encoded(ticker(at_)) + "/range/1/day/" +
           core::to_iso(clamped_.value_or(query.from)) + "/" + core::to_iso(query.to) +
           "?adjusted=true&sort=asc&limit=50000";
  }

  Ending read_results(const JsonTree& tree) override {
    market::PriceSeries& prices = symbol(at_).prices;
    prices.is_split_adjusted = true;
    if (ticker(at_).find(':') == std::string::npos || query.kind == Kind::options) prices.currency = "USD";
    for (const JsonTree& row : tree["results"].elements()) {
      const auto day = day_of(row["t"]);
      if (!day) return {Outcome::malformed, "a bar without a day"};
      if (is_under_way(tree, *day)) continue;
      prices.bars.push_back(polygon_bar(*day, row));
    }
    return {};
  }

  bool go_on() override { return ++at_ < symbol_count(); }

  // A plan delivers two years; a window that begins earlier is refused as a whole.
  Ending refused(Ending ending) override {
    const auto today = configuration().local_date(configuration().now, polygon_zone);
    if (today) {
      const std::chrono::year_month_day ymd{*today};
      std::chrono::year_month_day earliest{ymd.year() - std::chrono::years{2}, ymd.month(), ymd.day()};
      if (!earliest.ok()) earliest = earliest.year() / earliest.month() / std::chrono::last;
      const core::Date first = core::Date{earliest} + std::chrono::days{1};
      if (clamped_.value_or(query.from) < first && first <= query.to) {
        clamped_ = first;
        is_more = true;
        return {};
      }
    }
    settle(at_, std::move(ending));
    return {};
  }

  Ending nothing(Ending ending) override {
    settle(at_, std::move(ending));
    return {};
  }

  void finish() override {
    Dialogue::finish();
    if (clamped_)
      for (std::size_t i = 0; i < symbol_count(); ++i)
        if (symbol(i).text.empty()) symbol(i).text = "the plan begins on " + core::to_iso(*clamped_);
  }

  std::size_t at_ = 0;
  std::optional<core::Date> clamped_;
};

// All stocks of one day by one call, day after day.
class PolygonGrouped final : public PolygonDialogue {
 public:
  PolygonGrouped(const Configuration& configuration, Query asked)
      : PolygonDialogue(configuration, std::move(asked)), day_(query.from) {
    for (std::size_t i = 0; i < symbol_count(); ++i) places_.emplace(ticker(i), i);
    to_weekday();
  }

  static int weekdays(core::Date from, core::Date to) {
    int count = 0;
    for (core::Date day = from; day <= to; day += std::chrono::days{1}) count += is_weekday(day);
    return count;
  }

 private:
  static bool is_weekday(core::Date day) { return std::chrono::weekday{day}.iso_encoding() <= 5; }
  void to_weekday() {
    while (!is_weekday(day_) && day_ < query.to) day_ += std::chrono::days{1};
  }

  std::string path() override {
    return "/v2/aggs/grouped/locale/us/market/stocks/" + core::to_iso(day_) + "?adjusted=true";
  }

  Ending read_results(const JsonTree& tree) override {
    for (const JsonTree& row : tree["results"].elements()) {
      const auto found = places_.find(row["T"].text().value_or(""));
      if (found == places_.end()) continue;
      const auto day = day_of(row["t"]);
      if (day != day_) return {Outcome::malformed, "a bar of another day than the one that was asked for"};
      if (is_under_way(tree, *day)) continue;
      market::PriceSeries& prices = symbol(found->second).prices;
      prices.is_split_adjusted = true;
      prices.currency = "USD";
      prices.bars.push_back(polygon_bar(*day, row));
    }
    return {};
  }

  bool go_on() override {
    day_ += std::chrono::days{1};
    to_weekday();
    return day_ <= query.to && is_weekday(day_);
  }

  // No session on that day.
  Ending nothing(Ending) override { return {}; }

  core::Date day_;
  std::unordered_map<std::string, std::size_t> places_;
};

class PolygonActions final : public PolygonDialogue {
 public:
  using PolygonDialogue::PolygonDialogue;

 private:
  std::string path() override {
    const std::string range = is_dividends_ ? "ex_dividend_date" : "execution_date";
    return std::string(is_old_ ? "/v3/reference/" : "/stocks/v1/") + (is_dividends_ ? "dividends" : "splits") +
           "?ticker=" + percent_encoded(ticker(0)) + "&" + range + ".gte=" + core::to_iso(query.from) + "&" + range +
           ".lte=" + core::to_iso(query.to) + "&limit=1000";
  }

  Ending read_results(const JsonTree& tree) override {
    for (const JsonTree& row : tree["results"].elements()) {
      if (const auto said = row["ticker"].text(); said && *said != ticker(0)) continue;
      const auto day = row[is_dividends_ ? "ex_dividend_date" : "execution_date"].day();
      if (!day) return {Outcome::malformed, "an action without a date"};
      if (*day < query.from || *day > query.to) continue;
      if (is_dividends_) {
        const auto amount = row["cash_amount"].number();
        if (amount && *amount > 0) symbol(0).actions.push_back({*day, "dividend", {}, {}, amount});
      } else {
        const auto from = row["split_from"].number(), to = row["split_to"].number();
        if (!from || !to || *from <= 0 || *to <= 0) return {Outcome::malformed, "a split without its ratio"};
        const bool is_dividend = row["adjustment_type"].text().value_or("") == "stock_dividend";
        symbol(0).actions.push_back({*day, is_dividend ? "stock_dividend" : "split", to, from, {}});
      }
    }
    return {};
  }

  bool go_on() override { return !std::exchange(is_dividends_, true); }
  // The endpoints were at another path before, where they may still be.
  Ending nothing(Ending) override {
    if (!is_old_) is_more = is_old_ = true;
    return {};
  }

  void finish() override {
    Dialogue::finish();
    auto& actions = symbol(0).actions;
    std::stable_sort(actions.begin(), actions.end(),
                     [](const auto& a, const auto& b) { return a.ex_date < b.ex_date; });
  }

  bool is_dividends_ = false;
  bool is_old_ = false;
};

class PolygonYields final : public PolygonDialogue {
 public:
  using PolygonDialogue::PolygonDialogue;

 private:
  std::string path() override {
    return "/fed/v1/treasury-yields?date.gte=" + core::to_iso(query.from) + "&date.lte=" + core::to_iso(query.to) +
           "&sort=date.asc&limit=50000";
  }

  Ending read_results(const JsonTree& tree) override {
    for (const JsonTree& row : tree["results"].elements()) {
      const auto day = row["date"].day();
      if (!day) return {Outcome::malformed, "yields without a date"};
      if (*day < query.from || *day > query.to) continue;
      for (std::size_t i = 0; i < symbol_count(); ++i) {
        const PolygonField* field = polygon_yield(query.instruments[i].symbol);
        if (const auto rate = field ? row[field->field].number() : std::nullopt)
          symbol(i).yields.push_back({query.instruments[i].symbol, *day, *rate});
      }
    }
    return {};
  }
};

class PolygonProfile final : public PolygonDialogue {
 public:
  using PolygonDialogue::PolygonDialogue;

 private:
  std::string path() override { return "/v3/reference/tickers/" + percent_encoded(ticker(0)); }

  Ending read_results(const JsonTree& tree) override {
    const JsonTree& row = tree["results"];
    if (!row.is_object()) return {};
    market::Profile profile;
    const auto take = [&](const char* column, const std::optional<std::string>& value) {
      if (value) profile.columns.emplace_back(column, *value);
    };
    take("company_name", row["name"].text());
    take("industry", row["sic_description"].text());
    take("exchange", row["primary_exchange"].text());
    take("market_cap", row["market_cap"].digits());
    take("description", row["description"].text());
    take("employees", row["total_employees"].digits());
    take("website", row["homepage_url"].text());
    if (const auto type = row["type"].text()) {
      const bool is_etf = *type == "ETF" || *type == "ETN" || *type == "ETV" || *type == "ETS";
      profile.columns.emplace_back("is_etf", is_etf ? "true" : "false");
      profile.columns.emplace_back("is_fund", *type == "FUND" ? "true" : "false");
    }
    profile.is_inactive = row["active"].truth() == false || row["delisted_utc"].text().has_value();
    if (!profile.columns.empty()) symbol(0).profile = std::move(profile);
    return {};
  }
};

// Three statements, each quarterly and annual.
class PolygonStatements final : public PolygonDialogue {
 public:
  using PolygonDialogue::PolygonDialogue;

 private:
  struct Step {
    const char* table;
    const char* path;
    const PolygonField* fields;
    std::size_t count;
  };

  static const Step& step(std::size_t i) {
    static const std::array<Step, 3> steps{
        Step{"income_statements", "income-statements", polygon_income.data(), polygon_income.size()},
        Step{"balance_sheets", "balance-sheets", polygon_balance.data(), polygon_balance.size()},
        Step{"cash_flows", "cash-flow-statements", polygon_cash.data(), polygon_cash.size()}};
    return steps[i / 2];
  }
  bool is_annual() const { return at_ % 2 == 1; }

  std::string path() override {
    return std::string("/stocks/financials/v1/") + step(at_).path + "?tickers=" + percent_encoded(ticker(0)) +
           "&timeframe=" + (is_annual() ? "annual" : "quarterly") + "&limit=100&sort=period_end.desc";
  }

  Ending read_results(const JsonTree& tree) override {
    for (const JsonTree& row : tree["results"].elements()) {
      // Twelve months that end with a quarter are no quarter.
      if (row["timeframe"].text().value_or("") != (is_annual() ? "annual" : "quarterly")) continue;
      const auto end = row["period_end"].day();
      if (!end) return {Outcome::malformed, "a statement without the end of its period"};
      market::Statement statement;
      statement.table = step(at_).table;
      statement.period_date = market::canonical_period_end(*end);
      statement.reported_period_date = end;
      statement.frequency = is_annual() ? 'a' : 'q';
      if (const auto year = row["fiscal_year"].number()) statement.fiscal_year = static_cast<int>(*year);
      const auto quarter = row["fiscal_quarter"].number();
      if (quarter && !is_annual() && *quarter >= 1 && *quarter <= 4)
        statement.fiscal_quarter = static_cast<int>(*quarter);
      statement.known_on = row["filing_date"].day();
      for (std::size_t i = 0; i < step(at_).count; ++i) {
        const PolygonField& field = step(at_).fields[i];
        if (auto digits = row[field.field].digits()) statement.items.emplace_back(field.column, std::move(*digits));
      }
      if (!statement.items.empty()) symbol(0).statements.push_back(std::move(statement));
    }
    return {};
  }

  bool go_on() override { return ++at_ < 6; }
  Ending nothing(Ending) override { return {}; }

  std::size_t at_ = 0;
};

class Polygon final : public Provider {
 public:
  explicit Polygon(const Configuration& configuration) : configuration_(configuration) {}
  const char* name() const override { return "polygon"; }
  bool needs_key() const override { return true; }
  // The free plan: 5 requests a minute.
  Limits limits() const override {
    return {.requests_per_second = 1 / 12.5, .burst = 5, .concurrent = 2, .when_limited = WhenLimited::wait_for_minute};
  }

  bool serves(Kind kind, const Instrument& instrument) const override {
    if (kind == Kind::yields) return polygon_yield(instrument.symbol) != nullptr;
    const std::string ticker = polygon_ticker(kind, instrument);
    if (kind == Kind::options) return !ticker.empty();
    if (!is_plain_symbol(ticker) || ticker.find_first_of("^=") != std::string::npos) return false;
    if (class_of(instrument.symbol) == SymbolClass::option) return false;
    if (kind == Kind::prices) return true;
    return (kind == Kind::corporate_actions || kind == Kind::profiles || kind == Kind::statements) &&
           ticker.find(':') == std::string::npos;
  }

  std::size_t instruments_per_query(Kind kind) const override {
    if (kind == Kind::prices) return 5000;
    return kind == Kind::yields ? polygon_yields.size() : 1;
  }

  std::unique_ptr<Conversation> ask(const Query& query) override {
    switch (query.kind) {
      case Kind::corporate_actions:
        return std::make_unique<PolygonActions>(configuration_, query);
      case Kind::yields:
        return std::make_unique<PolygonYields>(configuration_, query);
      case Kind::profiles:
        return std::make_unique<PolygonProfile>(configuration_, query);
      case Kind::statements:
        return std::make_unique<PolygonStatements>(configuration_, query);
      default:
        // Whichever takes fewer requests.
        if (query.kind == Kind::prices && are_stocks(query) &&
            PolygonGrouped::weekdays(query.from, query.to) < static_cast<int>(query.instruments.size()))
          return std::make_unique<PolygonGrouped>(configuration_, query);
        return std::make_unique<PolygonAggregates>(configuration_, query);
    }
  }

 private:
  static bool are_stocks(const Query& query) {
    return std::all_of(query.instruments.begin(), query.instruments.end(), [](const Instrument& instrument) {
      return polygon_ticker(Kind::prices, instrument).find(':') == std::string::npos;
    });
  }

  Configuration configuration_;
};

}  // namespace

std::unique_ptr<Provider> make_polygon(const Configuration& configuration) {
  return std::make_unique<Polygon>(configuration);
}

}  // namespace pb::collect
