// What the portfolios held, and what it was worth, on any day: positions_asof and portfolio_exposures.
#include <cmath>
#include <map>

#include "core/error.hpp"
#include "core/portfolio/ranges.hpp"
#include "core/portfolio/valuation.hpp"
#include "engine/context.hpp"
#include "engine/lot_exposures.hpp"
#include "function/entry.hpp"
#include "pg/function.hpp"
#include "pg/interrupts.hpp"
#include "store/calendar_store.hpp"

namespace pb::function {

namespace {

using core::Money;

core::Date day_argument(const pg::Call& call, int index, const store::Store& store) {
  const auto day = call.date(index);
  if (!day) return session_argument(call, index, store);
  store::require_covered(store, store.settings().calendar, *day);
  return *day;
}

const char* class_name(core::InvestmentClass value) {
  switch (value) {
    case core::InvestmentClass::public_market:
      return "PUBLIC";
    case core::InvestmentClass::option:
      return "OPTIONS";
    case core::InvestmentClass::private_asset:
      return "PRIVATE";
  }
  return "";
}

const char* quality_name(core::MarkQuality value) {
  switch (value) {
    case core::MarkQuality::current:
      return "current";
    case core::MarkQuality::stale:
      return "stale";
    case core::MarkQuality::unpriced:
      return "unpriced";
    case core::MarkQuality::manual:
      return "manual";
    case core::MarkQuality::expired:
      return "expired";
  }
  return "";
}

// Sums of one group of positions; each side is rounded once.
struct ExposureSums {
  long double long_value = 0;
  long double short_value = 0;
  std::int64_t positions = 0;

  // Whether the sums are money: what is no number, or too large for one, is neither.
  bool is_countable() const { return core::is_money(static_cast<double>(long_value - short_value)); }

  void add(double market_value) {
    (market_value >= 0 ? long_value : short_value) += market_value;
    ++positions;
  }
};

void add_exposures(pg::RowBuffer& rows, const core::Uuid& id, const std::string& type, const ExposureSums& sums) {
  const Money long_value = core::to_money(sums.long_value);
  const Money short_value = core::to_money(sums.short_value);
  rows.add(id).add(type).add(long_value).add(short_value).add(long_value - short_value).add(long_value + short_value);
  rows.add(sums.positions);
}

}  // namespace

PB_FUNCTION(pb_positions_asof) {
  using pg::Type;
  const store::Store store(call);
  const core::Date day = day_argument(call, 0, store);
  const auto ids = store::resolve_portfolios(store, portfolios_argument(call, 1));
  engine::Context context(store, ids, day, day, engine::Reach::values);
  pg::RowBuffer rows({{"portfolio_id", Type::uuid},
                      {"position_id", Type::uuid},
                      {"symbol", Type::text},
                      {"position_type", Type::text},
                      {"investment_class", Type::text},
                      {"quantity", Type::float8},
                      {"contract_multiplier", Type::float8},
                      {"entry_price", Type::float8},
                      {"entry_date", Type::date},
                      {"underlying_symbol", Type::text},
                      {"price", Type::float8},
                      {"price_date", Type::date},
                      {"price_quality", Type::text},
                      {"market_value", Type::money},
                      {"exposure", Type::float8}});
  const core::CorporateActions& actions = context.market().actions;
  for (const store::Portfolio& portfolio : context.book()) {
    pg::poll();
    const std::vector<engine::Held>& held = context.held(day, portfolio.id);
    const std::vector<engine::LotExposure> exposures = engine::lot_exposures(context, day, portfolio.id).lots;
    for (std::size_t i = 0; i < held.size(); ++i) {
      const auto& [lot, value] = held[i];
      rows.add(portfolio.id).add(lot->id).add(lot->symbol).add(lot->position_type);
      rows.add(class_name(lot->investment_class)).add(value.quantity).add(value.multiplier);
      rows.add(actions.split_ratio(lot->symbol, lot->entry_date, day).to_new_price(lot->entry_price));
      rows.add(lot->acquired()).add_text_or_null(lot->underlying_symbol);
      rows.add(value.price).add(value.price_date).add(quality_name(value.quality));
      if (core::is_money(value.market_value))
        rows.add(core::to_money(value.market_value));
      else
        rows.null();
      rows.add(exposures[i].exposure);
    }
  }
  call.return_rows(rows);
}

PB_FUNCTION(pb_portfolio_exposures) {
  using pg::Type;
  const store::Store store(call);
  const core::Date day = day_argument(call, 0, store);
  const auto ids = store::resolve_portfolios(store, portfolios_argument(call, 1));
  engine::Context context(store, ids, day, day, engine::Reach::values);
  pg::RowBuffer rows({{"portfolio_id", Type::uuid},
                      {"position_type", Type::text},
                      {"long_exposure", Type::money},
                      {"short_exposure", Type::money},
                      {"gross_exposure", Type::money},
                      {"net_exposure", Type::money},
                      {"positions", Type::int8}});
  for (const store::Portfolio& portfolio : context.book()) {
    pg::poll();
    std::map<std::string, ExposureSums> by_type;
    ExposureSums total;
    for (const auto& [lot, value] : context.held(day, portfolio.id)) {
      by_type[lot->position_type].add(value.market_value);
      total.add(value.market_value);
    }
    if (context.problem(portfolio, day) || !total.is_countable()) {
      rows.add(portfolio.id).add("ALL").null().null().null().null().add(total.positions);
      continue;
    }
    add_exposures(rows, portfolio.id, "ALL", total);
    for (const auto& [type, sums] : by_type) add_exposures(rows, portfolio.id, type, sums);
  }
  call.return_rows(rows);
}

}  // namespace pb::function
