// Which inputs differ between two dates of a portfolio, or between what a date was computed from and what there is now.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/lineage_store.hpp"

namespace pb::engine {

// The first day of the prices that estimates of the date may have used, by the settings of its run.
core::Date first_day_in_reach(const store::Store& store, const store::Lineage& lineage);

// Something that differs: the code, a part of the inputs, or a symbol.
struct InputDifference {
  const char* kind;
  std::string name;
  std::optional<std::int64_t> stored;
  std::optional<std::int64_t> other;
  std::string remark;  // empty: nothing to be said
};

// Throw 55000 where what a date was computed from is not known. The inputs as they are now are read with the settings
// of the date's run, so that a changed setting differs and not all that depends on it.
std::vector<InputDifference> differences_from_now(const store::Store& store, const store::Lineage& stored);
std::vector<InputDifference> differences(const store::Store& store, const store::Lineage& stored,
                                         const store::Lineage& other);

}  // namespace pb::engine
