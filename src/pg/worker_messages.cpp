#include "pg/worker_messages.hpp"

#include <algorithm>

#include "pg/guard.hpp"
#include "pg/message_area.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/dsa.h"
}

namespace pb::pg {

namespace {

constexpr int messages_kept = 2;  // of a worker on a topic; further ones are dropped

struct Message {
  dsa_pointer bytes;
  Size size;
};

struct Topic {
  int announced;
  int sent;
  Message messages[messages_kept];
};

// The messages of one worker.
struct Slot {
  bool detached;
  Topic topics[message_topics];
};

// The messages of all workers. Their bytes are allocated in the dynamic shared area that follows the slots.
struct Area {
  slock_t mutex;  // of all slots
  ConditionVariable changed;
  int slot_count;
  Slot slots[FLEXIBLE_ARRAY_MEMBER];
};

Size slots_size(int count) { return MAXALIGN(offsetof(Area, slots) + sizeof(Slot) * static_cast<Size>(count)); }
void* allocator_of(Area* area) { return reinterpret_cast<char*>(area) + slots_size(area->slot_count); }

// What this process is attached to. A worker keeps its slot as long as it lives.
struct Attachment {
  Area* area = nullptr;
  dsa_area* allocator = nullptr;
  int slot = 0;
  int* received = nullptr;  // the number of messages that were received, of each slot and topic
};
Attachment own;

template <class Change>
void change(Area* area, Change&& change) {
  SpinLockAcquire(&area->mutex);
  change();
  SpinLockRelease(&area->mutex);
  ConditionVariableBroadcast(&area->changed);
}

void mark_detached(dsm_segment*, Datum) {
  Area* area = std::exchange(own.area, nullptr);
  if (area != nullptr) change(area, [&] { area->slots[own.slot].detached = true; });
}

// Whether a slot has another message: none, one that is announced, or one that can be read.
enum class Next { none, announced, available };

Next next_message(int slot, int topic, Message* message) {
  const int received = own.received[slot * message_topics + topic];
  SpinLockAcquire(&own.area->mutex);
  const Slot& sender = own.area->slots[slot];
  const Topic& queue = sender.topics[topic];
  Next next = Next::none;
  if (received < queue.sent) {
    *message = queue.messages[received];
    next = Next::available;
  } else if (queue.announced > queue.sent && queue.sent < messages_kept && !sender.detached) {
    next = Next::announced;
  }
  SpinLockRelease(&own.area->mutex);
  return next;
}

// Waits for a message that is announced; false when there is none at the deadline.
bool wait_for_message(int slot, int topic, Message* message, TimestampTz deadline) {
  ConditionVariablePrepareToSleep(&own.area->changed);
  Next next = next_message(slot, topic, message);
  while (next == Next::announced) {
    const long remaining = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
    if (remaining <= 0) break;
    ConditionVariableTimedSleep(&own.area->changed, remaining, PG_WAIT_EXTENSION);
    next = next_message(slot, topic, message);
  }
  ConditionVariableCancelSleep();
  return next == Next::available;
}

}  // namespace

Size message_area_size(int workers) { return slots_size(workers) + dsa_minimum_size(); }

void create_message_area(void* address, dsm_segment* segment, int workers) {
  auto* area = static_cast<Area*>(address);
  std::memset(address, 0, slots_size(workers));
  SpinLockInit(&area->mutex);
  ConditionVariableInit(&area->changed);
  area->slot_count = workers;
  dsa_pin_mapping(dsa_create_in_place(allocator_of(area), dsa_minimum_size(), LWTRANCHE_PARALLEL_QUERY_DSA, segment));
}

void attach_message_area(void* address, dsm_segment* segment, int slot) {
  auto* area = static_cast<Area*>(address);
  own.allocator = dsa_attach_in_place(allocator_of(area), segment);
  dsa_pin_mapping(own.allocator);
  own.received = static_cast<int*>(palloc0(sizeof(int) * static_cast<Size>(area->slot_count) * message_topics));
  own.slot = slot;
  own.area = area;
  on_dsm_detach(segment, mark_detached, static_cast<Datum>(0));
}

void announce_message(int topic) {
  if (own.area == nullptr) return;
  pg_call([&] { change(own.area, [&] { ++own.area->slots[own.slot].topics[topic].announced; }); });
}

void send_message(int topic, std::string_view bytes) {
  if (own.area == nullptr) return;
  // A server without shared memory is no reason to fail: then the message is dropped.
  dsa_pointer copy = InvalidDsaPointer;
  const bool is_copied = !isolate([&] {
    pg_call([&] {
      copy = dsa_allocate_extended(own.allocator, bytes.size() + 1, DSA_ALLOC_HUGE);
      std::memcpy(dsa_get_address(own.allocator, copy), bytes.data(), bytes.size());
    });
  });
  pg_call([&] {
    change(own.area, [&] {
      Topic& queue = own.area->slots[own.slot].topics[topic];
      if (is_copied && queue.sent < messages_kept)
        queue.messages[queue.sent++] = {copy, bytes.size()};
      else
        --queue.announced;
    });
  });
}

std::vector<std::string> receive_messages(int topic, std::chrono::microseconds timeout) {
  std::vector<std::string> messages;
  if (own.area == nullptr) return messages;
  const TimestampTz deadline = GetCurrentTimestamp() + timeout.count();
  for (int slot = 0; slot < own.area->slot_count; ++slot) {
    if (slot == own.slot) continue;
    Message message{};
    while (pg_call([&] { return wait_for_message(slot, topic, &message, deadline); })) {
      ++own.received[slot * message_topics + topic];
      const char* bytes = nullptr;
      const auto address = [&] { return static_cast<const char*>(dsa_get_address(own.allocator, message.bytes)); };
      if (!isolate([&] { bytes = pg_call(address); })) messages.emplace_back(bytes, message.size);
    }
  }
  return messages;
}

}  // namespace pb::pg
