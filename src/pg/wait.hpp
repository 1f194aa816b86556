#pragma once
#include "core/no_postgres.hpp"

namespace pb::pg {

// Waits until the descriptor is readable, something wants the backend's attention or the time is over. Interrupts are
// served then, as by poll(): cancel and terminate throw Cancelled at once. Ends the process when the server has died.
void wait_for(int descriptor, int milliseconds);

// A descriptor that is open elsewhere than in the server's own files, counted among those that the process may have.
class ReservedDescriptor {
 public:
  ReservedDescriptor();
  ~ReservedDescriptor();
  ReservedDescriptor(const ReservedDescriptor&) = delete;
  ReservedDescriptor& operator=(const ReservedDescriptor&) = delete;
};

}  // namespace pb::pg
