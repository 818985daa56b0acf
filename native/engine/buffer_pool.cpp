#include "engine/buffer_pool.h"
#include <algorithm>
#include <cassert>

namespace volley {

PooledBuffer::~PooledBuffer() {
  if (bytes_ != nullptr) pool_->release(bytes_);
}

std::size_t PooledBuffer::size() const {
  return bytes_ != nullptr ? pool_->bufferBytes() : 0;
}

BufferPool::BufferPool(std::size_t count, std::size_t bufferBytes)
    : count_(count), bufferBytes_((bufferBytes + alignmentBytes - 1) / alignmentBytes * alignmentBytes) {
  assert(count > 0 && bufferBytes > 0 && count <= SIZE_MAX / bufferBytes_);
  memory_.reset(static_cast<std::uint8_t*>(::operator new (totalBytes(), std::align_val_t{alignmentBytes})));
  free_.reserve(count);
  for (std::size_t index = count; index > 0; --index)
    free_.push_back(memory_.get() + (index - 1) * bufferBytes_);
}

BufferPool::~BufferPool() {
  assert(free_.size() == count_);
}

std::size_t BufferPool::available() const {
  const std::lock_guard lock(mutex_);
  return free_.size();
}

PooledBuffer BufferPool::take() {
  std::uint8_t* bytes = free_.back();
  free_.pop_back();
  return PooledBuffer(this, bytes);
}

PooledBuffer BufferPool::tryAcquire() {
  const std::lock_guard lock(mutex_);
  return free_.empty() ? PooledBuffer() : take();
}

PooledBuffer BufferPool::acquire() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return stopped_ || !free_.empty(); });
  return stopped_ ? PooledBuffer() : take();
}

void BufferPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  returned_.notify_all();
}

void BufferPool::release(std::uint8_t* bytes) {
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(bytes); // has room for all of them
  }
  returned_.notify_one();
}

} // namespace volley
