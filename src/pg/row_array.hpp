// Rows as an array of a table's row type, for the sources of src/pg only.
#pragma once

#include "pg/server.hpp"

#include <string>

#include "pg/rows.hpp"

namespace pb::pg {

// The type of rows of a table. 42P01 where there is no such table.
Oid row_type(const char* table);

// An array of rows of this type. Columns that the rows do not bring are NULL. 42703 for a column that the table does
// not have. Runs inside pg_call.
Datum row_array(const RowBuffer& rows, std::size_t first, std::size_t count, Oid type);

}  // namespace pb::pg
