// What the engines read, each table at most once.
#pragma once
#include "core/no_postgres.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/portfolio/accounting.hpp"
#include "core/portfolio/valuation.hpp"
#include "core/text/uuid.hpp"
#include "pg/memory.hpp"
#include "pg/server_error.hpp"
#include "store/book_store.hpp"
#include "store/coverage_store.hpp"
#include "store/factor_store.hpp"
#include "store/position_store.hpp"
#include "store/price_store.hpp"
#include "store/sector_store.hpp"
#include "store/snapshot_store.hpp"
#include "store/store.hpp"
#include "store/stress_store.hpp"

namespace pb::engine {

// A lot that is open on a day, with its value.
struct Held {
  const core::Lot* lot;
  core::LotValue value;
};

// A portfolio at the end of a day, and what each of its lots has come to.
struct DayLevels {
  core::PortfolioLevels levels;
  std::vector<core::LotLevel> lots;
};

// How far back the prices reach: as far as any estimate looks, as far as correlations do, or no farther than a value
// may be old.
enum class Reach { estimates, correlations, values };

// The inputs that engines share, each read at most once however many engines and dates use it. They cover the
// portfolios and the dates they were made for.
class Inputs {
 public:
  Inputs(const store::Store& store, std::vector<core::Uuid> portfolio_ids, core::Date first, core::Date last,
         Reach reach = Reach::estimates);
  Inputs(const Inputs&) = delete;
  Inputs& operator=(const Inputs&) = delete;

  const store::Store& store() const noexcept { return store_; }
  std::span<const core::Uuid> portfolio_ids() const noexcept { return portfolio_ids_; }
  bool covers_several_days() const noexcept { return first_ < last_; }

  const store::Book& book();
  // Why a portfolio cannot be computed on the day: the first of its rows, or of the corporate actions of what it held,
  // that cannot be used. None when nothing is wrong.
  std::optional<pg::Failure> problem(const store::Portfolio& portfolio, core::Date day);
  const store::Market& market();
  // How many sessions from the first date on the prices of these portfolios may cover within
  // portfolio_batch.max_memory; at least one.
  int sessions_that_fit();
  core::ValuationInputs valuation();

  // The open lots of a portfolio on a day, valued once for all engines of the day. A reference is good until another
  // day is asked for.
  const std::vector<Held>& held(core::Date day, const core::Uuid& portfolio_id);

  // A portfolio at the end of a day, computed once for all engines. Good until three more of its days are asked for.
  const DayLevels& levels(core::Date day, const store::Portfolio& portfolio);
  // The options' sensitivities of a day.
  const store::GreeksOfLots& greeks(core::Date day);

  // What has been written of what the portfolios held on a day, so that it is written once.
  bool has_holdings(core::Date day, const core::Uuid& portfolio_id) const {
    return holdings_.contains({day, portfolio_id});
  }
  void note_holdings(core::Date day, const core::Uuid& portfolio_id) { holdings_.emplace(day, portfolio_id); }
  // To be forgotten when writes are undone.
  void forget_holdings() { holdings_.clear(); }

  // The active factors, and the one that stands for interest rates, if any.
  const std::vector<store::FactorDefinition>& factors();
  const store::FactorDefinition* rate_factor();
  // What is wrong with the active factors that are left out.
  const std::vector<std::string>& left_out_factors() {
    factors();
    return left_out_factors_;
  }
  // The yields of portfolio_batch.rate_series over the sessions of the market.
  const std::vector<core::YieldQuote>& yields();
  // Those of portfolio_batch.risk_free_series.
  const std::vector<core::YieldQuote>& risk_free_yields();

  // Where the prices of the context's dates come from.
  const store::PriceSources& price_sources();

  // How many sessions before a day any estimate looks back to.
  int lookback_sessions() const;

  // The snapshots against which periods are measured; who writes one enters it. To be forgotten when writes are undone.
  store::Ledgers& ledgers();
  void forget_ledgers() { ledgers_.reset(); }

  const std::map<std::string, store::SectorProfile>& sector_profiles();
  // The active scenarios of the stress test.
  const std::vector<store::ScenarioDefinition>& scenarios();

  // The prices of the factors' symbols and the yields, from the first price of the market symbol to the last date;
  // nullptr when it has none by then.
  struct FactorPast {
    store::Market market;
    std::vector<core::YieldQuote> yields;
  };
  const FactorPast* factor_past();

  // The prices of the market's symbols in a span of the past; nullptr when the market symbol's prices begin later.
  const store::Market* history(core::Date from, core::Date to);

 private:
  // What is needed of the market.
  store::MarketRequest request();
  void request_lot(const store::Portfolio& portfolio, const core::Lot& lot, store::MarketRequest& request);
  // The market symbol and those of the factors; they may repeat.
  std::vector<std::string> factor_symbols();
  std::optional<core::Date> first_price();
  // The first day that is valued: the results of the first date are measured against the snapshots before it.
  core::Date valued_from();

  store::Store store_;
  std::vector<core::Uuid> portfolio_ids_;
  core::Date first_;
  core::Date last_;
  Reach reach_;
  std::unique_ptr<store::Book> book_;
  std::unique_ptr<store::Market> market_;
  std::optional<core::Date> valued_from_;
  std::map<core::Uuid, std::map<core::Date, DayLevels>> levels_;
  std::optional<std::pair<core::Date, store::GreeksOfLots>> greeks_;
  std::set<std::pair<core::Date, core::Uuid>> holdings_;
  std::optional<core::Date> held_day_;
  std::map<core::Uuid, std::vector<Held>> held_;
  std::optional<std::vector<store::FactorDefinition>> factors_;
  std::vector<std::string> left_out_factors_;
  std::optional<std::vector<core::YieldQuote>> yields_;
  std::optional<std::vector<core::YieldQuote>> risk_free_yields_;
  std::optional<store::PriceSources> price_sources_;
  std::optional<store::Ledgers> ledgers_;
  std::optional<std::map<std::string, store::SectorProfile>> sector_profiles_;
  std::optional<std::vector<store::ScenarioDefinition>> scenarios_;
  std::optional<std::optional<core::Date>> first_price_;
  std::map<std::pair<core::Date, core::Date>, store::Market> histories_;
  std::optional<std::unique_ptr<FactorPast>> factor_past_;
};

// The failure of one portfolio that an error describes, which is being handled and names none.
pg::Failure failure_of(const store::Portfolio& portfolio);

// The portfolios that have no snapshot after the day: the only ones for which it may write what has no history.
std::vector<core::Uuid> not_superseded(const store::Store& store, core::Date day,
                                       std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
