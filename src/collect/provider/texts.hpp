// Small readers and writers of texts that providers share.
#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <string>
#include <string_view>

#include "core/calendar/date.hpp"

namespace pb::collect {

// ASCII capitals as small letters.
std::string lower_cased(std::string_view text);

// Every byte but letters, digits and -._~ as %XX.
std::string percent_encoded(std::string_view text);

// A provider's text for people: one line of at most 300 bytes of valid UTF-8, in which neither the key nor the value of
// a parameter that looks like one is left.
std::string plain_words(std::string_view text, std::string_view key);

// A number that is finite and fills the text; none for "", ".", "N/A", "None" and the like.
std::optional<double> number_in(std::string_view text);
// The day at the beginning of an ISO date or time.
std::optional<core::Date> iso_day_in(std::string_view text);

// Letters and digits, dots, hyphens, equal signs, colons; no path. Preferred shares have small letters at Polygon.
bool is_plain_symbol(std::string_view symbol);

}  // namespace pb::collect
