// The part of the workers' shared memory segment that holds their messages, for the sources of src/pg only.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "storage/dsm.h"
}

namespace pb::pg {

Size message_area_size(int workers);
// For the leader: an empty area with a slot for each worker.
void create_message_area(void* address, dsm_segment* segment, int workers);
// For a worker: its messages go to the slot from now on, until the process detaches from the segment.
void attach_message_area(void* address, dsm_segment* segment, int slot);

}  // namespace pb::pg
