// `Task<Result>` of native/index.ts: one long operation on a thread of its own.
#pragma once
#include "binding/completion.h"
#include "binding/errors.h"
#include "engine/task_control.h"
#include <functional>
#include <memory>
#include <napi.h>
#include <optional>
#include <thread>

namespace volley::binding {

// What does not depend on the result: the thread, progress and cancelling.
class TaskBase : public Work, public std::enable_shared_from_this<TaskBase> {
public:
  explicit TaskBase(Napi::Env env) : deferred_(Napi::Promise::Deferred::New(env)) {}
  void join() override;
  void settle(Napi::Env env) override;
  // Starts the thread and gives the object that JavaScript holds.
  Napi::Object start(Napi::Env env);

protected:
  // On the task's thread.
  virtual void work(TaskControl& control) = 0;
  // On JavaScript's thread, after `work` has returned without an exception.
  virtual Napi::Value result(Napi::Env env) = 0;

private:
  void run(Completion& completion);

  Napi::Promise::Deferred deferred_;
  TaskControl control_;
  std::thread thread_;
  std::exception_ptr failure_; // written before `signal`, read after `join`
};

template <class Result> class Task final : public TaskBase {
public:
  using Operation = std::function<Result(TaskControl&)>;
  using Marshal = std::function<Napi::Value(Napi::Env, const Result&)>;
  Task(Napi::Env env, Operation operation, Marshal marshal)
      : TaskBase(env), operation_(std::move(operation)), marshal_(std::move(marshal)) {}

private:
  void work(TaskControl& control) override { result_ = operation_(control); }
  Napi::Value result(Napi::Env env) override { return marshal_(env, *result_); }

  Operation operation_;
  Marshal marshal_;
  std::optional<Result> result_;
};

// Neither function may touch JavaScript's objects of the caller: `operation` runs on another thread.
template <class Result>
Napi::Value startTask(Napi::Env env, std::function<Result(TaskControl&)> operation,
                      std::function<Napi::Value(Napi::Env, const Result&)> marshal) {
  return std::make_shared<Task<Result>>(env, std::move(operation), std::move(marshal))->start(env);
}

} // namespace volley::binding
