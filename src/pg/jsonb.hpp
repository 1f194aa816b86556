// Documents for jsonb columns, for the sources of src/pg only.
#pragma once

#include "pg/server.hpp"

namespace pb::pg {

// A jsonb value from its text, which is valid JSON: the same as jsonb_in makes of it. May raise a server error, so it
// runs inside pg_call.
Datum jsonb_datum(const char* text, std::size_t length);

}  // namespace pb::pg
