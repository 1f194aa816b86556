#include "core/portfolio/price_panel.hpp"

#include <cmath>
#include <utility>

#include "core/limits.hpp"
#include "core/portfolio/ranges.hpp"

namespace pb::core {

namespace {

// A close in shares of its own day, whatever basis it was stored in.
double close_as_traded(const PriceRow& row, const std::string& symbol, const CorporateActions& actions) {
  return row.split_adjusted ? actions.later_split_ratio(symbol, row.date).to_old_price(row.close) : row.close;
}

}  // namespace

PricePanel::PricePanel(Sessions sessions, std::vector<std::string> symbols, Poll poll)
    : sessions_(std::move(sessions)),
      symbols_(std::move(symbols)),
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

void PricePanel::set(int column, const PriceRow& row, const CorporateActions& actions) {
  const double close = close_as_traded(row, symbols_[static_cast<std::size_t>(column)], actions);
  if (!is_price(row.close) || !is_price(close) || !(std::isnan(row.adjusted_close) || is_price(row.adjusted_close)))
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
  if (!is_price(row.close) || !is_price(close)) return leave_out(column, row.date);
  earlier_[column] = {row.date, close};
}

void PricePanel::finish(const CorporateActions& actions, Poll poll) {
  for (Eigen::Index column = 0; column < close_.cols(); ++column) {
    poll();
    const std::string& symbol = symbols_[static_cast<std::size_t>(column)];
    const bool has_actions = actions.has_any(symbol);
    double* adjusted = returns_.col(column).data();
    const double* close = close_.col(column).data();
    for (int t = sessions_.size() - 1; t > 0; --t) {
      const bool now_adjusted = !std::isnan(adjusted[t]);
      const bool before_adjusted = !std::isnan(adjusted[t - 1]);
      if (now_adjusted && before_adjusted) {
        adjusted[t] = adjusted[t] / adjusted[t - 1] - 1;
      } else if (now_adjusted != before_adjusted && !std::isnan(close[t]) && !std::isnan(close[t - 1])) {
        // An adjusted price against an unadjusted one is a change of basis, not a return.
        adjusted[t] = nan;
      } else if (!has_actions) {
        adjusted[t] = close[t] / close[t - 1] - 1;
      } else {
        double value = actions.split_ratio(symbol, sessions_[t - 1], sessions_[t]).to_old_price(close[t]);
        for (const auto& dividend : actions.dividends(symbol))
          if (dividend.ex_date > sessions_[t - 1] && dividend.ex_date <= sessions_[t]) value += dividend.amount;
        adjusted[t] = value / close[t - 1] - 1;
      }
      if (std::isnan(adjusted[t]) || is_price_change(adjusted[t] + 1)) continue;
      adjusted[t] = nan;
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
  if (const auto found = earlier_.find(column); found != earlier_.end()) consider(found->second);
  if (!best) return std::nullopt;
  const std::string& symbol = symbols_[static_cast<std::size_t>(column)];
  const double price = actions.split_ratio(symbol, best->date, day).to_new_price(best->price);
  if (!is_price(price)) return std::nullopt;
  return Mark{price, best->date, sessions_.age(best->date, day)};
}

}  // namespace pb::core
