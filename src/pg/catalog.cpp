#include "pg/catalog.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "catalog/namespace.h"
}

namespace pb::pg {

bool relation_exists(const std::string& schema, const std::string& name) {
  return pg_call([&] {
    const Oid schema_oid = get_namespace_oid(schema.c_str(), true);
    return OidIsValid(schema_oid) && OidIsValid(get_relname_relid(name.c_str(), schema_oid));
  });
}

bool is_temporary_schema(const std::string& name) {
  return pg_call([&] {
    const Oid schema = get_namespace_oid(name.c_str(), true);
    return name == "pg_temp" || (OidIsValid(schema) && isAnyTempNamespace(schema));
  });
}

}  // namespace pb::pg
