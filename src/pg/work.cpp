#include "pg/work.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "utils/syscache.h"
}

namespace pb::pg {

static_assert(std::is_same_v<Oid, unsigned>);

namespace {

struct SettingOfWork {
  const char* name;
  const char* value;
};

constexpr SettingOfWork settings_of_work[] = {{"search_path", "pg_catalog, pg_temp"},
                                              {"standard_conforming_strings", "on"},
                                              {"transform_null_equals", "off"},
                                              {"quote_all_identifiers", "off"},
                                              {"array_nulls", "on"},
                                              {"row_security", "on"},
                                              {"DateStyle", "ISO, MDY"},
                                              {"IntervalStyle", "postgres"},
                                              {"TimeZone", "UTC"},
                                              {"extra_float_digits", "1"},
                                              {"bytea_output", "hex"}};

// The innermost work that has switched the user.
const Work* switched = nullptr;

}  // namespace

Work::Work() : exceptions_(std::uncaught_exceptions()) {
  nest_level_ = pg_call([] {
    const int level = NewGUCNestLevel();
    for (const SettingOfWork& setting : settings_of_work)
      set_config_option(setting.name, setting.value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    return level;
  });
}

Work::Work(const std::string& schema, const std::string& table) : Work() { become_owner(schema, table); }

void Work::become_owner(const std::string& schema, const std::string& table) {
  const Oid owner = pg_call([&]() -> Oid {
    if (!superuser()) return InvalidOid;
    const Oid schema_oid = get_namespace_oid(schema.c_str(), true);
    const Oid relation = OidIsValid(schema_oid) ? get_relname_relid(table.c_str(), schema_oid) : InvalidOid;
    HeapTuple row = OidIsValid(relation) ? SearchSysCache1(RELOID, ObjectIdGetDatum(relation)) : nullptr;
    if (!HeapTupleIsValid(row)) return InvalidOid;
    const Oid found = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relowner;
    ReleaseSysCache(row);
    return superuser_arg(found) ? InvalidOid : found;
  });
  if (!OidIsValid(owner)) return;
  GetUserIdAndSecContext(&user_, &security_context_);
  SetUserIdAndSecContext(owner, security_context_ | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
  switched_ = true;
  outer_ = std::exchange(switched, this);
}

Work::~Work() {
  if (switched_) {
    SetUserIdAndSecContext(user_, security_context_);
    switched = outer_;
  }
  // Restoring a setting raises nothing: the values were valid before.
  AtEOXact_GUC(std::uncaught_exceptions() == exceptions_, nest_level_);
}

Identity Identity::of_caller() {
  Identity identity{};
  GetUserIdAndSecContext(&identity.user, &identity.security_context);
  for (const Work* work = switched; work != nullptr; work = work->outer_)
    identity = {work->user_, work->security_context_};
  return identity;
}

}  // namespace pb::pg
