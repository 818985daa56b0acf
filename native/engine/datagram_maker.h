// From the Sender machine's orders to authenticated datagrams: headers, symbols from the content, parity made when
// it is asked for, symbols encrypted where the session is, tags over many datagrams at once. Memory for one batch of orders is allocated at construction.
// Used by one thread.
#pragma once
#include "core/authenticator.h"
#include "core/layout.h"
#include "core/sender.h"
#include "engine/aligned_buffer.h"
#include "engine/block_source.h"
#include <cstdint>
#include <span>
#include <vector>

namespace volley {

class DatagramMaker {
public:
  struct Identity {
    std::uint16_t stream;
    std::uint32_t session;
    std::uint32_t start;
    bool encrypted;
  };
  DatagramMaker(const Identity& identity, const blake3::Key& sessionKey, BlockSource& source,
                const BlockLayout& layout);

  static constexpr std::size_t batch = 4 * limits::burstDatagrams;
  std::size_t dataBytes() const { return dataBytes_; } // of a DATA datagram

  // Makes the DATA datagrams of at most `batch` orders: that of orders[i] is at `data(i)`, so that those of
  // consecutive orders lie one behind the other. Orders to announce are passed over. Throws EngineError
  // E_CONTENT_READ.
  void make(std::span<const Emission> orders);
  const std::uint8_t* data(std::size_t order) const { return memory_.span().data() + order * dataBytes_; }

  // The ANNOUNCE datagram, tag included, valid until the next call.
  std::span<const std::uint8_t> announce(std::uint64_t counter, const Announce& announce);

private:
  struct Parity {
    std::uint32_t block;
    std::uint16_t symbol;
    std::uint64_t counter;
    std::uint8_t* out;
  };
  void makeParity();

  Identity identity_;
  KeyedBlake3 authenticator_;
  chacha20::Key payloadKey_; // used where the session is encrypted
  BlockSource& source_;
  const BlockLayout& layout_;
  std::size_t dataBytes_;
  mutable AlignedBuffer memory_;
  std::vector<std::uint8_t*> made_;
  std::vector<Parity> parity_;
  std::vector<std::uint8_t> announce_;
};

} // namespace volley
