// Datagrams to and from bytes (docs/PROTOCOL.md 3). No authentication here: see core/authenticator.h.
#pragma once
#include "core/limits.h"
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace volley {

// `encryptedData` is DATA whose symbol is encrypted: who knows no encryption takes its type for none.
enum class DatagramType : std::uint8_t { data = 1, announce = 2, report = 3, encryptedData = 0x81 };

struct Header {
  DatagramType type;
  std::uint16_t stream;
  std::uint32_t session;
  std::uint32_t start;
  std::uint64_t counter;
  std::uint32_t subject; // block, first covered block, or receiver number
  std::uint16_t a;       // symbol number, or number of runs
  std::uint16_t b;       // symbols still to come, number of moved receivers, or flags
};

// `symbols` in REPORT: how many each block of the run lacks; `wholeBlock` is all k of it, since blocks differ in k
// by one and one run can so cover an image. In ANNOUNCE: how many are about to be sent (repairs, or the rest of the
// block's turn), and the flag `comesInTurn` when the block waits for its turn in the carousel.
constexpr std::uint16_t wholeBlock = 0xffff;
constexpr std::uint16_t comesInTurn = 0x8000;

struct Run {
  std::uint32_t first;
  std::uint32_t count;
  std::uint16_t symbols;
};

struct Announce {
  std::uint64_t senderTime_us;
  std::uint32_t rateKBps;
  std::uint32_t statusInterval_ms;
  std::uint32_t backoff_us;
  std::uint32_t receivers;
  std::uint32_t coverFrom;
  std::uint32_t coverCount;
  std::vector<Run> runs;
  std::vector<std::uint32_t> moved;
};

struct Report {
  std::uint32_t receiver;
  bool status;
  bool leaving;
  std::uint64_t highestCounter;
  std::uint32_t delay_us;
  std::uint32_t lossPerMillion;
  std::uint32_t receivedKBps;
  std::uint32_t backlogPerThousand;
  std::uint32_t lackingBlocks;
  std::vector<Run> runs;
};

// Writes the 28 bytes; `out` has room.
void writeHeader(const Header& header, std::uint8_t* out);
// Nothing for a datagram that is too short or has another version or type.
std::optional<Header> readHeader(std::span<const std::uint8_t> datagram);

// Header and payload without tag, in `out` (resized). Runs beyond `runsThatFit(symbolBytes)` must not be given.
void writeAnnounce(const Header& header, const Announce& announce, std::vector<std::uint8_t>& out);
void writeReport(const Header& header, const Report& report, std::vector<std::uint8_t>& out);
// From a datagram whose tag was checked (the tag still at its end). Nothing where lengths do not agree.
std::optional<Announce> readAnnounce(const Header& header, std::span<const std::uint8_t> datagram);
std::optional<Report> readReport(const Header& header, std::span<const std::uint8_t> datagram);
std::size_t runsThatFit(std::uint32_t symbolBytes);

} // namespace volley
