#include "collect/provider/json_tree.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "collect/provider/texts.hpp"

namespace pb::collect {

namespace {

constexpr int json_tree_depth = 64;

bool json_tree_is_digit(char c) { return c >= '0' && c <= '9'; }

// The grammar of RFC 8259: on demand, simdjson does not look at numbers that nobody asks for.
bool json_tree_is_number(std::string_view text) {
  const auto take_digits = [&] {
    const std::size_t before = text.size();
    while (!text.empty() && json_tree_is_digit(text[0])) text.remove_prefix(1);
    return before - text.size();
  };
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  const bool begins_with_zero = !text.empty() && text[0] == '0';
  const std::size_t whole = take_digits();
  if (whole == 0 || (begins_with_zero && whole > 1)) return false;
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    if (take_digits() == 0) return false;
  }
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
    if (take_digits() == 0) return false;
  }
  return text.empty();
}

std::string_view json_tree_trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool json_tree_is_absence(std::string_view text) {
  if (text.size() > 32) return false;
  const std::string word = lower_cased(text);
  for (const char* absent : {"", "-", ".", "n/a", "na", "nan", "none", "null", "data not available", "not available"})
    if (word == absent) return true;
  return false;
}

}  // namespace

class JsonTreeReader {
 public:
  static bool read_array(simdjson::ondemand::array array, int depth, JsonTree& node) {
    node.type_ = JsonTree::Type::array;
    for (auto element : array) {
      simdjson::ondemand::value value;
      if (element.get(value) || !read_value(value, depth, node.elements_.emplace_back())) return false;
    }
    return true;
  }

  static bool read_object(simdjson::ondemand::object object, int depth, JsonTree& node) {
    node.type_ = JsonTree::Type::object;
    for (auto member : object) {
      std::string_view name;
      if (member.unescaped_key().get(name) || name.find('\0') != std::string_view::npos) return false;
      auto& [key, child] = node.members_.emplace_back(std::string(name), JsonTree());
      simdjson::ondemand::value value;
      if (member.value().get(value) || !read_value(value, depth, child)) return false;
    }
    return true;
  }

 private:
  static bool read_value(simdjson::ondemand::value value, int depth, JsonTree& node) {
    if (depth >= json_tree_depth) return false;
    // Before the type, which simdjson does not have for words that are not JSON's.
    const std::string_view token = json_tree_trimmed(value.raw_json_token());
    if (token == "null" || token == "NaN" || token == "Infinity" || token == "-Infinity") return true;
    simdjson::ondemand::json_type type;
    if (value.type().get(type)) return false;
    if (type == simdjson::ondemand::json_type::array) {
      simdjson::ondemand::array array;
      return !value.get_array().get(array) && read_array(array, depth + 1, node);
    }
    if (type == simdjson::ondemand::json_type::object) {
      simdjson::ondemand::object object;
      return !value.get_object().get(object) && read_object(object, depth + 1, node);
    }
    if (type == simdjson::ondemand::json_type::string) {
      std::string_view text;
      if (value.get_string().get(text) || text.find('\0') != std::string_view::npos) return false;
      node.type_ = JsonTree::Type::string;
      node.text_ = text;
      return true;
    }
    if (token == "true" || token == "false") {
      node.type_ = JsonTree::Type::boolean;
      node.truth_ = token == "true";
      return true;
    }
    node.type_ = JsonTree::Type::number;
    node.text_ = token;
    return json_tree_is_number(token);
  }
};

std::optional<JsonTree> JsonTree::read(std::string_view text) {
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  const simdjson::padded_string padded(text);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  if (parser.iterate(padded).get(document)) return std::nullopt;
  JsonTree tree;
  simdjson::ondemand::json_type type;
  if (document.type().get(type)) return std::nullopt;
  bool is_good = false;
  if (type == simdjson::ondemand::json_type::array) {
    simdjson::ondemand::array array;
    is_good = !document.get_array().get(array) && JsonTreeReader::read_array(array, 1, tree);
  } else if (type == simdjson::ondemand::json_type::object) {
    simdjson::ondemand::object object;
    is_good = !document.get_object().get(object) && JsonTreeReader::read_object(object, 1, tree);
  }
  // Anything that stands after the value has a place.
  const char* rest = nullptr;
  if (!is_good || !document.current_location().get(rest)) return std::nullopt;
  return tree;
}

const JsonTree& JsonTree::operator[](std::string_view name) const {
  static const JsonTree nothing;
  for (const auto& [key, value] : members_)
    if (key == name) return value;
  return nothing;
}

std::vector<const JsonTree*> JsonTree::values() const {
  std::vector<const JsonTree*> result;
  for (const auto& [key, value] : members_) result.push_back(&value);
  return result;
}

const JsonTree& JsonTree::plain() const {
  if (type_ != Type::object) return *this;
  const JsonTree& raw = (*this)["raw"];
  return raw.is_object() ? raw["raw"] : raw;
}

std::optional<std::string> JsonTree::text() const {
  const JsonTree& value = plain();
  if (value.type_ != Type::string && value.type_ != Type::number) return std::nullopt;
  const std::string_view said = json_tree_trimmed(value.text_);
  if (json_tree_is_absence(said)) return std::nullopt;
  return std::string(said);
}

std::optional<std::string> JsonTree::digits() const {
  // What no double holds, no column does either.
  if (type_ == Type::number) return number_in(text_) ? std::optional(text_) : std::nullopt;
  auto said = text();
  if (said && (!json_tree_is_number(*said) || !number_in(*said))) said.reset();
  return said;
}

std::optional<double> JsonTree::number() const {
  if (type_ == Type::number) return number_in(text_);
  const auto said = digits();
  return said ? number_in(*said) : std::nullopt;
}

std::optional<std::int64_t> JsonTree::integer() const {
  const auto said = digits();
  if (!said) return std::nullopt;
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(said->data(), said->data() + said->size(), whole);
  if (error == std::errc{} && end == said->data() + said->size()) return whole;
  const auto value = number_in(*said);
  // Up to where a double tells integers apart.
  if (!value || std::trunc(*value) != *value || std::abs(*value) > 9007199254740992.0) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<bool> JsonTree::truth() const {
  const JsonTree& value = plain();
  return value.type_ == Type::boolean ? std::optional(value.truth_) : std::nullopt;
}

std::optional<core::Date> JsonTree::day() const {
  const JsonTree& value = plain();
  return value.type_ == Type::string ? iso_day_in(value.text_) : std::nullopt;
}

}  // namespace pb::collect
