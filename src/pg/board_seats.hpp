// The board of a crew in its shared segment, for the sources of src/pg only.
#pragma once

#include "pg/server.hpp"

extern "C" {
#include "storage/dsm.h"
}

namespace pb::pg {

Size board_size(int seats);
// The leader's side: an empty board with a seat for each worker.
void make_board(void* place, dsm_segment* segment, int seats);
// A worker's: from now on it is its own, until the process lets go of the segment.
void take_seat(void* place, dsm_segment* segment, int seat);

}  // namespace pb::pg
