#include "core/text/digest.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace digest_test {
namespace {

using pb::core::Digest;

// By Debian's xxhsum -H1 (XXH64, seed 0) of the bytes that the header describes.
TEST(Digest, EqualsTheReferenceProgram) {
  EXPECT_EQ(static_cast<std::uint64_t>(Digest().value()), 0xef46db3751d8e999U);  // of no bytes
  EXPECT_EQ(static_cast<std::uint64_t>(Digest().add(std::int64_t{1}).value()), 0x9f29cb17a2a49995U);
}

TEST(Digest, DoesNotDependOnHowANumberIsWritten) {
  EXPECT_EQ(Digest().add(0.0).value(), Digest().add(-0.0).value());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Digest().add(nan).value(), Digest().add(-nan).value());
}

TEST(Digest, TellsTextsApartWhereverTheyEnd) {
  EXPECT_NE(Digest().add("ab").add("c").value(), Digest().add("a").add("bc").value());
  EXPECT_NE(Digest().add("").add("a").value(), Digest().add("a").add("").value());
}

TEST(Digest, SeesEveryValueOfASeries) {
  std::vector<double> values(100, 1.5);
  const auto before = Digest().add(std::span<const double>(values)).value();
  for (double& value : values) {
    const double kept = value;
    value = std::nextafter(kept, 2);
    EXPECT_NE(Digest().add(std::span<const double>(values)).value(), before);
    value = kept;
  }
}

TEST(Digest, TellsAMissingValueFromZero) {
  EXPECT_NE(Digest().add_optional(std::optional<double>()).value(), Digest().add_optional(std::optional(0.0)).value());
}

}  // namespace
}  // namespace digest_test
