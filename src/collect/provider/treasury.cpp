// The Treasury's daily par yield curve: one CSV a calendar year, without a key.

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include "collect/provider/csv.hpp"
#include "collect/provider/reply.hpp"

namespace pb::collect {

namespace {

struct TreasurySeries {
  const char* series;
  std::array<const char*, 2> columns;
};

constexpr std::array treasury_series{
    TreasurySeries{"DGS1MO", {"1 Mo", "1 Month"}}, TreasurySeries{"DGS3MO", {"3 Mo", "3 Month"}},
    TreasurySeries{"DGS6MO", {"6 Mo", "6 Month"}}, TreasurySeries{"DGS1", {"1 Yr", "1 Year"}},
    TreasurySeries{"DGS2", {"2 Yr", "2 Year"}},    TreasurySeries{"DGS3", {"3 Yr", "3 Year"}},
    TreasurySeries{"DGS5", {"5 Yr", "5 Year"}},    TreasurySeries{"DGS7", {"7 Yr", "7 Year"}},
    TreasurySeries{"DGS10", {"10 Yr", "10 Year"}}, TreasurySeries{"DGS20", {"20 Yr", "20 Year"}},
    TreasurySeries{"DGS30", {"30 Yr", "30 Year"}}};

constexpr int treasury_first_year = 1990;

const TreasurySeries* treasury_find(std::string_view series) {
  const auto found = std::find_if(treasury_series.begin(), treasury_series.end(),
                                  [&](const TreasurySeries& entry) { return series == entry.series; });
  return found == treasury_series.end() ? nullptr : &*found;
}

int treasury_year(core::Date day) { return static_cast<int>(std::chrono::year_month_day{day}.year()); }

// MM/DD/YYYY.
std::optional<core::Date> treasury_day(std::string_view text) {
  if (text.size() != 10 || text[2] != '/' || text[5] != '/') return std::nullopt;
  std::string iso(text.substr(6));
  iso.append("-").append(text.substr(0, 2)).append("-").append(text.substr(3, 2));
  return core::from_iso(iso);
}

class TreasuryDialogue final : public Dialogue {
 public:
  TreasuryDialogue(const Configuration& configuration, Query asked)
      : Dialogue(std::move(asked)),
        configuration_(configuration),
        year_(std::max(treasury_year(query.from), treasury_first_year)) {}

 private:
  http::Request request() override {
    const std::string year = std::to_string(year_);
    return request_for(configuration_, base_of(configuration_, "https://home.treasury.gov"),
                       "/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv/" + year +
                           "/all?type=daily_treasury_yield_curve&field_tdr_date_value=" + year + "&page&_format=csv");
  }

  Ending read(const http::Response& response) override {
    Ending ending = ending_of(response, is_page(response.body) ? "" : plain_words(response.body, ""));
    if (ending.outcome == Outcome::ok && is_page(response.body)) ending = ending_of_page(response.body);
    // A year that is not there yet is none of the others' fault.
    if (ending.outcome == Outcome::no_data)
      ending = {};
    else if (ending.outcome == Outcome::ok)
      ending = read_year(response.body);
    if (ending.outcome == Outcome::ok) is_more = ++year_ <= treasury_year(query.to);
    return ending;
  }

  Ending read_year(std::string_view body) {
    // A year without a day comes as an empty text.
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return {};
    Csv csv(body);
    const auto date = csv.column("Date");
    if (!csv.failure().empty()) return {Outcome::malformed, csv.failure()};
    if (!date) return {Outcome::malformed, "no column Date in the header"};
    std::vector<std::optional<std::size_t>> columns;
    for (const Instrument& instrument : query.instruments) columns.push_back(column_of(csv, instrument.symbol));
    if (std::none_of(columns.begin(), columns.end(), [](const auto& column) { return column.has_value(); }))
      return {Outcome::malformed, "no column of the asked maturities in the header of " + std::to_string(year_)};
    while (csv.next()) {
      const auto day = treasury_day(csv.field(date));
      if (!day) {
        csv.add_problem("the date is not MM/DD/YYYY");
        continue;
      }
      if (*day < query.from || *day > query.to) continue;
      for (std::size_t i = 0; i < columns.size(); ++i)
        if (const auto rate = number_in(csv.field(columns[i])))
          symbol(i).yields.push_back({query.instruments[i].symbol, *day, *rate});
    }
    if (!csv.failure().empty()) return {Outcome::malformed, csv.failure()};
    if (csv.problem_count() > 0)
      for (std::size_t i = 0; i < symbol_count(); ++i)
        symbol(i).text = std::to_string(csv.problem_count()) + " malformed rows of " + std::to_string(year_) +
                         " were left out, the first on line " + std::to_string(csv.problems().front().line) + ": " +
                         csv.problems().front().text;
    return {};
  }

  static std::optional<std::size_t> column_of(const Csv& csv, std::string_view series) {
    const TreasurySeries* entry = treasury_find(series);
    if (!entry) return std::nullopt;
    for (const char* name : entry->columns)
      if (const auto column = csv.column(name)) return column;
    return std::nullopt;
  }

  void finish() override {
    Dialogue::finish();
    for (std::size_t i = 0; i < symbol_count(); ++i) {
      auto& yields = symbol(i).yields;
      std::stable_sort(yields.begin(), yields.end(), [](const auto& a, const auto& b) { return a.date < b.date; });
      if (symbol(i).outcome == Outcome::no_data && !symbol(i).text.empty()) symbol(i).outcome = Outcome::malformed;
    }
  }

  Configuration configuration_;
  int year_;
};

class Treasury final : public Provider {
 public:
  explicit Treasury(const Configuration& configuration) : configuration_(configuration) {}
  const char* name() const override { return "treasury"; }
  bool needs_key() const override { return false; }
  Limits limits() const override {
    return {.requests_per_second = 1, .burst = 2, .concurrent = 1, .when_limited = WhenLimited::wait_for_minute};
  }
  bool serves(Kind kind, const Instrument& instrument) const override {
    return kind == Kind::yields && treasury_find(instrument.symbol);
  }
  std::size_t instruments_per_query(Kind) const override { return treasury_series.size(); }
  std::unique_ptr<Conversation> ask(const Query& query) override {
    return std::make_unique<TreasuryDialogue>(configuration_, query);
  }

 private:
  Configuration configuration_;
};

}  // namespace

std::unique_ptr<Provider> make_treasury(const Configuration& configuration) {
  return std::make_unique<Treasury>(configuration);
}

}  // namespace pb::collect
