#include "engine/lineage.hpp"

#include <set>
#include <utility>

#include "core/error.hpp"
#include "core/text/json.hpp"
#include "engine/context.hpp"
#include "engine/input_digest.hpp"
#include "store/calendar_store.hpp"

namespace pb::engine {

using core::Date;
using store::Lineage;

namespace {

// One side of a comparison.
struct Side {
  std::string label;  // the date, or now
  std::string code_version;
  std::optional<store::Settings> settings;  // none where they are not recorded any more
  PartDigests parts;
  std::map<std::string, std::optional<std::int64_t>> symbols;
};

// A date of years ago must not need the memory that was allowed then.
store::Settings settings_of_run(const store::Store& store, const Lineage& lineage) {
  store::Settings settings = store::settings_from_record(lineage.settings, store.settings());
  settings.max_memory_bytes = store.settings().max_memory_bytes;
  return settings;
}

Side stored_side(const store::Store& store, const Lineage& lineage) {
  if (!lineage.digest || lineage.parts.size() != input_parts.size())
    throw core::Error(core::sqlstate::object_not_ready,
                      "it is not known what portfolio " + to_string(lineage.portfolio_id) + " was computed from on " +
                          core::to_iso(lineage.day),
                      "The risk phase has not run for the date, or an engine was called by hand since.",
                      "Run the date again: SELECT run_daily_batch('" + core::to_iso(lineage.day) + "').");
  Side side;
  side.label = core::to_iso(lineage.day);
  side.code_version = lineage.code_version;
  if (!lineage.settings.empty()) side.settings = settings_of_run(store, lineage);
  for (const InputPartText& text : input_parts)
    side.parts[text.part] = lineage.parts[static_cast<std::size_t>(text.part)];
  for (const auto& [name, symbol] : lineage.symbols) side.symbols[name] = symbol.digest;
  return side;
}

Side current_side(const store::Store& store, const Lineage& lineage) {
  Context context(store.with_settings(settings_of_run(store, lineage)), {lineage.portfolio_id}, lineage.day,
                  lineage.day);
  const store::Portfolio& portfolio = *store::find_portfolio(context.book(), lineage.portfolio_id);
  if (const auto problem = context.problem(portfolio, lineage.day))
    throw core::Error(problem->sqlstate, problem->message, problem->detail, problem->hint);
  InputDigests& digests = context.digests();
  Side side;
  side.label = "now";
  side.code_version = PB_VERSION;
  side.settings = store.settings();
  side.parts = digests.of_portfolio(lineage.day, portfolio).parts;
  side.parts[InputPart::settings] = InputDigests::of_settings(store.settings());
  std::set<std::string> symbols = digests.held_symbols(lineage.day, portfolio);
  symbols.merge(digests.factor_symbols());
  for (const std::string& symbol : symbols)
    side.symbols[symbol] = digests.of_prices(lineage.day, context.market().panel.column(symbol).value());
  return side;
}

std::string changed_settings(const Side& stored, const Side& other) {
  if (!stored.settings || !other.settings) return "the run has no record of its settings any more";
  const auto values = [](const Side& side) {
    return store::texts_of(store::settings_as_json(settings_of_results(*side.settings)));
  };
  const store::SettingTexts after = values(other);
  std::string text;
  for (const auto& [name, value] : values(stored))
    if (const std::string& changed = after.at(name); changed != value)
      text.append(text.empty() ? "" : ", ").append(name).append(" ").append(value).append(" -> ").append(changed);
  return text.empty() ? "method of the estimators" : text;
}

class Comparison {
 public:
  Comparison(const Side& stored, const Side& other, bool same_date)
      : stored_(stored), other_(other), same_date_(same_date) {}

  std::vector<InputDifference> run() {
    compare_code();
    for (const InputPartText& part : input_parts) compare_part(part);
    compare_symbols();
    return std::move(differences_);
  }

 private:
  void compare_code() {
    if (stored_.code_version.empty() || other_.code_version.empty() || stored_.code_version == other_.code_version)
      return;
    differences_.push_back(
        {"code", "version", std::nullopt, std::nullopt, stored_.code_version + " -> " + other_.code_version});
  }

  void compare_part(const InputPartText& part) {
    const std::int64_t stored = stored_.parts[part.part];
    const std::int64_t other = other_.parts[part.part];
    if (stored == other) return;
    std::string remark = same_date_ || part.of_date == nullptr ? "" : part.of_date;
    if (part.part == InputPart::settings) remark = changed_settings(stored_, other_);
    differences_.push_back({"input", part.name, stored, other, std::move(remark)});
  }

  void compare_symbols() {
    std::set<std::string> names;
    for (const auto& side : {stored_.symbols, other_.symbols})
      for (const auto& [name, digest] : side) names.insert(name);
    bool any = false;
    for (const std::string& name : names) any = compare_symbol(name) || any;
    if (!any && stored_.parts[InputPart::prices] != other_.parts[InputPart::prices])
      for (const std::string& name : names) name_symbol_without_digest(name);
  }

  // Whether it differs.
  bool compare_symbol(const std::string& name) {
    const auto stored = stored_.symbols.find(name);
    const auto other = other_.symbols.find(name);
    if (other == other_.symbols.end())
      differences_.push_back({"symbol", name, stored->second, std::nullopt, "only " + on(stored_)});
    else if (stored == stored_.symbols.end())
      differences_.push_back({"symbol", name, std::nullopt, other->second, "only " + on(other_)});
    else if (stored->second && other->second && *stored->second != *other->second)
      differences_.push_back({"symbol", name, stored->second, other->second, same_date_ ? "" : "price window"});
    else
      return false;
    return true;
  }

  // Prices differ, and not those of a symbol whose digest is stored: so one of the others.
  void name_symbol_without_digest(const std::string& name) {
    const auto stored = stored_.symbols.find(name);
    const auto other = other_.symbols.find(name);
    if (stored == stored_.symbols.end() || other == other_.symbols.end() || (stored->second && other->second)) return;
    differences_.push_back({"symbol", name, stored->second, other->second, "possibly: no digest is stored"});
  }

  static std::string on(const Side& side) { return side.label == "now" ? side.label : "on " + side.label; }

  const Side& stored_;
  const Side& other_;
  bool same_date_;
  std::vector<InputDifference> differences_;
};

}  // namespace

Date first_day_in_reach(const store::Store& store, const Lineage& lineage) {
  const Inputs inputs(store.with_settings(settings_of_run(store, lineage)), {lineage.portfolio_id}, lineage.day,
                      lineage.day);
  const core::Sessions sessions =
      store::load_sessions_with_lookback(inputs.store(), lineage.day, lineage.day, inputs.lookback_sessions());
  return sessions.empty() ? lineage.day : sessions[0];
}

std::vector<InputDifference> differences_from_now(const store::Store& store, const Lineage& stored) {
  const Side before = stored_side(store, stored);
  return Comparison(before, current_side(store, stored), true).run();
}

std::vector<InputDifference> differences(const store::Store& store, const Lineage& stored, const Lineage& other) {
  const Side before = stored_side(store, stored);
  return Comparison(before, stored_side(store, other), stored.day == other.day).run();
}

}  // namespace pb::engine
