// What differs between the versions of the server. No other file asks which version it is compiled for.
#pragma once
#include "pg/server.hpp"

extern "C" {
#include "utils/regproc.h"
}

// The block by which the server knows a library that was built for it; from 18 on, it also says what the library is.
#if PG_VERSION_NUM >= 180000
#define PB_MODULE_MAGIC(library, library_version) PG_MODULE_MAGIC_EXT(.name = library, .version = library_version)
#else
#define PB_MODULE_MAGIC(library, library_version) PG_MODULE_MAGIC
#endif

namespace pb::pg {

// The parts of a name that is qualified by schema. An error is raised, which from 16 on could be returned instead.
inline List* parts_of_qualified_name(const char* name) {
#if PG_VERSION_NUM >= 160000
  return stringToQualifiedNameList(name, nullptr);
#else
  return stringToQualifiedNameList(name);
#endif
}

}  // namespace pb::pg
