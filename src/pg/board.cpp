#include "pg/board.hpp"

#include <algorithm>

#include "pg/board_seats.hpp"
#include "pg/guard.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/dsa.h"
}

namespace pb::pg {

namespace {

constexpr int posts_kept = 2;  // of a worker on a topic; further ones are dropped

struct Post {
  dsa_pointer place;
  Size size;
};

struct Subject {
  int announced;
  int posted;
  Post posts[posts_kept];
};

struct Seat {
  bool left;
  Subject subjects[board_topics];
};

struct Board {
  slock_t mutex;  // of all seats
  ConditionVariable changed;
  int seats;
  Seat all[FLEXIBLE_ARRAY_MEMBER];
};

Size seats_size(int seats) { return MAXALIGN(offsetof(Board, all) + sizeof(Seat) * static_cast<Size>(seats)); }
void* area_of(Board* board) { return reinterpret_cast<char*>(board) + seats_size(board->seats); }

// This process's own seat. A worker has one for its life.
struct Own {
  Board* board = nullptr;
  dsa_area* area = nullptr;
  int seat = 0;
  int* taken = nullptr;  // how many posts of each seat and topic were collected
};
Own own;

template <class Change>
void change(Board* board, Change&& change) {
  SpinLockAcquire(&board->mutex);
  change();
  SpinLockRelease(&board->mutex);
  ConditionVariableBroadcast(&board->changed);
}

void leave(dsm_segment*, Datum) {
  Board* board = std::exchange(own.board, nullptr);
  if (board != nullptr) change(board, [&] { board->all[own.seat].left = true; });
}

// The next post of a seat, if there is one.
enum class Next { none, to_come, there };

Next next_post(int seat, int topic, Post* post) {
  const int taken = own.taken[seat * board_topics + topic];
  SpinLockAcquire(&own.board->mutex);
  const Seat& other = own.board->all[seat];
  const Subject& subject = other.subjects[topic];
  Next next = Next::none;
  if (taken < subject.posted) {
    *post = subject.posts[taken];
    next = Next::there;
  } else if (subject.announced > subject.posted && subject.posted < posts_kept && !other.left) {
    next = Next::to_come;
  }
  SpinLockRelease(&own.board->mutex);
  return next;
}

// Waits for a post that is to come; false when it does not come in time.
bool await_post(int seat, int topic, Post* post, TimestampTz deadline) {
  ConditionVariablePrepareToSleep(&own.board->changed);
  Next next = next_post(seat, topic, post);
  while (next == Next::to_come) {
    const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
    if (left <= 0) break;
    ConditionVariableTimedSleep(&own.board->changed, left, PG_WAIT_EXTENSION);
    next = next_post(seat, topic, post);
  }
  ConditionVariableCancelSleep();
  return next == Next::there;
}

}  // namespace

Size board_size(int seats) { return seats_size(seats) + dsa_minimum_size(); }

void make_board(void* place, dsm_segment* segment, int seats) {
  auto* board = static_cast<Board*>(place);
  std::memset(place, 0, seats_size(seats));
  SpinLockInit(&board->mutex);
  ConditionVariableInit(&board->changed);
  board->seats = seats;
  dsa_pin_mapping(dsa_create_in_place(area_of(board), dsa_minimum_size(), LWTRANCHE_PARALLEL_QUERY_DSA, segment));
}

void take_seat(void* place, dsm_segment* segment, int seat) {
  auto* board = static_cast<Board*>(place);
  own.area = dsa_attach_in_place(area_of(board), segment);
  dsa_pin_mapping(own.area);
  own.taken = static_cast<int*>(palloc0(sizeof(int) * static_cast<Size>(board->seats) * board_topics));
  own.seat = seat;
  own.board = board;
  on_dsm_detach(segment, leave, static_cast<Datum>(0));
}

void announce(int topic) {
  if (own.board == nullptr) return;
  pg_call([&] { change(own.board, [&] { ++own.board->all[own.seat].subjects[topic].announced; }); });
}

void post(int topic, std::string_view bytes) {
  if (own.board == nullptr) return;
  // A server that is out of shared memory is no reason to fail: then the others do without.
  dsa_pointer place = InvalidDsaPointer;
  const bool kept = !isolate([&] {
    pg_call([&] {
      place = dsa_allocate_extended(own.area, bytes.size() + 1, DSA_ALLOC_HUGE);
      std::memcpy(dsa_get_address(own.area, place), bytes.data(), bytes.size());
    });
  });
  pg_call([&] {
    change(own.board, [&] {
      Subject& subject = own.board->all[own.seat].subjects[topic];
      if (kept && subject.posted < posts_kept)
        subject.posts[subject.posted++] = {place, bytes.size()};
      else
        --subject.announced;
    });
  });
}

std::vector<std::string> collect(int topic, std::chrono::microseconds patience) {
  std::vector<std::string> posts;
  if (own.board == nullptr) return posts;
  const TimestampTz deadline = GetCurrentTimestamp() + patience.count();
  for (int seat = 0; seat < own.board->seats; ++seat) {
    if (seat == own.seat) continue;
    Post post{};
    while (pg_call([&] { return await_post(seat, topic, &post, deadline); })) {
      ++own.taken[seat * board_topics + topic];
      const char* bytes = nullptr;
      const auto address = [&] { return static_cast<const char*>(dsa_get_address(own.area, post.place)); };
      if (!isolate([&] { bytes = pg_call(address); })) posts.emplace_back(bytes, post.size);
    }
  }
  return posts;
}

}  // namespace pb::pg
