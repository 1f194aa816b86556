// Stands first in every file outside src/pg: the server's headers redefine common names (Min, Abs, printf, INFO …)
// and its errors jump over destructors, so they stay behind the bridge.
// It has no include guard, so that it asks again in files that have read it with the precompiled header.

#if defined(POSTGRES_H) && !defined(PB_SERVER_GATE)
static_assert(false, "a PostgreSQL header was included outside src/pg");
#endif
