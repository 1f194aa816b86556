#pragma once
#include "core/no_postgres.hpp"

#include <string>

namespace pb::pg {

// Whether a table or view of that name exists in the schema; answered from the catalog caches, without a statement.
bool relation_exists(const std::string& schema, const std::string& name);

// Whether the schema is one of temporary objects, of this session or of another.
bool is_temporary_schema(const std::string& name);

}  // namespace pb::pg
