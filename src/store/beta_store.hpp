#pragma once
#include "core/no_postgres.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/beta.hpp"
#include "core/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// A symbol's market model on a day. A fit that is absent is stored as NULLs with its reason.
struct SymbolBeta {
  std::string symbol;
  core::BetaFit fit;
};

std::int64_t write_symbol_betas(const Store& store, core::Date day, std::span<const SymbolBeta> rows);

// A position's beta: its symbol's, or none with the reason.
struct PositionBeta {
  core::Uuid portfolio_id;
  core::Uuid position_id;
  const core::BetaFit* fit;  // nullptr: not estimated for positions of this kind
  std::string reason;
};

// Replaces the day's rows of these portfolios.
std::int64_t write_position_betas(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                                  std::span<const PositionBeta> rows);

// Net asset value of each portfolio that has a snapshot of the day.
std::map<core::Uuid, core::Money> net_asset_values(const Store& store, core::Date day,
                                                   std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::store
