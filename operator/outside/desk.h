// Questions that may take long to answer (judgements, gates, alerts), answered off the reconcile path:
// whoever asks goes on, and comes back for the answer.
#pragma once

#include <any>
#include <compare>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weir::outside {

// Questions that are answered at the same time, whosever they are. Fewer than there are threads: those beyond
// are for namespaces that have no other under way, so that servers that hang never have all of them.
inline constexpr int kMostAtOnce = 4;
// Questions of one namespace that wait.
inline constexpr std::size_t kMostWaiting = 4096;

// What a question is known by. Who asks something that must not be asked twice (a gate, an alert) writes it
// to the release's status first.
struct QuestionId {
  std::string uid;              // of the Canary
  std::int64_t generation = 0;  // of its spec
  std::string step;             // of the release
  std::string name;             // of the judge, the gate or the alert
  friend auto operator<=>(const QuestionId&, const QuestionId&) = default;
};

// Thread-safe. Fair by namespace: namespaces take turns question by question, in each the oldest is first,
// and none has a second under way while kMostAtOnce are. So a namespace whose servers hang has kMostAtOnce
// threads at most, and each further one has one; a question of an idle namespace waits for a free thread, and
// then for one question of each other namespace at most.
class Desk {
 public:
  Desk() = default;
  ~Desk() { stop(); }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // `find` blocks until it has the answer, within a deadline of its own, and does not throw; `done` (it may
  // be empty) is called with the answer once `answer` has it, by the thread that found it. A newer question
  // replaces an older one with the same id, whose answer is then dropped: its `done` is not called. False:
  // the namespace has kMostWaiting questions already, and this one is not known.
  template <typename Answer>
  [[nodiscard]] bool ask(const QuestionId& id, const std::string& name_space, std::function<Answer()> find,
                         std::function<void(const Answer&)> done) {
    return add(id, name_space,
               {.find = [find = std::move(find)] { return std::any(find()); },
                .done =
                    [done = std::move(done)](const std::any& answer) {
                      if (done) done(std::any_cast<const Answer&>(answer));
                    }});
  }
  // Empty: it isn't there yet, the question is not known, or its answer is of another type.
  template <typename Answer>
  [[nodiscard]] std::optional<Answer> answer(const QuestionId& id) const {
    const std::scoped_lock lock(mutex_);
    const auto known = questions_.find(id);
    const auto* found = known == questions_.end() ? nullptr : std::any_cast<Answer>(&known->second.answer);
    return found ? std::optional(*found) : std::nullopt;
  }
  void forget(const QuestionId& id);

  // Threads that answer until `stop`.
  void start(int threads);
  // Ends the threads: a question under way is waited for.
  void stop();
  // Answers one question by the caller's thread; false if none may be answered now. What a thread repeats.
  [[nodiscard]] bool step();

 private:
  using Number = std::uint64_t;  // of a question, rising

  struct Work {
    std::function<std::any()> find;
    std::function<void(const std::any&)> done;
  };
  struct Question {
    Number number = 0;
    std::string name_space;
    Work work;  // until it is under way
    std::any answer;
  };
  // The questions of one namespace; there is none without any.
  struct Queue {
    std::map<Number, QuestionId> waiting;
    int under_way = 0;
  };
  using Queues = std::map<std::string, Queue>;

  [[nodiscard]] bool add(const QuestionId& id, const std::string& name_space, Work work);
  // With mutex_ held:
  void drop(const QuestionId& id);
  [[nodiscard]] bool ready(const Queue& queue) const;
  [[nodiscard]] Queues::iterator next();
  void remove_if_empty(const std::string& name_space);

  mutable std::mutex mutex_;
  std::condition_variable_any ready_;
  std::map<QuestionId, Question> questions_;
  Queues queues_;
  int under_way_ = 0;  // questions of all namespaces
  std::string last_;   // namespace that a question was taken of
  Number last_number_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace weir::outside
