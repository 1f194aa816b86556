// The server loads a module once in each session. src/pg holds what the server looks for in the library, and leaves to
// the module what it does then.
#pragma once
#include "core/no_postgres.hpp"

namespace pb::pg {

// Called when the module is loaded. Each module that links src/pg defines it.
void on_load();

}  // namespace pb::pg
