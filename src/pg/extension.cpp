#include "pg/extension.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/syscache.h"
}

namespace pb::pg {

namespace {

// Whether the extension is known to be of the library's version.
bool fits = false;

void forget(Datum, int, uint32) { fits = false; }

}  // namespace

// The server has no cache of pg_extension before 18.
Extension extension_of(Oid function) {
  Extension found{};
  const Oid extension = getExtensionOfObject(ProcedureRelationId, function);
  if (!OidIsValid(extension)) return found;
  Relation relation = table_open(ExtensionRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(extension));
  SysScanDesc scan = systable_beginscan(relation, ExtensionOidIndexId, true, nullptr, 1, &key);
  if (HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row)) {
    const auto* form = reinterpret_cast<Form_pg_extension>(GETSTRUCT(row));
    bool is_null = false;
    const Datum version = heap_getattr(row, Anum_pg_extension_extversion, RelationGetDescr(relation), &is_null);
    found = {form->extnamespace, pstrdup(NameStr(form->extname)), is_null ? "" : TextDatumGetCString(version)};
  }
  systable_endscan(scan);
  table_close(relation, AccessShareLock);
  return found;
}

void require_fitting_library(Oid function) {
  if (fits || creating_extension) return;
  static bool listens = false;
  const Extension extension = pg_call([&] {
    if (!listens) CacheRegisterSyscacheCallback(PROCOID, forget, 0);
    listens = true;
    return extension_of(function);
  });
  if (extension.name == nullptr) return;
  const std::string name = extension.name, version = extension.version;
  fits = version == PB_VERSION;
  if (fits) return;
  throw core::Error(
      core::sqlstate::object_not_ready,
      "the library of extension \"" + name + "\" is version " PB_VERSION ", its SQL objects are version " + version,
      "Each version of the library works with the SQL objects of the same version only. Nothing was done.",
      "Run ALTER EXTENSION " + name +
          " UPDATE; if the library is the older of the two, connect again, or install the library of "
          "version " +
          version + " first.");
}

}  // namespace pb::pg
