// The readers of datagrams, over any bytes: what they take they took whole, so that writing it again gives
// the bytes.
#include "core/codec.h"
#include "fuzz_input.h"
#include <vector>

using namespace volley;
using volley_fuzz::hold;

namespace {

bool isSame(const std::vector<std::uint8_t>& written, std::span<const std::uint8_t> datagram) {
  return written.size() + limits::tagBytes == datagram.size() &&
         std::equal(written.begin(), written.end(), datagram.begin());
}

void readAll(std::span<const std::uint8_t> datagram) {
  const std::optional<Header> header = readHeader(datagram);
  if (!header) return;
  std::vector<std::uint8_t> written(limits::headerBytes);
  writeHeader(*header, written.data());
  hold(std::equal(written.begin(), written.end(), datagram.begin()),
       "a header that was read is written as it was");

  const std::optional<Announce> announce = readAnnounce(*header, datagram);
  if (announce) {
    hold(header->type == DatagramType::announce, "only an ANNOUNCE is read as one");
    writeAnnounce(*header, *announce, written);
    hold(isSame(written, datagram), "an ANNOUNCE that was read is written as it was");
  }
  const std::optional<Report> report = readReport(*header, datagram);
  if (report) {
    hold(header->type == DatagramType::report, "only a REPORT is read as one");
    writeReport(*header, *report, written);
    // Flags that this version does not know are not kept.
    std::vector<std::uint8_t> known(datagram.begin(), datagram.end());
    known[26] &= 3;
    known[27] = 0;
    hold(isSame(written, known), "a REPORT that was read is written as it was");
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  // A copy of exactly its size, so that one byte too many read is seen.
  const std::vector<std::uint8_t> datagram(bytes, bytes + size);
  readAll(datagram);
  return 0;
}
