#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/portfolio/accounting.hpp"
#include "core/portfolio/lot.hpp"
#include "core/text/uuid.hpp"
#include "store/row_check.hpp"
#include "store/store.hpp"

namespace pb::store {

// One portfolio with everything that was booked to it up to the end of the span that was loaded.
struct Portfolio {
  core::Uuid id;
  std::string name;
  std::optional<core::Money> initial_equity;
  std::optional<core::Date> inception_date;
  std::vector<core::Lot> lots;
  std::vector<core::CapitalFlow> flows;
  std::vector<core::CashEvent> events;  // by date
  // The session before the inception, where anything was held or paid in before: what was then is in initial_equity.
  std::optional<core::Date> opening;
  // Rows that cannot be used. They are left out of the above, so what is there is not all of the portfolio.
  std::vector<RowProblem> problems;
};

// Portfolios in the order of their ids.
using Book = std::vector<Portfolio>;

const Portfolio* find_portfolio(const Book& book, const core::Uuid& id);

// Every active portfolio, or the given ones after checking that each exists and is not deleted; sorted. Throws 42704
// naming those that do not exist.
std::vector<core::Uuid> resolve_portfolios(const Store& store, const std::optional<std::vector<core::Uuid>>& requested);

// The one that was asked for, after the same check. Throws 22023 where none was.
core::Uuid resolve_portfolio(const Store& store, const std::optional<core::Uuid>& requested);

// Reads lots entered, closings, marks, flows and cash events dated, on or before the day: one statement per table. A
// row that cannot be used is a problem of its portfolio and of no other. The lots are what corporate actions made of
// them by the day.
Book load_book(const Store& store, std::span<const core::Uuid> portfolio_ids, core::Date until);

}  // namespace pb::store
