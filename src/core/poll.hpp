#pragma once
#include "core/no_postgres.hpp"

namespace pb::core {

// What a long loop calls every few thousand steps. Inside the server it serves interrupts and throws when the
// statement was canceled; elsewhere it does nothing.
using Poll = void (*)();

inline void no_poll() {}

}  // namespace pb::core
