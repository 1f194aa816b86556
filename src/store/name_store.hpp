#pragma once
#include "core/no_postgres.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// A portfolio and what it is told from others by: its id, its name, or the id or a symbol of one of its lots.
struct PortfolioName {
  core::Uuid portfolio_id;
  std::string name;
};

// The names of these portfolios that are part of the text, also as parts of words. Symbols of the market and of the
// active factors are everybody's and left out.
std::vector<PortfolioName> names_within(const Store& store, std::span<const core::Uuid> portfolio_ids,
                                        std::string_view text);

}  // namespace pb::store
