#pragma once
#include "core/no_postgres.hpp"

#include <initializer_list>
#include <utility>
#include <vector>

#include "pg/rows.hpp"

namespace pb::pg {

// Typed parameters $1, $2 … of a statement, converted when it is executed. Values travel as parameters, never as
// text in the statement.
class Args {
 public:
  template <class T>
  Args& add(T&& value) {
    row_.add(std::forward<T>(value));
    return *this;
  }
  Args& null() {
    row_.null();
    return *this;
  }

  // One parameter more.
  template <class T>
  Args& append(Type type, T&& value) {
    row_.add_column({"", type});
    return add(std::forward<T>(value));
  }

  Args(std::initializer_list<Type> types) : row_(describe(types)) {}
  const RowBuffer& row() const noexcept { return row_; }

 private:
  static std::vector<ColumnDef> describe(std::initializer_list<Type> types) {
    std::vector<ColumnDef> columns;
    for (const Type type : types) columns.push_back({"", type});
    return columns;
  }
  RowBuffer row_;
};

}  // namespace pb::pg
