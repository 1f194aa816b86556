#include "core/portfolio/conversions.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "core/text/digest.hpp"

namespace pb::core {

namespace {

constexpr std::chrono::days one_day{1};

// The same on every machine and for every run. Version 8 of RFC 9562: of the maker's own making.
Uuid derived_id(const Lot& lot, const std::string& symbol, Date ex_date) {
  Uuid id;
  for (std::size_t half = 0; half < 2; ++half) {
    const auto bits = static_cast<std::uint64_t>(
        Digest().add(static_cast<std::int64_t>(half)).add(lot.id).add(symbol).add(ex_date).value());
    for (std::size_t i = 0; i < 8; ++i) id.bytes[8 * half + i] = static_cast<std::uint8_t>(bits >> (8 * i));
  }
  id.bytes[6] = static_cast<std::uint8_t>(0x80 | (id.bytes[6] & 0x0f));
  id.bytes[8] = static_cast<std::uint8_t>(0x80 | (id.bytes[8] & 0x3f));
  return id;
}

// Whether shares of one symbol are of another by later conversions. Names that go round end the search.
bool becomes(const CorporateActions& actions, const std::string& symbol, const std::string& wanted, Date since,
             int depth = 0) {
  constexpr int deepest = 16;
  if (symbol == wanted) return true;
  if (depth == deepest) return false;
  for (const Conversion& conversion : actions.conversions(symbol))
    if (conversion.ex_date > since)
      for (const Conversion::Leg& leg : conversion.legs)
        if (becomes(actions, leg.symbol, wanted, conversion.ex_date, depth + 1)) return true;
  return false;
}

class LotConverter {
 public:
  LotConverter(const CorporateActions& actions, std::vector<Lot>& done, std::vector<UnplacedClosing>& unplaced)
      : actions_(actions), done_(done), unplaced_(unplaced) {}

  // From the conversion of its symbol with that number on; 0 for a lot that has seen none of them.
  void convert(Lot lot, std::size_t next = 0) {
    const auto& all = actions_.conversions(lot.symbol);
    if (next == 0)
      while (next < all.size() && all[next].ex_date <= lot.entry_date) ++next;
    const bool has_next = next < all.size() && !lot.is_option();
    if (!has_next || open_before(lot, all[next].ex_date) == 0) return finish(std::move(lot));
    split(std::move(lot), all[next], next);
  }

 private:
  // In shares at entry, of the end of the day before.
  double open_before(const Lot& lot, Date ex_date) const {
    if (lot.exit_date && *lot.exit_date < ex_date) return 0;
    return OpenQuantity(lot, actions_).as_entered(ex_date - one_day);
  }

  void split(Lot lot, const Conversion& conversion, std::size_t number) {
    const Date day = conversion.ex_date;
    const double open = open_before(lot, day);
    const double quantity = CorporateActions::quantity_ratio(actions_.splits(lot.symbol), lot.entry_date, day)
                                .to_new_shares(std::copysign(open, lot.quantity));
    const double cost = actions_.split_ratio(lot.symbol, lot.entry_date, day).to_new_price(lot.entry_price);
    const ConvertedCost costs = converted_cost(conversion, cost);
    std::vector<Lot> made;
    if (conversion.stays) made.push_back(successor(lot, conversion, lot.symbol, lot.id, quantity, costs.of_rest));
    for (std::size_t i = 0; i < conversion.legs.size(); ++i) {
      const Conversion::Leg& leg = conversion.legs[i];
      const Uuid id = made.empty() ? lot.id : derived_id(lot, leg.symbol, day);
      made.push_back(successor(lot, conversion, leg.symbol, id, leg.ratio.to_new_shares(quantity),
                               leg.ratio.to_new_price(costs.of_leg[i])));
    }
    hand_over(lot, day, made);
    lot.exit_date = day;
    lot.exit_price = conversion.cash + cost - costs.of_cash;
    lot.converted_for = conversion.cash;
    finish(std::move(lot));
    for (std::size_t i = 0; i < made.size(); ++i)
      convert(std::move(made[i]), conversion.stays && i == 0 ? number + 1 : 0);
  }

  static Lot successor(const Lot& lot, const Conversion& conversion, const std::string& symbol, const Uuid& id,
                       double quantity, double price) {
    Lot made = lot;
    made.id = id;
    made.symbol = symbol;
    made.quantity = quantity;
    made.entry_price = price;
    made.entry_date = conversion.ex_date;
    made.exit_date.reset();
    made.exit_price.reset();
    made.converted_for.reset();
    made.closings.clear();
    made.marks.clear();
    made.origin = Origin{lot.origin ? lot.origin->opened_as : lot.id, lot.acquired(), lot.id, conversion.kind};
    return made;
  }

  // What was booked of the lot from the ex-date on goes to what it became.
  void hand_over(Lot& lot, Date day, std::vector<Lot>& made) {
    std::vector<Closing> before;
    for (Closing& closing : lot.closings) {
      if (closing.trade_date < day) {
        before.push_back(std::move(closing));
        continue;
      }
      if (closing.symbol == lot.symbol) closing.symbol.clear();
      const auto sold = std::find_if(made.begin(), made.end(), [&](const Lot& lot_made) {
        return !closing.symbol.empty() && becomes(actions_, lot_made.symbol, closing.symbol, day);
      });
      if (sold != made.end())
        sold->closings.push_back(std::move(closing));
      else if (!made.empty())
        made.front().closings.push_back(std::move(closing));
      else
        unplaced_.push_back({opened_as(lot), false, closing.trade_date, closing.symbol});
    }
    lot.closings = std::move(before);
    const auto later = std::find_if(lot.marks.begin(), lot.marks.end(), [&](auto& mark) { return mark.date >= day; });
    if (!made.empty()) made.front().marks.assign(later, lot.marks.end());
    lot.marks.erase(later, lot.marks.end());
    if (!lot.exit_date) return;
    if (made.empty()) {
      unplaced_.push_back({opened_as(lot), true, *lot.exit_date, {}});
      return;
    }
    made.front().exit_date = lot.exit_date;
    made.front().exit_price = lot.exit_price;
  }

  static Uuid opened_as(const Lot& lot) { return lot.origin ? lot.origin->opened_as : lot.id; }

  void finish(Lot lot) {
    std::erase_if(lot.closings, [&](const Closing& closing) {
      if (closing.symbol.empty() || closing.symbol == lot.symbol) return false;
      unplaced_.push_back({opened_as(lot), false, closing.trade_date, closing.symbol});
      return true;
    });
    done_.push_back(std::move(lot));
  }

  const CorporateActions& actions_;
  std::vector<Lot>& done_;
  std::vector<UnplacedClosing>& unplaced_;
};

void link(std::vector<Lot>& lots) {
  std::map<Uuid, std::size_t> newest;
  for (std::size_t i = 0; i < lots.size(); ++i) {
    const auto [found, is_new] = newest.try_emplace(lots[i].id, i);
    if (is_new) continue;
    lots[i].previous = found->second;
    lots[found->second].next = i;
    found->second = i;
  }
}

}  // namespace

ConvertedCost converted_cost(const Conversion& conversion, double cost) {
  ConvertedCost costs{};
  if (!conversion.leaves_shares())
    costs.of_cash = cost;
  else
    costs.of_cash = conversion.cash_cost_share ? *conversion.cash_cost_share * cost : std::min(conversion.cash, cost);
  const double carried = cost - costs.of_cash;
  double rest = carried;
  for (const Conversion::Leg& leg : conversion.legs) {
    costs.of_leg.push_back(leg.cost_share * carried);
    rest -= costs.of_leg.back();
  }
  costs.of_rest = conversion.stays ? rest : 0;
  return costs;
}

std::vector<Lot> apply_conversions(std::vector<Lot> lots, const CorporateActions& actions,
                                   std::vector<UnplacedClosing>& unplaced) {
  std::vector<Lot> done;
  done.reserve(lots.size());
  LotConverter converter(actions, done, unplaced);
  for (Lot& lot : lots) converter.convert(std::move(lot));
  // Several of one position that begin on one day stay in the order in which they were made.
  std::stable_sort(done.begin(), done.end(), [](const Lot& a, const Lot& b) {
    return std::tie(a.entry_date, a.id) < std::tie(b.entry_date, b.id);
  });
  link(done);
  return done;
}

double closable_quantity(const std::vector<Lot>& lots, std::size_t lot, Date day, const CorporateActions& actions) {
  const Lot& held = lots[lot];
  if (held.exit_date && !held.is_converted()) return 0;
  const double converted =
      OpenQuantity(held, actions).as_entered(held.is_converted() ? *held.exit_date - one_day : Date::max());
  double open = converted;
  // What it became was made of all that was open then: of as much as is left of that.
  for (std::size_t i = 0; held.is_converted() && open > 0 && i < lots.size(); ++i) {
    const Lot& made = lots[i];
    const bool is_next = held.next && *held.next == i;
    const bool is_spun_off = made.is_spun_off() && made.origin->from == held.id && made.entry_date == *held.exit_date;
    if (!is_next && !is_spun_off) continue;
    const double left = closable_quantity(lots, i, made.entry_date, actions);
    open = std::min(open, converted * left / made.quantity);
  }
  return CorporateActions::quantity_ratio(actions.splits(held.symbol), held.entry_date, day)
      .to_new_shares(std::copysign(open, held.quantity));
}

}  // namespace pb::core
