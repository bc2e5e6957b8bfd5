#include "operator/outside/desk.h"

namespace weir::outside {

bool Desk::add(const QuestionId& id, const std::string& name_space, Work work) {
  const std::scoped_lock lock(mutex_);
  drop(id);
  auto& queue = queues_[name_space];
  if (queue.waiting.size() >= kMostWaiting) return false;
  const Number number = ++last_number_;
  queue.waiting.emplace(number, id);
  questions_[id] = {.number = number, .name_space = name_space, .work = std::move(work)};
  ready_.notify_one();
  return true;
}

void Desk::forget(const QuestionId& id) {
  const std::scoped_lock lock(mutex_);
  drop(id);
}

void Desk::drop(const QuestionId& id) {
  const auto known = questions_.find(id);
  if (known == questions_.end()) return;
  const auto question = std::move(known->second);
  questions_.erase(known);
  if (const auto queue = queues_.find(question.name_space); queue != queues_.end()) {
    queue->second.waiting.erase(question.number);
    remove_if_empty(question.name_space);
  }
}

void Desk::remove_if_empty(const std::string& name_space) {
  const auto queue = queues_.find(name_space);
  if (queue->second.waiting.empty() && queue->second.under_way == 0) queues_.erase(queue);
}

bool Desk::ready(const Queue& queue) const {
  return !queue.waiting.empty() && (queue.under_way == 0 || under_way_ < kMostAtOnce);
}

// The namespace after the last one that may have a question answered.
Desk::Queues::iterator Desk::next() {
  const auto after = queues_.upper_bound(last_);
  for (auto queue = after; queue != queues_.end(); ++queue) {
    if (ready(queue->second)) return queue;
  }
  for (auto queue = queues_.begin(); queue != after; ++queue) {
    if (ready(queue->second)) return queue;
  }
  return queues_.end();
}

bool Desk::step() {
  std::unique_lock lock(mutex_);
  const auto queue = next();
  if (queue == queues_.end()) return false;
  const auto name_space = queue->first;
  const auto [number, id] = *queue->second.waiting.begin();
  queue->second.waiting.erase(number);
  ++queue->second.under_way;
  ++under_way_;
  last_ = name_space;
  const auto work = std::move(questions_.at(id).work);
  lock.unlock();

  auto answer = work.find();

  lock.lock();
  --queues_.at(name_space).under_way;
  --under_way_;
  remove_if_empty(name_space);
  ready_.notify_one();
  const auto known = questions_.find(id);
  if (known == questions_.end() || known->second.number != number) return true;
  known->second.answer = answer;
  lock.unlock();
  work.done(answer);
  return true;
}

void Desk::start(int threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) {
      while (true) {
        {
          std::unique_lock lock(mutex_);
          if (!ready_.wait(lock, stop, [this] { return next() != queues_.end(); })) return;
        }
        if (stop.stop_requested()) return;
        (void)step();
      }
    });
  }
}

void Desk::stop() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
}

}  // namespace weir::outside
