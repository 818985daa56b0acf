#include "engine/content_client.h"
#include "core/authenticator.h"
#include "core/limits.h"
#include "port/error.h"
#include <algorithm>
#include <cassert>
#include <cstring>

namespace volley {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

ContentClient::ContentClient(const Endpoint& server, std::string host, std::uint32_t receiver,
                             const blake3::Key& key, bool encrypted)
    : server_(server), host_(std::move(host)), receiver_(receiver), key_(key), encrypted_(encrypted),
      unicastKey_(unicastKey(key)), wakeup_(makeWakeup()) {}

void ContentClient::cancel() {
  cancelled_.store(true);
  wakeup_->notify();
}

bool ContentClient::drop() {
  stream_.reset();
  heard_.clear();
  left_ = 0;
  return false;
}

// The wakeup is never cleared: cancelling is final.
bool ContentClient::await(bool reading, SteadyClock::time_point deadline) {
  while (!cancelled_.load()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - SteadyClock::now());
    if (left <= milliseconds(0)) return false;
    StreamInterest interest{stream_.get(), reading, !reading};
    waitForStreams({&interest, 1}, nullptr, *wakeup_, static_cast<std::uint32_t>(left.count()));
    if (interest.ready) return true;
  }
  return false;
}

bool ContentClient::pause(std::uint32_t wait_ms) {
  const SteadyClock::time_point end = SteadyClock::now() + milliseconds(wait_ms);
  while (!cancelled_.load()) {
    const auto left = std::chrono::ceil<milliseconds>(end - SteadyClock::now());
    if (left <= milliseconds(0)) return true;
    waitForStreams({}, nullptr, *wakeup_, static_cast<std::uint32_t>(left.count()));
  }
  return false;
}

bool ContentClient::connect() {
  try {
    stream_ = connectStream(server_);
  } catch (const PortError&) {
    return drop();
  }
  const SteadyClock::time_point deadline = SteadyClock::now() + milliseconds(limits::unicastConnect_ms);
  for (;;) {
    const Transfer::State state = stream_->connected();
    if (state == Transfer::State::moved) return true;
    if (state == Transfer::State::closed || !await(false, deadline)) return drop();
  }
}

bool ContentClient::sendAll(const std::string& text) {
  const SteadyClock::time_point deadline = SteadyClock::now() + milliseconds(limits::unicastProgress_ms);
  std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  while (!bytes.empty()) {
    const Transfer put = stream_->write(bytes);
    if (put.state == Transfer::State::closed) return drop();
    bytes = bytes.subspan(put.bytes);
    if (put.state == Transfer::State::wouldWait && !await(false, deadline)) return drop();
  }
  return true;
}

bool ContentClient::readHead() {
  const SteadyClock::time_point deadline = SteadyClock::now() + milliseconds(limits::unicastProgress_ms);
  for (;;) {
    const std::size_t end = heard_.find("\r\n\r\n");
    if (end != std::string::npos) {
      const ContentAnswer answer = readContentAnswer(std::string_view(heard_).substr(0, end + 2));
      heard_.erase(0, end + 4);
      status_ = answer.status;
      keepAlive_ = answer.keepAlive;
      left_ = answer.length;
      taken_ = 0;
      return answer.status != 0;
    }
    if (heard_.size() >= limits::unicastHeadBytes) return drop();
    std::uint8_t bytes[limits::unicastHeadBytes];
    const Transfer got = stream_->read({bytes, limits::unicastHeadBytes - heard_.size()});
    if (got.state == Transfer::State::closed) return drop();
    if (got.state == Transfer::State::wouldWait && !await(true, deadline)) return drop();
    heard_.append(reinterpret_cast<const char*>(bytes), got.bytes);
  }
}

bool ContentClient::request(std::uint64_t offset, std::uint64_t bytes) {
  assert(bytes > 0);
  status_ = 0;
  // A body that was left unread, or a connection that the server is about to close, is of no use.
  if (left_ > 0 || !keepAlive_) drop();
  keepAlive_ = true;
  // A kept connection may have been hung up in the meantime; that is seen now, and only then tried once more.
  for (bool kept = stream_ != nullptr;; kept = false) {
    if (cancelled_.load() || (!kept && !connect())) return false;
    const ContentRange range{offset, offset + bytes - 1};
    const bool answered = sendAll(writeContentRequest(range, host_, receiver_, ++counter_, key_)) && readHead();
    if (!answered && kept) continue;
    if (!answered) return drop();
    return status_ == 206 && left_ == bytes ? true : drop();
  }
}

bool ContentClient::read(std::span<std::uint8_t> out) {
  const std::uint64_t position = taken_;
  if (!readStored(out)) return false;
  taken_ += out.size();
  if (encrypted_) chacha20::apply(unicastKey_, counter_, position, out.data(), out.data(), out.size());
  return true;
}

// As they come.
bool ContentClient::readStored(std::span<std::uint8_t> out) {
  assert(out.size() <= left_ || !stream_);
  if (!stream_) return false;
  const std::size_t first = std::min(out.size(), heard_.size());
  if (first > 0) std::memcpy(out.data(), heard_.data(), first);
  heard_.erase(0, first);
  left_ -= out.size();
  out = out.subspan(first);
  SteadyClock::time_point deadline = SteadyClock::now() + milliseconds(limits::unicastProgress_ms);
  while (!out.empty()) {
    if (cancelled_.load()) return drop();
    const Transfer got = stream_->read(out);
    if (got.state == Transfer::State::closed) return drop();
    if (got.state == Transfer::State::wouldWait) {
      if (!await(true, deadline)) return drop();
      continue;
    }
    out = out.subspan(got.bytes);
    deadline = SteadyClock::now() + milliseconds(limits::unicastProgress_ms);
  }
  return true;
}

} // namespace volley
