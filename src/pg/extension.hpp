// The extension in the catalog of the database, and whether the library fits it. For the sources of src/pg only.
#pragma once
#include "pg/server.hpp"

namespace pb::pg {

// Without a name: none. The texts are in the current memory context.
struct Extension {
  Oid schema;
  const char* name;
  const char* version;
};

// The extension that a function belongs to. Calls the server, so call it within pg_call.
Extension extension_of(Oid function);

// 55000 when the function belongs to an extension of another version than this library: its arguments, and the tables
// that it reads, may be others. Scripts of CREATE and ALTER EXTENSION may call what they make. Asks the catalog once a
// session, and again after functions were created or replaced, as ALTER EXTENSION … UPDATE does.
void require_fitting_library(Oid function);

}  // namespace pb::pg
