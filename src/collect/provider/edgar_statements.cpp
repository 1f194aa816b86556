#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "collect/provider/edgar.hpp"
#include "core/market/fundamentals.hpp"

namespace pb::collect::edgar {

namespace {

using core::Date;
using market::Decimal;
using market::Statement;
using std::chrono::days;

enum class Measure { flow, average, per_share, instant };

// A column of a statement and its concepts in order: "A|-B|C+D" is A, else B with the other sign, else the sum of C and
// D. Concepts are of us-gaap unless they say otherwise.
struct Line {
  const char* column;
  Measure measure;
  std::string_view concepts;
};

constexpr auto income_lines = std::to_array<Line>({
    {"total_revenue", Measure::flow,
     "Revenues|RevenueFromContractWithCustomerExcludingAssessedTax|SalesRevenueNet|"
     "RevenueFromContractWithCustomerIncludingAssessedTax|RevenuesNetOfInterestExpense|SalesRevenueGoodsNet|"
     "ifrs-full:Revenue"},
    {"cost_of_revenue", Measure::flow,
     "CostOfRevenue|CostOfGoodsAndServicesSold|CostOfGoodsSold|CostOfServices|ifrs-full:CostOfSales"},
    {"gross_profit", Measure::flow, "GrossProfit|ifrs-full:GrossProfit"},
    {"research_and_development", Measure::flow,
     "ResearchAndDevelopmentExpense|ResearchAndDevelopmentExpenseExcludingAcquiredInProcessCost|"
     "ifrs-full:ResearchAndDevelopmentExpense"},
    {"selling_general_and_administrative", Measure::flow,
     "SellingGeneralAndAdministrativeExpense|SellingAndMarketingExpense+GeneralAndAdministrativeExpense|"
     "ifrs-full:SellingGeneralAndAdministrativeExpense"},
    {"operating_income", Measure::flow, "OperatingIncomeLoss|ifrs-full:ProfitLossFromOperatingActivities"},
    {"net_income", Measure::flow,
     "NetIncomeLoss|NetIncomeLossAvailableToCommonStockholdersBasic|ProfitLoss|"
     "ifrs-full:ProfitLossAttributableToOwnersOfParent|ifrs-full:ProfitLoss"},
    {"diluted_eps", Measure::per_share,
     "EarningsPerShareDiluted|EarningsPerShareBasicAndDiluted|ifrs-full:DilutedEarningsLossPerShare"},
    {"basic_eps", Measure::per_share,
     "EarningsPerShareBasic|EarningsPerShareBasicAndDiluted|ifrs-full:BasicEarningsLossPerShare"},
    {"basic_average_shares", Measure::average,
     "WeightedAverageNumberOfSharesOutstandingBasic|WeightedAverageNumberOfShareOutstandingBasicAndDiluted|"
     "ifrs-full:WeightedAverageShares"},
    {"diluted_average_shares", Measure::average,
     "WeightedAverageNumberOfDilutedSharesOutstanding|WeightedAverageNumberOfShareOutstandingBasicAndDiluted|"
     "ifrs-full:AdjustedWeightedAverageShares"},
    {"tax_provision", Measure::flow, "IncomeTaxExpenseBenefit|ifrs-full:IncomeTaxExpenseContinuingOperations"},
    {"interest_expense", Measure::flow,
     "InterestExpense|InterestExpenseNonoperating|InterestExpenseDebt|ifrs-full:FinanceCosts"},
    {"depreciation_and_amortization", Measure::flow,
     "DepreciationDepletionAndAmortization|DepreciationAmortizationAndAccretionNet|DepreciationAndAmortization"},
});

constexpr auto balance_lines = std::to_array<Line>({
    {"total_assets", Measure::instant, "Assets|ifrs-full:Assets"},
    {"current_assets", Measure::instant, "AssetsCurrent|ifrs-full:CurrentAssets"},
    {"cash_and_cash_equivalents", Measure::instant,
     "CashAndCashEquivalentsAtCarryingValue|Cash|ifrs-full:CashAndCashEquivalents"},
    {"short_term_investments", Measure::instant,
     "ShortTermInvestments|MarketableSecuritiesCurrent|AvailableForSaleSecuritiesDebtSecuritiesCurrent"},
    {"accounts_receivable", Measure::instant,
     "AccountsReceivableNetCurrent|ReceivablesNetCurrent|ifrs-full:TradeAndOtherCurrentReceivables"},
    {"inventory", Measure::instant, "InventoryNet|ifrs-full:Inventories"},
    {"property_plant_equipment", Measure::instant,
     "PropertyPlantAndEquipmentNet|"
     "PropertyPlantAndEquipmentAndFinanceLeaseRightOfUseAssetAfterAccumulatedDepreciationAndAmortization|"
     "ifrs-full:PropertyPlantAndEquipment"},
    {"intangible_assets", Measure::instant,
     "IntangibleAssetsNetIncludingGoodwill|Goodwill+IntangibleAssetsNetExcludingGoodwill|"
     "Goodwill+FiniteLivedIntangibleAssetsNet|ifrs-full:IntangibleAssetsAndGoodwill"},
    {"total_liabilities", Measure::instant,
     "Liabilities|LiabilitiesAndStockholdersEquity-"
     "StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest"
     "|ifrs-full:Liabilities"},
    {"current_liabilities", Measure::instant, "LiabilitiesCurrent|ifrs-full:CurrentLiabilities"},
    {"accounts_payable", Measure::instant,
     "AccountsPayableCurrent|AccountsPayableTradeCurrent|ifrs-full:TradeAndOtherCurrentPayables"},
    {"short_term_debt", Measure::instant,
     "DebtCurrent|ShortTermBorrowings+LongTermDebtCurrent|CommercialPaper+LongTermDebtCurrent"},
    {"long_term_debt", Measure::instant, "LongTermDebtNoncurrent"},
    {"total_debt", Measure::instant,
     "DebtCurrent+LongTermDebtNoncurrent|ShortTermBorrowings+LongTermDebtCurrent+LongTermDebtNoncurrent|"
     "CommercialPaper+LongTermDebtCurrent+LongTermDebtNoncurrent"},
    {"total_stockholders_equity", Measure::instant, "StockholdersEquity|ifrs-full:EquityAttributableToOwnersOfParent"},
    {"retained_earnings", Measure::instant, "RetainedEarningsAccumulatedDeficit|ifrs-full:RetainedEarnings"},
    {"common_stock", Measure::instant, "CommonStockValue|CommonStocksIncludingAdditionalPaidInCapital"},
});

constexpr auto cash_flow_lines = std::to_array<Line>({
    {"operating_cash_flow", Measure::flow,
     "NetCashProvidedByUsedInOperatingActivities|NetCashProvidedByUsedInOperatingActivitiesContinuingOperations|"
     "ifrs-full:CashFlowsFromUsedInOperatingActivities"},
    {"depreciation_and_amortization", Measure::flow,
     "DepreciationDepletionAndAmortization|DepreciationAmortizationAndAccretionNet|DepreciationAndAmortization"},
    {"stock_based_compensation", Measure::flow, "ShareBasedCompensation"},
    {"change_in_working_capital", Measure::flow, "-IncreaseDecreaseInOperatingCapital"},
    {"investing_cash_flow", Measure::flow,
     "NetCashProvidedByUsedInInvestingActivities|NetCashProvidedByUsedInInvestingActivitiesContinuingOperations|"
     "ifrs-full:CashFlowsFromUsedInInvestingActivities"},
    {"capital_expenditures", Measure::flow,
     "-PaymentsToAcquirePropertyPlantAndEquipment|-PaymentsToAcquireProductiveAssets|"
     "-ifrs-full:PurchaseOfPropertyPlantAndEquipmentClassifiedAsInvestingActivities"},
    {"acquisitions", Measure::flow, "-PaymentsToAcquireBusinessesNetOfCashAcquired"},
    {"purchases_of_investments", Measure::flow,
     "-PaymentsToAcquireInvestments|-PaymentsToAcquireAvailableForSaleSecuritiesDebt|"
     "-PaymentsToAcquireMarketableSecurities"},
    {"financing_cash_flow", Measure::flow,
     "NetCashProvidedByUsedInFinancingActivities|NetCashProvidedByUsedInFinancingActivitiesContinuingOperations|"
     "ifrs-full:CashFlowsFromUsedInFinancingActivities"},
    {"dividends_paid", Measure::flow,
     "-PaymentsOfDividends|-PaymentsOfDividendsCommonStock|"
     "-ifrs-full:DividendsPaidClassifiedAsFinancingActivities"},
    {"stock_repurchases", Measure::flow, "-PaymentsForRepurchaseOfCommonStock"},
    {"debt_issuance_repayment", Measure::flow,
     "ProceedsFromRepaymentsOfDebt|ProceedsFromIssuanceOfLongTermDebt-RepaymentsOfLongTermDebt|"
     "ProceedsFromIssuanceOfDebt-RepaymentsOfDebt"},
    {"net_change_in_cash", Measure::flow,
     "CashCashEquivalentsRestrictedCashAndRestrictedCashEquivalentsPeriodIncreaseDecreaseIncludingExchangeRateEffect|"
     "CashAndCashEquivalentsPeriodIncreaseDecrease|ifrs-full:IncreaseDecreaseInCashAndCashEquivalents"},
});

struct Period {
  Date start, end;
  auto operator<=>(const Period&) const = default;
  int length() const { return static_cast<int>((end - start).count()) + 1; }
  bool is_quarter() const { return length() >= 75 && length() <= 125; }
  bool is_year() const { return length() >= 350 && length() <= 380; }
};

// A figure as the newest filing has it.
struct Figure {
  Decimal value;
  Date filed;
  Date known_on;
};

struct Series {
  std::map<Period, Figure> flows = {};
  std::map<Date, Figure> instants = {};
};

// Figures by concept and unit.
using Concepts = std::map<std::pair<std::string, std::string>, Series>;

template <class Key>
void take(std::map<Key, Figure>& figures, const Key& key, const Fact& fact) {
  const auto [at, is_new] = figures.try_emplace(key, Figure{fact.value, fact.filed, fact.filed});
  if (is_new) return;
  Figure& figure = at->second;
  if (fact.value.str() == figure.value.str()) {
    figure.known_on = std::min(figure.known_on, fact.filed);
    figure.filed = std::max(figure.filed, fact.filed);
  } else if (fact.filed > figure.filed) {
    figure = {fact.value, fact.filed, fact.filed};
  }
}

// Facts in the order of their filing, so that a value which came back counts from when it came back.
Concepts by_concept(std::span<const Fact> facts) {
  std::vector<const Fact*> ordered;
  for (const Fact& fact : facts) ordered.push_back(&fact);
  std::stable_sort(ordered.begin(), ordered.end(), [](const Fact* a, const Fact* b) { return a->filed < b->filed; });
  Concepts concepts;
  for (const Fact* fact : ordered) {
    Series& series = concepts[{fact->concept_name, fact->unit}];
    if (fact->start)
      take(series.flows, Period{*fact->start, fact->end}, *fact);
    else
      take(series.instants, fact->end, *fact);
  }
  return concepts;
}

bool is_currency(std::string_view unit) {
  return unit.size() == 3 && std::all_of(unit.begin(), unit.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// The ends of periods that are the same but for some days are those of one: filings differ by where a week is cut.
constexpr days same{4};
bool is_same(Date a, Date b) { return std::chrono::abs(a - b) <= same; }

// The figure of the quarter: given, or the difference of two periods that begin with the fiscal year.
std::optional<Figure> of_quarter(const Series& series, const Period& quarter, bool may_subtract) {
  for (const auto& [period, figure] : series.flows)
    if (period.end == quarter.end && is_same(period.start, quarter.start)) return figure;
  if (!may_subtract) return std::nullopt;
  for (const auto& [longer, whole] : series.flows) {
    if (longer.end != quarter.end || longer.is_quarter() || longer.length() > 380) continue;
    for (const auto& [shorter, before] : series.flows) {
      if (!is_same(shorter.start, longer.start) || !is_same(shorter.end + days{1}, quarter.start)) continue;
      if (const auto rest = whole.value.minus(before.value))
        return Figure{*rest, std::max(whole.filed, before.filed), std::max(whole.known_on, before.known_on)};
    }
  }
  return std::nullopt;
}

std::optional<Figure> of_year(const Series& series, const Period& year) {
  for (const auto& [period, figure] : series.flows)
    if (period.end == year.end && is_same(period.start, year.start)) return figure;
  return std::nullopt;
}

std::optional<Figure> at_end(const Series& series, Date end) {
  const auto found = series.instants.find(end);
  return found == series.instants.end() ? std::nullopt : std::optional(found->second);
}

struct FiscalPeriods {
  std::set<Period> quarters = {};
  std::set<Period> years = {};
};

// Fiscal years are what annual reports give, quarters what is given as such or lies between two periods of a year.
FiscalPeriods fiscal_periods(std::span<const Fact> facts) {
  FiscalPeriods found;
  std::map<Date, std::set<Date>> ends_by_start;
  for (const Fact& fact : facts) {
    if (!fact.start) continue;
    const Period period{*fact.start, fact.end};
    if (period.is_year() && fact.is_annual_report) found.years.insert(period);
    if (period.is_quarter()) found.quarters.insert(period);
    if (period.length() <= 380 && (!period.is_year() || fact.is_annual_report))
      ends_by_start[period.start].insert(period.end);
  }
  for (const auto& [start, ends] : ends_by_start) {
    std::optional<Date> before;
    for (const Date end : ends) {
      if (before)
        if (const Period between{*before + days{1}, end}; between.is_quarter()) found.quarters.insert(between);
      before = end;
    }
  }
  // One of each end, the first as it is sorted.
  const auto keep_one = [](std::set<Period>& periods) {
    std::map<Date, Period> by_end;
    for (const Period& period : periods) by_end.try_emplace(market::canonical_period_end(period.end), period);
    periods.clear();
    for (const auto& [end, period] : by_end) periods.insert(period);
  };
  keep_one(found.quarters);
  keep_one(found.years);
  return found;
}

// The fiscal year in which a period lies, and its quarter.
struct FiscalName {
  std::optional<int> year = {}, quarter = {};
};

int calendar_year(Date day) {
  return static_cast<int>(std::chrono::year_month_day{market::canonical_period_end(day)}.year());
}

FiscalName name_of(const Period& quarter, const std::set<Period>& years) {
  for (const Period& year : years)
    if (quarter.start >= year.start - same && quarter.end <= year.end + same) {
      const int number = static_cast<int>(((quarter.end - year.start).count() + 46) / 91);
      return {calendar_year(year.end), std::clamp(number, 1, 4)};
    }
  if (years.empty()) return {};
  const Period& last = *years.rbegin();
  if (quarter.start <= last.end - same || quarter.end > last.end + days{380}) return {};
  const int number = static_cast<int>(((quarter.end - last.end).count() + 46) / 91);
  return {calendar_year(last.end) + 1, std::clamp(number, 1, 4)};
}

class Reader {
 public:
  explicit Reader(const std::vector<Fact>& facts)
      : concepts_(by_concept(facts)), periods_(fiscal_periods(facts)), currency_(most_used(facts, "")) {
    const std::string per_share = most_used(facts, "/shares");
    eps_currency_ = concepts_has_unit(facts, currency_ + "/shares") || per_share.empty() ? currency_ : per_share;
  }

  std::vector<Statement> read() const {
    std::vector<Statement> statements;
    for (const Period& quarter : periods_.quarters) {
      const FiscalName name = name_of(quarter, periods_.years);
      add(statements, "income_statements", income_lines, quarter, 'q', name);
      add(statements, "cash_flows", cash_flow_lines, quarter, 'q', name);
      add(statements, "balance_sheets", balance_lines, quarter, 'q', name);
    }
    for (const Period& year : periods_.years) {
      const FiscalName name{calendar_year(year.end), std::nullopt};
      add(statements, "income_statements", income_lines, year, 'a', name);
      add(statements, "cash_flows", cash_flow_lines, year, 'a', name);
      add(statements, "balance_sheets", balance_lines, year, 'a', name);
    }
    return statements;
  }

 private:
  static std::string most_used(const std::vector<Fact>& facts, std::string_view suffix) {
    std::map<std::string, int> counts;
    for (const Fact& fact : facts) {
      if (!fact.unit.ends_with(suffix)) continue;
      const std::string currency = fact.unit.substr(0, fact.unit.size() - suffix.size());
      if (is_currency(currency)) ++counts[currency];
    }
    const auto most = std::max_element(counts.begin(), counts.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == counts.end() ? "" : most->first;
  }
  static bool concepts_has_unit(const std::vector<Fact>& facts, const std::string& unit) {
    return std::any_of(facts.begin(), facts.end(), [&](const Fact& fact) { return fact.unit == unit; });
  }

  std::string unit_of(Measure measure) const {
    switch (measure) {
      case Measure::average:
        return "shares";
      case Measure::per_share:
        return eps_currency_ + "/shares";
      default:
        return currency_;
    }
  }

  std::optional<Figure> figure(std::string_view name, Measure measure, const Period& period, char frequency) const {
    const std::string full = (name.find(':') == std::string_view::npos ? "us-gaap:" : "") + std::string(name);
    const auto found = concepts_.find({full, unit_of(measure)});
    if (found == concepts_.end()) return std::nullopt;
    if (measure == Measure::instant) return at_end(found->second, period.end);
    if (frequency == 'a') return of_year(found->second, period);
    return of_quarter(found->second, period, measure == Measure::flow);
  }

  // The sum of the terms, all of which must be there: "A", "-A", "A+B", "A-B". Names of concepts have no dash; that of
  // their taxonomy has.
  std::optional<Figure> sum(std::string_view terms, Measure measure, const Period& period, char frequency) const {
    std::optional<Figure> total;
    while (!terms.empty()) {
      const bool is_negative = terms[0] == '-';
      if (terms[0] == '-' || terms[0] == '+') terms.remove_prefix(1);
      const std::size_t skipped = terms.starts_with("ifrs-full:") ? 10 : 0;
      const std::size_t end = std::min(terms.find_first_of("+-", skipped), terms.size());
      auto term = figure(terms.substr(0, end), measure, period, frequency);
      terms.remove_prefix(end);
      if (!term) return std::nullopt;
      if (is_negative) term->value = term->value.negated();
      if (!total) {
        total = term;
        continue;
      }
      const auto value = total->value.plus(term->value);
      if (!value) return std::nullopt;
      total = Figure{*value, std::max(total->filed, term->filed), std::max(total->known_on, term->known_on)};
    }
    return total;
  }

  std::optional<Figure> first_of(std::string_view concepts, Measure measure, const Period& period,
                                 char frequency) const {
    while (!concepts.empty()) {
      const std::size_t end = std::min(concepts.find('|'), concepts.size());
      if (const auto found = sum(concepts.substr(0, end), measure, period, frequency)) return found;
      concepts.remove_prefix(std::min(end + 1, concepts.size()));
    }
    return std::nullopt;
  }

  void add(std::vector<Statement>& statements, const char* table, std::span<const Line> lines, const Period& period,
           char frequency, const FiscalName& name) const {
    Statement statement;
    statement.table = table;
    statement.period_date = market::canonical_period_end(period.end);
    statement.reported_period_date = period.end;
    statement.frequency = frequency;
    statement.currency = currency_;
    if (std::string_view(table) == "income_statements") statement.eps_currency = eps_currency_;
    statement.fiscal_year = name.year;
    statement.fiscal_quarter = name.quarter;
    bool has_amount = false;
    for (const Line& line : lines) {
      const auto found = first_of(line.concepts, line.measure, period, frequency);
      if (!found) continue;
      has_amount = has_amount || line.measure == Measure::flow || line.measure == Measure::instant;
      const Decimal value = line.measure == Measure::average ? found->value.rounded() : found->value;
      statement.items.emplace_back(line.column, value.str());
      statement.known_on = std::max(statement.known_on.value_or(found->known_on), found->known_on);
    }
    if (has_amount) statements.push_back(std::move(statement));
  }

  Concepts concepts_;
  FiscalPeriods periods_;
  std::string currency_;
  std::string eps_currency_;
};

}  // namespace

std::vector<Statement> statements_of(const std::vector<Fact>& facts) { return Reader(facts).read(); }

}  // namespace pb::collect::edgar
