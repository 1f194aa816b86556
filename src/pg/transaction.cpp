#include "pg/transaction.hpp"

#include "pg/datum.hpp"
#include "pg/guard.hpp"
#include "pg/interrupts.hpp"

extern "C" {
#include "storage/latch.h"
}

namespace pb::pg {

namespace {

// The server lets only a connection to SPI that says so end a transaction. It survives the end, and its failure.
template <class End>
void end_transaction(End end) {
  pg_call([] { check_spi(SPI_connect_ext(SPI_OPT_NONATOMIC), "SPI_connect_ext"); });
  try {
    pg_call(end);
  } catch (...) {
    pg_call([] { SPI_finish(); });
    throw;
  }
  pg_call([] { SPI_finish(); });
}

}  // namespace

void commit() {
  end_transaction([] { SPI_commit(); });
}

void rollback() {
  end_transaction([] { SPI_rollback(); });
}

void sleep_for_milliseconds(int milliseconds) {
  const TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
  for (;;) {
    poll();
    const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
    if (left <= 0) return;
    pg_call([left] {
      WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left, PG_WAIT_EXTENSION);
      ResetLatch(MyLatch);
    });
  }
}

}  // namespace pb::pg
