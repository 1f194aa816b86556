#include "pg/subtransaction.hpp"

#include "pg/guard.hpp"

namespace pb::pg {

Subtransaction::Subtransaction() : memory_context_(CurrentMemoryContext), resource_owner_(CurrentResourceOwner) {
  pg_call([] { BeginInternalSubTransaction(nullptr); });
  // Starting a subtransaction switches to its own context; what the caller allocates must survive its end.
  MemoryContextSwitchTo(static_cast<MemoryContext>(memory_context_));
}

void Subtransaction::release() {
  pg_call([] { ReleaseCurrentSubTransaction(); });
  open_ = false;
  MemoryContextSwitchTo(static_cast<MemoryContext>(memory_context_));
  CurrentResourceOwner = static_cast<ResourceOwner>(resource_owner_);
}

Subtransaction::~Subtransaction() {
  if (!open_) return;
  try {
    pg_call([] { RollbackAndReleaseCurrentSubTransaction(); });
  } catch (...) {
    // A rollback that fails leaves the transaction unusable; the server says so at the next statement.
  }
  MemoryContextSwitchTo(static_cast<MemoryContext>(memory_context_));
  CurrentResourceOwner = static_cast<ResourceOwner>(resource_owner_);
}

}  // namespace pb::pg
