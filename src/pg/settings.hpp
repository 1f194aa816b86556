// Settings (GUCs) of a module: how it declares them, and their values at this moment.
#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace pb::pg {

struct WholeNumber {
  int initial, minimum, maximum;
  bool in_minutes = false;  // else a plain number
};

// An amount of memory: the server counts it in kB, its value is in bytes.
struct Memory {
  int initial_kb, minimum_kb;
};

struct RealNumber {
  double initial, minimum, maximum;
};

struct Switch {
  bool initial;
};

struct FreeText {
  const char* initial;
};

// One of some words; the first is the default.
struct Choice {
  std::vector<const char*> words;
};

// A setting as the server has to know it. Names and texts must stay where they are.
struct Setting {
  const char* name;
  std::variant<WholeNumber, Memory, RealNumber, Switch, FreeText, Choice> kind;
  const char* text;
};

using SettingValue = std::variant<int, std::size_t, double, bool, std::string>;

// Defines the settings and reserves the prefix of their names, so that a misspelled one is an error. Called once, when
// the module is loaded.
void define_settings(std::span<const Setting> settings, const char* prefix);

// The value of the setting at this index among those that were defined: an int, bytes of memory as std::size_t, a
// double, a bool, or the text or word.
SettingValue setting_value(std::size_t index);

}  // namespace pb::pg
