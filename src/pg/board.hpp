// A board on which the workers of a crew put up what the others can use. A session that is no worker finds nothing
// there and nobody to wait for. What is put up is for the time of the crew, and need not come: who cannot get something
// from the board makes it.
#pragma once
#include "core/no_postgres.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace pb::pg {

inline constexpr int board_topics = 8;

// Tells the others that something on the topic is to come. Until post() the caller must wait for nothing that another
// worker may hold, because the others may wait for it.
void announce(int topic);
void post(int topic, std::string_view bytes);

// What the others have put up on the topic since the last call. Where something of one of them is announced, waits for
// it, but no longer than the patience.
std::vector<std::string> collect(int topic, std::chrono::microseconds patience);

}  // namespace pb::pg
