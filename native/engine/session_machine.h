// The Receiver machine of a session with what it is driven by: slots, genuine datagrams, reports, the events of the
// other threads, and the books that statistics are made from. Belongs to one thread.
#pragma once
#include "core/receiver.h"
#include "engine/aligned_buffer.h"
#include "engine/chunk_fetcher.h"
#include "engine/chunk_workers.h"
#include "engine/datagram_filter.h"
#include "engine/disk_scanner.h"
#include "engine/image_facts.h"
#include "engine/receiver_session.h"
#include "engine/session_inbox.h"
#include "port/socket.h"
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace volley {

class SessionMachine {
public:
  SessionMachine(const ReceiverSessionOptions& options, const ImageFacts& image, std::vector<std::uint32_t> bootChunks,
                 ClaimedChunks& claimed, Time now);

  void onArrivals(std::span<const Arrival> arrivals, Time now) {
    now_ = now;
    filter_.take(arrivals, now);
  }
  // Throws EngineError where a chunk has failed too often: E_CONTENT_CORRUPT, E_DEVICE_MISMATCH.
  void onEvent(const SessionEvent& event, const std::string& device, Time now);
  // Hands out what can be worked on now.
  void handOut(ChunkWorkers& workers, ChunkFetcher* fetcher, Time now);
  // Sends the report that is due, if any.
  void report(DatagramSocket& socket, const Endpoint& feedback, Time now);
  void setBacklog(std::uint32_t perThousand) { machine_.setBacklog(perThousand); }

  // Nearly all slots are in use and some of them wait for the workers: what came now would push out what came before.
  bool crowded() const;

  Time wakeup() const { return machine_.wakeup(); }
  // Every chunk has come, been checked and, but for the boot chunks, been written; every hole is zero.
  bool complete() const { return machine_.complete() && holesZero_ == holes_; }
  bool prepared() const { return prepared_; }
  bool diskFinished() const { return diskFinished_; }
  // No disk: nothing has to be scanned, zeroed or written.
  void withoutDisk();

  std::size_t bufferBytes() const { return slots_.size(); }
  void fill(ReceiverSessionStatistics& statistics) const;

private:
  void onDatagram(const Header& header, std::span<const std::uint8_t> datagram, std::uint32_t age_us);
  void onGood(const SessionEvent& event, Time now);
  void onRefused(const SessionEvent& event, Time now);
  void onMismatched(const SessionEvent& event, const std::string& device, Time now);
  void onScanned(const SessionEvent& event, Time now);
  void done(const SessionEvent& event, bool good, Time now);
  bool isBoot(std::uint32_t chunk) const;
  std::uint8_t* slot(std::uint32_t number) { return slots_.data() + number * slotBytes_; }

  struct Trouble {
    std::uint32_t multicastRefusals = 0;
    std::uint32_t unicastRefusals = 0;
    std::uint32_t mismatches = 0;
  };

  const ImageFacts& image_;
  const std::vector<std::uint32_t> bootChunks_;
  ClaimedChunks& claimed_;
  const std::uint16_t stream_;
  const std::uint32_t session_;
  std::size_t slotBytes_;
  std::uint32_t slotCount_;
  AlignedBuffer slots_;
  Receiver machine_;
  const bool encrypted_;
  DatagramFilter filter_;
  KeyedBlake3 reportAuthenticator_;
  std::uint64_t reportCounter_ = 0;
  std::vector<std::uint8_t> reportBytes_;
  Time now_ = 0;         // of the arrivals that are being taken
  Time arrivedAt_ = 0;   // when the last of them reached this computer
  std::vector<std::uint32_t> whole_; // blocks that have all they need, to be handed out
  std::unordered_map<std::uint32_t, Trouble> troubles_;
  std::uint32_t gathering_ = 0; // chunks handed out that came by multicast
  std::uint32_t holes_ = 0;
  std::uint32_t holesZero_ = 0;
  bool prepared_ = false;
  bool diskFinished_ = false;
  std::uint32_t chunksFound_ = 0, chunksByMulticast_ = 0, chunksByUnicast_ = 0, chunksRewritten_ = 0;
  std::uint64_t bytesVerified_ = 0, multicastBytes_ = 0, unicastBytes_ = 0;
};

} // namespace volley
