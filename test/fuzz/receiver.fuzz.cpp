// The receiver machine under any sequence of inputs that a driver may give it, in any order: datagrams of an
// honest and of a lying sender, scans, decoded blocks, verdicts, time. At the end everything that it asks for
// is brought, and it has to come to an end.
#include "receiver_driver.h"

using namespace volley_fuzz;

namespace {

constexpr std::uint32_t ownNumber = 7;

struct Room {
  ReceiverDriver& driver;
  std::uint32_t start = 1;
  std::uint64_t counter = 0;
  std::vector<std::uint8_t> nextSymbol; // of each block, for what is asked for
};

Header headerOf(Room& room, volley::DatagramType type, std::uint32_t subject, std::uint16_t a,
                std::uint16_t b) {
  return {type, 0, 1, room.start, ++room.counter, subject, a, b};
}

// Counters come late, skip, and jump as far as a lying member of the group may let them.
void wander(FuzzInput& input, Room& room) {
  const std::uint8_t how = input.byte();
  if (how < 200) return;
  if (how < 230)
    room.counter += how;
  else if (how < 245)
    room.counter -= std::min<std::uint64_t>(room.counter, how);
  else if (how < 250)
    room.counter = input.magnitude(64);
  else
    room.start += 1;
}

std::uint32_t someBlock(FuzzInput& input, const Room& room) {
  return input.below(room.driver.layout().blocks().blocks() + 1);
}

void oneSymbol(FuzzInput& input, Room& room) {
  wander(input, room);
  const std::uint32_t block = someBlock(input, room);
  const std::uint8_t form = input.byte();
  const auto symbol = static_cast<std::uint16_t>(form < 250 ? input.byte() : input.half());
  const auto remaining = static_cast<std::uint16_t>(form % 2 == 0 ? input.byte() : input.half());
  room.driver.data(headerOf(room, volley::DatagramType::data, block, symbol, remaining));
}

void manySymbols(FuzzInput& input, Room& room) {
  const std::uint32_t first = someBlock(input, room), blocks = 1 + input.below(9);
  const std::uint16_t from = input.byte(), count = input.byte();
  const std::uint8_t losesEvery = input.byte();
  for (std::uint16_t i = 0; i < count; ++i) {
    for (std::uint32_t block = first; block < first + blocks; ++block) {
      if (losesEvery > 1 && (i * blocks + block) % losesEvery == 0) {
        ++room.counter;
        continue;
      }
      const auto symbol = static_cast<std::uint16_t>((from + i) % limits::symbolNumbers);
      const auto remaining = static_cast<std::uint16_t>(count - i - 1);
      room.driver.data(headerOf(room, volley::DatagramType::data, block, symbol, remaining));
    }
  }
}

void announcement(FuzzInput& input, Room& room) {
  wander(input, room);
  const ReceiverDriver& driver = room.driver;
  const std::uint32_t blocks = driver.layout().blocks().blocks();
  Announce announce{driver.now(), 100'000, 1000, 1000, 1, 0, blocks, {}, {}};
  const std::uint8_t form = input.byte();
  if ((form & 1) != 0) announce.senderTime_us = input.magnitude(64) << (input.byte() % 64u);
  if ((form & 2) != 0) {
    announce.rateKBps = static_cast<std::uint32_t>(input.magnitude(32));
    announce.statusInterval_ms = static_cast<std::uint32_t>(input.magnitude(32));
    announce.backoff_us = static_cast<std::uint32_t>(input.magnitude(32));
    announce.receivers = static_cast<std::uint32_t>(input.magnitude(32));
  }
  if ((form & 4) != 0) {
    announce.coverFrom = (form & 8) != 0 ? input.word() : someBlock(input, room);
    announce.coverCount = (form & 8) != 0 ? input.word() : someBlock(input, room);
  }
  const std::uint32_t runs = input.below(6);
  for (std::uint32_t i = 0; i < runs; ++i) {
    const std::uint8_t wild = input.byte();
    announce.runs.push_back({(wild & 1) != 0 ? input.word() : someBlock(input, room),
                             (wild & 2) != 0 ? input.word() : input.byte(),
                             (wild & 4) != 0 ? volley::comesInTurn : input.half()});
  }
  const std::uint32_t moved = (form & 16) != 0 ? input.below(10) : 0;
  for (std::uint32_t i = 0; i < moved; ++i)
    announce.moved.push_back(ownNumber - 1 + input.byte() % 4u);
  const Time age_us = (form & 32) != 0 ? input.magnitude(24) : 0;
  room.driver.announce(headerOf(room, volley::DatagramType::announce, announce.coverFrom, 0, 0), announce,
                       age_us);
}

void step(FuzzInput& input, Room& room) {
  ReceiverDriver& driver = room.driver;
  switch (input.below(12)) {
  case 0:
    return oneSymbol(input, room);
  case 1:
  case 2:
    return manySymbols(input, room);
  case 3:
    return announcement(input, room);
  case 4:
    return driver.advance(input.magnitude(26));
  case 5:
    return driver.scanned(input.below(driver.layout().chunks()), input.coin());
  case 6:
    driver.takeReady();
    return;
  case 7:
    driver.finishOne(input.byte(), input.coin());
    return;
  case 8:
    return driver.fetch(input.below(9));
  case 9:
    return driver.machine().setBacklog(static_cast<std::uint32_t>(input.magnitude(32)));
  case 10:
    return driver.decodeOne(input.byte());
  default:
    for (int i = 0; driver.report(); ++i)
      hold(i < 2, "one moment is worth one report, or a leave after it");
  }
}

void bring(Room& room, const Run& run) {
  ReceiverDriver& driver = room.driver;
  for (std::uint32_t block = run.first; block < run.first + run.count; ++block) {
    const std::uint32_t k = driver.layout().blocks().symbols(block);
    for (std::uint32_t left = std::min<std::uint32_t>(run.symbols, k); left > 0; --left) {
      const auto remaining = static_cast<std::uint16_t>(left - 1);
      driver.data(headerOf(room, volley::DatagramType::data, block, room.nextSymbol[block]++, remaining));
    }
    driver.settle(true);
  }
}

// A sender that begins again and brings what it is asked for, over a network that loses nothing, and no
// unicast.
void endsWell(FuzzInput& input, Room& room) {
  ReceiverDriver& driver = room.driver;
  driver.settle(input.coin());
  for (std::uint32_t chunk = 0; chunk < driver.layout().chunks(); ++chunk) {
    if (driver.machine().state(chunk) == ChunkState::unknown) driver.scanned(chunk, false);
  }
  room.start += 1;
  room.counter = 0;
  // It may wait seconds before it speaks again, and with few slots it asks for a little at a time.
  const Time end = driver.now() + 600'000'000;
  int requests = 0;
  while (!driver.machine().complete()) {
    hold(driver.now() < end && requests < 1000,
         "a receiver that is brought what it asks for comes to an end");
    const Time at = driver.machine().wakeup();
    hold(at != volley::never, "a receiver that lacks something has something to wait for");
    if (at > driver.now()) driver.advance(at - driver.now());
    while (const auto report = driver.report()) {
      requests += !report->runs.empty();
      for (const Run& run : report->runs)
        bring(room, run);
    }
    driver.check();
  }
  while (const auto report = driver.report())
    hold(report->runs.empty(), "who has everything asks for nothing");
  driver.check();
}

ChunkLayout readLayout(FuzzInput& input) {
  constexpr std::uint32_t symbolSizes[] = {256, 1408, 8896};
  const std::uint32_t symbolBytes = symbolSizes[input.below(3)];
  const std::uint32_t chunks = 1 + input.below(12);
  std::vector<std::uint32_t> stored;
  std::uint32_t left = 8000; // symbols, so that an input is quick
  for (std::uint32_t chunk = 0; chunk < chunks; ++chunk) {
    const std::uint32_t most = std::min(left, limits::chunkBytes / symbolBytes);
    const std::uint32_t symbols = std::min(most, static_cast<std::uint32_t>(input.magnitude(13)));
    left -= symbols;
    stored.push_back(symbols == 0 ? 0 : symbols * symbolBytes - input.byte());
  }
  return {stored, symbolBytes};
}

std::uint32_t slotsFor(const ChunkLayout& layout) {
  std::uint32_t most = 0;
  for (std::uint32_t chunk = 0; chunk < layout.chunks(); ++chunk) {
    if (!layout.hole(chunk)) most = std::max(most, layout.lastBlock(chunk) - layout.firstBlock(chunk) + 1);
  }
  return std::max(limits::receiverSlotsMin, most + limits::interleavedBlocks);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzInput input(bytes, size);
  const ChunkLayout layout = readLayout(input);
  ReceiverConfig config{};
  config.receiver = ownNumber;
  config.slots = slotsFor(layout) + input.byte() % 16u;
  config.groupSize = static_cast<std::uint32_t>(input.magnitude(17));
  config.askBeforeScan = input.coin();
  config.silence_us = 1 + input.magnitude(23);
  config.chunkWait_us = 1 + input.magnitude(23);
  config.unicast = input.coin();
  config.seed = input.byte();
  ReceiverDriver driver(config, layout, input.magnitude(40));
  Room room{driver, 1, 0, std::vector<std::uint8_t>(layout.blocks().blocks())};
  while (!input.empty()) {
    step(input, room);
    driver.check();
  }
  endsWell(input, room);
  driver.checkMemory();
  return 0;
}
