#include "engine/caster.h"
#include "binding/completion.h"
#include "binding/errors.h"
#include "binding/exports.h"
#include "binding/values.h"
#include "core/limits.h"
#include <optional>

namespace volley::binding {
namespace {

constexpr std::uint64_t rateMost = 1ull << 40;

const char* nameOf(Limit limit) {
  switch (limit) {
  case Limit::nothing: return "nothing";
  case Limit::policy: return "policy";
  case Limit::network: return "network";
  case Limit::receiver: return "receiver";
  case Limit::sender: return "sender";
  }
  return "";
}

class CasterWork final : public Work, public std::enable_shared_from_this<CasterWork> {
public:
  explicit CasterWork(Napi::Env env) : finished_(Napi::Promise::Deferred::New(env)) {}

  Napi::Object open(Napi::Env env, const CasterOptions& options) {
    Completion& completion = Completion::create(env, shared_from_this());
    try {
      caster_ = std::make_unique<Caster>(options, [this, &completion](const EngineError* error) {
        if (error) failure_ = *error;
        completion.signal();
      });
    } catch (...) {
      completion.discard();
      throw;
    }
    return object(env);
  }

  void join() override {
    // JavaScript may ask for the figures afterwards too.
    last_ = caster_->statistics();
    caster_.reset();
  }

  void settle(Napi::Env env) override {
    settled_ = true;
    if (failure_)
      finished_.Reject(toJavaScript(env, *failure_).Value());
    else
      finished_.Resolve(env.Undefined());
    for (const Napi::Promise::Deferred& stopped : stopping_)
      stopped.Resolve(env.Undefined());
    stopping_.clear();
  }

private:
  Napi::Object object(Napi::Env env) {
    const auto self = shared_from_this();
    const Napi::Object ports = Fields(env)
                                   .number("feedback", caster_->feedbackPort())
                                   .number("unicast", caster_->unicastPort())
                                   .done();
    const auto statistics = [self](const Napi::CallbackInfo& info) -> Napi::Value {
      return self->statistics(info.Env());
    };
    const auto setRate = [self](const Napi::CallbackInfo& info) { self->setRate(info); };
    const auto setMoved = [self](const Napi::CallbackInfo& info) { self->setMoved(info); };
    const auto stop = [self](const Napi::CallbackInfo& info) -> Napi::Value {
      return self->stop(info.Env());
    };
    return Fields(env)
        .set("ports", ports)
        .set("finished", finished_.Promise())
        .set("statistics", Napi::Function::New(env, statistics, "statistics"))
        .set("setMoved", Napi::Function::New(env, setMoved, "setMoved"))
        .set("setRate", Napi::Function::New(env, setRate, "setRate"))
        .set("stop", Napi::Function::New(env, stop, "stop"))
        .done();
  }

  Napi::Value statistics(Napi::Env env) const {
    const CasterStatistics now = caster_ ? caster_->statistics() : last_;
    return Fields(env)
        .number("dataDatagrams", now.dataDatagrams)
        .number("announceDatagrams", now.announceDatagrams)
        .number("paritySymbols", now.paritySymbols)
        .number("sourceSymbols", now.sourceSymbols)
        .number("reports", now.reports)
        .number("reportsRefused", now.reportsRefused)
        .number("receivers", now.receivers)
        .number("blocksPending", now.blocksPending)
        .number("rateBytesPerSecond", now.rateBytesPerSecond)
        .number("multicastBytes", now.multicastBytes)
        .number("unicastBytes", now.unicastBytes)
        .flag("idle", now.idle)
        .text("limit", nameOf(now.limit))
        .number("limitingReceiver", now.limitingReceiver)
        .numbers("overBudget", now.overBudget)
        .done();
  }

  void setRate(const Napi::CallbackInfo& info) {
    const auto rate = integerOf<std::uint64_t>(info[0], "rateBytesPerSecond", 0, rateMost);
    if (caster_) caster_->setRate(rate);
  }

  void setMoved(const Napi::CallbackInfo& info) {
    const auto receiver = integerOf<std::uint32_t>(info[0], "receiver", 0, limits::receiversMax);
    if (!info[1].IsBoolean()) throw Napi::TypeError::New(info.Env(), "moved has to be true or false");
    if (caster_) caster_->setMoved(receiver, info[1].As<Napi::Boolean>().Value());
  }

  Napi::Value stop(Napi::Env env) {
    const auto stopped = Napi::Promise::Deferred::New(env);
    if (settled_) {
      stopped.Resolve(env.Undefined());
    } else {
      stopping_.push_back(stopped);
      if (caster_) caster_->stop();
    }
    return stopped.Promise();
  }

  std::unique_ptr<Caster> caster_; // until its threads were joined
  CasterStatistics last_;
  std::optional<EngineError> failure_; // written before `signal`, read after `join`
  bool settled_ = false;
  Napi::Promise::Deferred finished_;
  std::vector<Napi::Promise::Deferred> stopping_;
};

} // namespace

Napi::Value openCaster(const Napi::CallbackInfo& info) {
  const Options given(info[0]);
  CasterOptions options;
  options.manifest = given.bytes("manifest");
  options.contentPath = given.text("contentPath");
  options.sessionKey = given.key("sessionKey");
  options.feedbackSecret = given.key("feedbackSecret");
  options.session = given.integer<std::uint32_t>("session", 0, UINT32_MAX);
  options.start = given.integer<std::uint32_t>("start", 1, UINT32_MAX);
  options.stream = given.integer<std::uint16_t>("stream", 0, UINT16_MAX);
  options.group = given.text("group");
  options.port = given.integer<std::uint16_t>("port", 1, UINT16_MAX);
  options.interfaceAddress = given.text("interfaceAddress");
  options.feedbackPort = given.integer<std::uint16_t>("feedbackPort", 0, UINT16_MAX);
  if (given.absent("unicastPort")) options.unicastPort.reset();
  else options.unicastPort = given.integer<std::uint16_t>("unicastPort", 0, UINT16_MAX);
  options.timeToLive = given.integer<std::uint8_t>("timeToLive", 0, UINT8_MAX);
  options.encrypted = !given.absent("encrypted") && given.flag("encrypted");
  options.mtu = given.integer<std::uint32_t>("mtu", 576, 9000);
  options.rateBytesPerSecond = given.integer<std::uint64_t>("rateBytesPerSecond", 0, rateMost);
  options.paceByQuickest = !given.absent("paceBy") && given.text("paceBy") == "quickest";
  const Napi::Env env = info.Env();
  return guarded(env, [&] { return std::make_shared<CasterWork>(env)->open(env, options); });
}

} // namespace volley::binding
