// What the unit tests share: dates, reference files, panels, errors and comparisons.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/calendar/sessions.hpp"
#include "core/error.hpp"
#include "core/portfolio/corporate_actions.hpp"
#include "core/portfolio/lot.hpp"
#include "core/portfolio/money.hpp"
#include "core/portfolio/price_panel.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// Lets GoogleTest show an amount of a failed comparison readably.
inline void PrintTo(Money amount, std::ostream* out) { *out << amount.units << " ten-thousandths"; }

}  // namespace pb::core

namespace pb::test {

using core::Date;

inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// "YYYY-MM-DD" as a date.
inline Date day(std::string_view iso) {
  int y = 0;
  unsigned m = 0;
  unsigned d = 0;
  const std::string text(iso);
  if (std::sscanf(text.c_str(), "%d-%u-%u", &y, &m, &d) != 3) throw std::invalid_argument("not a date: " + text);
  return std::chrono::year{y} / std::chrono::month{m} / std::chrono::day{d};
}

// Some weekdays in a row; the calendar's own rules are tested elsewhere.
inline core::Sessions weekdays(Date from, int count) {
  std::vector<Date> dates;
  for (Date date = from; static_cast<int>(dates.size()) < count; date += std::chrono::days{1})
    if (std::chrono::weekday{date}.iso_encoding() <= 5) dates.push_back(date);
  return core::Sessions(std::move(dates));
}

// SQLSTATE of the error that a call raises; empty when it raises none.
template <class Call>
std::string sqlstate_of(Call&& call) {
  try {
    call();
  } catch (const core::Error& error) {
    return error.sqlstate();
  }
  return "";
}

// NaN, which no tolerance admits, unless both numbers are there.
inline double relative_error(double actual, double expected) {
  return expected == 0 ? std::fabs(actual) : std::fabs(actual - expected) / std::fabs(expected);
}

// "Unchanged" means every bit, and a NaN equals itself.
inline std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

// ---- reference files -----------------------------------------------------------------------------------------------

inline std::filesystem::path golden_file(const char* name) { return std::filesystem::path(PB_GOLDEN_DIR) / name; }
inline std::filesystem::path fixture_file(const char* name) {
  return std::filesystem::path(PB_GOLDEN_DIR).parent_path() / "fixtures" / name;
}

// The directory with reference data that is too large for the tree, when there is one.
inline std::optional<std::filesystem::path> shared_data() {
  const char* name = std::getenv("PB_SHARED_DATA");
  if (name == nullptr || !std::filesystem::is_directory(name)) return std::nullopt;
  return name;
}

#define PB_SKIP_WITHOUT_SHARED_DATA() \
  if (!pb::test::shared_data()) GTEST_SKIP() << "PB_SHARED_DATA does not name a directory: real prices not compared"

// Fields of one line; no field of the reference files is quoted.
inline std::vector<std::string> split_line(std::string_view line) {
  std::vector<std::string> fields;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t end = std::min(line.find(',', at), line.size());
    fields.emplace_back(line.substr(at, end - at));
    at = end + 1;
  }
  return fields;
}

// One record of a CSV file by column name.
class Record {
 public:
  Record(const std::vector<std::string>& header, const std::vector<std::string>& fields) {
    for (std::size_t i = 0; i < header.size(); ++i) fields_[header[i]] = fields.at(i);
  }
  const std::string& text(const char* column) const { return fields_.at(column); }
  bool has(const char* column) const { return !text(column).empty(); }
  // NaN where the field is empty, which is how the files write NULL.
  double number(const char* column) const { return has(column) ? std::stod(text(column)) : nan; }
  int integer(const char* column) const { return std::stoi(text(column)); }

 private:
  std::map<std::string, std::string, std::less<>> fields_;
};

inline std::vector<Record> read_csv(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> header = split_line(line);
  std::vector<Record> records;
  while (std::getline(file, line)) records.emplace_back(header, split_line(line));
  return records;
}

// ---- prices --------------------------------------------------------------------------------------------------------

struct Price {
  std::string symbol;
  Date date;
  double close;
  double adjusted_close = nan;
  bool split_adjusted = false;
  std::optional<core::Instant> fetched_at = core::Instant(day("2027-01-01"));
};

// A lot of shares, by a small number.
inline core::Lot lot_of(unsigned char number, const char* symbol, double quantity, double price, Date entry) {
  core::Lot lot;
  lot.id.bytes[15] = number;
  lot.symbol = symbol;
  lot.position_type = quantity > 0 ? "LONG" : "SHORT";
  lot.quantity = quantity;
  lot.entry_price = price;
  lot.entry_date = entry;
  return lot;
}

// A panel with the given prices, ready to be read.
inline core::PricePanel make_panel(core::Sessions sessions, const std::vector<Price>& prices,
                                   const core::CorporateActions& actions = {}) {
  std::set<std::string> symbols;
  for (const Price& price : prices) symbols.insert(price.symbol);
  core::PricePanel panel(std::move(sessions), {symbols.begin(), symbols.end()});
  // Symbols of options, and no others here, have a space.
  for (const std::string& symbol : symbols)
    if (symbol.find(' ') != std::string::npos) panel.set_option(panel.column(symbol).value());
  for (const Price& price : prices)
    panel.set(panel.column(price.symbol).value(),
              {price.date, price.close, price.adjusted_close, price.split_adjusted, price.fetched_at}, actions);
  panel.finish(actions);
  return panel;
}

// The records of a compressed CSV file of the shared data; call only with shared_data().
inline std::vector<std::vector<std::string>> read_shared_records(const std::filesystem::path& name) {
  const std::string command = "gzip -dc '" + (*shared_data() / name).string() + "'";
  const auto close = [](std::FILE* pipe) { pclose(pipe); };
  const std::unique_ptr<std::FILE, decltype(close)> pipe(popen(command.c_str(), "r"), close);
  std::vector<std::vector<std::string>> records;
  char line[1024];
  const bool has_header = pipe && std::fgets(line, sizeof line, pipe.get()) != nullptr;
  while (has_header && std::fgets(line, sizeof line, pipe.get()) != nullptr) records.push_back(split_line(line));
  if (records.empty()) throw std::runtime_error("no records from: " + command);
  return records;
}

// The real closes, adjusted for splits and dividends; call only with shared_data().
inline std::vector<Price> read_shared_prices() {
  std::vector<Price> prices;
  for (const std::vector<std::string>& fields : read_shared_records("prices_adjusted_2016_2024.csv.gz"))
    prices.push_back({fields.at(0), day(fields.at(1)), std::stod(fields.at(2))});
  return prices;
}

// The days on which a symbol, as a rule the market's, has a price.
inline core::Sessions sessions_of(const std::vector<Price>& prices, std::string_view symbol) {
  std::set<Date> dates;
  for (const Price& price : prices)
    if (price.symbol == symbol) dates.insert(price.date);
  return core::Sessions({dates.begin(), dates.end()});
}

}  // namespace pb::test
