#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <vector>

#include "pg/rows.hpp"
#include "pg/writer.hpp"

namespace pb::pg {

// Appends rows of the same columns to the target's table as COPY does, page by page, with the table's defaults,
// constraints and indexes, and returns their number. Returns none, and does nothing, where an INSERT would do more than
// that (triggers, rules, row-level security, partitions, generated columns, tables that another extension distributes
// or watches) or where columns have other types than the rows: the caller then sends an INSERT. A row that exists
// already raises 23505.
std::optional<std::int64_t> bulk_insert(const Target& target, const std::vector<const RowBuffer*>& all_rows);

}  // namespace pb::pg
