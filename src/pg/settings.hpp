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

// Who may give it a value, and who may see the value.
enum class Access {
  everybody,
  set_by_superuser,
  superuser_only  // set and seen, as for names of files
};

// A setting as the server has to know it. Names and texts must stay where they are.
struct Setting {
  const char* name;
  std::variant<WholeNumber, Memory, RealNumber, Switch, FreeText, Choice> kind;
  const char* text;
  Access access = Access::everybody;
};

using SettingValue = std::variant<int, std::size_t, double, bool, std::string>;

// Defines the settings and reserves the prefix of their names, so that a misspelled one is an error. Called once, when
// the module is loaded.
void define_settings(std::span<const Setting> settings, const char* prefix);

// The settings that another module of the same version and prefix defines. Called once, when this module is loaded; the
// library of the other one, as the server looks it up, is loaded when a value is first asked for.
void share_settings(std::span<const Setting> settings, const char* prefix, const char* library);

// The value of the setting at this index among those that were defined: an int, bytes of memory as std::size_t, a
// double, a bool, or the text or word. 55000 where the library that defines them is of another version.
SettingValue setting_value(std::size_t index);

}  // namespace pb::pg
