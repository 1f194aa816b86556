// Transactions of a procedure, which ends one and begins the next while its statement goes on.
#pragma once
#include "core/no_postgres.hpp"

namespace pb::pg {

// Commits the transaction of a procedure that was called outside of a transaction block, and begins the next one.
// Neither a Work nor a Subtransaction may be alive. Where the commit fails the transaction is rolled back, the next one
// has begun, and the error is thrown.
void commit();

// The same with a rollback.
void rollback();

// Waits, and answers interrupts meanwhile.
void sleep_for_milliseconds(int milliseconds);

}  // namespace pb::pg
