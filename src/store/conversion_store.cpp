#include "store/conversion_store.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/portfolio/ranges.hpp"
#include "pg/select.hpp"
#include "store/row_check.hpp"

namespace pb::store {

using core::Date;
using pg::Args;
using pg::field;
using pg::Type;

namespace {

struct LegRow {
  std::string symbol;
  std::optional<Date> ex_date;
  std::optional<std::string_view> kind;
  std::optional<std::int32_t> action_no, leg_no;
  std::optional<std::string_view> to_symbol;
  std::optional<double> numerator, denominator, cash, cost_share;

  std::string key() const {
    return "symbol " + symbol + ", ex_date " + (ex_date ? core::to_iso(*ex_date) : "NULL") + ", kind " +
           std::string(kind.value_or("NULL")) + ", leg_no " + (leg_no ? std::to_string(*leg_no) : "NULL");
  }
};

constexpr double rounding_of_shares = 1e-9;

// Puts the legs of each action together. They come action by action.
class ConversionReader {
 public:
  explicit ConversionReader(core::CorporateActions& actions) : actions_(actions) {}

  void add(const LegRow& row) {
    const std::string of = row.symbol + "/" + (row.ex_date ? core::to_iso(*row.ex_date) : "") + "/" +
                           std::string(row.kind.value_or("")) + "/" + std::to_string(row.action_no.value_or(0));
    if (of != action_) {
      finish();
      action_ = of;
      symbol_ = row.symbol;
    }
    read(row);
  }

  void finish() {
    if (action_.empty()) return;
    if (!check_.problem()) require_whole();
    if (const auto& problem = check_.problem())
      actions_.add_problem(symbol_, {ex_date_, problem->column, problem->value, key_, true});
    else
      actions_.add_conversion(symbol_, std::move(conversion_));
    conversion_ = {};
    check_ = {};
    action_.clear();
    shares_ = 0;
    unknown_shares_ = 0;
  }

 private:
  void read(const LegRow& row) {
    if (!check_.problem()) key_ = row.key();
    ex_date_ = check_.day(row.ex_date, "ex_date");
    conversion_.kind =
        check_.word(row.kind, "kind", {"spin_off", "merger", "symbol_change", "return_of_capital", "delisting"});
    conversion_.stays = conversion_.kind == "spin_off" || conversion_.kind == "return_of_capital";
    if (ex_date_) conversion_.ex_date = *ex_date_;
    const auto cost_share = check_.number_or_null(row.cost_share, "cost_share", 0, 1);
    if (!row.to_symbol) {
      conversion_.cash += check_.number(row.cash, "cash", 0, core::greatest_price);
      if (cost_share) conversion_.cash_cost_share = conversion_.cash_cost_share.value_or(0) + *cost_share;
      return;
    }
    core::Conversion::Leg leg;
    leg.symbol = check_.name(row.to_symbol, "to_symbol", core::longest_symbol);
    leg.ratio.new_shares =
        check_.number(row.numerator, "ratio_numerator", core::least_split_ratio, core::greatest_split_ratio);
    leg.ratio.old_shares =
        check_.number_or_null(row.denominator, "ratio_denominator", core::least_split_ratio, core::greatest_split_ratio)
            .value_or(1);
    leg.cost_share = cost_share.value_or(1);
    shares_ += leg.cost_share;
    unknown_shares_ += cost_share ? 0 : 1;
    conversion_.legs.push_back(std::move(leg));
  }

  // What no leg shows by itself. The share of cost of a single leg, of shares that do not stay, is all of it.
  void require_whole() {
    const auto count = conversion_.legs.size();
    if (conversion_.kind == "symbol_change" && (count != 1 || conversion_.cash != 0))
      check_.refuse("to_symbol", std::to_string(count) + " new names");
    if ((conversion_.kind == "return_of_capital" || conversion_.kind == "delisting") && count != 0)
      check_.refuse("to_symbol", conversion_.legs.front().symbol);
    if (conversion_.kind == "spin_off" && count == 0) check_.refuse("to_symbol", "NULL");
    if (unknown_shares_ > 0 && (conversion_.stays || count > 1)) check_.refuse("cost_share", "NULL");
    const bool is_too_much = std::max(shares_, conversion_.cash_cost_share.value_or(0)) > 1 + rounding_of_shares;
    const bool is_too_little = !conversion_.stays && count > 0 && shares_ < 1 - rounding_of_shares;
    if (is_too_much || is_too_little) check_.refuse("cost_share", "sum " + std::to_string(shares_));
  }

  core::CorporateActions& actions_;
  std::string action_, symbol_, key_;
  std::optional<Date> ex_date_;
  core::Conversion conversion_;
  RowCheck check_;
  double shares_ = 0;
  int unknown_shares_ = 0;
};

}  // namespace

core::CorporateActions load_conversions(const Store& store, Date until) {
  using Row = LegRow;
  static const auto columns = pg::select(
      "corporate_action_legs", field("symbol", &Row::symbol), field(finite_date("ex_date"), &Row::ex_date),
      field("kind", &Row::kind), field("action_no", &Row::action_no), field("leg_no", &Row::leg_no),
      field("to_symbol", &Row::to_symbol), field("ratio_numerator", &Row::numerator),
      field("ratio_denominator", &Row::denominator), field("cash", &Row::cash), field("cost_share", &Row::cost_share));
  core::CorporateActions actions;
  ConversionReader reader(actions);
  columns.from(store.table("corporate_action_legs") +
                   " WHERE symbol IS NOT NULL AND (ex_date <= $1) IS NOT FALSE ORDER BY symbol, ex_date, action_no, "
                   "kind, leg_no",
               Args{Type::date}.add(until), [&](const Row& row) { reader.add(row); });
  reader.finish();
  return actions;
}

}  // namespace pb::store
