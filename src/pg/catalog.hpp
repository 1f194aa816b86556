#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>

namespace pb::pg {

// Whether a table or view of that name exists in the schema; answered from the catalog caches, without a statement.
bool relation_exists(const std::string& schema, const std::string& name);

struct OwnedRelation {
  std::string name;
  std::string owner;
};

// Where the current user is a superuser: the first of these tables and views of the schema that is there and belongs to
// a role that is none. Answered from the catalog caches, without a statement.
std::optional<OwnedRelation> relation_of_plain_role(const std::string& schema, std::span<const char* const> names);

// Whether the schema is one of temporary objects, of this session or of another.
bool is_temporary_schema(const std::string& name);

}  // namespace pb::pg
