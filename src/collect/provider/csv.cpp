#include "collect/provider/csv.hpp"

#include <algorithm>
#include <utility>

namespace pb::collect {

namespace {

constexpr std::size_t csv_problems_kept = 20;

std::string_view csv_trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

char csv_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool csv_same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return csv_lower(x) == csv_lower(y); });
}

}  // namespace

Csv::Csv(std::string_view text, CsvLimits limits) : text_(text), limits_(limits) {
  if (text_.size() > limits_.max_bytes) {
    failure_ = "the text has more than " + std::to_string(limits_.max_bytes) + " bytes";
  } else {
    if (text_.substr(0, 3) == "\xef\xbb\xbf") at_ = 3;
    const Row row = read_row();
    if (row == Row::end) failure_ = "the text has no header";
    if (row == Row::bad && failure_.empty()) failure_ = "the header is malformed: " + why_;
  }
  if (failure_.empty()) {
    for (std::size_t i = 0; i < field_count_; ++i) header_.emplace_back(csv_trimmed(fields_[i]));
    for (std::size_t i = 0; i < header_.size() && failure_.empty(); ++i)
      for (std::size_t j = i + 1; j < header_.size(); ++j)
        if (csv_same_name(header_[i], header_[j])) {
          failure_ = "two columns are named \"" + header_[i] + "\"";
          break;
        }
  }
  is_over_ = !failure_.empty();
  if (is_over_) header_.clear();
  field_count_ = 0;
}

std::optional<std::size_t> Csv::column(std::string_view name) const {
  for (std::size_t i = 0; i < header_.size(); ++i)
    if (csv_same_name(header_[i], name)) return i;
  return std::nullopt;
}

std::string_view Csv::field(std::optional<std::size_t> column) const {
  return column && *column < field_count_ ? csv_trimmed(fields_[*column]) : std::string_view();
}

void Csv::add_problem(std::string text) {
  ++problem_count_;
  if (problems_.size() < csv_problems_kept) problems_.push_back({line_, std::move(text)});
}

bool Csv::next() {
  while (!is_over_) {
    const Row row = read_row();
    if (row == Row::end || !failure_.empty()) break;
    if (++rows_ > limits_.max_rows) {
      failure_ = "the text has more than " + std::to_string(limits_.max_rows) + " rows";
      break;
    }
    if (row == Row::bad) {
      add_problem(why_);
    } else if (field_count_ != header_.size()) {
      add_problem("the row has " + std::to_string(field_count_) + " fields, the header " +
                  std::to_string(header_.size()));
    } else {
      return true;
    }
  }
  is_over_ = true;
  field_count_ = 0;
  return false;
}

Csv::Row Csv::read_row() {
  while (take_line_end()) {
  }
  field_count_ = 0;
  line_ = next_line_;
  if (at_ == text_.size()) return Row::end;
  do {
    if (read_field()) continue;
    // The quote may have swallowed the rows that follow; where it ends can only be guessed.
    if (failure_.empty()) skip_line();
    return Row::bad;
  } while (at_ < text_.size() && text_[at_] == ',' && ++at_);
  if (at_ < text_.size() && !take_line_end()) {
    bad("a carriage return stands within a line");
    skip_line();
    return Row::bad;
  }
  return Row::good;
}

bool Csv::read_field() {
  if (field_count_ == limits_.max_columns)
    return bad("the row has more than " + std::to_string(limits_.max_columns) + " fields");
  if (field_count_ == fields_.size()) fields_.emplace_back();
  std::string& field = fields_[field_count_];
  field.clear();
  if (!(at_ < text_.size() && text_[at_] == '"' ? read_quoted(field) : read_plain(field))) return false;
  if (field.size() > limits_.max_field_bytes)
    return bad("a field has more than " + std::to_string(limits_.max_field_bytes) + " bytes");
  if (field.find('\0') != std::string::npos) return bad("a field has a zero byte");
  ++field_count_;
  return true;
}

bool Csv::read_quoted(std::string& field) {
  for (++at_;;) {
    const auto quote = text_.find('"', at_);
    const auto piece = text_.substr(at_, quote == std::string_view::npos ? quote : quote - at_);
    next_line_ += static_cast<std::size_t>(std::count(piece.begin(), piece.end(), '\n'));
    field.append(piece);
    if (quote == std::string_view::npos) {
      at_ = text_.size();
      failure_ = "the quote on line " + std::to_string(line_) + " has no end";
      return false;
    }
    at_ = quote + 1;
    if (at_ == text_.size() || text_[at_] != '"') break;
    field += '"';
    ++at_;
  }
  if (at_ == text_.size() || text_[at_] == ',' || text_[at_] == '\n' || text_[at_] == '\r') return true;
  return bad("text follows the end of a quote");
}

bool Csv::read_plain(std::string& field) {
  const auto end = std::min(text_.find_first_of(",\r\n\"", at_), text_.size());
  field.append(text_.substr(at_, end - at_));
  at_ = end;
  return (at_ == text_.size() || text_[at_] != '"') || bad("a quote stands within a field that has none around it");
}

void Csv::skip_line() {
  at_ = std::min(text_.find('\n', at_), text_.size());
  take_line_end();
}

bool Csv::take_line_end() {
  if (text_.substr(at_, 1) == "\n")
    at_ += 1;
  else if (text_.substr(at_, 2) == "\r\n")
    at_ += 2;
  else
    return false;
  ++next_line_;
  return true;
}

bool Csv::bad(std::string why) {
  why_ = std::move(why);
  return false;
}

}  // namespace pb::collect
