#include "core/text/uuid.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>

namespace uuid_test {
namespace {

using pb::core::Uuid;

TEST(Uuid, IsWrittenAsPostgresWritesIt) {
  EXPECT_EQ(to_string(Uuid{}), "00000000-0000-0000-0000-000000000000");
  const Uuid id{{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0xff}};
  EXPECT_EQ(to_string(id), "123e4567-e89b-12d3-a456-4266141740ff");
}

// The order of the server's uuid_cmp: bytes from the left, unsigned.
TEST(Uuid, IsOrderedByItsBytes) {
  EXPECT_LT((Uuid{{0x7f}}), (Uuid{{0x80}}));
  EXPECT_LT((Uuid{{1, 0xff}}), (Uuid{{2, 0}}));
  EXPECT_EQ((Uuid{{1, 2}}), (Uuid{{1, 2}}));
}

// Fixtures count in the last bytes, time-ordered identifiers in the first ones.
TEST(Uuid, HashesApartWhicheverByteDiffers) {
  for (std::size_t at = 0; at < 16; ++at) {
    std::set<std::size_t> hashes;
    for (int value = 0; value < 256; ++value) {
      Uuid id;
      id.bytes[at] = static_cast<std::uint8_t>(value);
      hashes.insert(std::hash<Uuid>{}(id));
    }
    EXPECT_EQ(hashes.size(), 256u) << at;
  }
  EXPECT_EQ(std::hash<Uuid>{}(Uuid{{1, 2}}), std::hash<Uuid>{}(Uuid{{1, 2}}));
}

}  // namespace
}  // namespace uuid_test
