#pragma once
#include "core/no_postgres.hpp"

namespace pb::pg {

// To be called every few thousand steps of a long loop. A pending interrupt is not always a cancel (memory-context
// logging, catalog catch-up and barriers use the same flag): those are served in place and the loop goes on, while
// cancel and terminate throw Cancelled, so that every C++ frame unwinds before the server acts on them.
void poll();

}  // namespace pb::pg
