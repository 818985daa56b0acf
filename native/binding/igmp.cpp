#include "port/igmp.h"
#include "binding/errors.h"
#include "binding/exports.h"
#include "binding/values.h"
#include "core/limits.h"
#include "engine/parse_options.h"
#include "engine/port_failure.h"
#include <system_error>

namespace volley::binding {
namespace {

std::string dotted(std::uint32_t address) {
  std::string text = std::to_string(address >> 24);
  for (int shift = 16; shift >= 0; shift -= 8) {
    text += '.';
    text += std::to_string(address >> shift & 0xff);
  }
  return text;
}

EngineError refused(const PortError& error, const std::string& interfaceAddress) {
  const auto is = [&](std::errc what) { return std::system_category().equivalent(error.systemError, what); };
  if (is(std::errc::operation_not_permitted) || is(std::errc::permission_denied))
    return fromPort(code::rawSocket, "a raw socket on " + interfaceAddress + " is not permitted", error);
  return fromPort(code::socket, "a raw socket on " + interfaceAddress + " cannot be used", error);
}

// A handle that JavaScript closes, or forgets; its methods do nothing after that.
template <class Socket> struct Handle {
  std::unique_ptr<Socket> socket;
  std::string interfaceAddress;

  template <class Work> auto use(Napi::Env env, Work&& work) {
    return guarded(env, [&] {
      try {
        return work();
      } catch (const PortError& error) {
        throw refused(error, interfaceAddress);
      }
    });
  }
};

template <class Socket> Napi::Function closing(Napi::Env env, const std::shared_ptr<Handle<Socket>>& handle) {
  return Napi::Function::New(
      env, [handle](const Napi::CallbackInfo&) { handle->socket.reset(); }, "close");
}

} // namespace

Napi::Value openIgmpSocket(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto handle = std::make_shared<Handle<IgmpSocket>>();
  handle->interfaceAddress = Options(info[0]).text("interfaceAddress");
  handle->use(env, [&] { handle->socket = volley::openIgmpSocket(addressOf(handle->interfaceAddress)); });

  const auto send = [handle](const Napi::CallbackInfo& call) -> Napi::Value {
    const std::string to = call[0].ToString().Utf8Value();
    const std::vector<std::uint8_t> message = bytesOf(call[1], "message");
    const bool sent = handle->use(
        call.Env(), [&] { return handle->socket && handle->socket->send(addressOf(to), message); });
    return Napi::Boolean::New(call.Env(), sent);
  };
  const auto receive = [handle](const Napi::CallbackInfo& call) -> Napi::Value {
    const Napi::Env here = call.Env();
    const std::vector<IgmpArrival> arrivals = handle->use(
        here, [&] { return handle->socket ? handle->socket->receive() : std::vector<IgmpArrival>{}; });
    const Napi::Array list = Napi::Array::New(here, arrivals.size());
    for (std::uint32_t i = 0; i < arrivals.size(); ++i) {
      const IgmpArrival& arrival = arrivals[i];
      list.Set(i, Fields(here)
                      .text("from", dotted(arrival.from))
                      .text("to", dotted(arrival.to))
                      .set("message", buffer(here, arrival.message))
                      .done());
    }
    return list;
  };
  return Fields(env)
      .set("send", Napi::Function::New(env, send, "send"))
      .set("receive", Napi::Function::New(env, receive, "receive"))
      .set("close", closing(env, handle))
      .done();
}

Napi::Value openGroupEar(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Options given(info[0]);
  const auto handle = std::make_shared<Handle<GroupEar>>();
  handle->interfaceAddress = given.text("interfaceAddress");
  const std::vector<std::string> groups = given.texts("groups", limits::groupEarGroups);
  const auto ignoredPort = given.integer<std::uint16_t>("ignoredPort", 0, UINT16_MAX);
  handle->use(env, [&] {
    GroupEarOptions options{addressOf(handle->interfaceAddress), {}, ignoredPort};
    for (const std::string& group : groups)
      options.groups.push_back(addressOf(group));
    handle->socket = volley::openGroupEar(options);
  });

  const auto heard = [handle](const Napi::CallbackInfo& call) -> Napi::Value {
    const Napi::Env here = call.Env();
    const std::vector<std::uint32_t> found = handle->use(
        here, [&] { return handle->socket ? handle->socket->heard() : std::vector<std::uint32_t>{}; });
    const Napi::Array list = Napi::Array::New(here, found.size());
    for (std::uint32_t i = 0; i < found.size(); ++i)
      list.Set(i, Napi::String::New(here, dotted(found[i])));
    return list;
  };
  return Fields(env)
      .set("heard", Napi::Function::New(env, heard, "heard"))
      .set("close", closing(env, handle))
      .done();
}

} // namespace volley::binding
