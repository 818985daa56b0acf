#include "engine/datagram_maker.h"
#include "core/reed_solomon.h"
#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

namespace volley {
namespace {

constexpr std::size_t alignment = 4096;

std::size_t roundUp(std::size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

} // namespace

DatagramMaker::DatagramMaker(const Identity& identity, const blake3::Key& sessionKey, BlockSource& source,
                             const BlockLayout& layout)
    : identity_(identity),
      authenticator_(senderKey(sessionKey, identity.session, identity.start, identity.stream)),
      payloadKey_(payloadKey(sessionKey, identity.session, identity.start, identity.stream)), source_(source),
      layout_(layout), dataBytes_(limits::headerBytes + layout.symbolBytes() + limits::tagBytes),
      memory_(roundUp(batch * dataBytes_), alignment) {
  made_.reserve(batch);
  parity_.reserve(batch);
}

void DatagramMaker::make(std::span<const Emission> orders) {
  assert(orders.size() <= batch);
  made_.clear();
  parity_.clear();
  const std::size_t symbolBytes = layout_.symbolBytes();
  const DatagramType type = identity_.encrypted ? DatagramType::encryptedData : DatagramType::data;
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const Emission& order = orders[i];
    if (order.announce) continue;
    std::uint8_t* out = memory_.data() + i * dataBytes_;
    writeHeader({type, identity_.stream, identity_.session, identity_.start, order.counter, order.block,
                 order.symbol, order.remaining},
                out);
    made_.push_back(out);
    std::uint8_t* payload = out + limits::headerBytes;
    if (order.symbol >= layout_.symbols(order.block)) {
      parity_.push_back({order.block, order.symbol, order.counter, payload});
      continue;
    }
    const std::uint8_t* symbol = source_.block(order.block) + order.symbol * symbolBytes;
    if (identity_.encrypted) chacha20::apply(payloadKey_, order.counter, 0, symbol, payload, symbolBytes);
    else std::memcpy(payload, symbol, symbolBytes);
  }
  if (!parity_.empty()) makeParity();
  authenticator_.sign(made_, dataBytes_ - limits::tagBytes);
}

// Consecutive parity symbols of a block are made together, since each run reads the whole block.
void DatagramMaker::makeParity() {
  std::ranges::stable_sort(parity_, [](const Parity& one, const Parity& other) {
    return one.block != other.block ? one.block < other.block : one.symbol < other.symbol;
  });
  std::array<const std::uint8_t*, limits::symbolsPerBlock> sources;
  std::array<std::uint8_t*, limits::symbolNumbers> outputs;
  for (std::size_t first = 0; first < parity_.size();) {
    const std::uint32_t block = parity_[first].block;
    std::size_t count = 0;
    while (first + count < parity_.size() && parity_[first + count].block == block &&
           parity_[first + count].symbol == parity_[first].symbol + count) {
      outputs[count] = parity_[first + count].out;
      ++count;
    }
    const std::uint8_t* bytes = source_.block(block);
    const std::uint32_t symbols = layout_.symbols(block);
    for (std::uint32_t i = 0; i < symbols; ++i) sources[i] = bytes + std::size_t{i} * layout_.symbolBytes();
    rs::encode({sources.data(), symbols}, layout_.symbolBytes(), parity_[first].symbol, {outputs.data(), count});
    first += count;
  }
  if (!identity_.encrypted) return;
  for (const Parity& parity : parity_)
    chacha20::apply(payloadKey_, parity.counter, 0, parity.out, parity.out, layout_.symbolBytes());
}

std::span<const std::uint8_t> DatagramMaker::announce(std::uint64_t counter, const Announce& announce) {
  Header header{DatagramType::announce,
                identity_.stream,
                identity_.session,
                identity_.start,
                counter,
                announce.coverFrom,
                static_cast<std::uint16_t>(announce.runs.size()),
                static_cast<std::uint16_t>(announce.moved.size())};
  writeAnnounce(header, announce, announce_);
  const std::size_t length = announce_.size();
  announce_.resize(length + limits::tagBytes);
  std::uint8_t* datagram = announce_.data();
  authenticator_.sign({&datagram, 1}, length);
  return announce_;
}

} // namespace volley
