// The receiving end of a multicast session: threads that receive, decode, check, write, read back and scan, around
// one Receiver machine. See receiver_session.cpp for which thread does what.
#pragma once
#include "core/blake3.h"
#include "engine/error.h"
#include "port/block_device.h"
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace volley {

// An IPv4 address and port where the sender listens.
struct ServiceAddress {
  std::string address;
  std::uint16_t port = 0;
};

// Mirrors ReceiverOptions of native/index.ts.
struct ReceiverSessionOptions {
  std::vector<std::uint8_t> manifest; // the whole file, signature included (already checked by the caller)
  std::optional<std::string> device;  // none = check everything, write nothing
  blake3::Key sessionKey{};
  blake3::Key receiverKey{};
  std::uint32_t receiver = 0;
  std::uint32_t session = 0;
  std::uint16_t stream = 0;
  std::string group;
  std::uint16_t port = 0;
  std::string interfaceAddress;
  ServiceAddress feedback;
  std::optional<ServiceAddress> unicast;
  std::uint32_t mtu = 1500;
  bool encrypted = false; // what comes by multicast and by unicast
  std::uint32_t groupSize = 1;
  bool askBeforeScan = true;
  std::uint32_t silence_ms = 5000;
  std::uint32_t chunkWait_ms = 30000;
  std::uint32_t lossPerMillion = 0;
  std::uint32_t lossSeed = 1;
  // Opens `device`; tests put a disk with faults in its place.
  std::function<std::unique_ptr<BlockDevice>(const std::string& path)> openDevice = [](const std::string& path) {
    return openBlockDevice(path, DeviceAccess::exclusive);
  };
};

enum class ReceiverPhase : std::uint8_t { preparing, receiving, finishing, done, failed };

// The fields of ReceiverStatistics of native/index.ts.
struct ReceiverSessionStatistics {
  ReceiverPhase phase = ReceiverPhase::preparing;
  std::uint32_t chunksTotal = 0;
  std::uint32_t chunksPresent = 0;
  std::uint32_t chunksFound = 0;
  std::uint32_t chunksByMulticast = 0;
  std::uint32_t chunksByUnicast = 0;
  std::uint64_t bytesVerified = 0;
  std::uint64_t bytesTotal = 0;
  std::uint64_t multicastBytes = 0;
  std::uint64_t unicastBytes = 0;
  std::uint64_t repairedSymbols = 0;
  std::uint64_t lostDatagrams = 0;
  std::uint64_t refusedDatagrams = 0;
  std::uint32_t chunksRewritten = 0;
  bool multicastAlive = false;
  bool moved = false;
  // How far this computer is behind, per thousand, the most in the last second or so: datagrams that wait for the
  // processor, chunks that wait for the disk.
  std::uint32_t processorBacklogPerThousand = 0;
  std::uint32_t diskBacklogPerThousand = 0;
  std::uint64_t bufferBytes = 0;
  bool direct = false;
};

class ReceiverSession {
public:
  // Called once, from an engine thread, after every other thread of the session has ended and the device is closed:
  // with nullptr when every chunk is on the disk, read back and flushed; else with what went wrong (E_CANCELLED
  // after cancel()). The session must not be destroyed inside it.
  using Finished = std::function<void(const EngineError*)>;

  // Throws EngineError (E_MANIFEST_INVALID, E_DEVICE_OPEN, E_DEVICE_TOO_SMALL, E_SOCKET, E_GROUP_JOIN,
  // E_OUT_OF_MEMORY), with nothing left running; `finished` is then not called.
  ReceiverSession(const ReceiverSessionOptions& options, Finished finished);
  // Cancels and joins; `finished` has been called when it returns.
  ~ReceiverSession();
  ReceiverSession(const ReceiverSession&) = delete;
  ReceiverSession& operator=(const ReceiverSession&) = delete;

  // From any thread; neither waits.
  ReceiverSessionStatistics statistics() const;
  void cancel();

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace volley
