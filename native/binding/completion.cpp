#include "binding/completion.h"

namespace volley::binding {

Completion::Completion(Napi::Env env, std::shared_ptr<Work> work)
    : env_(env), work_(std::move(work)), function_(Function::New(env, "volley", 0, 1, this)) {
  // Hooks run in reverse order: this one before the function's own, so that threads which are being joined
  // may still call the function.
  napi_add_env_cleanup_hook(env_, &Completion::onTeardown, this);
}

Completion& Completion::create(Napi::Env env, std::shared_ptr<Work> work) {
  std::unique_ptr<Completion> completion(new Completion(env, std::move(work)));
  Completion& result = *completion;
  result.self_ = std::move(completion);
  return result;
}

void Completion::signal() {
  Function function = function_;
  function.NonBlockingCall();
}

void Completion::onSignal(Napi::Env env, Napi::Function, Completion* completion, void*) {
  if (static_cast<napi_env>(env) == nullptr) return; // the environment ends: onTeardown has seen to it
  const std::shared_ptr<Work> work = completion->work_;
  const std::unique_ptr<Completion> held = std::move(completion->self_);
  work->join(); // the thread that signalled may still be inside `signal`
  held->end();
  try {
    work->settle(env);
  } catch (const Napi::Error&) {
    // The environment is being terminated: there is nobody left to tell.
  }
}

void Completion::onTeardown(void* pointer) {
  auto* completion = static_cast<Completion*>(pointer);
  const std::unique_ptr<Completion> held = std::move(completion->self_);
  held->work_->join();
}

void Completion::discard() {
  const std::unique_ptr<Completion> held = std::move(self_);
  end();
}

void Completion::end() {
  napi_remove_env_cleanup_hook(env_, &Completion::onTeardown, this);
  function_.Release();
}

} // namespace volley::binding
