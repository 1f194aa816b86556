#pragma once
#include "core/no_postgres.hpp"

#include <span>

#include "core/text/uuid.hpp"
#include "store/symbol_model_store.hpp"

namespace pb::store {

// A position's market beta: its symbol's, or none with the reason.
struct PositionBeta {
  core::Uuid portfolio_id;
  core::Uuid position_id;
  const SymbolModel* model;  // nullptr: not estimated for positions of this kind
  const char* reason;
};

// Replaces the day's rows of these portfolios.
std::int64_t write_position_betas(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                                  std::span<const PositionBeta> rows);

}  // namespace pb::store
