// A caster and receivers in one process, on loopback, with files as disks.
#pragma once
#include "core/authenticator.h"
#include "engine/caster.h"
#include "engine/receiver_session.h"
#include "images.h"
#include "temporary_folder.h"
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace volley_test {

using namespace std::chrono_literals;

// How something ended, to be waited for.
class Ending {
public:
  void set(const volley::EngineError* error) {
    const std::lock_guard lock(mutex_);
    if (ended_) std::abort(); // it is told exactly once
    ended_ = true;
    if (error) error_ = *error;
    changed_.notify_all();
  }
  bool wait(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, most, [this] { return ended_; });
  }
  // The error's code; "" when it ended well, "running" when it has not ended.
  std::string code() const {
    const std::lock_guard lock(mutex_);
    if (!ended_) return "running";
    return error_ ? error_->code : "";
  }
  std::optional<volley::EngineError> error() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }

private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::optional<volley::EngineError> error_;
};

struct TestReceiver {
  Ending ending;
  std::unique_ptr<volley::ReceiverSession> session;
  bool finishes(std::chrono::milliseconds most = 300s) {
    const bool ended = ending.wait(most);
    if (!ended) std::fprintf(stderr, "a receiver did not end\n");
    if (const auto error = ending.error()) std::fprintf(stderr, "a receiver ended with %s: %s\n", error->code.c_str(), error->what());
    return ended && ending.code().empty();
  }
  volley::ReceiverSessionStatistics statistics() const { return session->statistics(); }
};

struct TestCaster {
  Ending ending;
  std::unique_ptr<volley::Caster> caster;
};

class CastRoom {
public:
  CastRoom(const Bytes& image, std::mt19937_64& random) : imageBytes_(image.size()) {
    for (std::uint8_t& byte : sessionKey_) byte = static_cast<std::uint8_t>(random());
    for (std::uint8_t& byte : feedbackSecret_) byte = static_cast<std::uint8_t>(random());
    session_ = static_cast<std::uint32_t>(random());
    port_ = static_cast<std::uint16_t>(20000 + random() % 20000);
    group_ = "239.255." + std::to_string(random() % 256) + "." + std::to_string(1 + random() % 254);
    writeFile(at("image"), image);
    volley::TaskControl control;
    const auto imported = volley::importContent({at("image"), image.size(), at("content"), 2, 1}, control);
    manifest_ = manifestOf(imported, image.size()).serialise();
    manifest_.resize(manifest_.size() + volley::Manifest::signatureBytes);
    contentBytes_ = imported.contentBytes;
  }

  bool encrypted = false; // the session of casters and receivers that are asked for from now on

  std::string at(const std::string& name) const { return folder_.at(name); }
  std::uint64_t contentBytes() const { return contentBytes_; }
  const volley::blake3::Key& feedbackSecret() const { return feedbackSecret_; }
  std::uint32_t session() const { return session_; }
  std::uint16_t port() const { return port_; }
  const std::string& group() const { return group_; }

  volley::CasterOptions casterOptions(std::uint32_t start = 1) const {
    volley::CasterOptions options;
    options.manifest = manifest_;
    options.contentPath = at("content");
    options.sessionKey = sessionKey_;
    options.feedbackSecret = feedbackSecret_;
    options.session = session_;
    options.start = start;
    options.stream = 3;
    options.group = group_;
    options.port = port_;
    options.interfaceAddress = "127.0.0.1";
    options.encrypted = encrypted;
    return options;
  }
  std::unique_ptr<TestCaster> cast(const volley::CasterOptions& options) {
    auto caster = std::make_unique<TestCaster>();
    Ending* ending = &caster->ending;
    caster->caster = std::make_unique<volley::Caster>(options, [ending](const auto* error) { ending->set(error); });
    feedbackPort_ = caster->caster->feedbackPort();
    unicastPort_ = caster->caster->unicastPort();
    return caster;
  }

  volley::ReceiverSessionOptions receiverOptions(std::uint32_t number, std::optional<std::string> device) const {
    volley::ReceiverSessionOptions options;
    options.manifest = manifest_;
    options.device = std::move(device);
    options.sessionKey = sessionKey_;
    options.receiverKey = volley::receiverKey(feedbackSecret_, session_, number);
    options.receiver = number;
    options.session = session_;
    options.stream = 3;
    options.group = group_;
    options.port = port_;
    options.interfaceAddress = "127.0.0.1";
    options.feedback = {"127.0.0.1", feedbackPort_};
    options.unicast = volley::ServiceAddress{"127.0.0.1", unicastPort_};
    options.encrypted = encrypted;
    options.silence_ms = 3000;
    options.lossSeed = number;
    return options;
  }
  static std::unique_ptr<TestReceiver> receive(const volley::ReceiverSessionOptions& options) {
    auto receiver = std::make_unique<TestReceiver>();
    Ending* ending = &receiver->ending;
    receiver->session =
        std::make_unique<volley::ReceiverSession>(options, [ending](const auto* error) { ending->set(error); });
    return receiver;
  }

  // A disk a little larger than the image, filled with `byte`.
  std::string disk(const std::string& name, std::uint8_t byte = 0) const {
    writeFile(at(name), Bytes(imageBytes_ + (1 << 20), byte));
    return at(name);
  }
  // Whether the disk begins with the image.
  bool holds(const std::string& path, const Bytes& image) const {
    const Bytes bytes = readFile(path);
    if (bytes.size() < image.size()) return false;
    const auto [other, here] = std::mismatch(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(image.size()), image.begin());
    if (here == image.end()) return true;
    std::fprintf(stderr, "%s differs at byte %td\n", path.c_str(), here - image.begin());
    return false;
  }

private:
  TemporaryFolder folder_;
  std::uint64_t imageBytes_;
  std::uint64_t contentBytes_ = 0;
  std::vector<std::uint8_t> manifest_;
  volley::blake3::Key sessionKey_{}, feedbackSecret_{};
  std::uint32_t session_ = 0;
  std::uint16_t port_ = 0;
  std::string group_;
  std::uint16_t feedbackPort_ = 0, unicastPort_ = 0;
};

} // namespace volley_test
