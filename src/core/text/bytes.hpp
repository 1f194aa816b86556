#pragma once
#include "core/no_postgres.hpp"

#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/error.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// Values one after the other, for another process of the same program. Every bit of a number is kept.
class ByteWriter {
 public:
  // Of a type without pointers.
  template <class T>
  void plain(const T& value) {
    static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <class T>
  void optional(const std::optional<T>& value) {
    plain(value.has_value());
    if (value) plain(*value);
  }
  void text(std::string_view text) {
    plain(text.size());
    bytes_.append(text);
  }
  void matrix(const Eigen::Ref<const Matrix>& values) {
    plain(values.rows());
    plain(values.cols());
    for (Eigen::Index column = 0; column < values.cols(); ++column)
      bytes_.append(reinterpret_cast<const char*>(values.col(column).data()),
                    sizeof(double) * static_cast<std::size_t>(values.rows()));
  }
  const std::string& bytes() const noexcept { return bytes_; }

 private:
  std::string bytes_;
};

// Reads them in the same order. Throws XX000 where they end too early.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : left_(bytes) {}

  template <class T>
  T plain() {
    static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);
    T value;
    std::memcpy(static_cast<void*>(&value), take(sizeof value), sizeof value);
    return value;
  }
  template <class T>
  std::optional<T> optional() {
    return plain<bool>() ? std::optional(plain<T>()) : std::nullopt;
  }
  std::string_view text() {
    const auto size = plain<std::size_t>();
    return {take(size), size};
  }
  Matrix matrix() {
    const auto rows = plain<Eigen::Index>();
    const auto columns = plain<Eigen::Index>();
    const std::size_t cells = left_.size() / sizeof(double);
    if (rows < 0 || columns < 0 ||
        (columns > 0 && static_cast<std::size_t>(rows) > cells / static_cast<std::size_t>(columns)))
      throw truncated();
    Matrix values(rows, columns);
    const std::size_t size = sizeof(double) * static_cast<std::size_t>(values.size());
    if (size > 0) std::memcpy(values.data(), take(size), size);
    return values;
  }
  bool at_end() const noexcept { return left_.empty(); }

 private:
  static Error truncated() { return {sqlstate::internal_error, "bytes of an estimate end too early"}; }

  const char* take(std::size_t size) {
    if (size > left_.size()) throw truncated();
    const char* bytes = left_.data();
    left_.remove_prefix(size);
    return bytes;
  }

  std::string_view left_;
};

}  // namespace pb::core
