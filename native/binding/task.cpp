#include "binding/task.h"
#include "binding/values.h"

namespace volley::binding {

void TaskBase::run(Completion& completion) {
  try {
    work(control_);
  } catch (...) {
    failure_ = std::current_exception();
  }
  completion.signal();
}

void TaskBase::join() {
  control_.cancel(); // without effect on work that is done
  if (thread_.joinable()) thread_.join();
}

void TaskBase::settle(Napi::Env env) {
  if (failure_) {
    deferred_.Reject(toJavaScript(env, engineError(failure_)).Value());
    return;
  }
  try {
    deferred_.Resolve(result(env));
  } catch (const Napi::Error& error) {
    deferred_.Reject(error.Value());
  }
}

Napi::Object TaskBase::start(Napi::Env env) {
  const auto self = shared_from_this();
  Completion& completion = Completion::create(env, self);
  try {
    thread_ = std::thread([this, &completion] { run(completion); });
  } catch (const std::system_error& error) {
    completion.discard();
    EngineError noThread(code::outOfMemory, "a thread cannot be started");
    throw toJavaScript(env, noThread.system(error.code().value(), "pthread_create"));
  }
  const auto progress = [self](const Napi::CallbackInfo& info) -> Napi::Value {
    return Fields(info.Env())
        .number("bytesDone", self->control_.bytesDone())
        .number("bytesTotal", self->control_.bytesTotal())
        .done();
  };
  const auto cancel = [self](const Napi::CallbackInfo&) { self->control_.cancel(); };
  return Fields(env)
      .set("result", deferred_.Promise())
      .set("progress", Napi::Function::New(env, progress, "progress"))
      .set("cancel", Napi::Function::New(env, cancel, "cancel"))
      .done();
}

} // namespace volley::binding
