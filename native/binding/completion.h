// How native work that runs on its own threads comes back to JavaScript: once, on JavaScript's thread, or not
// at all when JavaScript goes away first; then the work is stopped and its threads have ended before Node's
// environment is gone. While the work runs, Node's event loop stays alive.
#pragma once
#include <memory>
#include <napi.h>

namespace volley::binding {

// Native work with threads of its own. JavaScript's closures and its Completion own it together.
class Work {
public:
  virtual ~Work() = default;
  // Both on JavaScript's thread. Stops the threads if they still run, and returns when they have ended.
  virtual void join() = 0;
  // After `join`: settle promises. Not called when the environment ends first.
  virtual void settle(Napi::Env env) = 0;
};

class Completion {
public:
  // On JavaScript's thread. Keeps `work` alive until it was joined, and settled where that is still possible.
  static Completion& create(Napi::Env env, std::shared_ptr<Work> work);
  // On JavaScript's thread: the work did not begin, and `signal` will not come.
  void discard();
  // From any thread, once: the work has done what it had to. It is joined and settled soon after.
  void signal();

private:
  Completion(Napi::Env env, std::shared_ptr<Work> work);
  static void onSignal(Napi::Env env, Napi::Function, Completion* completion, void*);
  static void onTeardown(void* completion);
  void end();

  using Function = Napi::TypedThreadSafeFunction<Completion, void, &Completion::onSignal>;
  napi_env env_;
  std::shared_ptr<Work> work_;
  Function function_;
  std::unique_ptr<Completion> self_; // until the work was joined
};

} // namespace volley::binding
