#include "engine/block_source.h"
#include "core/limits.h"
#include "engine/port_failure.h"
#include <algorithm>
#include <cstring>

namespace volley {
namespace {

constexpr std::uint32_t noBlock = ~0u;
constexpr std::size_t alignment = 4096;

std::size_t blockSpan(const BlockLayout& layout) {
  const std::size_t bytes = std::size_t{limits::symbolsPerBlock} * layout.symbolBytes();
  return (bytes + alignment - 1) / alignment * alignment;
}

} // namespace

BlockSource::BlockSource(std::string contentPath, const BlockLayout& layout)
    : path_(std::move(contentPath)), layout_(layout), memory_(limits::sentBlocks * blockSpan(layout), alignment) {
  try {
    content_ = openContent(path_);
  } catch (const PortError& error) {
    throw fromPort(code::contentRead, "the content cannot be opened", error).on(path_);
  }
  if (content_->bytes() != layout.contentBytes())
    throw EngineError(code::contentRead, "the content is not as long as the manifest says").on(path_);
  for (std::size_t i = 0; i < limits::sentBlocks; ++i)
    kept_.push_back({noBlock, 0, memory_.data() + i * blockSpan(layout)});
}

const std::uint8_t* BlockSource::block(std::uint32_t number) {
  ++uses_;
  if (kept_[last_].block != number) {
    const auto found = std::ranges::find(kept_, number, &Kept::block);
    const auto chosen = found != kept_.end() ? found : std::ranges::min_element(kept_, {}, &Kept::lastUse);
    last_ = static_cast<std::size_t>(chosen - kept_.begin());
    if (found == kept_.end()) fill(*chosen, number);
  }
  kept_[last_].lastUse = uses_;
  return kept_[last_].bytes;
}

void BlockSource::fill(Kept& kept, std::uint32_t number) {
  const std::uint64_t offset = layout_.offset(number);
  const std::size_t bytes = static_cast<std::size_t>(layout_.bytes(number));
  kept.block = noBlock;
  try {
    if (content_->read({kept.bytes, bytes}, offset) != bytes)
      throw EngineError(code::contentRead, "the content ends too early").on(path_, static_cast<std::int64_t>(offset));
  } catch (const PortError& error) {
    throw fromPort(code::contentRead, "the content cannot be read", error)
        .on(path_, static_cast<std::int64_t>(offset));
  }
  std::memset(kept.bytes + bytes, 0, std::size_t{layout_.symbols(number)} * layout_.symbolBytes() - bytes);
  kept.block = number;
}

} // namespace volley
