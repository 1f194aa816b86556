#include "pg/settings.hpp"

#include "core/error.hpp"
#include "pg/guard.hpp"
#include "pg/server.hpp"

namespace pb::pg {

namespace {

// What the server writes when a setting changes.
union Value {
  int whole;
  double real;
  bool is_on;
  char* text;
};

// Never freed: the server keeps pointers into it to the end of the process.
struct Defined {
  std::vector<Setting> settings;
  std::vector<std::vector<config_enum_entry>> words;
  std::string prefix;
  std::string library;      // that defines them, where another one does
  Value* values = nullptr;  // by index; of another library: once it has been loaded
};

Defined& defined() {
  static auto* all = new Defined;
  return *all;
}

// The place in this process where modules of one version leave and find the values.
std::string place_of_values() { return defined().prefix + " " PB_VERSION " settings"; }

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
// Which C++20 need not be told, but clang 14 does.
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

void define(std::size_t index) {
  Defined& all = defined();
  const Setting& setting = all.settings[index];
  const char* name = setting.name;
  const char* text = setting.text;
  Value& value = all.values[index];
  const GucContext context = setting.access == Access::everybody ? PGC_USERSET : PGC_SUSET;
  const int flags = setting.access == Access::superuser_only ? GUC_SUPERUSER_ONLY : 0;
  const auto whole = [&](int initial, int minimum, int maximum, int unit) {
    DefineCustomIntVariable(name, text, nullptr, &value.whole, initial, minimum, maximum, context, unit | flags,
                            nullptr, nullptr, nullptr);
  };
  std::visit(
      Overloaded{[&](const WholeNumber& k) { whole(k.initial, k.minimum, k.maximum, k.in_minutes ? GUC_UNIT_MIN : 0); },
                 [&](const Memory& k) { whole(k.initial_kb, k.minimum_kb, MAX_KILOBYTES, GUC_UNIT_KB); },
                 [&](const RealNumber& k) {
                   DefineCustomRealVariable(name, text, nullptr, &value.real, k.initial, k.minimum, k.maximum, context,
                                            flags, nullptr, nullptr, nullptr);
                 },
                 [&](const Switch& k) {
                   DefineCustomBoolVariable(name, text, nullptr, &value.is_on, k.initial, context, flags, nullptr,
                                            nullptr, nullptr);
                 },
                 [&](const FreeText& k) {
                   DefineCustomStringVariable(name, text, nullptr, &value.text, k.initial, context, flags, nullptr,
                                              nullptr, nullptr);
                 },
                 [&](const Choice& k) {
                   auto& words = all.words.emplace_back();
                   for (std::size_t i = 0; i < k.words.size(); ++i)
                     words.push_back({k.words[i], static_cast<int>(i), false});
                   words.push_back({nullptr, 0, false});
                   DefineCustomEnumVariable(name, text, nullptr, &value.whole, 0, words.data(), context, flags, nullptr,
                                            nullptr, nullptr);
                 }},
      setting.kind);
}

// The values of the module that defined the settings, which is loaded for that.
void find_values() {
  Defined& all = defined();
  const std::string place = place_of_values();
  pg_call([&] {
    // Unlike LOAD, this knows each way in which servers look for the library of a function.
    load_external_function(all.library.c_str(), "_PG_init", true, nullptr);
    all.values = static_cast<Value*>(*find_rendezvous_variable(place.c_str()));
  });
  if (all.values == nullptr)
    throw core::Error(core::sqlstate::object_not_ready,
                      "library \"" + all.library + "\" is not of version " PB_VERSION " in this session",
                      "Both libraries of the extension must be of one version. Nothing was done.",
                      "Connect again; if that does not help, install both libraries anew.");
}

}  // namespace

void define_settings(std::span<const Setting> settings, const char* prefix) {
  Defined& all = defined();
  all.settings.assign(settings.begin(), settings.end());
  all.prefix = prefix;
  all.values = new Value[settings.size()]();
  for (std::size_t i = 0; i < settings.size(); ++i) define(i);
  MarkGUCPrefixReserved(prefix);
  *find_rendezvous_variable(place_of_values().c_str()) = all.values;
}

void share_settings(std::span<const Setting> settings, const char* prefix, const char* library) {
  Defined& all = defined();
  all.settings.assign(settings.begin(), settings.end());
  all.prefix = prefix;
  all.library = library;
}

SettingValue setting_value(std::size_t index) {
  if (defined().values == nullptr) find_values();
  const Setting& setting = defined().settings[index];
  const Value& value = defined().values[index];
  return std::visit(
      Overloaded{
          [&](const WholeNumber&) -> SettingValue { return value.whole; },
          [&](const Memory&) -> SettingValue { return static_cast<std::size_t>(value.whole) * 1024; },
          [&](const RealNumber&) -> SettingValue { return value.real; },
          [&](const Switch&) -> SettingValue { return value.is_on; },
          [&](const FreeText&) -> SettingValue { return std::string(value.text != nullptr ? value.text : ""); },
          [&](const Choice& k) -> SettingValue { return std::string(k.words[static_cast<std::size_t>(value.whole)]); }},
      setting.kind);
}

}  // namespace pb::pg
