#include "collect/http/dispatcher.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <map>
#include <new>
#include <random>
#include <utility>

#include "collect/http/client.hpp"
#include "collect/http/redaction.hpp"

namespace pb::collect::http {

// By name: the folder is compiled as one text, where members of types without linkage are warned of.
namespace dispatcher_parts {

constexpr int most_attempts = 3, failures_that_open = 5, most_requests_of_query = 1000;
constexpr std::int64_t usecs_per_day = 86'400'000'000;
constexpr int longest_wait_ms = 1000;

std::int64_t to_usecs(double seconds) { return std::llround(seconds * 1e6); }

core::Date utc_day(std::int64_t now) {
  return std::chrono::floor<std::chrono::days>(core::Instant(std::chrono::microseconds(now)));
}

bool is_transport_failure(const Response& response) {
  switch (response.failure) {
    case Failure::connection:
    case Failure::timeout:
    case Failure::truncated:
      return true;
    case Failure::none:
      return response.status == 408 || response.status == 425 || (response.status >= 500 && response.status < 600);
    default:
      return false;
  }
}

std::string said_of(const Response& response) {
  return response.failure != Failure::none ? response.failure_text : "HTTP status " + std::to_string(response.status);
}

// Tokens come at the rate, up to the burst; each request takes one.
struct TokenBucket {
  double tokens = 0;
  std::optional<std::int64_t> refilled = {};

  void refill(const Limits& limits, std::int64_t now) {
    const double burst = std::max(1.0, limits.burst);
    if (!refilled)
      tokens = burst;
    else if (now > *refilled)
      tokens = std::min(burst, tokens + static_cast<double>(now - *refilled) / 1e6 * limits.requests_per_second);
    refilled = now;
  }
  // When there is a token; now where there is one.
  std::int64_t ready(const Limits& limits, std::int64_t now) const {
    if (tokens >= 1 - 1e-9 || limits.requests_per_second <= 0) return now;
    return now + std::max<std::int64_t>(1, to_usecs((1 - tokens) / limits.requests_per_second));
  }
};

// What a run remembers of a provider.
struct ProviderRun {
  TokenBucket bucket;
  std::int64_t paused_until = 0;
  bool is_off = false;  // its key was refused: no more in this run
  enum class Session { none, opening, open, failed } session = Session::none;
  int session_number = 0;
  bool was_renewed = false;
  Outcome session_outcome = Outcome::ok;
};

}  // namespace dispatcher_parts
using namespace dispatcher_parts;

struct Dispatcher::Engine {
  NetworkSettings settings;
  Surroundings surroundings;
  Client client;
  std::map<std::string, ProviderRun> runs = {};
  std::mt19937_64 random{std::random_device{}()};
};

namespace {

struct DispatchedTask {
  Asked asked;
  std::unique_ptr<Conversation> conversation = {};
  std::optional<Request> request = {};  // to be sent next
  bool in_flight = false, is_answered = false, is_session = false;
  bool gave_up = false;  // the last response came after the last attempt
  int attempts = 0;      // of the request
  int restarts = 0;      // of the conversation
  int requests = 0;
  int last_status = 0;
  int session_number = 0;
  double last_delay = 0;
  std::int64_t not_before = 0;
  std::optional<std::int64_t> started = {};
  std::vector<std::string> secrets = {};
};

// One call of Dispatcher::ask.
class Dispatch {
 public:
  Dispatch(NetworkSettings& settings, Surroundings& surroundings, Client& client, ProviderRun& run,
           std::mt19937_64& random, Provider& provider, const Limits& limits, ProviderState& state,
           std::int64_t deadline)
      : delays_(settings.delays),
        surroundings_(surroundings),
        client_(client),
        run_(run),
        random_(random),
        provider_(provider),
        limits_(limits),
        state_(state),
        deadline_(deadline) {}
  Dispatch(const Dispatch&) = delete;
  Dispatch& operator=(const Dispatch&) = delete;
  // Transfers refer to tasks; they end here also where the wait has thrown.
  ~Dispatch() { client_.clear(); }

  std::vector<Asked> all(std::vector<Query> queries) {
    for (Query& query : queries) tasks_.push_back({.asked = {std::move(query), {}, 0}});
    left_ = tasks_.size();
    while (left_ > 0) step();
    std::vector<Asked> answers;
    answers.reserve(tasks_.size());
    for (DispatchedTask& task : tasks_) answers.push_back(std::move(task.asked));
    return answers;
  }

 private:
  const Delays& delays_;
  Surroundings& surroundings_;
  Client& client_;
  ProviderRun& run_;
  std::mt19937_64& random_;
  Provider& provider_;
  const Limits& limits_;
  ProviderState& state_;
  std::int64_t deadline_;
  std::vector<DispatchedTask> tasks_;
  DispatchedTask session_ = {};
  std::size_t left_ = 0;
  // Those before it are in flight or answered, unless they wait to be sent again.
  std::size_t first_unsent_ = 0;
  std::vector<DispatchedTask*> waiting_ = {};
  int in_flight_ = 0;

  std::int64_t now() const { return surroundings_.now(); }
  bool is_half_open(std::int64_t time) const { return state_.closed_until && *state_.closed_until <= time; }
  bool is_open(std::int64_t time) const { return state_.closed_until && *state_.closed_until > time; }

  void step() {
    const std::int64_t time = now();
    if (time >= deadline_) return answer_rest(Outcome::deadline, "the run ended before it was answered", true);
    if (run_.is_off) return answer_rest(Outcome::auth, state_.reason, in_flight_ == 0), wait_for_those_in_flight(time);
    if (is_open(time))
      return answer_rest(outcome_of_reason(), state_.reason, in_flight_ == 0), wait_for_those_in_flight(time);
    const std::int64_t wake = launch(time);
    if (left_ > 0) wait_until(wake, time);
  }

  // What is under way when the breaker opens may still be answered.
  void wait_for_those_in_flight(std::int64_t time) {
    if (left_ > 0) wait_until(deadline_, time);
  }

  void wait_until(std::int64_t wake, std::int64_t time) {
    const std::int64_t until = std::min(wake, deadline_);
    const std::int64_t milliseconds = until <= time ? 0 : (until - time + 999) / 1000;
    client_.run(static_cast<int>(std::min<std::int64_t>(milliseconds, longest_wait_ms)));
  }

  // Sends what may be sent now. Returns when something else may.
  std::int64_t launch(std::int64_t time) {
    for (;;) {
      if (in_flight_ >= std::max(1, limits_.concurrent) || (in_flight_ > 0 && is_half_open(time))) return deadline_;
      std::int64_t wake = deadline_;
      DispatchedTask* task = next_task(time, wake);
      if (task == nullptr) return wake;
      if (run_.paused_until > time) return run_.paused_until;
      run_.bucket.refill(limits_, time);
      if (const std::int64_t ready = run_.bucket.ready(limits_, time); ready > time) return ready;
      if (!may_count(time)) {
        answer_rest(Outcome::rate_limit,
                    "the quota of " + std::to_string(*limits_.requests_per_day) + " requests a day is used up", false);
        return deadline_;
      }
      if (!prepare(*task)) return time;
      send(*task, time);
    }
  }

  // The task whose turn it is; none where all wait until wake.
  DispatchedTask* next_task(std::int64_t time, std::int64_t& wake) {
    // All else waits while a session is opened.
    if (run_.session == ProviderRun::Session::opening && session_.conversation)
      return session_.in_flight ? nullptr : &session_;
    while (first_unsent_ < tasks_.size() && tasks_[first_unsent_].is_answered) ++first_unsent_;
    const bool is_new = first_unsent_ < tasks_.size();
    DispatchedTask* candidate = nullptr;
    for (DispatchedTask* task : waiting_) {
      if (task->not_before <= time && (candidate == nullptr || task->not_before < candidate->not_before))
        candidate = task;
      wake = std::min(wake, task->not_before);
    }
    if (candidate == nullptr && is_new) candidate = &tasks_[first_unsent_];
    if (candidate == nullptr) return nullptr;
    return session_before(*candidate);
  }

  // The session, where one must be opened before the task; else the task.
  DispatchedTask* session_before(DispatchedTask& task) {
    // One that was being opened when a run was canceled is opened anew.
    if (run_.session == ProviderRun::Session::none || run_.session == ProviderRun::Session::opening) {
      run_.session = ProviderRun::Session::none;
      session_ = {.asked = {task.asked.query, {}, 0}, .is_session = true};
      session_.conversation = provider_.open_session(task.asked.query.kind);
      if (!session_.conversation) return &task;
      run_.session = ProviderRun::Session::opening;
      session_.request = session_.conversation->first();
      waiting_.push_back(&session_);
      return &session_;
    }
    return &task;
  }

  // Makes the conversation of a new task. False where it was answered instead.
  bool prepare(DispatchedTask& task) {
    if (!task.is_session && run_.session == ProviderRun::Session::failed && !task.conversation) {
      const std::unique_ptr<Conversation> needed = provider_.open_session(task.asked.query.kind);
      if (needed) {
        answer_by(task, run_.session_outcome, "the provider's session could not be opened");
        return false;
      }
    }
    if (!task.conversation) {
      try {
        task.conversation = provider_.ask(task.asked.query);
        task.request = task.conversation->first();
      } catch (const std::bad_alloc&) {
        throw;
      } catch (const std::exception& error) {
        answer_by(task, Outcome::skipped, error.what());
        return false;
      }
      task.session_number = run_.session_number;
      if (task.request->base.empty()) {
        finish(task, task.conversation->answer());
        return false;
      }
    }
    return true;
  }

  // Whether another request is within the day's quota, which begins anew with each day in UTC.
  bool may_count(std::int64_t time) {
    if (!state_.quota_day || *state_.quota_day != utc_day(time)) {
      state_.quota_day = utc_day(time);
      state_.requests_sent = 0;
    }
    return !limits_.requests_per_day || state_.requests_sent < *limits_.requests_per_day;
  }

  void send(DispatchedTask& task, std::int64_t time) {
    if (const auto at = std::find(waiting_.begin(), waiting_.end(), &task); at != waiting_.end())
      waiting_.erase(at);
    else if (!task.is_session)
      ++first_unsent_;
    run_.bucket.tokens -= 1;
    ++state_.requests_sent;
    ++task.requests;
    ++task.attempts;
    ++in_flight_;
    task.in_flight = true;
    if (!task.started) task.started = time;
    for (std::string& secret : secrets_of(*task.request)) task.secrets.push_back(std::move(secret));
    client_.start(*task.request, [this, &task](Response response, int requests) {
      // Requests that followed redirects count as well.
      state_.requests_sent += std::max(0, requests - 1);
      task.requests += std::max(0, requests - 1);
      task.in_flight = false;
      --in_flight_;
      received(task, std::move(response));
    });
  }

  void again(DispatchedTask& task, std::int64_t not_before) {
    task.not_before = not_before;
    waiting_.push_back(&task);
  }

  // Decorrelated jitter: between the base and three times the delay before.
  std::int64_t next_delay(DispatchedTask& task) {
    const double low = delays_.retry_base, high = std::max(low, 3 * task.last_delay);
    task.last_delay = std::min(delays_.retry_most, std::uniform_real_distribution<double>(low, high)(random_));
    return to_usecs(task.last_delay);
  }

  void received(DispatchedTask& task, Response response) {
    task.last_status = response.status;
    const std::int64_t time = now();
    if (is_transport_failure(response) && !task.is_session) {
      count_failure(said_of(response), time);
      if (task.attempts < most_attempts && !is_open(time)) {
        const std::int64_t delay =
            response.retry_after_seconds ? to_usecs(*response.retry_after_seconds) : next_delay(task);
        if (time + delay < deadline_) return again(task, time + delay);
      }
      task.gave_up = true;
    } else {
      task.gave_up = response.failure != Failure::none;
      if (response.failure == Failure::certificate || response.failure == Failure::forbidden_address ||
          response.failure == Failure::forbidden_redirect)
        if (!task.is_session) count_failure(said_of(response), time);
    }
    converse(task, response);
  }

  void converse(DispatchedTask& task, const Response& response) {
    try {
      task.request = task.conversation->then(response);
      if (task.request && task.requests < most_requests_of_query) {
        task.attempts = 0;
        task.last_delay = 0;
        return again(task, now());
      }
      Answer answer = task.conversation->answer();
      if (task.request) {
        for (SymbolAnswer& symbol : answer.symbols) {
          symbol.outcome = Outcome::malformed;
          symbol.text = "the answer does not end after " + std::to_string(task.requests) + " requests";
        }
        answer.outcome = Outcome::ok;
      }
      if (!answer.retry_after_seconds) answer.retry_after_seconds = response.retry_after_seconds;
      ended(task, std::move(answer));
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      if (task.is_session) return session_ended(Outcome::malformed);
      answer_by(task, Outcome::malformed, error.what());
    }
  }

  void ended(DispatchedTask& task, Answer answer) {
    if (task.is_session) return session_ended(answer.outcome);
    const std::int64_t time = now();
    switch (answer.outcome) {
      case Outcome::auth:
        if (may_renew(task)) return restart(task, time);
        if (!run_.is_off) {
          run_.is_off = true;
          open_breaker(Outcome::auth, "the key or the session is refused", delays_.failed, time);
        }
        break;
      case Outcome::blocked:
        open_breaker(Outcome::blocked, "requests from here are refused", delays_.refused, time);
        break;
      case Outcome::rate_limit:
        if (limited(task, answer, time)) return;
        break;
      case Outcome::transient:
        // Such as a page for people with status 200, which the transport takes for an answer.
        if (!task.gave_up) {
          count_failure("answers that are no data", time);
          if (task.restarts + 1 < most_attempts && !is_open(time)) {
            const std::int64_t delay =
                answer.retry_after_seconds ? to_usecs(*answer.retry_after_seconds) : next_delay(task);
            if (time + delay < deadline_) return restart(task, time + delay);
          }
        }
        break;
      default:
        count_success(time);
    }
    finish(task, std::move(answer));
  }

  // Asks the query from its beginning.
  void restart(DispatchedTask& task, std::int64_t not_before) {
    ++task.restarts;
    task.conversation.reset();
    task.request.reset();
    task.attempts = 0;
    again(task, not_before);
  }

  // Whether the query is asked again with another session: one that was opened meanwhile, or the second and last.
  bool may_renew(const DispatchedTask& task) {
    const bool is_being_renewed = run_.session == ProviderRun::Session::opening ||
                                  (run_.session == ProviderRun::Session::none && run_.was_renewed);
    if (is_being_renewed || task.session_number < run_.session_number) return task.restarts + 1 < most_attempts;
    if (run_.session != ProviderRun::Session::open || run_.was_renewed) return false;
    run_.was_renewed = true;
    run_.session = ProviderRun::Session::none;
    return true;
  }

  void session_ended(Outcome outcome) {
    session_.conversation.reset();
    run_.session_outcome = outcome;
    run_.session = outcome == Outcome::ok ? ProviderRun::Session::open : ProviderRun::Session::failed;
    ++run_.session_number;
  }

  // Whether the query is asked again after a while.
  bool limited(DispatchedTask& task, const Answer& answer, std::int64_t time) {
    if (limits_.when_limited == WhenLimited::rest) {
      open_breaker(Outcome::rate_limit, "too many requests", delays_.refused, time);
      return false;
    }
    std::int64_t until = 0;
    if (answer.retry_after_seconds)
      until = time + to_usecs(*answer.retry_after_seconds);
    else if (limits_.when_limited == WhenLimited::wait_for_minute)
      until = time + to_usecs(delays_.minute);
    else
      until = (time / usecs_per_day + 1) * usecs_per_day;
    if (until < deadline_ && task.restarts + 1 < most_attempts) {
      run_.paused_until = std::max(run_.paused_until, until);
      restart(task, until);
      return true;
    }
    open_until(std::max(until, time + 1), Outcome::rate_limit, "too many requests");
    return false;
  }

  void count_failure(const std::string& what, std::int64_t time) {
    ++state_.failures_in_a_row;
    if (is_open(time) || (state_.failures_in_a_row < failures_that_open && !is_half_open(time))) return;
    open_breaker(Outcome::transient, std::to_string(state_.failures_in_a_row) + " failures in a row, at last: " + what,
                 delays_.failed, time);
  }

  void count_success(std::int64_t time) {
    // What was under way when the breaker opened does not close it.
    if (is_open(time)) return;
    state_.failures_in_a_row = 0;
    state_.times_opened = 0;
    state_.closed_until.reset();
    state_.reason.clear();
  }

  void open_breaker(Outcome outcome, const std::string& why, double first_seconds, std::int64_t time) {
    if (is_open(time)) return;
    const double doubled = first_seconds * std::exp2(std::min(state_.times_opened, 20));
    open_until(time + to_usecs(std::min(doubled, delays_.most)), outcome, why);
  }

  void open_until(std::int64_t until, Outcome outcome, const std::string& why) {
    if (state_.closed_until && *state_.closed_until >= until) return;
    ++state_.times_opened;
    state_.closed_until = until;
    state_.reason = std::string(market::to_word(outcome)) + ": " + why;
  }

  // The reason begins with the word of the outcome, also when it was kept in a table.
  Outcome outcome_of_reason() const {
    for (const Outcome outcome : {Outcome::rate_limit, Outcome::auth, Outcome::blocked, Outcome::transient})
      if (state_.reason.starts_with(std::string(market::to_word(outcome)) + ":")) return outcome;
    return Outcome::skipped;
  }

  // Answers all that is not in flight, and on request that as well.
  void answer_rest(Outcome outcome, const std::string& text, bool with_those_in_flight) {
    if (with_those_in_flight) {
      client_.clear();
      in_flight_ = 0;
    }
    for (DispatchedTask& task : tasks_)
      if (!task.is_answered && (with_those_in_flight || !task.in_flight)) answer_by(task, outcome, text);
    waiting_.clear();
    first_unsent_ = tasks_.size();
    if (run_.session == ProviderRun::Session::opening && !session_.in_flight) {
      session_.conversation.reset();
      run_.session = ProviderRun::Session::none;
    }
  }

  void answer_by(DispatchedTask& task, Outcome outcome, const std::string& text) {
    Answer answer;
    answer.outcome = outcome;
    for (const Instrument& instrument : task.asked.query.instruments)
      answer.symbols.push_back({.symbol = instrument.symbol, .outcome = outcome, .text = text});
    finish(task, std::move(answer));
  }

  void finish(DispatchedTask& task, Answer answer) {
    if (const auto at = std::find(waiting_.begin(), waiting_.end(), &task); at != waiting_.end()) waiting_.erase(at);
    answer.requests = task.requests;
    if (answer.http_status == 0) answer.http_status = task.last_status;
    for (SymbolAnswer& symbol : answer.symbols)
      if (!symbol.text.empty()) symbol.text = redacted(symbol.text, task.secrets);
    task.asked.answer = std::move(answer);
    task.asked.seconds = task.started ? static_cast<double>(now() - *task.started) / 1e6 : 0;
    task.conversation.reset();
    task.request.reset();
    task.is_answered = true;
    --left_;
  }
};

}  // namespace

Dispatcher::Dispatcher(const NetworkSettings& settings, const Surroundings& surroundings)
    : engine_(new Engine{settings, surroundings, Client(settings, surroundings)}) {}

Dispatcher::~Dispatcher() = default;

std::vector<Asked> Dispatcher::ask(Provider& provider, const Limits& limits, ProviderState& state,
                                   std::vector<Query> queries, std::int64_t deadline) {
  Dispatch dispatch(engine_->settings, engine_->surroundings, engine_->client, engine_->runs[provider.name()],
                    engine_->random, provider, limits, state, deadline);
  return dispatch.all(std::move(queries));
}

}  // namespace pb::collect::http
