// Keeps one signal, or all of them, from the calling thread while it exists.
#pragma once
#include <csignal>
#include <ctime>

namespace volley {

class SignalBlock {
public:
  // A signal that comes meanwhile and was not pending before is swallowed.
  explicit SignalBlock(int signal) : signal_(signal) {
    sigset_t pending;
    ::sigpending(&pending);
    swallow_ = !::sigismember(&pending, signal);
    ::sigemptyset(&blocked_);
    ::sigaddset(&blocked_, signal);
    ::pthread_sigmask(SIG_BLOCK, &blocked_, &before_);
  }
  // All signals: threads that are started inherit it, so that signals go to the program's own threads.
  SignalBlock() {
    ::sigfillset(&blocked_);
    ::pthread_sigmask(SIG_BLOCK, &blocked_, &before_);
  }
  ~SignalBlock() {
    const timespec now{};
    if (swallow_) ::sigtimedwait(&blocked_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SignalBlock(const SignalBlock&) = delete;
  SignalBlock& operator=(const SignalBlock&) = delete;

private:
  int signal_ = 0;
  bool swallow_ = false;
  sigset_t blocked_;
  sigset_t before_;
};

} // namespace volley
