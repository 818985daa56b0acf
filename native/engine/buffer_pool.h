// A fixed number of equal, aligned buffers, allocated and touched at start, so that the data path allocates
// nothing and fails for want of memory at the beginning or never. Safe on any thread; the pool outlives its
// buffers.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace volley {

class BufferPool;

// One buffer, given back when its owner goes. Empty when moved from or when the pool had none.
class PooledBuffer {
public:
  PooledBuffer() = default;
  PooledBuffer(PooledBuffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), bytes_(std::exchange(other.bytes_, nullptr)) {}
  PooledBuffer& operator=(PooledBuffer&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~PooledBuffer();

  explicit operator bool() const { return bytes_ != nullptr; }
  std::uint8_t* data() const { return bytes_; }
  std::size_t size() const; // 0 when empty
  std::span<std::uint8_t> span() const { return {bytes_, size()}; }

private:
  friend class BufferPool;
  PooledBuffer(BufferPool* pool, std::uint8_t* bytes) : pool_(pool), bytes_(bytes) {}
  BufferPool* pool_ = nullptr;
  std::uint8_t* bytes_ = nullptr;
};

class BufferPool {
public:
  static constexpr std::size_t alignmentBytes = 4096;

  // `bufferBytes` is rounded up to the alignment. std::bad_alloc where there is no memory.
  BufferPool(std::size_t count, std::size_t bufferBytes);
  ~BufferPool(); // all buffers are back by then
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  std::size_t count() const { return count_; }
  std::size_t bufferBytes() const { return bufferBytes_; }
  std::size_t totalBytes() const { return count_ * bufferBytes_; }
  std::size_t available() const;

  PooledBuffer tryAcquire(); // empty when all are out
  // Waits for one; empty once the pool was stopped.
  PooledBuffer acquire();
  // Ends every wait in `acquire`, now and later.
  void stop();

private:
  friend class PooledBuffer;
  void release(std::uint8_t* bytes);
  PooledBuffer take(); // under the mutex
  struct Free {
    void operator()(std::uint8_t* bytes) const {
      ::operator delete (bytes, std::align_val_t{alignmentBytes});
    }
  };

  const std::size_t count_;
  const std::size_t bufferBytes_;
  std::unique_ptr<std::uint8_t, Free> memory_;
  mutable std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::uint8_t*> free_;
  bool stopped_ = false;
};

} // namespace volley
