// The sender machine under arbitrary feedback: any report, any clock, any change of the rate. What it does is
// held by sender_driver.h; here the bytes become calls.
#include "sender_driver.h"

using namespace volley_fuzz;

namespace {

constexpr std::uint32_t receivers = 6;
constexpr std::uint32_t honest = 1000; // a receiver that is there, loses nothing and asks for nothing

enum Mode : std::uint8_t { withHonest = 1, noLossClaimed = 2 };

struct Room {
  SenderDriver& driver;
  std::uint8_t mode;
};

Report honestReport(const SenderDriver& driver) {
  Report report{};
  report.receiver = honest;
  report.status = true;
  report.highestCounter = driver.counter();
  report.receivedKBps = 25'000;
  report.lackingBlocks = 1;
  return report;
}

Report readReport(FuzzInput& input, const Room& room) {
  const SenderDriver& driver = room.driver;
  Report report{};
  report.receiver = input.below(receivers);
  const std::uint8_t kind = input.byte();
  report.status = (kind & 1) != 0;
  report.leaving = (kind & 2) != 0 && (room.mode & withHonest) == 0;
  switch (kind >> 2 & 3) {
  case 0:
    break; // has heard nothing
  case 1:
    report.highestCounter = driver.counter() - std::min<std::uint64_t>(driver.counter(), input.byte());
    break;
  case 2:
    report.highestCounter = driver.counter();
    break;
  default:
    report.highestCounter = input.integer(8);
    break;
  }
  report.delay_us = static_cast<std::uint32_t>(input.magnitude(32));
  report.lossPerMillion =
      (room.mode & noLossClaimed) != 0 ? 0 : static_cast<std::uint32_t>(input.magnitude(32));
  report.receivedKBps = static_cast<std::uint32_t>(input.magnitude(32));
  report.backlogPerThousand = static_cast<std::uint32_t>(input.magnitude(32));
  report.lackingBlocks = static_cast<std::uint32_t>(input.magnitude(32));
  const std::uint32_t runs = input.below(8);
  const std::uint32_t blocks = driver.layout().blocks();
  for (std::uint32_t i = 0; i < runs; ++i) {
    const std::uint8_t form = input.byte();
    const std::uint32_t first = (form & 1) != 0 ? input.word() : input.below(blocks + 1);
    const std::uint32_t count = (form & 2) != 0 ? input.word() : 1 + input.below(blocks);
    const std::uint16_t symbols = (form & 4) != 0 ? input.half() : input.byte();
    report.runs.push_back({first, count, (form & 8) != 0 ? volley::wholeBlock : symbols});
  }
  return report;
}

void step(FuzzInput& input, const Room& room) {
  SenderDriver& driver = room.driver;
  switch (input.below(6)) {
  case 0:
    driver.report(readReport(input, room));
    break;
  case 1:
    driver.advance(input.magnitude(24));
    break;
  case 2:
    driver.next(input.below(177));
    break;
  case 3:
    driver.setRate(input.magnitude(64));
    break;
  case 4:
    driver.run(driver.now() + input.magnitude(22), 500);
    break;
  default:
    driver.run(volley::never, 1 + input.byte());
    break;
  }
  if ((room.mode & withHonest) != 0) driver.report(honestReport(driver));
}

// Who asks for more than his account allows costs the room no more than the accounts say (docs/PROTOCOL.md
// 4).
void checkAccounts(const Room& room, double imageSymbols) {
  const auto sent = static_cast<double>(room.driver.dataSent());
  const double repairs = 512 + 0.0075 * sent + 0.005 * imageSymbols;
  const double turns = 200 + 1.15 * imageSymbols + 0.0075 * sent;
  const double alone = (room.mode & withHonest) != 0 ? 0 : 4 * (imageSymbols + 200);
  const double each = std::max(repairs, alone + 0.005 * imageSymbols) + std::max(turns, alone);
  hold(sent <= receivers * each, "no more is sent than the receivers' accounts allow");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzInput input(bytes, size);
  constexpr std::uint32_t symbolSizes[] = {256, 1408, 8896};
  const std::uint32_t symbolBytes = symbolSizes[input.below(3)];
  const BlockLayout layout((1 + input.magnitude(13) % 6000) * symbolBytes - input.below(64), symbolBytes);
  SenderConfig config{};
  config.symbolBytes = symbolBytes;
  config.datagramBytes = symbolBytes + 72;
  config.rateBytesPerSecondMax = input.magnitude(40);
  config.rateBytesPerSecondMin = input.coin() ? 125'000 : 0;
  const std::uint8_t mode = input.byte();
  SenderDriver driver(config, layout, 1 + input.magnitude(40));
  const Room room{driver, mode};
  if ((mode & withHonest) != 0) driver.report(honestReport(driver));
  while (!input.empty())
    step(input, room);
  if ((mode & noLossClaimed) != 0) {
    checkAccounts(room, static_cast<double>(layout.firstSymbol(layout.blocks())));
  }
  driver.endsInSilence();
  driver.checkMemory(receivers + 1);
  return 0;
}
