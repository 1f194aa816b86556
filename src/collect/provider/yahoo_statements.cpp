// Yahoo's time series of fundamentals: all three statements, quarterly and annual, in one request.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "collect/provider/yahoo.hpp"
#include "core/market/fundamentals.hpp"

namespace pb::collect::yahoo {

namespace {

enum class LineUnit { money, per_share, shares };

struct StatementLine {
  const char *table, *column;
  std::array<const char*, 2> keys;  // in order; the second may be null
  LineUnit unit = LineUnit::money;
};

constexpr const char* income = "income_statements";
constexpr const char* balance = "balance_sheets";
constexpr const char* cash = "cash_flows";
// What only serves to compute a column.
constexpr const char* shares_of_book_value = "shares";

constexpr std::array statement_lines{
    StatementLine{income, "total_revenue", {"TotalRevenue", "OperatingRevenue"}},
    StatementLine{income, "cost_of_revenue", {"CostOfRevenue", "ReconciledCostOfRevenue"}},
    StatementLine{income, "gross_profit", {"GrossProfit"}},
    StatementLine{income, "research_and_development", {"ResearchAndDevelopment"}},
    StatementLine{income, "selling_general_and_administrative", {"SellingGeneralAndAdministration"}},
    StatementLine{income, "operating_income", {"OperatingIncome", "TotalOperatingIncomeAsReported"}},
    StatementLine{income, "ebit", {"EBIT"}},
    StatementLine{income, "ebitda", {"EBITDA", "NormalizedEBITDA"}},
    StatementLine{income, "net_income", {"NetIncome", "NetIncomeCommonStockholders"}},
    StatementLine{income, "basic_eps", {"BasicEPS"}, LineUnit::per_share},
    StatementLine{income, "diluted_eps", {"DilutedEPS"}, LineUnit::per_share},
    StatementLine{income, "basic_average_shares", {"BasicAverageShares"}, LineUnit::shares},
    StatementLine{income, "diluted_average_shares", {"DilutedAverageShares"}, LineUnit::shares},
    StatementLine{income, "tax_provision", {"TaxProvision"}},
    StatementLine{income, "interest_expense", {"InterestExpense", "InterestExpenseNonOperating"}},
    StatementLine{income, "depreciation_and_amortization", {"ReconciledDepreciation"}},
    StatementLine{balance, "total_assets", {"TotalAssets"}},
    StatementLine{balance, "current_assets", {"CurrentAssets"}},
    StatementLine{balance, "cash_and_cash_equivalents", {"CashAndCashEquivalents"}},
    StatementLine{balance, "short_term_investments", {"OtherShortTermInvestments"}},
    StatementLine{balance, "accounts_receivable", {"AccountsReceivable", "Receivables"}},
    StatementLine{balance, "inventory", {"Inventory"}},
    StatementLine{balance, "property_plant_equipment", {"NetPPE"}},
    StatementLine{balance, "intangible_assets", {"GoodwillAndOtherIntangibleAssets"}},
    StatementLine{balance, "total_liabilities", {"TotalLiabilitiesNetMinorityInterest"}},
    StatementLine{balance, "current_liabilities", {"CurrentLiabilities"}},
    StatementLine{balance, "accounts_payable", {"AccountsPayable"}},
    StatementLine{balance, "short_term_debt", {"CurrentDebt"}},
    StatementLine{balance, "long_term_debt", {"LongTermDebt"}},
    StatementLine{balance, "total_debt", {"TotalDebt"}},
    StatementLine{balance, "total_stockholders_equity", {"StockholdersEquity"}},
    StatementLine{balance, "retained_earnings", {"RetainedEarnings"}},
    StatementLine{balance, "common_stock", {"CommonStock"}},
    StatementLine{balance, shares_of_book_value, {"OrdinarySharesNumber", "ShareIssued"}, LineUnit::shares},
    StatementLine{cash, "operating_cash_flow", {"OperatingCashFlow"}},
    StatementLine{cash, "depreciation_and_amortization", {"DepreciationAndAmortization", "ReconciledDepreciation"}},
    StatementLine{cash, "stock_based_compensation", {"StockBasedCompensation"}},
    StatementLine{cash, "change_in_working_capital", {"ChangeInWorkingCapital"}},
    StatementLine{cash, "investing_cash_flow", {"InvestingCashFlow"}},
    StatementLine{cash, "capital_expenditures", {"CapitalExpenditure"}},
    StatementLine{cash, "acquisitions", {"NetBusinessPurchaseAndSale"}},
    StatementLine{cash, "purchases_of_investments", {"PurchaseOfInvestment"}},
    StatementLine{cash, "financing_cash_flow", {"FinancingCashFlow"}},
    StatementLine{cash, "dividends_paid", {"CashDividendsPaid"}},
    StatementLine{cash, "stock_repurchases", {"RepurchaseOfCapitalStock"}},
    StatementLine{cash, "debt_issuance_repayment", {"NetIssuancePaymentsOfDebt"}},
    StatementLine{cash, "net_change_in_cash", {"ChangesInCash"}},
    StatementLine{cash, "beginning_cash_position", {"BeginningCashPosition"}},
    StatementLine{cash, "free_cash_flow", {"FreeCashFlow"}}};

struct StatementFrequency {
  const char *prefix, *period_type;
  char letter;
};
constexpr std::array statement_frequencies{StatementFrequency{"annual", "12M", 'a'},
                                           StatementFrequency{"quarterly", "3M", 'q'}};

// Yahoo shows no more than a few periods; those of ten years are asked for.
constexpr std::chrono::days statement_reach{3653};

struct StatementValue {
  market::Digits digits;
  std::string currency;
};
using StatementSeries = std::map<core::Date, StatementValue>;

class StatementDialogue final : public SymbolDialogue {
 public:
  StatementDialogue(SharedPointer shared, const Query& asked)
      : SymbolDialogue(std::move(shared), asked, NeedsSession::no) {}

 private:
  std::string path() const override {
    std::vector<std::string> keys;
    for (const StatementLine& line : statement_lines)
      for (const char* key : line.keys)
        if (key != nullptr && std::find(keys.begin(), keys.end(), key) == keys.end()) keys.emplace_back(key);
    std::string types;
    for (const StatementFrequency& frequency : statement_frequencies)
      for (const std::string& key : keys) types.append(types.empty() ? "" : ",").append(frequency.prefix).append(key);
    const auto seconds = [](core::Date day) { return std::chrono::seconds(day.time_since_epoch()).count(); };
    return "/ws/fundamentals-timeseries/v1/finance/timeseries/" + symbol_there() + "?symbol=" + symbol_there() +
           "&type=" + types +
           "&merge=false&padTimeSeries=false&period1=" + std::to_string(seconds(today() - statement_reach)) +
           "&period2=" + std::to_string(seconds(today() + std::chrono::days{1}));
  }

  Ending read_tree(const JsonTree& tree) override {
    const JsonTree& results = tree["timeseries"]["result"];
    if (!results.is_array()) {
      if (!symbol(0).text.empty()) return {Outcome::no_data, symbol(0).text};
      return {Outcome::malformed, "an answer without timeseries and result"};
    }
    for (const JsonTree& result : results.elements()) read_series(result);
    for (const StatementFrequency& frequency : statement_frequencies)
      for (const char* table : {income, balance, cash}) build(table, frequency);
    return {};
  }

  void read_series(const JsonTree& result) {
    const auto& types = result["meta"]["type"].elements();
    const std::string type = types.empty() ? "" : types[0].text().value_or("");
    for (const StatementFrequency& frequency : statement_frequencies) {
      if (!type.starts_with(frequency.prefix)) continue;
      for (const JsonTree& element : result[type].elements()) {
        // Twelve months to the same day are among the answers, too.
        if (element["periodType"].text() != frequency.period_type) continue;
        const auto day = element["asOfDate"].day();
        auto digits = element["reportedValue"].digits();
        if (day && digits) series_[type][*day] = {std::move(*digits), element["currencyCode"].text().value_or("")};
      }
    }
  }

  // Each key has days of its own: what belongs together is found by the day.
  const StatementValue* value(const StatementFrequency& frequency, const StatementLine& line, core::Date day) const {
    for (const char* key : line.keys) {
      if (key == nullptr) continue;
      const auto series = series_.find(std::string(frequency.prefix) + key);
      if (series == series_.end()) continue;
      const auto found = series->second.find(day);
      if (found != series->second.end()) return &found->second;
    }
    return nullptr;
  }

  void build(const char* table, const StatementFrequency& frequency) {
    std::vector<core::Date> days;
    for (const StatementLine& line : statement_lines) {
      if (line.table != table) continue;
      for (const char* key : line.keys)
        if (key != nullptr)
          for (const auto& [day, said] : series_[std::string(frequency.prefix) + key]) days.push_back(day);
    }
    std::sort(days.begin(), days.end());
    days.erase(std::unique(days.begin(), days.end()), days.end());
    for (const core::Date day : days) build_one(table, frequency, day);
  }

  void build_one(const char* table, const StatementFrequency& frequency, core::Date day) {
    market::Statement statement{table, market::canonical_period_end(day)};
    statement.frequency = frequency.letter;
    std::string shares, equity;
    for (const StatementLine& line : statement_lines) {
      if (line.table != table) continue;
      const StatementValue* said = value(frequency, line, day);
      if (said == nullptr || !takes_currency(statement, line.unit, said->currency)) continue;
      if (std::string_view(line.column) == shares_of_book_value) {
        shares = said->digits;
        continue;
      }
      statement.items.emplace_back(line.column, written(line.unit, said->digits));
      if (std::string_view(line.column) == "total_stockholders_equity") equity = said->digits;
    }
    add_book_value(statement, equity, shares);
    if (!statement.items.empty()) symbol(0).statements.push_back(std::move(statement));
  }

  // The first amount gives the currency; an amount in another would be taken for one in this.
  static bool takes_currency(market::Statement& statement, LineUnit unit, const std::string& currency) {
    if (unit == LineUnit::shares || currency.empty()) return true;
    std::string& known = unit == LineUnit::money ? statement.currency : statement.eps_currency;
    if (known.empty()) known = currency;
    return known == currency;
  }

  // Numbers of shares are whole.
  static market::Digits written(LineUnit unit, const market::Digits& digits) {
    if (unit != LineUnit::shares) return digits;
    const auto number = number_in(digits);
    if (!number || *number < 0 || *number > 9e15) return digits;
    return std::to_string(std::llround(*number));
  }

  static void add_book_value(market::Statement& statement, const std::string& equity, const std::string& shares) {
    const auto amount = number_in(equity), count = number_in(shares);
    if (!amount || !count || *count <= 0) return;
    char text[64];
    char* end = std::to_chars(text, text + sizeof text, *amount / *count).ptr;
    statement.items.emplace_back("book_value_per_share", std::string(text, end));
  }

  std::map<std::string, StatementSeries> series_;
};

}  // namespace

std::unique_ptr<Conversation> ask_statements(const SharedPointer& shared, const Query& query) {
  return std::make_unique<StatementDialogue>(shared, query);
}

}  // namespace pb::collect::yahoo
