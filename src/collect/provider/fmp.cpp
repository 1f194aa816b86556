// Financial Modeling Prep, whose endpoints are those under /stable. The key is a parameter: a header would go with a
// redirect to wherever it leads.

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <utility>

#include "collect/provider/json_tree.hpp"
#include "collect/provider/reply.hpp"
#include "collect/provider/symbols.hpp"
#include "core/market/fundamentals.hpp"

namespace pb::collect {

namespace {

struct FmpField {
  const char* column;
  std::array<const char*, 2> fields;  // in order; the second is that of older answers
};

constexpr std::array fmp_income{
    FmpField{"total_revenue", {"revenue", ""}},
    FmpField{"cost_of_revenue", {"costOfRevenue", ""}},
    FmpField{"gross_profit", {"grossProfit", ""}},
    FmpField{"research_and_development", {"researchAndDevelopmentExpenses", ""}},
    FmpField{"selling_general_and_administrative", {"sellingGeneralAndAdministrativeExpenses", ""}},
    FmpField{"operating_income", {"operatingIncome", ""}},
    FmpField{"ebit", {"ebit", ""}},
    FmpField{"ebitda", {"ebitda", ""}},
    FmpField{"net_income", {"netIncome", ""}},
    FmpField{"basic_eps", {"eps", ""}},
    FmpField{"diluted_eps", {"epsDiluted", "epsdiluted"}},
    FmpField{"basic_average_shares", {"weightedAverageShsOut", ""}},
    FmpField{"diluted_average_shares", {"weightedAverageShsOutDil", ""}},
    FmpField{"tax_provision", {"incomeTaxExpense", ""}},
    FmpField{"interest_expense", {"interestExpense", ""}},
    FmpField{"depreciation_and_amortization", {"depreciationAndAmortization", ""}}};

constexpr std::array fmp_balance{FmpField{"total_assets", {"totalAssets", ""}},
                                 FmpField{"current_assets", {"totalCurrentAssets", ""}},
                                 FmpField{"cash_and_cash_equivalents", {"cashAndCashEquivalents", ""}},
                                 FmpField{"short_term_investments", {"shortTermInvestments", ""}},
                                 FmpField{"accounts_receivable", {"accountsReceivables", "netReceivables"}},
                                 FmpField{"inventory", {"inventory", ""}},
                                 FmpField{"property_plant_equipment", {"propertyPlantEquipmentNet", ""}},
                                 FmpField{"intangible_assets", {"goodwillAndIntangibleAssets", ""}},
                                 FmpField{"total_liabilities", {"totalLiabilities", ""}},
                                 FmpField{"current_liabilities", {"totalCurrentLiabilities", ""}},
                                 FmpField{"accounts_payable", {"accountPayables", ""}},
                                 FmpField{"short_term_debt", {"shortTermDebt", ""}},
                                 FmpField{"long_term_debt", {"longTermDebt", ""}},
                                 FmpField{"total_stockholders_equity", {"totalStockholdersEquity", ""}},
                                 FmpField{"retained_earnings", {"retainedEarnings", ""}},
                                 FmpField{"common_stock", {"commonStock", ""}}};

constexpr std::array fmp_cash{
    FmpField{"operating_cash_flow", {"netCashProvidedByOperatingActivities", "operatingCashFlow"}},
    FmpField{"depreciation_and_amortization", {"depreciationAndAmortization", ""}},
    FmpField{"stock_based_compensation", {"stockBasedCompensation", ""}},
    FmpField{"change_in_working_capital", {"changeInWorkingCapital", ""}},
    FmpField{"investing_cash_flow", {"netCashProvidedByInvestingActivities", "netCashUsedForInvestingActivites"}},
    FmpField{"capital_expenditures", {"capitalExpenditure", ""}},
    FmpField{"acquisitions", {"acquisitionsNet", ""}},
    FmpField{"purchases_of_investments", {"purchasesOfInvestments", ""}},
    FmpField{"financing_cash_flow",
             {"netCashProvidedByFinancingActivities", "netCashUsedProvidedByFinancingActivities"}},
    FmpField{"dividends_paid", {"netDividendsPaid", "dividendsPaid"}},
    FmpField{"stock_repurchases", {"commonStockRepurchased", ""}},
    FmpField{"debt_issuance_repayment", {"netDebtIssuance", "debtRepayment"}},
    FmpField{"net_change_in_cash", {"netChangeInCash", ""}},
    FmpField{"beginning_cash_position", {"cashAtBeginningOfPeriod", ""}},
    FmpField{"free_cash_flow", {"freeCashFlow", ""}}};

constexpr std::array fmp_estimates{
    FmpField{"revenue_avg", {"revenueAvg", "estimatedRevenueAvg"}},
    FmpField{"revenue_low", {"revenueLow", "estimatedRevenueLow"}},
    FmpField{"revenue_high", {"revenueHigh", "estimatedRevenueHigh"}},
    FmpField{"revenue_analysts", {"numAnalystsRevenue", "numberAnalystEstimatedRevenue"}},
    FmpField{"eps_avg", {"epsAvg", "estimatedEpsAvg"}},
    FmpField{"eps_low", {"epsLow", "estimatedEpsLow"}},
    FmpField{"eps_high", {"epsHigh", "estimatedEpsHigh"}},
    FmpField{"eps_analysts", {"numAnalystsEps", "numberAnalystsEstimatedEps"}}};

constexpr std::array fmp_yields{
    FmpField{"DGS1MO", {"month1", ""}}, FmpField{"DGS3MO", {"month3", ""}}, FmpField{"DGS6MO", {"month6", ""}},
    FmpField{"DGS1", {"year1", ""}},    FmpField{"DGS2", {"year2", ""}},    FmpField{"DGS3", {"year3", ""}},
    FmpField{"DGS5", {"year5", ""}},    FmpField{"DGS7", {"year7", ""}},    FmpField{"DGS10", {"year10", ""}},
    FmpField{"DGS20", {"year20", ""}},  FmpField{"DGS30", {"year30", ""}}};

const FmpField* fmp_yield(std::string_view series) {
  const auto found =
      std::find_if(fmp_yields.begin(), fmp_yields.end(), [&](const FmpField& entry) { return series == entry.column; });
  return found == fmp_yields.end() ? nullptr : &*found;
}

std::optional<std::string> fmp_digits(const JsonTree& row, const FmpField& field) {
  auto digits = row[field.fields[0]].digits();
  if (!digits && field.fields[1][0] != '\0') digits = row[field.fields[1]].digits();
  return digits;
}

bool fmp_contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// What FMP says of an error, wherever in the answer it does.
std::optional<std::string> fmp_error(const JsonTree& tree, int depth = 0) {
  if (depth > 4) return std::nullopt;
  if (tree.is_array()) return tree.elements().size() == 1 ? fmp_error(tree.elements()[0], depth + 1) : std::nullopt;
  for (const char* name : {"Error Message", "message", "error"}) {
    if (auto said = tree[name].text()) return said;
    if (auto said = fmp_error(tree[name], depth + 1)) return said;
  }
  return std::nullopt;
}

Ending fmp_ending_of_words(const std::string& words, Outcome otherwise) {
  Outcome outcome = otherwise;
  if (fmp_contains(words, "Legacy") || fmp_contains(words, "API KEY") || fmp_contains(words, "API key"))
    outcome = Outcome::auth;
  else if (fmp_contains(words, "Limit Reach") || fmp_contains(words, "Too Many"))
    outcome = Outcome::rate_limit;
  else if (fmp_contains(words, "Premium") || fmp_contains(words, "Exclusive") || fmp_contains(words, "Special") ||
           fmp_contains(words, "ubscription"))
    outcome = Outcome::plan_limit;
  return {outcome, words};
}

// Whole numbers a - b; none where one is not whole.
std::optional<std::string> fmp_difference(const std::optional<std::string>& a, const std::optional<std::string>& b) {
  const auto whole = [](const std::optional<std::string>& digits) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    if (!digits || digits->size() > 18) return std::nullopt;
    const auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
    if (error != std::errc{} || end != digits->data() + digits->size()) return std::nullopt;
    return value;
  };
  const auto from = whole(a), take = whole(b);
  if (!from || !take) return std::nullopt;
  return std::to_string(*from - *take);
}

class FmpDialogue : public Dialogue {
 public:
  FmpDialogue(const Configuration& configuration, Query asked)
      : Dialogue(std::move(asked)), configuration_(configuration) {}

 protected:
  // Path and parameters of the step after /stable/, without the key.
  virtual std::string path() = 0;
  virtual Ending read_row(const JsonTree& row) = 0;
  // Whether another step follows.
  virtual bool go_on() { return false; }
  // Where the plan does not include the step; true where it is asked again differently.
  virtual bool ask_differently(const std::string&) { return false; }
  // Whether a failure of the step leaves what the steps before it delivered as it is.
  virtual bool is_extra() { return false; }

  std::string ticker() const { return percent_encoded(ticker_of("fmp", query.instruments.front())); }
  std::string range() const { return "&from=" + core::to_iso(query.from) + "&to=" + core::to_iso(query.to); }

  void finish() override {
    // Refused by the plan in one step and empty in another: the plan is the reason.
    if (refused_)
      for (std::size_t i = 0; i < symbol_count(); ++i) {
        if (is_settled(i)) continue;
        if (!has_rows(symbol(i)))
          settle(i, *refused_);
        else if (symbol(i).text.empty())
          symbol(i).text = refused_->text;
      }
    Dialogue::finish();
  }

 private:
  http::Request request() final {
    return request_for(configuration_, base_of(configuration_, "https://financialmodelingprep.com"),
                       "/stable/" + path() + "&apikey=" + percent_encoded(configuration_.key));
  }

  Ending read(const http::Response& response) final {
    const Ending ending = read_step(response);
    if (ending.outcome == Outcome::ok || ending.outcome == Outcome::no_data) {
      is_more = is_more || go_on();
      return {};
    }
    if (ending.outcome == Outcome::plan_limit) {
      is_more = ask_differently(ending.text);
      if (is_more) return {};
      if (!is_extra()) refused_ = ending;
      is_more = go_on();
      return {};
    }
    if (is_extra()) settle(0, {});
    return is_extra() && ending.outcome == Outcome::malformed ? Ending{} : ending;
  }

  Ending read_step(const http::Response& response) {
    const bool came = response.failure == http::Failure::none;
    if (came && response.status == 200 && is_page(response.body)) return ending_of_page(response.body);
    const auto tree = JsonTree::read(response.body);
    std::string words;
    if (tree) words = plain_words(fmp_error(*tree).value_or(""), configuration_.key);
    if (!tree && !is_page(response.body)) words = plain_words(response.body, configuration_.key);
    if (came && response.status == 402) return {Outcome::plan_limit, words};
    if (came && response.status == 403) return fmp_ending_of_words(words, Outcome::auth);
    Ending ending = ending_of(response, words);
    if (ending.outcome != Outcome::ok) return ending;
    if (!tree) return fmp_ending_of_words(words, Outcome::malformed);
    const JsonTree* rows = &*tree;
    if (tree->is_object()) {
      // An older shape wraps the rows; anything else is an error in disguise, or nothing.
      rows = &(*tree)["historical"];
      if (!rows->is_array())
        return words.empty() && tree->is_empty() ? Ending{Outcome::no_data, ""}
                                                 : fmp_ending_of_words(words, Outcome::malformed);
    } else if (!words.empty()) {
      return fmp_ending_of_words(words, Outcome::malformed);
    }
    for (const JsonTree& row : rows->elements()) {
      if (!row.is_object()) return {Outcome::malformed, "a row that is not an object"};
      if (auto failure = read_row(row); failure.outcome != Outcome::ok) return failure;
    }
    return rows->elements().empty() ? Ending{Outcome::no_data, ""} : Ending{};
  }

  Configuration configuration_;
  std::optional<Ending> refused_;
};

class FmpPrices final : public FmpDialogue {
 public:
  FmpPrices(const Configuration& configuration, Query asked, std::shared_ptr<bool> has_adjusted)
      : FmpDialogue(configuration, std::move(asked)), has_adjusted_(std::move(has_adjusted)) {}

 private:
  std::string path() override {
    return std::string("historical-price-eod/") + (is_adjusted_ ? "dividend-adjusted" : "full") +
           "?symbol=" + ticker() + range();
  }

  Ending read_row(const JsonTree& row) override {
    const auto day = row["date"].day();
    if (!day) return {Outcome::malformed, "a bar without a date"};
    if (is_adjusted_) {
      adjusted_[*day] = row["adjClose"].number();
      return {};
    }
    market::Bar bar{*day};
    bar.open = row["open"].number();
    bar.high = row["high"].number();
    bar.low = row["low"].number();
    bar.close = row["close"].number();
    bar.adj_close = row["adjClose"].number();
    bar.volume = volume_in(row["volume"]);
    symbol(0).prices.bars.push_back(bar);
    symbol(0).prices.is_split_adjusted = true;
    return {};
  }

  // Closes adjusted for dividends are at another endpoint, which not every plan has: not asked again after a refusal.
  bool go_on() override {
    const auto& bars = symbol(0).prices.bars;
    const bool has_all = std::all_of(bars.begin(), bars.end(), [](const market::Bar& bar) { return bar.adj_close; });
    if (is_adjusted_ || !*has_adjusted_ || bars.empty() || has_all) return false;
    return is_adjusted_ = true;
  }
  bool is_extra() override { return is_adjusted_; }
  bool ask_differently(const std::string&) override {
    if (is_adjusted_) *has_adjusted_ = false;
    return false;
  }

  void finish() override {
    for (market::Bar& bar : symbol(0).prices.bars)
      if (const auto found = adjusted_.find(bar.date); found != adjusted_.end()) bar.adj_close = found->second;
    FmpDialogue::finish();
  }

  bool is_adjusted_ = false;
  std::shared_ptr<bool> has_adjusted_;
  std::map<core::Date, std::optional<double>> adjusted_;
};

class FmpActions final : public FmpDialogue {
 public:
  using FmpDialogue::FmpDialogue;

 private:
  std::string path() override { return std::string(is_dividends_ ? "dividends" : "splits") + "?symbol=" + ticker(); }

  Ending read_row(const JsonTree& row) override {
    const auto day = row["date"].day();
    if (!day) return {Outcome::malformed, "an action without a date"};
    if (*day < query.from || *day > query.to) return {};
    if (is_dividends_) {
      const auto amount = row["dividend"].number();
      if (amount && *amount > 0) symbol(0).actions.push_back({*day, "dividend", {}, {}, amount});
      return {};
    }
    const auto numerator = row["numerator"].number(), denominator = row["denominator"].number();
    if (!numerator || !denominator || *numerator <= 0 || *denominator <= 0)
      return {Outcome::malformed, "a split without its ratio"};
    const bool is_dividend = row["splitType"].text().value_or("") == "stock-dividend";
    symbol(0).actions.push_back({*day, is_dividend ? "stock_dividend" : "split", numerator, denominator, {}});
    return {};
  }

  bool go_on() override { return !std::exchange(is_dividends_, true); }

  void finish() override {
    auto& actions = symbol(0).actions;
    std::stable_sort(actions.begin(), actions.end(),
                     [](const auto& a, const auto& b) { return a.ex_date < b.ex_date; });
    FmpDialogue::finish();
  }

  bool is_dividends_ = false;
};

// FMP delivers yields of at most 90 days at a time.
class FmpYields final : public FmpDialogue {
 public:
  FmpYields(const Configuration& configuration, Query asked)
      : FmpDialogue(configuration, std::move(asked)), from_(query.from) {}

 private:
  core::Date to() const { return std::min(from_ + std::chrono::days{89}, query.to); }
  std::string path() override { return "treasury-rates?from=" + core::to_iso(from_) + "&to=" + core::to_iso(to()); }

  Ending read_row(const JsonTree& row) override {
    const auto day = row["date"].day();
    if (!day) return {Outcome::malformed, "yields without a date"};
    if (*day < from_ || *day > to()) return {};
    for (std::size_t i = 0; i < symbol_count(); ++i) {
      const FmpField* field = fmp_yield(query.instruments[i].symbol);
      if (const auto rate = field ? row[field->fields[0]].number() : std::nullopt)
        symbol(i).yields.push_back({query.instruments[i].symbol, *day, *rate});
    }
    return {};
  }

  bool go_on() override {
    from_ = to() + std::chrono::days{1};
    return from_ <= query.to;
  }

  void finish() override {
    for (std::size_t i = 0; i < symbol_count(); ++i) {
      auto& yields = symbol(i).yields;
      std::stable_sort(yields.begin(), yields.end(), [](const auto& a, const auto& b) { return a.date < b.date; });
    }
    FmpDialogue::finish();
  }

  core::Date from_;
};

class FmpProfile final : public FmpDialogue {
 public:
  using FmpDialogue::FmpDialogue;

 private:
  std::string path() override { return "profile?symbol=" + ticker(); }

  Ending read_row(const JsonTree& row) override {
    market::Profile profile;
    const auto take = [&](const char* column, const std::optional<std::string>& value) {
      if (value) profile.columns.emplace_back(column, *value);
    };
    take("company_name", row["companyName"].text());
    take("sector", row["sector"].text());
    take("industry", row["industry"].text());
    take("exchange", row["exchange"].text());
    take("country", row["country"].text());
    take("market_cap", fmp_digits(row, {"", {"marketCap", "mktCap"}}));
    take("description", row["description"].text());
    take("ceo", row["ceo"].text());
    take("employees", row["fullTimeEmployees"].digits());
    take("website", row["website"].text());
    take("beta", row["beta"].digits());
    if (const auto low_high = row["range"].text()) {
      const auto dash = low_high->find('-');
      const auto low = low_high->substr(0, dash);
      const auto high = dash == std::string::npos ? std::string() : low_high->substr(dash + 1);
      if (number_in(low) && number_in(high)) {
        take("week_52_low", low);
        take("week_52_high", high);
      }
    }
    if (const auto is_etf = row["isEtf"].truth()) take("is_etf", *is_etf ? "true" : "false");
    if (const auto is_fund = row["isFund"].truth()) take("is_fund", *is_fund ? "true" : "false");
    profile.is_inactive = row["isActivelyTrading"].truth() == false;
    if (!profile.columns.empty()) symbol(0).profile = std::move(profile);
    return {};
  }
};

// Three statements, each quarterly and annual, in one conversation.
class FmpStatements final : public FmpDialogue {
 public:
  using FmpDialogue::FmpDialogue;

 private:
  bool is_annual() const { return at_ % 2 == 1; }

  std::string path() override {
    static constexpr std::array names{"income-statement", "balance-sheet-statement", "cash-flow-statement"};
    return std::string(names[at_ / 2]) + "?symbol=" + ticker() + "&period=" + (is_annual() ? "annual" : "quarter") +
           "&limit=" +
           (is_small_     ? "5"
            : is_annual() ? "10"
                          : "20");
  }

  Ending read_row(const JsonTree& row) override {
    static constexpr std::array tables{"income_statements", "balance_sheets", "cash_flows"};
    const auto end = row["date"].day();
    if (!end) return {Outcome::malformed, "a statement without the end of its period"};
    const std::string period = row["period"].text().value_or(is_annual() ? "FY" : "");
    // Trailing twelve months have the end of a quarter and are none.
    const bool is_quarter = period.size() == 2 && period[0] == 'Q' && period[1] >= '1' && period[1] <= '4';
    if (is_annual() ? period != "FY" : !is_quarter) return {};
    market::Statement statement;
    statement.table = tables[at_ / 2];
    statement.period_date = market::canonical_period_end(*end);
    statement.reported_period_date = end;
    statement.frequency = is_annual() ? 'a' : 'q';
    statement.currency = row["reportedCurrency"].text().value_or("");
    auto year = row["fiscalYear"].number();
    if (!year) year = row["calendarYear"].number();
    if (year) statement.fiscal_year = static_cast<int>(*year);
    if (is_quarter) statement.fiscal_quarter = period[1] - '0';
    for (const char* name : {"acceptedDate", "filingDate", "fillingDate"})
      if (!statement.known_on) statement.known_on = row[name].day();
    const auto take = [&](const auto& fields) {
      for (const FmpField& field : fields)
        if (auto digits = fmp_digits(row, field)) statement.items.emplace_back(field.column, std::move(*digits));
    };
    if (at_ / 2 == 0) {
      take(fmp_income);
      // FMP writes 0 where it does not know.
      std::erase_if(statement.items,
                    [](const auto& item) { return item.first == "interest_expense" && number_in(item.second) == 0.0; });
    } else if (at_ / 2 == 1) {
      take(fmp_balance);
      // Its total counts leases as debt; ours does not.
      if (auto debt = fmp_difference(row["totalDebt"].digits(), row["capitalLeaseObligations"].digits()))
        statement.items.emplace_back("total_debt", std::move(*debt));
    } else {
      take(fmp_cash);
    }
    if (!statement.items.empty()) symbol(0).statements.push_back(std::move(statement));
    return {};
  }

  bool go_on() override { return ++at_ < 6; }
  // Small plans refuse more than 5 periods.
  bool ask_differently(const std::string& words) override {
    return fmp_contains(words, "limit") && !std::exchange(is_small_, true);
  }

  std::size_t at_ = 0;
  bool is_small_ = false;
};

class FmpEstimates final : public FmpDialogue {
 public:
  using FmpDialogue::FmpDialogue;

 private:
  std::string path() override {
    return "analyst-estimates?symbol=" + ticker() + "&period=" + (is_annual_ ? "annual" : "quarter") +
           "&page=0&limit=" + (is_small_ ? "5" : "10");
  }

  Ending read_row(const JsonTree& row) override {
    const auto end = row["date"].day();
    if (!end) return {Outcome::malformed, "an estimate without the end of its period"};
    market::Estimate estimate;
    estimate.period_date = market::canonical_period_end(*end);
    estimate.frequency = is_annual_ ? 'a' : 'q';
    for (const FmpField& field : fmp_estimates)
      if (auto digits = fmp_digits(row, field)) estimate.columns.emplace_back(field.column, std::move(*digits));
    if (!estimate.columns.empty()) symbol(0).estimates.push_back(std::move(estimate));
    return {};
  }

  bool go_on() override { return !std::exchange(is_annual_, true); }
  bool ask_differently(const std::string& words) override {
    return fmp_contains(words, "limit") && !std::exchange(is_small_, true);
  }

  bool is_annual_ = false;
  bool is_small_ = false;
};

class FmpEarnings final : public FmpDialogue {
 public:
  using FmpDialogue::FmpDialogue;

 private:
  std::string path() override { return "earnings?symbol=" + ticker() + "&limit=" + (is_small_ ? "5" : "8"); }

  Ending read_row(const JsonTree& row) override {
    const auto day = row["date"].day();
    if (!day) return {Outcome::malformed, "earnings without a date"};
    market::EarningsDate date{*day, *day};
    date.is_reported = row["epsActual"].number().has_value();
    date.is_estimate = !date.is_reported && row["confirmed"].truth() != true;
    date.period_date = row["periodEnding"].day();
    symbol(0).earnings_dates.push_back(date);
    return {};
  }

  bool ask_differently(const std::string& words) override {
    return fmp_contains(words, "limit") && !std::exchange(is_small_, true);
  }

  void finish() override {
    auto& dates = symbol(0).earnings_dates;
    std::stable_sort(dates.begin(), dates.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    FmpDialogue::finish();
  }

  bool is_small_ = false;
};

class Fmp final : public Provider {
 public:
  explicit Fmp(const Configuration& configuration) : configuration_(configuration) {}
  const char* name() const override { return "fmp"; }
  bool needs_key() const override { return true; }
  Limits limits() const override {
    return {.requests_per_second = 4,
            .burst = 4,
            .concurrent = 4,
            .requests_per_day = 250,
            .when_limited = WhenLimited::until_day_is_over};
  }

  bool serves(Kind kind, const Instrument& instrument) const override {
    if (kind == Kind::options) return false;
    if (kind == Kind::yields) return fmp_yield(instrument.symbol) != nullptr;
    const std::string ticker = ticker_of("fmp", instrument);
    const auto symbol_class = class_of(instrument.symbol);
    const bool is_company =
        symbol_class != SymbolClass::index && symbol_class != SymbolClass::crypto && symbol_class != SymbolClass::fx;
    return is_plain_symbol(ticker) && symbol_class != SymbolClass::option && (kind == Kind::prices || is_company);
  }

  std::size_t instruments_per_query(Kind kind) const override { return kind == Kind::yields ? fmp_yields.size() : 1; }

  std::unique_ptr<Conversation> ask(const Query& query) override {
    switch (query.kind) {
      case Kind::corporate_actions:
        return std::make_unique<FmpActions>(configuration_, query);
      case Kind::yields:
        return std::make_unique<FmpYields>(configuration_, query);
      case Kind::profiles:
        return std::make_unique<FmpProfile>(configuration_, query);
      case Kind::statements:
        return std::make_unique<FmpStatements>(configuration_, query);
      case Kind::estimates:
        return std::make_unique<FmpEstimates>(configuration_, query);
      case Kind::earnings_dates:
        return std::make_unique<FmpEarnings>(configuration_, query);
      default:
        return std::make_unique<FmpPrices>(configuration_, query, has_adjusted_);
    }
  }

 private:
  Configuration configuration_;
  std::shared_ptr<bool> has_adjusted_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<Provider> make_fmp(const Configuration& configuration) { return std::make_unique<Fmp>(configuration); }

}  // namespace pb::collect
