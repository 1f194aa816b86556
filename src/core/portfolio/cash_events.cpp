#include "core/portfolio/cash_events.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace pb::core {

namespace {

// Matches the dividends that the account reports with those that were counted on their ex-dates.
class DividendMatcher {
 public:
  DividendMatcher(std::span<const Lot> lots, std::optional<Date> opening, const CorporateActions& actions)
      : lots_(lots), opening_(opening), actions_(actions) {}

  // What was counted of the dividend that the event is of, and counts as matched from now on.
  long double take(const CashEvent& event, std::optional<std::size_t> lot) {
    const std::vector<std::size_t> subjects = lot ? position_of(*lot) : lots_of(event.symbol);
    if (event.ex_date) return take_all(subjects, *event.ex_date);
    constexpr std::chrono::days oldest{100};
    std::set<Date> ex_dates;
    for (const std::size_t i : subjects)
      for (const auto& dividend : actions_.dividends(lots_[i].symbol))
        if (dividend.ex_date <= event.date && event.date - dividend.ex_date <= oldest)
          ex_dates.insert(dividend.ex_date);
    for (const Date ex_date : ex_dates)
      if (const long double counted = take_all(subjects, ex_date); counted != 0) return counted;
    return 0;
  }

 private:
  // The lot and what corporate actions made of it.
  std::vector<std::size_t> position_of(std::size_t lot) const {
    std::vector<std::size_t> found;
    for (std::optional<std::size_t> i = lot; i; i = lots_[*i].next) found.push_back(*i);
    return found;
  }

  std::vector<std::size_t> lots_of(const std::string& symbol) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < lots_.size(); ++i)
      if (lots_[i].symbol == symbol && !lots_[i].is_option()) found.push_back(i);
    return found;
  }

  long double take_all(const std::vector<std::size_t>& subjects, Date ex_date) {
    long double counted = 0;
    if (opening_ && ex_date <= *opening_) return counted;
    for (const std::size_t i : subjects) {
      if (taken_.contains({i, ex_date})) continue;
      const auto open = open_.try_emplace(i, lots_[i], actions_).first;
      const long double of_lot = dividend_of_lot(lots_[i], ex_date, open->second, actions_);
      if (of_lot != 0) taken_.emplace(i, ex_date);
      counted += of_lot;
    }
    return counted;
  }

  std::span<const Lot> lots_;
  std::optional<Date> opening_;
  const CorporateActions& actions_;
  std::set<std::pair<std::size_t, Date>> taken_;
  std::map<std::size_t, OpenQuantity> open_;
};

}  // namespace

std::optional<CashKind> cash_kind(std::string_view word) {
  // In the order of the enumeration.
  constexpr std::array<std::string_view, 8> words{"FEE",         "COMMISSION", "INTEREST", "DIVIDEND",
                                                  "WITHHOLDING", "BORROW",     "TAX",      "OTHER"};
  static_assert(words.size() == static_cast<std::size_t>(CashKind::other) + 1);
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return std::nullopt;
  return static_cast<CashKind>(found - words.begin());
}

long double dividend_of_lot(const Lot& lot, Date ex_date, const OpenQuantity& open, const CorporateActions& actions) {
  if (lot.is_option() || ex_date <= lot.entry_date) return 0;
  long double amount = 0;
  for (const auto& dividend : actions.dividends(lot.symbol))
    if (dividend.ex_date == ex_date) amount += dividend.amount;
  if (amount == 0) return 0;
  return open.asof(ex_date - std::chrono::days(1)) * amount * lot.multiplier;
}

std::vector<BookedCash> booked_cash(std::span<const CashEvent> events, std::span<const Lot> lots, Date day,
                                    std::optional<Date> opening, const CorporateActions& actions) {
  std::vector<BookedCash> booked;
  if (events.empty()) return booked;
  std::map<Uuid, std::size_t> places;
  for (std::size_t i = 0; i < lots.size(); ++i) places.emplace(lots[i].id, i);
  DividendMatcher dividends(lots, opening, actions);
  for (const CashEvent& event : events) {
    if (event.date > day) continue;
    const auto place = event.position_id ? places.find(*event.position_id) : places.end();
    const bool has_lot = place != places.end() && lots[place->second].entry_date <= event.date;
    const std::optional<std::size_t> lot = has_lot ? std::optional(place->second) : std::nullopt;
    long double amount = to_amount(event.amount);
    if (event.kind == CashKind::dividend) amount -= dividends.take(event, lot);
    booked.push_back({&event, amount, lot});
  }
  return booked;
}

}  // namespace pb::core
