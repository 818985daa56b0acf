#include "engine/import.h"
#include "core/limits.h"
#include "engine/chunk_codec.h"
#include "engine/chunk_ring.h"
#include "engine/port_failure.h"
#include "engine/thread_group.h"
#include "port/content_file.h"
#include "port/image_source.h"
#include <algorithm>
#include <cassert>

namespace volley {
namespace {

class Import {
public:
  Import(const ImportOptions& options, TaskControl& control)
      : options_(options), control_(control), source_(open(options)),
        chunks_(
            static_cast<std::uint32_t>((options.imageBytes + limits::chunkBytes - 1) / limits::chunkBytes)),
        content_(create(options)),
        ring_(std::min(chunks_, options.threads * limits::importSlotsPerThread + limits::importSlotsExtra)) {}

  ImportResult run() {
    control_.begin(options_.imageBytes);
    {
      ThreadGroup threads([this] { ring_.stop(); });
      threads.start([this] { read(); });
      for (std::uint32_t i = 0; i < options_.threads; ++i)
        threads.start([this] { work(); });
      threads.runHere([this] { write(); });
      threads.join();
    }
    assert(result_.chunks.size() == chunks_);
    try {
      content_->finish();
    } catch (const PortError& error) {
      throw writeError(error);
    }
    std::vector<blake3::Hash> values;
    values.reserve(chunks_);
    for (const ManifestChunk& chunk : result_.chunks)
      values.push_back(chunk.chainingValue);
    result_.root = rootOfChunks(values);
    result_.contentBytes = content_->bytes();
    return std::move(result_);
  }

private:
  static std::unique_ptr<ImageSource> open(const ImportOptions& options) {
    try {
      auto source = openImageSource(options.source);
      const auto bytes = source->bytes();
      if (bytes && *bytes != options.imageBytes) throw wrongSize(options, *bytes);
      return source;
    } catch (const PortError& error) {
      throw fromPort(code::sourceRead, "the image cannot be opened", error).on(options.source);
    }
  }

  static std::unique_ptr<ContentWriter> create(const ImportOptions& options) {
    try {
      return createContent(options.contentPath);
    } catch (const PortError& error) {
      throw fromPort(code::contentWrite, "the content file cannot be created", error)
          .on(options.contentPath, 0);
    }
  }

  static EngineError wrongSize(const ImportOptions& options, std::uint64_t bytes) {
    return EngineError(code::imageTruncated, "the image has " + std::to_string(bytes) + " bytes instead of " +
                                                 std::to_string(options.imageBytes))
        .on(options.source, static_cast<std::int64_t>(std::min(bytes, options.imageBytes)));
  }

  EngineError writeError(const PortError& error) const {
    return fromPort(code::contentWrite, "the content file cannot be written", error)
        .on(options_.contentPath, static_cast<std::int64_t>(content_->bytes()))
        .inChunk(static_cast<std::int64_t>(result_.chunks.size()));
  }

  // Reader thread: the source into slots, chunk by chunk.
  void read() {
    for (std::uint32_t chunk = 0; chunk < chunks_; ++chunk) {
      ChunkSlot* slot = ring_.free();
      if (!slot) return;
      const std::uint64_t offset = std::uint64_t{chunk} * limits::chunkBytes;
      slot->chunk = chunk;
      slot->rawBytes = std::min<std::uint64_t>(limits::chunkBytes, options_.imageBytes - offset);
      try {
        slot->knownHole = source_->hole(slot->rawBytes) == slot->rawBytes;
        if (slot->knownHole)
          source_->skip(slot->rawBytes);
        else
          fill(*slot, offset);
      } catch (const PortError& error) {
        throw fromPort(code::sourceRead, "the image cannot be read", error)
            .on(options_.source, static_cast<std::int64_t>(offset))
            .inChunk(chunk);
      }
      ring_.fill();
    }
    expectEnd();
    ring_.finish();
  }

  void fill(ChunkSlot& slot, std::uint64_t offset) {
    std::size_t filled = 0;
    while (filled < slot.rawBytes) {
      const std::size_t got = readSome({slot.raw.data() + filled, slot.rawBytes - filled});
      if (got == 0) throw wrongSize(options_, offset + filled).inChunk(slot.chunk);
      filled += got;
    }
  }

  // Waits for bytes, or the end (0).
  std::size_t readSome(std::span<std::uint8_t> out) {
    for (;;) {
      control_.throwIfCancelled();
      if (const auto got = source_->read(out, limits::sourcePoll_ms)) return *got;
    }
  }

  void expectEnd() {
    std::uint8_t beyond = 0;
    try {
      if (readSome({&beyond, 1}) == 0) return;
    } catch (const PortError& error) {
      throw fromPort(code::sourceRead, "the image's end cannot be read", error)
          .on(options_.source, static_cast<std::int64_t>(options_.imageBytes));
    }
    throw EngineError(code::imageTruncated,
                      "the image has more than the " + std::to_string(options_.imageBytes) + " bytes it says")
        .on(options_.source, static_cast<std::int64_t>(options_.imageBytes));
  }

  // Worker threads: hash and compress.
  void work() {
    ChunkCompressor compressor(options_.level);
    while (ChunkSlot* slot = ring_.take()) {
      control_.throwIfCancelled();
      const std::uint64_t offset = std::uint64_t{slot->chunk} * limits::chunkBytes;
      ManifestChunk& result = slot->result;
      if (slot->knownHole || allZero(slot->rawSpan())) {
        result.chainingValue = chunkHashOfZeros(slot->rawBytes, offset, options_.imageBytes);
        result.storedBytes = 0;
        result.encoding = Encoding::hole;
      } else {
        result.chainingValue = chunkHash(slot->rawSpan(), offset, options_.imageBytes);
        const std::size_t size = compressor.compress(slot->rawSpan(), slot->packed);
        result.storedBytes = static_cast<std::uint32_t>(size > 0 ? size : slot->rawBytes);
        result.encoding = size > 0 ? Encoding::zstd : Encoding::raw;
      }
      ring_.complete(*slot);
    }
  }

  // Calling thread: the content file, in order.
  void write() {
    result_.chunks.reserve(chunks_);
    while (const ChunkSlot* slot = ring_.next()) {
      control_.throwIfCancelled();
      try {
        content_->append(slot->stored());
      } catch (const PortError& error) {
        throw writeError(error);
      }
      keepEdges(*slot);
      result_.chunks.push_back(slot->result);
      control_.advance(slot->rawBytes);
      ring_.release();
    }
  }

  void keepEdges(const ChunkSlot& slot) {
    const std::uint64_t start = std::uint64_t{slot.chunk} * limits::chunkBytes;
    const std::uint64_t edge = std::min<std::uint64_t>(limits::edgeBytes, options_.imageBytes);
    keep(slot, start, 0, edge, result_.firstBytes);
    keep(slot, start, options_.imageBytes - edge, options_.imageBytes, result_.lastBytes);
  }

  // Appends what the chunk, which starts at `start`, has of the image's bytes from `from` to `to`.
  static void keep(const ChunkSlot& slot, std::uint64_t start, std::uint64_t from, std::uint64_t to,
                   std::vector<std::uint8_t>& bytes) {
    const std::uint64_t begin = std::max(start, from);
    const std::uint64_t end = std::min(start + slot.rawBytes, to);
    if (begin >= end) return;
    if (slot.result.encoding == Encoding::hole) {
      bytes.resize(bytes.size() + (end - begin));
    } else {
      const auto part = slot.rawSpan().subspan(begin - start, end - begin);
      bytes.insert(bytes.end(), part.begin(), part.end());
    }
  }

  const ImportOptions& options_;
  TaskControl& control_;
  std::unique_ptr<ImageSource> source_;
  std::uint32_t chunks_;
  std::unique_ptr<ContentWriter> content_;
  ChunkRing ring_;
  ImportResult result_; // of the calling thread
};

} // namespace

ImportResult importContent(const ImportOptions& options, TaskControl& control) {
  assert(options.imageBytes > 0 && options.imageBytes <= limits::imageBytesMax);
  assert(options.threads >= 1 && options.threads <= limits::storageThreadsMax);
  return guardMemory([&] { return Import(options, control).run(); });
}

} // namespace volley
