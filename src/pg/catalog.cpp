#include "pg/catalog.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/syscache.h"
}

namespace pb::pg {

bool relation_exists(const std::string& schema, const std::string& name) {
  return pg_call([&] {
    const Oid schema_oid = get_namespace_oid(schema.c_str(), true);
    return OidIsValid(schema_oid) && OidIsValid(get_relname_relid(name.c_str(), schema_oid));
  });
}

std::optional<OwnedRelation> relation_of_plain_role(const std::string& schema, std::span<const char* const> names) {
  const char* name = nullptr;
  const char* owner = pg_call([&]() -> const char* {
    const Oid schema_oid = superuser() ? get_namespace_oid(schema.c_str(), true) : InvalidOid;
    if (!OidIsValid(schema_oid)) return nullptr;
    for (const char* candidate : names) {
      HeapTuple row = SearchSysCache2(RELNAMENSP, PointerGetDatum(candidate), ObjectIdGetDatum(schema_oid));
      if (!HeapTupleIsValid(row)) continue;
      const Oid found = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relowner;
      ReleaseSysCache(row);
      if (superuser_arg(found)) continue;
      name = candidate;
      return GetUserNameFromId(found, false);
    }
    return nullptr;
  });
  if (owner == nullptr) return std::nullopt;
  return OwnedRelation{name, owner};
}

bool is_temporary_schema(const std::string& name) {
  return pg_call([&] {
    const Oid schema = get_namespace_oid(name.c_str(), true);
    return name == "pg_temp" || (OidIsValid(schema) && isAnyTempNamespace(schema));
  });
}

}  // namespace pb::pg
