// Yahoo's chart: daily bars with splits, dividends and distributions of capital gains.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <utility>

#include "collect/provider/symbols.hpp"
#include "collect/provider/yahoo.hpp"

namespace pb::collect::yahoo {

namespace {

constexpr const char* chart_exchange_zone = "America/New_York";
constexpr double chart_most_adjustment = 1.5;
constexpr int chart_amount_decimals = 6;

class ChartDialogue final : public SymbolDialogue {
 public:
  ChartDialogue(SharedPointer shared, const Query& asked)
      : SymbolDialogue(std::move(shared), asked, NeedsSession::no) {}

 private:
  std::string path() const override {
    // Days elsewhere begin and end at other times; what is not of the sessions asked for is left out afterwards.
    const auto symbol_class = class_of(query.instruments.front().symbol);
    const bool is_here = symbol_class == SymbolClass::equity || symbol_class == SymbolClass::fund ||
                         symbol_class == SymbolClass::option || symbol_class == SymbolClass::index;
    const std::chrono::days around{is_here ? 0 : 1};
    return "/v8/finance/chart/" + symbol_there() + "?period1=" + std::to_string(start_of(query.from - around)) +
           "&period2=" + std::to_string(start_of(last_asked(symbol_class) + around + std::chrono::days{1})) +
           "&interval=1d&includePrePost=false&events=div%2Csplits%2CcapitalGains";
  }

  // Through today: dividends are divided by every split since, also by those after the days that are wanted.
  core::Date last_asked(std::optional<SymbolClass> symbol_class) const {
    if (symbol_class == SymbolClass::option) return query.to;
    return std::max(query.to, utc_day(configuration().now).value_or(query.to));
  }

  std::int64_t start_of(core::Date day) const {
    const auto& here = configuration();
    const auto start = here.start_of_day ? here.start_of_day(day, chart_exchange_zone) : std::nullopt;
    return start.value_or(std::chrono::seconds(day.time_since_epoch()).count());
  }

  std::optional<core::Date> local(std::optional<std::int64_t> instant) const {
    if (!utc_day(instant) || !configuration().local_date) return std::nullopt;
    return configuration().local_date(*instant, zone_);
  }

  Ending read_tree(const JsonTree& tree) override {
    const JsonTree& chart = tree["chart"];
    const JsonTree& results = chart["result"];
    if (!results.is_array() || results.elements().empty()) {
      if (!symbol(0).text.empty()) return {Outcome::no_data, symbol(0).text};
      return {Outcome::malformed, "an answer without chart and result"};
    }
    const JsonTree& result = results.elements().front();
    const JsonTree& meta = result["meta"];
    market::PriceSeries& prices = symbol(0).prices;
    zone_ = meta["exchangeTimezoneName"].text().value_or("");
    unit_ = price_unit(meta["currency"].text().value_or(""));
    prices.currency = unit_.currency;
    prices.is_split_adjusted = true;
    prices.market_time = meta["regularMarketTime"].integer();
    // No time stamps: there are no bars, whatever else there is.
    const JsonTree& stamps = result["timestamp"];
    if (!stamps.is_empty() && !local(configuration().now))
      return {Outcome::malformed, "the time zone \"" + plain_words(zone_, {}) + "\" is not known"};
    if (Ending ending = read_bars(stamps, result["indicators"]); ending.outcome != Outcome::ok) return ending;
    read_events(result["events"]);
    return {};
  }

  Ending read_bars(const JsonTree& stamps, const JsonTree& indicators) {
    const auto& times = stamps.elements();
    if (times.empty()) return {};
    const auto& quotes = indicators["quote"].elements();
    if (quotes.empty() || !quotes[0].is_object()) return {Outcome::malformed, "time stamps without prices"};
    const JsonTree& quote = quotes[0];
    const auto& adjusted_in = indicators["adjclose"].elements();
    const JsonTree& adjusted = adjusted_in.empty() ? quote["no such member"] : adjusted_in[0]["adjclose"];
    for (const JsonTree* column : {&quote["open"], &quote["high"], &quote["low"], &quote["close"], &quote["volume"]})
      if (column->is_array() && column->elements().size() != times.size())
        return {Outcome::malformed, "as many prices as time stamps were to be expected"};
    if (adjusted.is_array() && adjusted.elements().size() != times.size())
      return {Outcome::malformed, "as many adjusted prices as time stamps were to be expected"};
    if (!quote["close"].is_array()) return {Outcome::malformed, "time stamps without closing prices"};
    std::vector<market::Bar> bars;
    std::optional<core::Date> without_close;
    for (std::size_t i : by_time(times)) {
      const auto day = local(times[i].integer());
      if (!day) return {Outcome::malformed, "a time stamp that is no time"};
      if (*day < query.from || *day > query.to) continue;
      market::Bar bar = bar_at(quote, adjusted, i, *day);
      if (bar.close)
        bars.push_back(bar);
      else
        without_close = std::max(without_close.value_or(*day), *day);
    }
    // The newest day without a close yet is told; holes before are none of ours.
    if (without_close && (bars.empty() || bars.back().date < *without_close)) bars.push_back({*without_close});
    symbol(0).prices.bars = std::move(bars);
    return {};
  }

  // Of two rows of one day the last in time is kept; of one time, the last in the answer.
  static std::vector<std::size_t> by_time(const std::vector<JsonTree>& times) {
    std::vector<std::pair<std::int64_t, std::size_t>> order;
    for (std::size_t i = 0; i < times.size(); ++i) order.emplace_back(times[i].integer().value_or(0), i);
    std::sort(order.begin(), order.end());
    std::vector<std::size_t> result;
    result.reserve(order.size());
    for (const auto& [time, i] : order) result.push_back(i);
    return result;
  }

  std::optional<double> price_at(const JsonTree& column, std::size_t i) const {
    if (!column.is_array()) return std::nullopt;
    const auto said = column.elements()[i].number();
    return said ? std::optional(price(*said, unit_.is_hundredths)) : std::nullopt;
  }

  market::Bar bar_at(const JsonTree& quote, const JsonTree& adjusted, std::size_t i, core::Date day) const {
    market::Bar bar{day};
    bar.open = price_at(quote["open"], i);
    bar.high = price_at(quote["high"], i);
    bar.low = price_at(quote["low"], i);
    bar.close = price_at(quote["close"], i);
    if (quote["volume"].is_array()) bar.volume = volume_in(quote["volume"].elements()[i]);
    if (!adjusted.is_array()) {
      bar.adj_close = bar.close;
      return bar;
    }
    bar.adj_close = price_at(adjusted, i);
    // Wrong dividends make it infinite or absurd.
    const bool is_good =
        bar.adj_close && bar.close && *bar.adj_close > 0 && *bar.adj_close <= chart_most_adjustment * *bar.close;
    if (!is_good) bar.adj_close.reset();
    return bar;
  }

  void read_events(const JsonTree& events) {
    auto& actions = symbol(0).actions;
    std::vector<market::Action> splits;
    for (const JsonTree* event : events["splits"].values()) {
      const auto day = local((*event)["date"].integer());
      const auto numerator = event_number(*event, "numerator", 0), denominator = event_number(*event, "denominator", 1);
      if (day && numerator && denominator && *numerator > 0 && *denominator > 0 && *numerator != *denominator)
        splits.push_back({*day, "split", numerator, denominator, {}});
    }
    for (const char* name : {"dividends", "capitalGains"})
      for (const JsonTree* event : events[name].values()) {
        const auto day = day_of(*event);
        const auto amount = (*event)["amount"].number();
        if (day && amount && *amount > 0) add_dividend(*day, *amount, (*event)["currency"].text());
      }
    for (market::Action& dividend : actions) dividend.amount = as_paid(dividend, splits);
    std::copy_if(splits.begin(), splits.end(), std::back_inserter(actions),
                 [&](const market::Action& split) { return is_wanted(split.ex_date); });
    std::stable_sort(actions.begin(), actions.end(),
                     [](const market::Action& a, const market::Action& b) { return a.ex_date < b.ex_date; });
  }

  // What is paid on one day is one dividend. One in another currency than the prices cannot be told apart from theirs.
  void add_dividend(core::Date day, double said, const std::optional<std::string>& currency) {
    const PriceUnit unit = currency ? price_unit(*currency) : unit_;
    if (!unit_.currency.empty() && unit.currency != unit_.currency) {
      symbol(0).text = "dividends in " + plain_words(unit.currency, {}) + " were left out";
      return;
    }
    const double amount = price(said, unit.is_hundredths);
    auto& actions = symbol(0).actions;
    const auto same = std::find_if(actions.begin(), actions.end(), [&](const market::Action& action) {
      return action.ex_date == day && action.kind == "dividend";
    });
    if (same != actions.end())
      same->amount = *same->amount + amount;
    else
      actions.push_back({day, "dividend", {}, {}, amount});
  }

  // Yahoo divides a dividend by the splits since. Its amounts have six decimals, of which those that the division has
  // left uncertain are rounded away, so that the amount is the same before a split and after it.
  static double as_paid(const market::Action& dividend, const std::vector<market::Action>& splits) {
    double ratio = 1;
    for (const market::Action& split : splits)
      if (split.ex_date > dividend.ex_date) ratio *= *split.numerator / *split.denominator;
    if (ratio == 1) return *dividend.amount;
    const int decimals = chart_amount_decimals - static_cast<int>(std::ceil(std::max(0.0, std::log10(ratio))));
    const double scale = std::pow(10.0, decimals), paid = *dividend.amount * ratio;
    const double rounded = std::round(paid * scale) / scale;
    return rounded > 0 ? rounded : paid;
  }

  bool is_wanted(core::Date day) const { return day >= query.from && day <= query.to; }

  std::optional<core::Date> day_of(const JsonTree& event) const {
    const auto day = local(event["date"].integer());
    return day && is_wanted(*day) ? day : std::nullopt;
  }

  // From its member, or else from the ratio, such as 4:1.
  static std::optional<double> event_number(const JsonTree& event, const char* name, int part) {
    if (const auto said = event[name].number()) return said;
    const std::string ratio = event["splitRatio"].text().value_or("");
    const auto colon = ratio.find_first_of(":/");
    if (colon == std::string::npos) return std::nullopt;
    return number_in(part == 0 ? ratio.substr(0, colon) : ratio.substr(colon + 1));
  }

  void finish() override {
    Dialogue::finish();
    if (query.kind != Kind::corporate_actions) return;
    symbol(0).prices = {};
    if (symbol(0).outcome == Outcome::ok && symbol(0).actions.empty()) symbol(0).outcome = Outcome::no_data;
  }

  std::string zone_;
  PriceUnit unit_;
};

}  // namespace

std::unique_ptr<Conversation> ask_chart(const SharedPointer& shared, const Query& query) {
  return std::make_unique<ChartDialogue>(shared, query);
}

}  // namespace pb::collect::yahoo
