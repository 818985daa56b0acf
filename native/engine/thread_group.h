// Threads that work on one thing and give up together: the first exception of any of them is kept, the others
// are told through `stop`, and `join` throws it on the caller's thread.
#pragma once
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace volley {

class ThreadGroup {
public:
  // `stop` is called from the thread that failed, perhaps several times; it makes the others return soon.
  explicit ThreadGroup(std::function<void()> stop) : stop_(std::move(stop)) {}
  ~ThreadGroup() {
    if (threads_.empty()) return;
    stop_();
    joinAll();
  }
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;

  template <class Work> void start(Work work) {
    threads_.emplace_back([this, work = std::move(work)]() mutable { runHere(work); });
  }

  // Runs on the calling thread, under the same rule: what it throws comes out of `join`.
  template <class Work> void runHere(Work&& work) {
    try {
      work();
    } catch (...) {
      {
        const std::lock_guard lock(mutex_);
        if (!first_) first_ = std::current_exception();
      }
      stop_();
    }
  }

  void join() {
    joinAll();
    if (first_) std::rethrow_exception(first_);
  }

private:
  void joinAll() {
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
  }

  std::function<void()> stop_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::exception_ptr first_;
};

} // namespace volley
