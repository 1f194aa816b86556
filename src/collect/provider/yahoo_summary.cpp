// Yahoo's summary of a company or fund: profile, estimates and days of earnings, from one call whichever is asked for.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "collect/provider/yahoo.hpp"
#include "core/market/fundamentals.hpp"

namespace pb::collect::yahoo {

namespace {

constexpr const char* summary_modules =
    "assetProfile,summaryDetail,defaultKeyStatistics,financialData,quoteType,price,calendarEvents,earningsTrend,"
    "earningsHistory,fundProfile";
constexpr const char* summary_zone = "America/New_York";
// A report follows the end of its period within this time; annual ones and those of small companies last.
constexpr std::chrono::days summary_longest_report{130};
constexpr const char* summary_delisted = "YHD";

struct SummaryField {
  const char *column, *module, *member;
  enum class Form { digits, text, price, whole } form;
};
using enum SummaryField::Form;

constexpr std::array summary_fields{
    SummaryField{"company_name", "price", "longName", text},
    SummaryField{"company_name", "quoteType", "longName", text},
    SummaryField{"company_name", "price", "shortName", text},
    SummaryField{"company_name", "quoteType", "shortName", text},
    SummaryField{"sector", "assetProfile", "sector", text},
    SummaryField{"industry", "assetProfile", "industry", text},
    SummaryField{"exchange", "price", "exchangeName", text},
    SummaryField{"exchange", "quoteType", "exchange", text},
    SummaryField{"country", "assetProfile", "country", text},
    SummaryField{"market_cap", "summaryDetail", "marketCap", digits},
    SummaryField{"market_cap", "price", "marketCap", digits},
    SummaryField{"description", "assetProfile", "longBusinessSummary", text},
    SummaryField{"employees", "assetProfile", "fullTimeEmployees", whole},
    SummaryField{"website", "assetProfile", "website", text},
    SummaryField{"pe_ratio", "summaryDetail", "trailingPE", digits},
    SummaryField{"forward_pe", "summaryDetail", "forwardPE", digits},
    SummaryField{"dividend_yield", "summaryDetail", "dividendYield", digits},  // that of quote is in percent
    SummaryField{"beta", "summaryDetail", "beta", digits},
    SummaryField{"week_52_high", "summaryDetail", "fiftyTwoWeekHigh", price},
    SummaryField{"week_52_low", "summaryDetail", "fiftyTwoWeekLow", price},
    SummaryField{"target_mean_price", "financialData", "targetMeanPrice", price},
    SummaryField{"target_high_price", "financialData", "targetHighPrice", price},
    SummaryField{"target_low_price", "financialData", "targetLowPrice", price},
    SummaryField{"number_of_analyst_opinions", "financialData", "numberOfAnalystOpinions", whole},
    SummaryField{"recommendation_mean", "financialData", "recommendationMean", digits},
    SummaryField{"recommendation_key", "financialData", "recommendationKey", text},
    SummaryField{"forward_eps", "defaultKeyStatistics", "forwardEps", digits},
    SummaryField{"earnings_growth", "financialData", "earningsGrowth", digits},
    SummaryField{"revenue_growth", "financialData", "revenueGrowth", digits},
    SummaryField{"earnings_quarterly_growth", "defaultKeyStatistics", "earningsQuarterlyGrowth", digits},
    SummaryField{"profit_margins", "financialData", "profitMargins", digits},
    SummaryField{"operating_margins", "financialData", "operatingMargins", digits},
    SummaryField{"gross_margins", "financialData", "grossMargins", digits},
    SummaryField{"return_on_assets", "financialData", "returnOnAssets", digits},
    SummaryField{"return_on_equity", "financialData", "returnOnEquity", digits},
    SummaryField{"total_revenue", "financialData", "totalRevenue", digits}};

using SummaryColumns = std::vector<std::pair<std::string, std::string>>;

bool summary_has(const SummaryColumns& columns, std::string_view name) {
  return std::any_of(columns.begin(), columns.end(), [&](const auto& column) { return column.first == name; });
}

void summary_add(SummaryColumns& columns, const char* name, const std::optional<std::string>& value) {
  if (value && !summary_has(columns, name)) columns.emplace_back(name, *value);
}

std::string summary_written(double value) {
  char written[64];
  return {written, std::to_chars(written, written + sizeof written, value).ptr};
}

std::optional<std::string> summary_value(const SummaryField& field, const JsonTree& value, bool is_hundredths) {
  switch (field.form) {
    case text:
      return value.text();
    case digits:
      return value.digits();
    case price: {
      const auto said = value.number();
      return said ? std::optional(summary_written(yahoo::price(*said, is_hundredths))) : std::nullopt;
    }
    case whole: {
      const auto said = value.integer();
      const bool is_good = said && *said >= 0 && *said <= 2'000'000'000;
      return is_good ? std::optional(std::to_string(*said)) : std::nullopt;
    }
  }
  return std::nullopt;
}

bool summary_is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// CEO as a word of its own, or in full.
bool summary_is_chief(const std::string& title) {
  if (title.find("Chief Executive") != std::string::npos) return true;
  for (std::size_t at = 0; (at = title.find("CEO", at)) != std::string::npos; at += 3)
    if ((at == 0 || !summary_is_letter(title[at - 1])) && (at + 3 == title.size() || !summary_is_letter(title[at + 3])))
      return true;
  return false;
}

std::optional<std::string> summary_chief(const JsonTree& officers) {
  for (const JsonTree& officer : officers.elements())
    if (summary_is_chief(officer["title"].text().value_or(""))) return officer["name"].text();
  return std::nullopt;
}

// Yahoo writes days as midnight in UTC, or as texts.
std::optional<core::Date> summary_day(const JsonTree& value) {
  if (const auto day = value.day()) return day;
  return utc_day(value.integer());
}

class SummaryDialogue final : public SymbolDialogue {
 public:
  SummaryDialogue(SharedPointer shared, const Query& asked)
      : SymbolDialogue(std::move(shared), asked, NeedsSession::yes) {}

 private:
  std::string path() const override {
    if (is_quote_) return "/v7/finance/quote?symbols=" + symbol_there() + "&formatted=false";
    return "/v10/finance/quoteSummary/" + symbol_there() + "?modules=" + percent_encoded(summary_modules) +
           "&formatted=false&corsDomain=finance.yahoo.com";
  }

  Ending read(const http::Response& response) override {
    Ending ending = SymbolDialogue::read(response);
    // What has no summary, such as a delisted symbol, may still have a quote that says so.
    if (ending.outcome != Outcome::no_data || is_quote_ || query.kind != Kind::profiles) return ending;
    symbol(0).text = std::move(ending.text);
    is_quote_ = true;
    is_more = true;
    return {};
  }

  Ending read_tree(const JsonTree& tree) override {
    const JsonTree& answer = tree[is_quote_ ? "quoteResponse" : "quoteSummary"];
    const JsonTree& results = answer["result"];
    if (!results.is_array() && symbol(0).text.empty()) return {Outcome::malformed, "an answer without a result"};
    if (results.elements().empty()) return {Outcome::no_data, symbol(0).text};
    if (is_quote_) return read_quote(results);
    const JsonTree& result = results.elements().front();
    read_earnings(result);
    read_estimates(result["earningsTrend"]["trend"]);
    read_profile(result);
    return {};
  }

  std::optional<core::Date> local(std::optional<std::int64_t> instant) const {
    if (!utc_day(instant)) return std::nullopt;
    const auto& here = configuration();
    const auto day = here.local_date ? here.local_date(*instant, summary_zone) : std::nullopt;
    return day ? day : utc_day(instant);
  }

  void keep_profile(market::Profile profile, const std::string& type, const std::string& exchange) {
    // Of a delisted symbol Yahoo says that it is a mutual fund.
    profile.is_inactive = exchange == summary_delisted;
    if (!type.empty() && !profile.is_inactive) {
      profile.columns.emplace_back("is_etf", type == "ETF" ? "true" : "false");
      profile.columns.emplace_back("is_fund", type == "MUTUALFUND" ? "true" : "false");
    }
    if (!profile.columns.empty() || profile.is_inactive) symbol(0).profile = std::move(profile);
  }

  void read_profile(const JsonTree& result) {
    market::Profile profile;
    const auto said = result["summaryDetail"]["currency"].text();
    const PriceUnit unit = price_unit(said ? *said : result["price"]["currency"].text().value_or(""));
    for (const SummaryField& field : summary_fields)
      summary_add(profile.columns, field.column,
                  summary_value(field, result[field.module][field.member], unit.is_hundredths));
    summary_add(profile.columns, "ceo", summary_chief(result["assetProfile"]["companyOfficers"]));
    const JsonTree& statistics = result["defaultKeyStatistics"];
    auto year_end = summary_day(statistics["lastFiscalYearEnd"]);
    if (!year_end) year_end = summary_day(statistics["nextFiscalYearEnd"]);
    if (year_end) summary_add(profile.columns, "fiscal_year_end", core::to_iso(*year_end).substr(5));
    read_next_earnings(result["calendarEvents"]["earnings"], profile.columns);
    std::string exchange = result["quoteType"]["exchange"].text().value_or("");
    if (exchange.empty()) exchange = result["price"]["exchange"].text().value_or("");
    std::string type = result["quoteType"]["quoteType"].text().value_or("");
    if (type.empty()) type = result["price"]["quoteType"].text().value_or("");
    keep_profile(std::move(profile), type, exchange);
  }

  // Right after a report the day is still that of the report.
  void read_next_earnings(const JsonTree& earnings, SummaryColumns& columns) const {
    for (const market::EarningsDate& date : next_)
      if (date.last >= today()) {
        summary_add(columns, "next_earnings_date", core::to_iso(date.first));
        summary_add(columns, "next_earnings_expected_eps", earnings["earningsAverage"].digits());
        summary_add(columns, "next_earnings_expected_revenue", earnings["revenueAverage"].digits());
      }
  }

  Ending read_quote(const JsonTree& results) {
    const JsonTree& quote = results.elements().front();
    market::Profile profile;
    const std::string exchange = quote["exchange"].text().value_or("");
    // The name of a delisted symbol is a number.
    if (exchange != summary_delisted) {
      summary_add(profile.columns, "company_name", quote["longName"].text());
      summary_add(profile.columns, "company_name", quote["shortName"].text());
      summary_add(profile.columns, "exchange", quote["fullExchangeName"].text());
      summary_add(profile.columns, "exchange", quote["exchange"].text());
      summary_add(profile.columns, "market_cap", quote["marketCap"].digits());
      summary_add(profile.columns, "pe_ratio", quote["trailingPE"].digits());
      summary_add(profile.columns, "forward_pe", quote["forwardPE"].digits());
    }
    keep_profile(std::move(profile), quote["quoteType"].text().value_or(""), exchange);
    return {};
  }

  void read_earnings(const JsonTree& result) {
    const JsonTree& earnings = result["calendarEvents"]["earnings"];
    std::vector<core::Date> days;
    for (const JsonTree& said : earnings["earningsDate"].elements())
      if (const auto day = local(said.integer())) days.push_back(*day);
    if (days.empty()) return;
    const auto [first, last] = std::minmax_element(days.begin(), days.end());
    market::EarningsDate date{*first, *last};
    date.is_estimate = earnings["isEarningsDateEstimate"].truth().value_or(*first != *last);
    const auto reported = newest_reported(result["earningsHistory"]["history"]);
    const auto follows = [&](std::optional<core::Date> period) {
      return period && *period < date.first && date.first - *period <= summary_longest_report;
    };
    if (date.last < today() && follows(reported)) {
      date.is_reported = true;
      date.period_date = reported;
    } else {
      for (const JsonTree& trend : result["earningsTrend"]["trend"].elements())
        if (trend["period"].text() == "0q" && follows(trend["endDate"].day()))
          date.period_date = trend["endDate"].day();
    }
    next_.push_back(date);
    symbol(0).earnings_dates.push_back(date);
  }

  // End of the newest quarter of which earnings were reported.
  static std::optional<core::Date> newest_reported(const JsonTree& history) {
    std::optional<core::Date> newest;
    for (const JsonTree& quarter : history.elements()) {
      const auto day = summary_day(quarter["quarter"]);
      if (day && quarter["epsActual"].number() && (!newest || *day > *newest)) newest = day;
    }
    return newest;
  }

  void read_estimates(const JsonTree& trends) {
    for (const JsonTree& trend : trends.elements()) {
      const std::string period = trend["period"].text().value_or("");
      const auto end = trend["endDate"].day();
      const bool is_quarter = period == "0q" || period == "+1q";
      if (!end || (!is_quarter && period != "0y" && period != "+1y")) continue;
      market::Estimate estimate{market::canonical_period_end(*end), is_quarter ? 'q' : 'a'};
      fill_estimate(trend["revenueEstimate"], trend["earningsEstimate"], estimate.columns);
      if (!estimate.columns.empty()) symbol(0).estimates.push_back(std::move(estimate));
    }
  }

  // A row has one currency; where revenue and earnings are in two, the earnings are left out.
  static void fill_estimate(const JsonTree& revenue, const JsonTree& earnings, SummaryColumns& columns) {
    summary_add(columns, "revenue_avg", revenue["avg"].digits());
    summary_add(columns, "revenue_low", revenue["low"].digits());
    summary_add(columns, "revenue_high", revenue["high"].digits());
    summary_add(columns, "revenue_growth", revenue["growth"].digits());
    add_count(columns, "revenue_analysts", revenue["numberOfAnalysts"]);
    const auto of_revenue = revenue["revenueCurrency"].text(), of_earnings = earnings["earningsCurrency"].text();
    const bool is_one = columns.empty() || !of_revenue || !of_earnings || *of_revenue == *of_earnings;
    if (is_one) {
      summary_add(columns, "eps_avg", earnings["avg"].digits());
      summary_add(columns, "eps_low", earnings["low"].digits());
      summary_add(columns, "eps_high", earnings["high"].digits());
      summary_add(columns, "eps_growth", earnings["growth"].digits());
      add_count(columns, "eps_analysts", earnings["numberOfAnalysts"]);
    }
    if (columns.empty()) return;
    summary_add(columns, "currency", of_revenue);
    if (is_one) summary_add(columns, "currency", of_earnings);
  }

  static void add_count(SummaryColumns& columns, const char* name, const JsonTree& value) {
    const auto said = value.integer();
    if (said && *said >= 0 && *said < 100000) summary_add(columns, name, std::to_string(*said));
  }

  void finish() override {
    const SymbolAnswer& answer = symbol(0);
    const bool is_there = query.kind == Kind::profiles    ? answer.profile.has_value()
                          : query.kind == Kind::estimates ? !answer.estimates.empty()
                                                          : !answer.earnings_dates.empty();
    if (!is_settled(0) && !is_there) settle(0, {Outcome::no_data, std::string(answer.text)});
    Dialogue::finish();
  }

  bool is_quote_ = false;
  std::vector<market::EarningsDate> next_;
};

}  // namespace

std::unique_ptr<Conversation> ask_summary(const SharedPointer& shared, const Query& query) {
  return std::make_unique<SummaryDialogue>(shared, query);
}

}  // namespace pb::collect::yahoo
