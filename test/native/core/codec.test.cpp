// Datagrams: what is written is read back, the bytes are where docs/PROTOCOL.md 3 puts them, and no garbage is
// taken for a datagram.
#include "check.h"
#include "core/codec.h"
#include <random>

using namespace volley;

namespace {
std::vector<Run> someRuns(std::mt19937_64& random, std::size_t most) {
  std::vector<Run> runs(random() % (most + 1));
  for (Run& run : runs) {
    run = {static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random()),
           static_cast<std::uint16_t>(random())};
  }
  return runs;
}

bool equal(const std::vector<Run>& left, const std::vector<Run>& right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i].first != right[i].first || left[i].count != right[i].count || left[i].symbols != right[i].symbols)
      return false;
  }
  return true;
}

Header someHeader(std::mt19937_64& random, DatagramType type) {
  return {type,
          static_cast<std::uint16_t>(random()),
          static_cast<std::uint32_t>(random()),
          static_cast<std::uint32_t>(random()),
          random(),
          static_cast<std::uint32_t>(random()),
          static_cast<std::uint16_t>(random()),
          static_cast<std::uint16_t>(random())};
}

void announceRoundTrip(std::mt19937_64& random) {
  const auto word = [&random] { return static_cast<std::uint32_t>(random()); };
  Announce sent{random(), word(), word(), word(), word(), word(), word(), someRuns(random, runsThatFit(1408)), {}};
  sent.moved.resize(random() % 20);
  for (auto& receiver : sent.moved) receiver = word();
  std::vector<std::uint8_t> bytes;
  writeAnnounce(someHeader(random, DatagramType::announce), sent, bytes);
  bytes.resize(bytes.size() + limits::tagBytes);
  const auto header = readHeader(bytes);
  CHECK(header && header->type == DatagramType::announce);
  const auto got = readAnnounce(*header, bytes);
  CHECK(got && got->senderTime_us == sent.senderTime_us && got->rateKBps == sent.rateKBps);
  CHECK(got && got->statusInterval_ms == sent.statusInterval_ms && got->backoff_us == sent.backoff_us);
  CHECK(got && got->receivers == sent.receivers && got->coverFrom == sent.coverFrom);
  CHECK(got && got->coverCount == sent.coverCount && equal(got->runs, sent.runs) && got->moved == sent.moved);
  CHECK(!readReport(*header, bytes));
  bytes.push_back(0);
  CHECK(!readAnnounce(*header, bytes));
  bytes.resize(bytes.size() - 2);
  CHECK(!readAnnounce(*header, bytes));
}

void reportRoundTrip(std::mt19937_64& random) {
  const auto word = [&random] { return static_cast<std::uint32_t>(random()); };
  const Report sent{word(), word() % 2 == 0, word() % 2 == 0, random(), word(),
                    word(), word(),          word(),          word(),   someRuns(random, 138)};
  std::vector<std::uint8_t> bytes;
  writeReport(someHeader(random, DatagramType::report), sent, bytes);
  bytes.resize(bytes.size() + limits::tagBytes);
  const auto header = readHeader(bytes);
  CHECK(header && header->subject == sent.receiver && header->a == sent.runs.size());
  const auto got = readReport(*header, bytes);
  CHECK(got && got->receiver == sent.receiver && got->status == sent.status && got->leaving == sent.leaving);
  CHECK(got && got->highestCounter == sent.highestCounter && got->delay_us == sent.delay_us);
  CHECK(got && got->lossPerMillion == sent.lossPerMillion && got->receivedKBps == sent.receivedKBps);
  CHECK(got && got->backlogPerThousand == sent.backlogPerThousand && got->lackingBlocks == sent.lackingBlocks);
  CHECK(got && equal(got->runs, sent.runs));
  bytes.pop_back();
  CHECK(!readReport(*header, bytes));
}

void headerBytesAsSpecified() {
  std::vector<std::uint8_t> bytes(limits::headerBytes + limits::tagBytes);
  writeHeader({DatagramType::data, 0x0201, 0x06050403, 0x0a090807, 0x1211100f0e0d0c0bull, 0x16151413, 0x1817, 0x1a19},
              bytes.data());
  CHECK(bytes[0] == 1 && bytes[1] == 1);
  for (std::size_t i = 2; i < limits::headerBytes; ++i) CHECK(bytes[i] == i - 1);
  const auto header = readHeader(bytes);
  CHECK(header && header->counter == 0x1211100f0e0d0c0bull && header->subject == 0x16151413);
  bytes[1] = 129;
  CHECK(readHeader(bytes) && readHeader(bytes)->type == DatagramType::encryptedData);
  for (const std::uint8_t type : {128, 130, 131}) {
    bytes[1] = type;
    CHECK(!readHeader(bytes));
  }
  bytes[0] = 2;
  CHECK(!readHeader(bytes));
  bytes[0] = 1;
  for (const std::uint8_t type : {0, 4, 255}) {
    bytes[1] = type;
    CHECK(!readHeader(bytes));
  }
  bytes[1] = 1;
  bytes.pop_back();
  CHECK(!readHeader(bytes));
  CHECK(!readHeader({}));
}

// Whatever bytes come, reading stays inside them (the sanitizers watch) and says no more than they hold.
void garbage(std::mt19937_64& random) {
  std::vector<std::uint8_t> bytes(random() % 1500);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  if (bytes.size() > 2 && random() % 4 != 0) {
    bytes[0] = 1;
    bytes[1] = static_cast<std::uint8_t>(1 + random() % 3 + random() % 2 * 128);
  }
  const auto header = readHeader(bytes);
  if (!header) return;
  const auto announce = readAnnounce(*header, bytes);
  CHECK(!announce || announce->runs.size() * 10 < bytes.size());
  const auto report = readReport(*header, bytes);
  CHECK(!report || report->runs.size() * 10 < bytes.size());
}

void announceFitsSymbol() {
  for (const std::uint32_t symbolBytes : {256u, 1408u, 8896u}) {
    CHECK(28 + runsThatFit(symbolBytes) * 10 <= symbolBytes);
    CHECK(28 + (runsThatFit(symbolBytes) + 1) * 10 > symbolBytes);
  }
}
} // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = argc > 1 ? std::stoull(argv[1]) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  headerBytesAsSpecified();
  announceFitsSymbol();
  for (int i = 0; i < 300; ++i) {
    announceRoundTrip(random);
    reportRoundTrip(random);
  }
  for (int i = 0; i < 20000; ++i) garbage(random);
  return volley_test::finish();
}
