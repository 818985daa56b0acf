#include "binding/completion.h"
#include "binding/errors.h"
#include "binding/exports.h"
#include "binding/values.h"
#include "core/manifest.h"
#include "engine/receiver_session.h"
#include <optional>

namespace volley::binding {
namespace {

const char* nameOf(ReceiverPhase phase) {
  switch (phase) {
  case ReceiverPhase::preparing:
    return "preparing";
  case ReceiverPhase::receiving:
    return "receiving";
  case ReceiverPhase::finishing:
    return "finishing";
  case ReceiverPhase::done:
    return "done";
  case ReceiverPhase::failed:
    return "failed";
  }
  std::abort(); // no other value exists
}

class ReceiverWork final : public Work, public std::enable_shared_from_this<ReceiverWork> {
public:
  explicit ReceiverWork(Napi::Env env) : finished_(Napi::Promise::Deferred::New(env)) {}

  Napi::Object open(Napi::Env env, const ReceiverSessionOptions& options) {
    root_ = hex(Manifest::parse(options.manifest).root);
    Completion& completion = Completion::create(env, shared_from_this());
    try {
      session_ = std::make_unique<ReceiverSession>(options, [this, &completion](const EngineError* error) {
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
    last_ = session_->statistics();
    session_.reset();
  }

  void settle(Napi::Env env) override {
    if (failure_)
      finished_.Reject(toJavaScript(env, *failure_).Value());
    else
      finished_.Resolve(Fields(env).text("root", root_).done());
  }

private:
  Napi::Object object(Napi::Env env) {
    const auto self = shared_from_this();
    const auto statistics = [self](const Napi::CallbackInfo& info) -> Napi::Value {
      return self->statistics(info.Env());
    };
    const auto cancel = [self](const Napi::CallbackInfo&) {
      if (self->session_) self->session_->cancel();
    };
    return Fields(env)
        .set("finished", finished_.Promise())
        .set("statistics", Napi::Function::New(env, statistics, "statistics"))
        .set("cancel", Napi::Function::New(env, cancel, "cancel"))
        .done();
  }

  Napi::Value statistics(Napi::Env env) const {
    const ReceiverSessionStatistics now = session_ ? session_->statistics() : last_;
    return Fields(env)
        .text("phase", nameOf(now.phase))
        .number("chunksTotal", now.chunksTotal)
        .number("chunksPresent", now.chunksPresent)
        .number("chunksFound", now.chunksFound)
        .number("chunksByMulticast", now.chunksByMulticast)
        .number("chunksByUnicast", now.chunksByUnicast)
        .number("bytesVerified", now.bytesVerified)
        .number("bytesTotal", now.bytesTotal)
        .number("multicastBytes", now.multicastBytes)
        .number("unicastBytes", now.unicastBytes)
        .number("repairedSymbols", now.repairedSymbols)
        .number("lostDatagrams", now.lostDatagrams)
        .number("refusedDatagrams", now.refusedDatagrams)
        .number("chunksRewritten", now.chunksRewritten)
        .flag("multicastAlive", now.multicastAlive)
        .flag("moved", now.moved)
        .number("processorBacklogPerThousand", now.processorBacklogPerThousand)
        .number("diskBacklogPerThousand", now.diskBacklogPerThousand)
        .number("bufferBytes", now.bufferBytes)
        .flag("direct", now.direct)
        .done();
  }

  std::unique_ptr<ReceiverSession> session_; // until its threads were joined
  ReceiverSessionStatistics last_;
  std::optional<EngineError> failure_; // written before `signal`, read after `join`
  std::string root_;
  Napi::Promise::Deferred finished_;
};

ServiceAddress serviceAddress(const Options& given) {
  return {given.text("address"), given.integer<std::uint16_t>("port", 1, UINT16_MAX)};
}

ReceiverSessionOptions optionsFrom(const Options& given) {
  ReceiverSessionOptions options;
  options.manifest = given.bytes("manifest");
  if (!given.absent("device")) options.device = given.text("device");
  options.sessionKey = given.key("sessionKey");
  options.receiverKey = given.key("receiverKey");
  options.receiver = given.integer<std::uint32_t>("receiver", 0, UINT32_MAX);
  options.session = given.integer<std::uint32_t>("session", 0, UINT32_MAX);
  options.stream = given.integer<std::uint16_t>("stream", 0, UINT16_MAX);
  options.group = given.text("group");
  options.port = given.integer<std::uint16_t>("port", 1, UINT16_MAX);
  options.interfaceAddress = given.text("interfaceAddress");
  options.feedback = serviceAddress(given.object("feedback"));
  if (!given.absent("unicast")) options.unicast = serviceAddress(given.object("unicast"));
  options.encrypted = !given.absent("encrypted") && given.flag("encrypted");
  options.mtu = given.integer<std::uint32_t>("mtu", 576, 9000);
  options.groupSize = given.integer<std::uint32_t>("groupSize", 0, UINT32_MAX);
  options.askBeforeScan = given.flag("askBeforeScan");
  options.silence_ms = given.integer<std::uint32_t>("silenceMs", 0, UINT32_MAX);
  options.chunkWait_ms = given.integer<std::uint32_t>("chunkWaitMs", 0, UINT32_MAX);
  if (!given.absent("lossPerMillion")) {
    options.lossPerMillion = given.integer<std::uint32_t>("lossPerMillion", 0, 1'000'000);
  }
  if (!given.absent("lossSeed")) options.lossSeed = given.integer<std::uint32_t>("lossSeed", 0, UINT32_MAX);
  return options;
}

} // namespace

Napi::Value openReceiver(const Napi::CallbackInfo& info) {
  const ReceiverSessionOptions options = optionsFrom(Options(info[0]));
  const Napi::Env env = info.Env();
  return guarded(env, [&] { return std::make_shared<ReceiverWork>(env)->open(env, options); });
}

} // namespace volley::binding
