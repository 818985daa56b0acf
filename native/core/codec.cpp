#include "core/codec.h"
#include "core/bytes.h"
#include <cassert>

namespace volley {

namespace {
constexpr std::uint8_t version = 1;
constexpr std::size_t fixedBytes = 28; // of both ANNOUNCE and REPORT, before the runs
constexpr std::size_t runBytes = 10;
constexpr std::size_t movedBytes = 4;
constexpr std::uint16_t statusFlag = 1;
constexpr std::uint16_t leavingFlag = 2;

bool isKnown(DatagramType type) {
  return type == DatagramType::data || type == DatagramType::announce || type == DatagramType::report ||
         type == DatagramType::encryptedData;
}

std::uint8_t* putRuns(const std::vector<Run>& runs, std::uint8_t* out) {
  for (const Run& run : runs) {
    putLittleEndian(out, run.first);
    putLittleEndian(out + 4, run.count);
    putLittleEndian(out + 8, run.symbols);
    out += runBytes;
  }
  return out;
}

const std::uint8_t* getRuns(std::vector<Run>& runs, std::size_t count, const std::uint8_t* in) {
  runs.resize(count);
  for (Run& run : runs) {
    run.first = getLittleEndian<std::uint32_t>(in);
    run.count = getLittleEndian<std::uint32_t>(in + 4);
    run.symbols = getLittleEndian<std::uint16_t>(in + 8);
    in += runBytes;
  }
  return in;
}
} // namespace

void writeHeader(const Header& header, std::uint8_t* out) {
  out[0] = version;
  out[1] = static_cast<std::uint8_t>(header.type);
  putLittleEndian(out + 2, header.stream);
  putLittleEndian(out + 4, header.session);
  putLittleEndian(out + 8, header.start);
  putLittleEndian(out + 12, header.counter);
  putLittleEndian(out + 20, header.subject);
  putLittleEndian(out + 24, header.a);
  putLittleEndian(out + 26, header.b);
}

std::optional<Header> readHeader(std::span<const std::uint8_t> datagram) {
  if (datagram.size() < limits::headerBytes + limits::tagBytes) return std::nullopt;
  const std::uint8_t* in = datagram.data();
  Header header;
  header.type = static_cast<DatagramType>(in[1]);
  if (in[0] != version || !isKnown(header.type)) return std::nullopt;
  header.stream = getLittleEndian<std::uint16_t>(in + 2);
  header.session = getLittleEndian<std::uint32_t>(in + 4);
  header.start = getLittleEndian<std::uint32_t>(in + 8);
  header.counter = getLittleEndian<std::uint64_t>(in + 12);
  header.subject = getLittleEndian<std::uint32_t>(in + 20);
  header.a = getLittleEndian<std::uint16_t>(in + 24);
  header.b = getLittleEndian<std::uint16_t>(in + 26);
  return header;
}

void writeAnnounce(const Header& header, const Announce& announce, std::vector<std::uint8_t>& out) {
  assert(announce.runs.size() <= 0xffff && announce.moved.size() <= 0xffff);
  out.resize(limits::headerBytes + fixedBytes + announce.runs.size() * runBytes +
             announce.moved.size() * movedBytes);
  Header own = header;
  own.type = DatagramType::announce;
  own.subject = announce.coverFrom;
  own.a = static_cast<std::uint16_t>(announce.runs.size());
  own.b = static_cast<std::uint16_t>(announce.moved.size());
  writeHeader(own, out.data());
  std::uint8_t* at = out.data() + limits::headerBytes;
  putLittleEndian(at, announce.senderTime_us);
  putLittleEndian(at + 8, announce.rateKBps);
  putLittleEndian(at + 12, announce.statusInterval_ms);
  putLittleEndian(at + 16, announce.backoff_us);
  putLittleEndian(at + 20, announce.receivers);
  putLittleEndian(at + 24, announce.coverCount);
  at = putRuns(announce.runs, at + fixedBytes);
  for (const std::uint32_t receiver : announce.moved) {
    putLittleEndian(at, receiver);
    at += movedBytes;
  }
}

void writeReport(const Header& header, const Report& report, std::vector<std::uint8_t>& out) {
  assert(report.runs.size() <= 0xffff);
  out.resize(limits::headerBytes + fixedBytes + report.runs.size() * runBytes);
  Header own = header;
  own.type = DatagramType::report;
  own.subject = report.receiver;
  own.a = static_cast<std::uint16_t>(report.runs.size());
  own.b = static_cast<std::uint16_t>((report.status ? statusFlag : 0) | (report.leaving ? leavingFlag : 0));
  writeHeader(own, out.data());
  std::uint8_t* at = out.data() + limits::headerBytes;
  putLittleEndian(at, report.highestCounter);
  putLittleEndian(at + 8, report.delay_us);
  putLittleEndian(at + 12, report.lossPerMillion);
  putLittleEndian(at + 16, report.receivedKBps);
  putLittleEndian(at + 20, report.backlogPerThousand);
  putLittleEndian(at + 24, report.lackingBlocks);
  putRuns(report.runs, at + fixedBytes);
}

std::optional<Announce> readAnnounce(const Header& header, std::span<const std::uint8_t> datagram) {
  const std::size_t expected = limits::headerBytes + fixedBytes + std::size_t{header.a} * runBytes +
                               std::size_t{header.b} * movedBytes + limits::tagBytes;
  if (header.type != DatagramType::announce || datagram.size() != expected) return std::nullopt;
  const std::uint8_t* at = datagram.data() + limits::headerBytes;
  Announce announce;
  announce.senderTime_us = getLittleEndian<std::uint64_t>(at);
  announce.rateKBps = getLittleEndian<std::uint32_t>(at + 8);
  announce.statusInterval_ms = getLittleEndian<std::uint32_t>(at + 12);
  announce.backoff_us = getLittleEndian<std::uint32_t>(at + 16);
  announce.receivers = getLittleEndian<std::uint32_t>(at + 20);
  announce.coverFrom = header.subject;
  announce.coverCount = getLittleEndian<std::uint32_t>(at + 24);
  at = getRuns(announce.runs, header.a, at + fixedBytes);
  announce.moved.resize(header.b);
  for (std::uint32_t& receiver : announce.moved) {
    receiver = getLittleEndian<std::uint32_t>(at);
    at += movedBytes;
  }
  return announce;
}

std::optional<Report> readReport(const Header& header, std::span<const std::uint8_t> datagram) {
  const std::size_t expected =
      limits::headerBytes + fixedBytes + std::size_t{header.a} * runBytes + limits::tagBytes;
  if (header.type != DatagramType::report || datagram.size() != expected) return std::nullopt;
  const std::uint8_t* at = datagram.data() + limits::headerBytes;
  Report report;
  report.receiver = header.subject;
  report.status = (header.b & statusFlag) != 0;
  report.leaving = (header.b & leavingFlag) != 0;
  report.highestCounter = getLittleEndian<std::uint64_t>(at);
  report.delay_us = getLittleEndian<std::uint32_t>(at + 8);
  report.lossPerMillion = getLittleEndian<std::uint32_t>(at + 12);
  report.receivedKBps = getLittleEndian<std::uint32_t>(at + 16);
  report.backlogPerThousand = getLittleEndian<std::uint32_t>(at + 20);
  report.lackingBlocks = getLittleEndian<std::uint32_t>(at + 24);
  getRuns(report.runs, header.a, at + fixedBytes);
  return report;
}

std::size_t runsThatFit(std::uint32_t symbolBytes) { return (symbolBytes - fixedBytes) / runBytes; }

} // namespace volley
