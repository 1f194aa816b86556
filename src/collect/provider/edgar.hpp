// Statements from the XBRL facts that companies file with the SEC. Pure: facts in, statements out.
#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/market/data.hpp"
#include "core/market/decimal.hpp"

namespace pb::collect::edgar {

// One reported figure. What a filing says of its own year and quarter (fy, fp) is left out: each comparative in it
// carries the same.
struct Fact {
  std::string concept_name;              // with its taxonomy, such as us-gaap:Assets
  std::string unit;                      // USD, USD/shares, shares
  std::optional<core::Date> start = {};  // none: an amount at the end of a day
  core::Date end;
  market::Decimal value;
  core::Date filed;
  bool is_annual_report = false;  // filed in a 10-K, 20-F or 40-F
};

// The statements of all fiscal quarters and years that the facts hold.
//
// * A figure is known by its period, start and end. Where several filings give it, the one filed last counts, and it
//   was public from the day on which that same value was filed first.
// * Figures over a period are mostly from the start of the fiscal year on: a quarter is the difference of two of them
//   where it is not given itself (the second: of the half year and the first; the fourth: of the year and nine months),
//   of one concept, in exact digits. Earnings per share and average shares cannot be subtracted, and are none then.
// * A line has several concepts in a fixed order; the first that is there for the period counts.
// * All amounts are in the currency in which most of them are given; figures in another one are left out.
// * The fiscal year is the calendar year in which it ends, by its canonical end.
std::vector<market::Statement> statements_of(const std::vector<Fact>& facts);

// The facts of a companyfacts document; none where it is not one.
std::optional<std::vector<Fact>> read_facts(std::string_view body);

}  // namespace pb::collect::edgar
