#include "pg/wait.hpp"

#include "pg/guard.hpp"
#include "pg/interrupts.hpp"

extern "C" {
#include "storage/fd.h"
#include "storage/latch.h"
}

namespace pb::pg {

void wait_for(int descriptor, int milliseconds) {
  // A signal that came before the latch was last reset would otherwise be noticed only after the wait.
  poll();
  pg_call([descriptor, milliseconds] {
    const int wake = WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH;
    const int events =
        WaitLatchOrSocket(MyLatch, wake, descriptor, milliseconds < 0 ? 0 : milliseconds, PG_WAIT_EXTENSION);
    if (events & WL_LATCH_SET) ResetLatch(MyLatch);
  });
  poll();
}

ReservedDescriptor::ReservedDescriptor() {
  pg_call([] { ReserveExternalFD(); });
}

// Counts down, and fails never.
ReservedDescriptor::~ReservedDescriptor() { ReleaseExternalFD(); }

}  // namespace pb::pg
