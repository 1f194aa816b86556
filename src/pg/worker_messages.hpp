// Messages among the workers that run_in_workers has started for one call, by topic. In a session that is no worker,
// messages are dropped and none arrive. Nobody depends on a message: a worker that does not receive what it needs
// computes it.
#pragma once
#include "core/no_postgres.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace pb::pg {

inline constexpr int message_topics = 8;

// Announces a message on the topic, which send_message is to send. Until then the caller must wait for nothing that
// another worker may hold, because the others may wait for the message.
void announce_message(int topic);
void send_message(int topic, std::string_view bytes);

// The messages of the other workers on the topic since the last call. Waits for those that are announced, up to the
// timeout.
std::vector<std::string> receive_messages(int topic, std::chrono::microseconds timeout);

}  // namespace pb::pg
