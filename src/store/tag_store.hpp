#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <span>

#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

struct TagChanges {
  std::int64_t positions = 0;  // open positions looked at
  std::int64_t tags_created = 0;
  std::int64_t links_added = 0;
  std::int64_t links_removed = 0;
  std::int64_t too_long = 0;  // positions without their sector, which is too long for a name
};

// Makes the sector tags of the positions open on the day agree with the company profiles, changing only what differs.
// Tags and links that are not marked as the system's are never touched.
TagChanges restore_sector_tags(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids);

// Creates the tags of sectors that have none yet, and returns their number.
std::int64_t create_sector_tags(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::store
