#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <utility>

#include "core/reason.hpp"

namespace pb::core {

// A figure, or the reason why there is none: never both, never neither.
template <class T>
class Estimate {
 public:
  Estimate(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  static Estimate missing(Reason reason) { return Estimate(Because{reason}); }

  bool has_value() const noexcept { return value_.has_value(); }
  const T& value() const { return value_.value(); }
  const T& operator*() const { return *value_; }
  const T* operator->() const { return &*value_; }
  Reason reason() const noexcept { return reason_; }
  const std::optional<T>& optional() const noexcept { return value_; }

 private:
  struct Because {
    Reason reason;
  };
  explicit Estimate(Because because) : reason_(because.reason) {}

  std::optional<T> value_;
  Reason reason_ = Reason::none;
};

}  // namespace pb::core
