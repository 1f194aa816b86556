#pragma once
#include "core/no_postgres.hpp"

#include "core/portfolio/corporate_actions.hpp"
#include "store/store.hpp"

namespace pb::store {

// What shares become up to a day, by corporate_action_legs, of all symbols. Without the splits and dividends. Terms
// that make no sense are a problem of the symbol.
core::CorporateActions load_conversions(const Store& store, core::Date until);

}  // namespace pb::store
