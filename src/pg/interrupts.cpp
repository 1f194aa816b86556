#include "pg/interrupts.hpp"

#include "pg/guard.hpp"

namespace pb::pg {

void poll() {
  if (!INTERRUPTS_PENDING_CONDITION() || !INTERRUPTS_CAN_BE_PROCESSED()) return;
  if (QueryCancelPending || ProcDiePending) throw Cancelled();
  pg_call([] { CHECK_FOR_INTERRUPTS(); });
}

}  // namespace pb::pg
