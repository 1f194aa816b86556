#include "collect/plan/finality.hpp"

#include <gtest/gtest.h>

namespace finality_test {

using namespace pb;

TEST(Finality, TheSessionMustHaveSettledAndTheAnswerBeFromAfterTheClose) {
  const core::Date day = *core::from_iso("2024-07-03");
  // An early close, 13:00 in New York.
  const collect::SettledSession newest{day, 1720026000};
  const std::chrono::days one{1};
  EXPECT_TRUE(collect::is_final(day - one, newest, 1720000000));
  EXPECT_FALSE(collect::is_final(day + one, newest, 1720999999));
  EXPECT_TRUE(collect::is_final(day, newest, std::nullopt));
  EXPECT_TRUE(collect::is_final(day, newest, 1720026000));
  EXPECT_FALSE(collect::is_final(day, newest, 1720025999));
}

}  // namespace finality_test
