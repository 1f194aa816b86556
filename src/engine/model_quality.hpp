// How good the stored models and forecasts were, month by month.
#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/stats/model_quality.hpp"
#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::engine {

// One measure of a model in a month. A forecast belongs to the month in which the last of what it forecasts was known.
struct QualityRow {
  core::Date month;  // its first day
  std::string model;
  std::string measure;
  std::optional<core::Uuid> portfolio_id;  // of measures of portfolios
  std::string plain;                       // name of the plain alternative
  core::Score score;
};

// The measures from one day to another, by month, then portfolio. Nothing after `to` is read, nothing is estimated
// again. The symbols are all that have estimates or, for some portfolios, those that these held.
std::vector<QualityRow> model_quality(const store::Store& store, core::Date from, core::Date to,
                                      std::span<const core::Uuid> portfolio_ids, bool is_of_all);

}  // namespace pb::engine
