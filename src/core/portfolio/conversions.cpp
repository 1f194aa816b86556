#include "core/portfolio/conversions.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
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

// Follows one lot through time. At any time it is a few lots, of which each has its own next conversion.
class LotConverter {
 public:
  LotConverter(const CorporateActions& actions, std::vector<Lot>& done, std::vector<UnplacedClosing>& unplaced)
      : actions_(actions), done_(done), unplaced_(unplaced) {}

  void convert(Lot lot) {
    opened_as_ = lot.id;
    take_out_named(lot);
    live_.clear();
    const std::size_t first = first_after(lot.symbol, lot.entry_date);
    live_.push_back({std::move(lot), first});
    while (const auto next = earliest()) {
      place_named(actions_.conversions(live_[*next].lot.symbol)[live_[*next].next].ex_date - one_day);
      step(*next);
    }
    place_named(Date::max());
    for (Live& last : live_) done_.push_back(std::move(last.lot));
  }

 private:
  struct Live {
    Lot lot;
    std::size_t next;  // the conversions of its symbol before this one are done
  };

  // Closings that say what was sold wait until it is known what there is to sell.
  void take_out_named(Lot& lot) {
    const auto named = std::stable_partition(lot.closings.begin(), lot.closings.end(),
                                             [](const Closing& closing) { return closing.symbol.empty(); });
    named_.assign(std::make_move_iterator(named), std::make_move_iterator(lot.closings.end()));
    lot.closings.erase(named, lot.closings.end());
  }

  std::optional<std::size_t> earliest() const {
    std::optional<std::size_t> found;
    Date best = Date::max();
    for (std::size_t i = 0; i < live_.size(); ++i) {
      const auto& all = actions_.conversions(live_[i].lot.symbol);
      if (live_[i].lot.is_option() || live_[i].next >= all.size() || all[live_[i].next].ex_date >= best) continue;
      best = all[live_[i].next].ex_date;
      found = i;
    }
    return found;
  }

  // Closings up to a day go to the lot of what they sold; of several, to the one that has most of it.
  void place_named(Date until) {
    std::vector<Closing> later;
    for (Closing& closing : named_) {
      if (closing.trade_date > until) {
        later.push_back(std::move(closing));
        continue;
      }
      Lot* seller = nullptr;
      double most = 0;
      for (Live& one : live_) {
        if (one.lot.symbol != closing.symbol || one.lot.entry_date > closing.trade_date) continue;
        const double open = std::fabs(OpenQuantity(one.lot, actions_).asof(closing.trade_date));
        if (seller != nullptr && open <= most) continue;
        seller = &one.lot;
        most = open;
      }
      if (seller == nullptr) {
        unplaced_.push_back({opened_as_, false, closing.trade_date, closing.symbol});
        continue;
      }
      const auto place = std::upper_bound(seller->closings.begin(), seller->closings.end(), closing.trade_date,
                                          [](Date date, const Closing& other) { return date < other.trade_date; });
      seller->closings.insert(place, std::move(closing));
    }
    named_ = std::move(later);
  }

  // In shares at entry, of the end of the day before.
  double open_before(const Lot& lot, Date ex_date) const {
    if (lot.exit_date && *lot.exit_date < ex_date) return 0;
    return OpenQuantity(lot, actions_).as_entered(ex_date - one_day);
  }

  void step(std::size_t place) {
    Lot lot = std::move(live_[place].lot);
    const std::size_t number = live_[place].next;
    live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(place));
    const Conversion& conversion = actions_.conversions(lot.symbol)[number];
    const Date day = conversion.ex_date;
    if (const double open = open_before(lot, day); open != 0) {
      const double cost = actions_.split_ratio(lot.symbol, lot.entry_date, day).to_new_price(lot.entry_price);
      const ConvertedCost costs = converted_cost(conversion, cost);
      std::vector<Lot> made = successors(lot, conversion, open, costs);
      hand_over(lot, day, made);
      lot.exit_date = day;
      lot.exit_price = conversion.cash + cost - costs.of_cash;
      lot.converted_for = conversion.cash;
      for (Lot& each : made) {
        const bool goes_on = conversion.stays && each.id == lot.id;
        const std::size_t next = goes_on ? number + 1 : first_after(each.symbol, day);
        live_.push_back({std::move(each), next});
      }
    }
    done_.push_back(std::move(lot));
  }

  std::size_t first_after(const std::string& symbol, Date day) const {
    const auto& all = actions_.conversions(symbol);
    const auto first = std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.ex_date > day; });
    return static_cast<std::size_t>(first - all.begin());
  }

  std::vector<Lot> successors(const Lot& lot, const Conversion& conversion, double open,
                              const ConvertedCost& costs) const {
    const Date day = conversion.ex_date;
    const double quantity = CorporateActions::quantity_ratio(actions_.splits(lot.symbol), lot.entry_date, day)
                                .to_new_shares(std::copysign(open, lot.quantity));
    std::vector<Lot> made;
    if (conversion.stays) made.push_back(successor(lot, conversion, lot.symbol, lot.id, quantity, costs.of_rest));
    for (std::size_t i = 0; i < conversion.legs.size(); ++i) {
      const Conversion::Leg& leg = conversion.legs[i];
      const Uuid id = made.empty() ? lot.id : derived_id(lot, leg.symbol, day);
      made.push_back(successor(lot, conversion, leg.symbol, id, leg.ratio.to_new_shares(quantity),
                               leg.ratio.to_new_price(costs.of_leg[i])));
    }
    return made;
  }

  Lot successor(const Lot& lot, const Conversion& conversion, const std::string& symbol, const Uuid& id,
                double quantity, double price) const {
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
    made.origin = Origin{opened_as_, lot.acquired(), lot.id, conversion.kind};
    return made;
  }

  // What was booked of the lot itself from the ex-date on goes to what goes on as the same position.
  void hand_over(Lot& lot, Date day, std::vector<Lot>& made) {
    const auto closings = std::find_if(lot.closings.begin(), lot.closings.end(),
                                       [&](const Closing& closing) { return closing.trade_date >= day; });
    const auto marks =
        std::find_if(lot.marks.begin(), lot.marks.end(), [&](const HandMark& mark) { return mark.date >= day; });
    if (made.empty()) {
      for (auto closing = closings; closing != lot.closings.end(); ++closing)
        unplaced_.push_back({opened_as_, false, closing->trade_date, {}});
      if (lot.exit_date) unplaced_.push_back({opened_as_, true, *lot.exit_date, {}});
    } else {
      Lot& next = made.front();
      next.closings.assign(closings, lot.closings.end());
      next.marks.assign(marks, lot.marks.end());
      next.exit_date = lot.exit_date;
      next.exit_price = lot.exit_price;
    }
    lot.closings.erase(closings, lot.closings.end());
    lot.marks.erase(marks, lot.marks.end());
  }

  const CorporateActions& actions_;
  std::vector<Lot>& done_;
  std::vector<UnplacedClosing>& unplaced_;
  Uuid opened_as_;
  std::vector<Live> live_;
  std::vector<Closing> named_;
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

ClosableQuantities::ClosableQuantities(const std::vector<Lot>& lots, const CorporateActions& actions)
    : lots_(lots), actions_(actions) {
  for (std::size_t i = 0; i < lots.size(); ++i)
    if (lots[i].is_spun_off()) spun_off_[{lots[i].origin->from, lots[i].entry_date}].push_back(i);
}

double ClosableQuantities::of(std::size_t lot, Date day) const {
  const Lot& held = lots_[lot];
  if (held.exit_date && !held.is_converted()) return 0;
  const double converted =
      OpenQuantity(held, actions_).as_entered(held.is_converted() ? *held.exit_date - one_day : Date::max());
  double open = converted;
  // What it became was made of all that was open then: of as much as is left of that.
  const auto limit = [&](std::size_t made) {
    if (open > 0) open = std::min(open, converted * of(made, lots_[made].entry_date) / lots_[made].quantity);
  };
  if (held.is_converted()) {
    if (held.next) limit(*held.next);
    if (const auto found = spun_off_.find({held.id, *held.exit_date}); found != spun_off_.end())
      for (const std::size_t made : found->second) limit(made);
  }
  return CorporateActions::quantity_ratio(actions_.splits(held.symbol), held.entry_date, day)
      .to_new_shares(std::copysign(open, held.quantity));
}

}  // namespace pb::core
