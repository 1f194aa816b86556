#include "pg/jsonb.hpp"

namespace pb::pg {

namespace {

// Reads what the engines write: objects, arrays, text without escapes, numbers. The server's own parser copies each
// token and keeps account of the place for its messages, which takes longer than to build the value; it gets
// everything that this one does not take.
class PlainReader {
 public:
  PlainReader(const char* text, std::size_t length) : at_(text), end_(text + length) {}

  // The value, or nullptr where there is something else in it.
  JsonbValue* read() {
    if (at_ == end_ || (*at_ != '{' && *at_ != '[')) return nullptr;
    JsonbValue* value = container(0);
    return at_ == end_ ? value : nullptr;
  }

 private:
  static constexpr int deepest = 8;
  static constexpr int longest_text = 1024;
  static constexpr std::string_view number_characters = "0123456789.-+eE";

  void skip_spaces() {
    while (at_ != end_ && *at_ == ' ') ++at_;
  }

  bool skip(char expected) {
    skip_spaces();
    if (at_ == end_ || *at_ != expected) return false;
    ++at_;
    return true;
  }

  JsonbValue* container(int depth) {
    if (depth == deepest) return nullptr;
    const bool is_object = *at_++ == '{';
    const char closing = is_object ? '}' : ']';
    pushJsonbValue(&state_, is_object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, nullptr);
    for (bool first = true; !skip(closing); first = false) {
      if (!first && !skip(',')) return nullptr;
      if (is_object && (!text() || !skip(':'))) return nullptr;
      if (is_object) pushJsonbValue(&state_, WJB_KEY, &scalar_);
      skip_spaces();
      if (at_ == end_) return nullptr;
      if (*at_ == '{' || *at_ == '[') {
        if (container(depth + 1) == nullptr) return nullptr;
      } else {
        if (!scalar()) return nullptr;
        pushJsonbValue(&state_, is_object ? WJB_VALUE : WJB_ELEM, &scalar_);
      }
    }
    return pushJsonbValue(&state_, is_object ? WJB_END_OBJECT : WJB_END_ARRAY, nullptr);
  }

  bool scalar() {
    if (*at_ == '"') return text();
    if (*at_ == '-' || (*at_ >= '0' && *at_ <= '9')) return number();
    scalar_.type = jbvNull;
    if (word("null")) return true;
    scalar_.type = jbvBool;
    scalar_.val.boolean = *at_ == 't';
    return word("true") || word("false");
  }

  bool word(std::string_view word) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  bool text() {
    if (!skip('"')) return false;
    const char* begin = at_;
    while (at_ != end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= ' ') ++at_;
    if (at_ == end_ || *at_ != '"' || at_ - begin > longest_text) return false;
    scalar_.type = jbvString;
    scalar_.val.string.val = const_cast<char*>(begin);
    scalar_.val.string.len = static_cast<int>(at_ - begin);
    ++at_;
    return true;
  }

  bool number() {
    char digits[40];
    std::size_t count = 0;
    for (; at_ != end_ && number_characters.find(*at_) != std::string_view::npos; ++at_) {
      if (count == sizeof digits - 1) return false;
      digits[count++] = *at_;
    }
    digits[count] = '\0';
    scalar_.type = jbvNumeric;
    scalar_.val.numeric = DatumGetNumeric(
        DirectFunctionCall3(numeric_in, CStringGetDatum(digits), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
    return true;
  }

  const char* at_;
  const char* end_;
  JsonbParseState* state_ = nullptr;
  JsonbValue scalar_{};
};

}  // namespace

Datum jsonb_datum(const char* text, std::size_t length) {
  if (JsonbValue* value = PlainReader(text, length).read()) return JsonbPGetDatum(JsonbValueToJsonb(value));
  return DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(text, length)));
}

}  // namespace pb::pg
