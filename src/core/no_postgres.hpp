// Stands first in every file outside src/pg: the server's headers redefine common names (Min, Abs, printf, INFO …)
// and its errors jump over destructors, so they stay behind the bridge.
#pragma once

#if defined(POSTGRES_H) && !defined(PB_SERVER_GATE)
static_assert(false, "a PostgreSQL header was included outside src/pg");
#endif
