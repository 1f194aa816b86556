// What the conversations with Yahoo share: the session of a run and how answers end. It asks without a key. Prices,
// splits and dividends need no session; profiles, estimates and days of earnings do, statements do with or without.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "collect/provider/json_tree.hpp"
#include "collect/provider/reply.hpp"

namespace pb::collect::yahoo {

// A cookie and the crumb that belongs to it. Empty where there is none.
struct Session {
  std::string cookie = {}, crumb = {};
  int times_opened = 0;
};

struct Shared {
  Configuration configuration;
  Session session = {};
};
using SharedPointer = std::shared_ptr<Shared>;

// A currency of which prices may be in hundredths: GBp is 1/100 GBP.
struct PriceUnit {
  std::string currency = {};
  bool is_hundredths = false;
};
PriceUnit price_unit(std::string_view said);

// A price as its shortest decimal, in the main unit. Yahoo computes in single precision: 129.0399932861328 is 129.04.
// A number that single precision does not hold is left as it is.
double price(double said, bool is_hundredths);

std::optional<core::Date> utc_day(std::optional<std::int64_t> instant);

// A conversation about one symbol.
class SymbolDialogue : public Dialogue {
 protected:
  enum class NeedsSession { no, yes };
  SymbolDialogue(SharedPointer shared, Query asked, NeedsSession needs);

  // The path with its query; the crumb is added where there is one.
  virtual std::string path() const = 0;
  virtual Ending read_tree(const JsonTree& tree) = 0;

  http::Request request() override;
  Ending read(const http::Response& response) override;

  const std::string& symbol_there() const { return symbol_there_; }
  const Configuration& configuration() const { return shared_->configuration; }
  core::Date today() const;

 private:
  Ending refused(Ending ending);

  SharedPointer shared_;
  NeedsSession needs_;
  std::string symbol_there_;  // percent-encoded
  std::string crumb_sent_ = {};
  bool is_without_crumb_ = false;
};

std::unique_ptr<Conversation> ask_chart(const SharedPointer& shared, const Query& query);
std::unique_ptr<Conversation> ask_summary(const SharedPointer& shared, const Query& query);
std::unique_ptr<Conversation> ask_statements(const SharedPointer& shared, const Query& query);

}  // namespace pb::collect::yahoo
