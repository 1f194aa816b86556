#include "pg/settings.hpp"

#include "pg/server.hpp"

namespace pb::pg {

namespace {

// A setting with what the server keeps a pointer to, and writes when the setting changes. Never freed: the server keeps
// the pointers to the end of the process.
struct Defined {
  Setting setting;
  union {
    int whole;
    double real;
    bool is_on;
    char* text;
  };
  std::vector<config_enum_entry> words;

  explicit Defined(const Setting& declared) : setting(declared), text(nullptr) {}
};

std::vector<std::unique_ptr<Defined>>& defined() {
  static auto* all = new std::vector<std::unique_ptr<Defined>>;
  return *all;
}

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
// Which C++20 need not be told, but clang 14 does.
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

void define_whole(Defined& d, int initial, int minimum, int maximum, int unit) {
  DefineCustomIntVariable(d.setting.name, d.setting.text, nullptr, &d.whole, initial, minimum, maximum, PGC_USERSET,
                          unit, nullptr, nullptr, nullptr);
}

void define_choice(Defined& d, const Choice& choice) {
  for (std::size_t i = 0; i < choice.words.size(); ++i)
    d.words.push_back({choice.words[i], static_cast<int>(i), false});
  d.words.push_back({nullptr, 0, false});
  DefineCustomEnumVariable(d.setting.name, d.setting.text, nullptr, &d.whole, 0, d.words.data(), PGC_USERSET, 0,
                           nullptr, nullptr, nullptr);
}

void define(Defined& d) {
  const char* name = d.setting.name;
  const char* text = d.setting.text;
  std::visit(
      Overloaded{[&](const WholeNumber& k) {
                   define_whole(d, k.initial, k.minimum, k.maximum, k.in_minutes ? GUC_UNIT_MIN : 0);
                 },
                 [&](const Memory& k) { define_whole(d, k.initial_kb, k.minimum_kb, MAX_KILOBYTES, GUC_UNIT_KB); },
                 [&](const RealNumber& k) {
                   DefineCustomRealVariable(name, text, nullptr, &d.real, k.initial, k.minimum, k.maximum, PGC_USERSET,
                                            0, nullptr, nullptr, nullptr);
                 },
                 [&](const Switch& k) {
                   DefineCustomBoolVariable(name, text, nullptr, &d.is_on, k.initial, PGC_USERSET, 0, nullptr, nullptr,
                                            nullptr);
                 },
                 [&](const FreeText& k) {
                   DefineCustomStringVariable(name, text, nullptr, &d.text, k.initial, PGC_USERSET, 0, nullptr, nullptr,
                                              nullptr);
                 },
                 [&](const Choice& k) { define_choice(d, k); }},
      d.setting.kind);
}

}  // namespace

void define_settings(std::span<const Setting> settings, const char* prefix) {
  for (const Setting& setting : settings) define(*defined().emplace_back(std::make_unique<Defined>(setting)));
  MarkGUCPrefixReserved(prefix);
}

SettingValue setting_value(std::size_t index) {
  const Defined& d = *defined()[index];
  return std::visit(
      Overloaded{
          [&](const WholeNumber&) -> SettingValue { return d.whole; },
          [&](const Memory&) -> SettingValue { return static_cast<std::size_t>(d.whole) * 1024; },
          [&](const RealNumber&) -> SettingValue { return d.real; },
          [&](const Switch&) -> SettingValue { return d.is_on; },
          [&](const FreeText&) -> SettingValue { return std::string(d.text != nullptr ? d.text : ""); },
          [&](const Choice& k) -> SettingValue { return std::string(k.words[static_cast<std::size_t>(d.whole)]); }},
      d.setting.kind);
}

}  // namespace pb::pg
