#pragma once
#include "core/no_postgres.hpp"

#include "pg/writer.hpp"

namespace pb::pg {

// Whether the table holds within the scope these rows, each value in the very form in which it would be stored, and no
// other rows. Where that cannot be told, as when a column of the table has another type, the answer is no.
bool holds_exactly(const Target& target, const RowBuffer& rows, const Args& scope);

}  // namespace pb::pg
