// Reads comma-separated values (RFC 4180) strictly: what is malformed is reported by its line and never guessed.
#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pb::collect {

struct CsvLimits {
  std::size_t max_bytes = std::size_t{64} << 20;
  std::size_t max_rows = 2'000'000;
  std::size_t max_columns = 512;
  std::size_t max_field_bytes = std::size_t{64} << 10;
};

struct CsvProblem {
  std::size_t line;  // of the text, from 1
  std::string text;
};

// A text with a header, read row by row. A byte order mark, LF and CRLF, quotes and doubled quotes are understood;
// empty lines are skipped. The text must outlive the reader.
class Csv {
 public:
  explicit Csv(std::string_view text, CsvLimits limits = {});

  // Why the text as a whole cannot be read or was not read to its end: no header, a column named twice, a limit, a
  // quote without its end. Empty where nothing is wrong. Ask again after the last row.
  const std::string& failure() const noexcept { return failure_; }

  // Names of the header without blanks around them.
  const std::vector<std::string>& header() const noexcept { return header_; }
  // The column of the name, capitals or not.
  std::optional<std::size_t> column(std::string_view name) const;

  // Goes to the next row that is well-formed; false at the end. Rows that are not are kept as problems and left out.
  bool next();
  // A field of the row, without blanks around it; empty where the column is none.
  std::string_view field(std::optional<std::size_t> column) const;
  // Line on which the row begins.
  std::size_t line() const noexcept { return line_; }

  // The first problems, and how many there were. The caller adds those of values that it cannot use.
  void add_problem(std::string text);
  const std::vector<CsvProblem>& problems() const noexcept { return problems_; }
  std::size_t problem_count() const noexcept { return problem_count_; }

 private:
  enum class Row { good, bad, end };
  Row read_row();
  bool read_field();
  bool read_quoted(std::string& field);
  bool read_plain(std::string& field);
  void skip_line();
  bool take_line_end();
  bool bad(std::string why);

  std::string_view text_;
  CsvLimits limits_;
  std::size_t at_ = 0;
  std::size_t next_line_ = 1;
  std::size_t line_ = 1;
  std::size_t rows_ = 0;
  bool is_over_ = false;
  std::string why_;
  std::string failure_;
  std::vector<std::string> header_;
  std::vector<std::string> fields_;
  std::size_t field_count_ = 0;
  std::vector<CsvProblem> problems_;
  std::size_t problem_count_ = 0;
};

}  // namespace pb::collect
