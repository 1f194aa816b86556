#pragma once
#include "core/no_postgres.hpp"

#include <set>
#include <span>
#include <string>

#include "core/text/uuid.hpp"
#include "pg/server_error.hpp"
#include "store/store.hpp"

namespace pb::batch {

// What the log says of an error that met several portfolios at once. Rows of the log that belong to a portfolio are
// read by those who may see the portfolio, the others by everybody. So a message that names a portfolio, a lot or a
// symbol stands only in rows of portfolios of which all is that it names; elsewhere stand the job, a count and the
// SQLSTATE. The same holds for its detail and its hint.
class LoggedFailure {
 public:
  LoggedFailure(const store::Store& store, const std::string& job, std::span<const core::Uuid> portfolio_ids,
                const pg::Failure& failure);

  const pg::Failure& for_everybody() const noexcept { return for_everybody_; }
  const pg::Failure& of(const core::Uuid& portfolio_id) const {
    return named_.contains(portfolio_id) ? failure_ : for_everybody_;
  }
  // Those whose rows alone tell what everybody's do not.
  const std::set<core::Uuid>& named() const noexcept { return named_; }

 private:
  pg::Failure failure_;
  pg::Failure for_everybody_;
  std::set<core::Uuid> named_;
};

}  // namespace pb::batch
