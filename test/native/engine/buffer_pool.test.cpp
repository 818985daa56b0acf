// The pool of buffers: fixed in number, aligned, apart from each other, and given back from any thread.
#include "engine/buffer_pool.h"
#include "check.h"
#include <atomic>
#include <cstring>
#include <set>
#include <thread>

namespace {
using volley::BufferPool;
using volley::PooledBuffer;

void testFixedNumber() {
  BufferPool pool(4, 5000);
  CHECK(pool.count() == 4 && pool.bufferBytes() == 8192 && pool.totalBytes() == 4 * 8192);
  std::vector<PooledBuffer> held;
  std::set<std::uint8_t*> places;
  while (PooledBuffer buffer = pool.tryAcquire()) {
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % BufferPool::alignmentBytes == 0);
    CHECK(buffer.size() == 8192 && buffer.span().size() == 8192);
    std::memset(buffer.data(), static_cast<int>(held.size()), buffer.size());
    places.insert(buffer.data());
    held.push_back(std::move(buffer));
  }
  CHECK(held.size() == 4 && places.size() == 4 && pool.available() == 0);
  for (std::size_t index = 0; index < held.size(); ++index)
    CHECK(held[index].data()[0] == index && held[index].data()[8191] == index);
  std::uint8_t* const last = held.back().data();
  held.pop_back();
  CHECK(pool.available() == 1);
  CHECK(pool.tryAcquire().data() == last);
  const PooledBuffer empty;
  CHECK(!empty && empty.size() == 0 && empty.span().empty());
}

void testMovedBufferComesBackOnce() {
  BufferPool pool(2, 4096);
  {
    PooledBuffer first = pool.tryAcquire();
    PooledBuffer second = std::move(first);
    CHECK(!first && second);
    second = pool.tryAcquire();
    CHECK(second);
    first = PooledBuffer();
  }
  CHECK(pool.available() == 2);
}

void testWaiting() {
  BufferPool pool(3, 4096);
  std::atomic<int> inUse{0};
  std::atomic<bool> tooMany{false};
  std::vector<std::thread> threads;
  for (int number = 0; number < 6; ++number)
    threads.emplace_back([&] {
      for (int turn = 0; turn < 2000; ++turn) {
        const PooledBuffer buffer = pool.acquire();
        if (!buffer || ++inUse > 3) tooMany = true;
        buffer.data()[0] = 1;
        --inUse;
      }
    });
  for (std::thread& thread : threads)
    thread.join();
  CHECK(!tooMany && pool.available() == 3);
}

void testStopEndsTheWait() {
  BufferPool pool(1, 4096);
  const PooledBuffer only = pool.acquire();
  std::thread waiting([&] { CHECK(!pool.acquire()); });
  pool.stop();
  waiting.join();
  CHECK(!pool.acquire());
}

} // namespace

int main() {
  testFixedNumber();
  testMovedBufferComesBackOnce();
  testWaiting();
  testStopEndsTheWait();
  return volley_test::finish();
}
