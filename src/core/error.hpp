#pragma once
#include "core/no_postgres.hpp"

#include <exception>
#include <string>
#include <utility>

namespace pb::core {

// The SQLSTATEs the product raises by itself; class PB is our own, so that callers can trap a condition by its code.
namespace sqlstate {
inline constexpr const char* invalid_parameter = "22023";
inline constexpr const char* out_of_range = "22003";
inline constexpr const char* date_out_of_range = "22008";
inline constexpr const char* data_exception = "22000";
inline constexpr const char* undefined_object = "42704";
inline constexpr const char* undefined_table = "42P01";
inline constexpr const char* out_of_memory = "53200";
inline constexpr const char* object_not_ready = "55000";
inline constexpr const char* internal_error = "XX000";
inline constexpr const char* too_few_observations = "PB001";
inline constexpr const char* singular_design = "PB002";
}  // namespace sqlstate

// An error with everything PostgreSQL can show: what happened, the numbers behind it, and the way out.
class Error : public std::exception {
 public:
  Error(std::string sqlstate, std::string message, std::string detail = {}, std::string hint = {})
      : sqlstate_(std::move(sqlstate)),
        message_(std::move(message)),
        detail_(std::move(detail)),
        hint_(std::move(hint)) {}

  const char* what() const noexcept override { return message_.c_str(); }
  const char* sqlstate() const noexcept { return sqlstate_.c_str(); }
  const std::string& message() const noexcept { return message_; }
  const std::string& detail() const noexcept { return detail_; }
  const std::string& hint() const noexcept { return hint_; }

 private:
  std::string sqlstate_;
  std::string message_;
  std::string detail_;
  std::string hint_;
};

}  // namespace pb::core
