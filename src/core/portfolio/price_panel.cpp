#include "core/portfolio/price_panel.hpp"

#include <cmath>
#include <utility>

#include "core/limits.hpp"
#include "core/portfolio/ranges.hpp"

namespace pb::core {

namespace {

// A close in shares of its own day, whatever basis it was stored in. Where there are splits after the day, and nobody
// knows whether the row was fetched before them, it has none.
double close_as_traded(const PriceRow& row, const std::string& symbol, const CorporateActions& actions) {
  if (!row.split_adjusted) return row.close;
  if (row.fetched_at) return actions.divided_out(symbol, row.date, *row.fetched_at).to_old_price(row.close);
  return actions.has_split_after(symbol, row.date) ? nan : row.close;
}

// Whether a move of adjusted closes is that of a split that nobody divided out. A move of more than half of the split,
// in logarithms, is nearer to the split than to none. Closes, which have the split, move likewise when it is real.
bool is_jump_of_split(double adjusted, double closes, const SplitRatio& ratio) {
  const double half = std::fabs(std::log(ratio.new_shares / ratio.old_shares)) / 2;
  return half > 0 && std::fabs(std::log(adjusted)) > half && std::fabs(std::log(adjusted / closes)) > half;
}

}  // namespace

PricePanel::PricePanel(Sessions sessions, std::vector<std::string> symbols, Poll poll)
    : sessions_(std::move(sessions)),
      symbols_(std::move(symbols)),
      may_be_worthless_(symbols_.size(), false),
      close_(sessions_.size(), static_cast<Eigen::Index>(symbols_.size())),
      returns_(close_.rows(), close_.cols()) {
  for (Eigen::Index column = 0; column < close_.cols(); ++column) {
    poll();
    close_.col(column).setConstant(nan);
    returns_.col(column).setConstant(nan);
  }
  columns_.reserve(symbols_.size());
  for (std::size_t i = 0; i < symbols_.size(); ++i) columns_.emplace(symbols_[i], static_cast<int>(i));
}

std::optional<int> PricePanel::column(std::string_view symbol) const {
  const auto found = columns_.find(symbol);
  return found == columns_.end() ? std::nullopt : std::optional(found->second);
}

bool PricePanel::is_price_of(int column, double price) const {
  return is_price(price) || (price == 0 && may_be_worthless_[static_cast<std::size_t>(column)]);
}

void PricePanel::set(int column, const PriceRow& row, const CorporateActions& actions) {
  const double close = close_as_traded(row, symbols_[static_cast<std::size_t>(column)], actions);
  const bool is_adjusted = !std::isnan(row.adjusted_close);
  if (!is_price_of(column, row.close) || !is_price_of(column, close) ||
      (is_adjusted && !is_price_of(column, row.adjusted_close)))
    return leave_out(column, row.date);
  // Rows come date by date or symbol by symbol, so the session is mostly that of the row before, or the next one.
  if (session_ >= sessions_.size() || sessions_[session_] != row.date) {
    const bool is_next = session_ + 1 < sessions_.size() && sessions_[session_ + 1] == row.date;
    session_ = is_next ? session_ + 1 : sessions_.index(row.date).value_or(sessions_.size());
  }
  if (session_ < sessions_.size()) {
    close_(session_, column) = close;
    returns_(session_, column) = row.adjusted_close;
  } else {
    off_session_[column].push_back({row.date, close});
  }
}

void PricePanel::set_earlier(int column, const PriceRow& row, const CorporateActions& actions) {
  const double close = close_as_traded(row, symbols_[static_cast<std::size_t>(column)], actions);
  if (!is_price_of(column, row.close) || !is_price_of(column, close)) return leave_out(column, row.date);
  off_session_[column].push_back({row.date, close});
}

double PricePanel::return_of_closes(int session, int column, const CorporateActions& actions) const {
  const std::string& symbol = symbols_[static_cast<std::size_t>(column)];
  const Date before = sessions_[session - 1];
  const Date day = sessions_[session];
  double value = actions.split_ratio(symbol, before, day).to_old_price(close_(session, column));
  for (const auto& dividend : actions.dividends(symbol))
    if (dividend.ex_date > before && dividend.ex_date <= day) value += dividend.amount;
  return value / close_(session - 1, column) - 1;
}

double PricePanel::return_of_adjusted(int session, int column, const CorporateActions& actions) {
  const double ratio = returns_(session, column) / returns_(session - 1, column);
  const SplitRatio split =
      actions.split_ratio(symbols_[static_cast<std::size_t>(column)], sessions_[session - 1], sessions_[session]);
  if (!is_jump_of_split(ratio, 1 + return_of_closes(session, column, actions), split)) return ratio - 1;
  split_jumps_[column].push_back({sessions_[session], split, ratio - 1});
  return nan;
}

void PricePanel::finish(const CorporateActions& actions, Poll poll) {
  for (Eigen::Index column = 0; column < close_.cols(); ++column) {
    poll();
    const bool has_actions = actions.has_any(symbols_[static_cast<std::size_t>(column)]);
    double* adjusted = returns_.col(column).data();
    const double* close = close_.col(column).data();
    for (int t = sessions_.size() - 1; t > 0; --t) {
      const bool now_adjusted = !std::isnan(adjusted[t]);
      const bool before_adjusted = !std::isnan(adjusted[t - 1]);
      if (now_adjusted && before_adjusted) {
        adjusted[t] =
            has_actions ? return_of_adjusted(t, static_cast<int>(column), actions) : adjusted[t] / adjusted[t - 1] - 1;
      } else if (now_adjusted != before_adjusted && !std::isnan(close[t]) && !std::isnan(close[t - 1])) {
        // An adjusted price against an unadjusted one is a change of basis, not a return.
        adjusted[t] = nan;
      } else if (!has_actions) {
        adjusted[t] = close[t] / close[t - 1] - 1;
      } else {
        adjusted[t] = return_of_closes(t, static_cast<int>(column), actions);
      }
      if (std::isnan(adjusted[t]) || is_price_change(adjusted[t] + 1)) continue;
      adjusted[t] = nan;
      if (may_be_worthless_[static_cast<std::size_t>(column)] && (close[t] == 0 || close[t - 1] == 0)) continue;
      leave_out(static_cast<int>(column), sessions_[t]);
    }
    if (!sessions_.empty()) adjusted[0] = nan;
  }
}

std::optional<Date> PricePanel::newest_left_out(int column, Date day) const {
  std::optional<Date> newest;
  if (const auto found = left_out_.find(column); found != left_out_.end())
    for (const Date date : found->second)
      if (date <= day && (!newest || date > *newest)) newest = date;
  return newest;
}

const std::vector<SplitJump>& PricePanel::split_jumps(int column) const {
  static const std::vector<SplitJump> none;
  const auto found = split_jumps_.find(column);
  return found == split_jumps_.end() ? none : found->second;
}

const SplitJump* PricePanel::newest_split_jump(int column, Date day) const {
  for (const SplitJump& jump : split_jumps(column))
    if (jump.session <= day) return &jump;
  return nullptr;
}

std::optional<Mark> PricePanel::mark_asof(int column, Date day, const CorporateActions& actions) const {
  std::optional<OffSessionMark> best;
  const auto consider = [&](const OffSessionMark& mark) {
    if (mark.date <= day && (!best || mark.date > best->date)) best = mark;
  };
  for (int t = sessions_.count_through(day) - 1; t >= 0; --t) {
    if (std::isnan(close_(t, column))) continue;
    consider({sessions_[t], close_(t, column)});
    break;
  }
  if (const auto found = off_session_.find(column); found != off_session_.end())
    for (const OffSessionMark& mark : found->second) consider(mark);
  if (!best) return std::nullopt;
  const std::string& symbol = symbols_[static_cast<std::size_t>(column)];
  const double price = actions.split_ratio(symbol, best->date, day).to_new_price(best->price);
  if (!is_price_of(column, price)) return std::nullopt;
  return Mark{price, best->date, sessions_.age(best->date, day)};
}

}  // namespace pb::core
