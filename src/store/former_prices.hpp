#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/portfolio/corporate_actions.hpp"
#include "core/portfolio/price_panel.hpp"
#include "store/store.hpp"

namespace pb::store {

// A name that a symbol had until a day.
struct FormerName {
  std::string symbol, former;
  core::Date changed_on;
  core::SplitRatio ratio;  // shares of the symbol for one of the former
};

// The names that the symbols had before, and before those. One statement where there is none, as is usual.
std::vector<FormerName> load_former_names(const Store& store, const std::vector<std::string>& symbols);

// Prices of former names, kept until those of the names of today are there.
class FormerPrices {
 public:
  FormerPrices(const core::PricePanel& panel, std::vector<FormerName> names);

  bool empty() const { return by_former_.empty(); }
  void add_symbols(std::vector<std::string>& symbols) const;
  // A row as it was read, if it is of a former name, and of before the change.
  void keep(std::string_view symbol, const core::PriceRow& row);
  // Fills the sessions on which a symbol has no price of its own. Adjusted closes of two names are each adjusted for
  // what came later under the same name: those of the former are brought to what the first of the later is adjusted by.
  void set(core::PricePanel& panel, const core::CorporateActions& actions);

 private:
  std::vector<FormerName> names_;
  std::multimap<std::string, std::size_t, std::less<>> by_former_;
  std::vector<std::pair<std::size_t, core::PriceRow>> rows_;  // with the place of the name
};

}  // namespace pb::store
