#include "store/commit.hpp"

#include <random>

#include "pg/subtransaction.hpp"
#include "pg/transaction.hpp"

namespace pb::store {

void pause_before(int attempt) {
  static std::minstd_rand random(std::random_device{}());
  const int most = 100 * attempt * attempt;
  pg::sleep_for_milliseconds(most / 2 + static_cast<int>(random() % static_cast<unsigned>(most / 2)));
}

namespace {

std::optional<pg::Failure> try_to_commit(const pg::Call& call, const std::function<void(const Store&)>& work) {
  try {
    pg::Subtransaction scope;
    {
      const EndOfWork end(call);
      work(Store(call));
    }
    scope.release();
    pg::commit();
    return std::nullopt;
  } catch (const pg::Cancelled&) {
    throw;
  } catch (...) {
    pg::Failure failure = pg::describe_current_exception(pg::Isolated::date);
    if (!pg::may_succeed_again(failure)) throw;
    return failure;
  }
}

}  // namespace

std::optional<pg::Failure> commit_work(const pg::Call& call, const std::function<void(const Store&)>& work) {
  for (int attempt = 1;; ++attempt) {
    auto failure = try_to_commit(call, work);
    if (!failure) return failure;
    pg::rollback();
    if (attempt == attempts) return failure;
    pause_before(attempt + 1);
  }
}

}  // namespace pb::store
