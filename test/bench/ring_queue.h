// A DeviceQueue over io_uring, to measure beside the product's queue of threads: the same operations through one ring
// of one thread, direct transfers only. The kernel's interface is that of io_uring(7); no library stands between.
#pragma once
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "port/block_device.h"

namespace volley {

class RingQueue final : public DeviceQueue {
public:
  // Throws std::runtime_error where the kernel gives no ring or the path does not open for direct transfers.
  RingQueue(const std::string& path, std::uint32_t depth) : depth_(depth), operations_(depth) {
    file_ = ::open(path.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
    ring_ = static_cast<int>(::syscall(SYS_io_uring_setup, depth, &parameters_));
    if (file_ < 0 || ring_ < 0) {
      const std::string why = std::strerror(errno);
      close();
      throw std::runtime_error("no io_uring on " + path + ": " + why);
    }
    mapAll();
    for (std::uint32_t place = 0; place < depth; ++place) free_.push_back(place);
  }
  ~RingQueue() override {
    DeviceCompletion done;
    while (inFlight_ > 0) complete({&done, 1}, 0);
    close();
  }
  RingQueue(const RingQueue&) = delete;
  RingQueue& operator=(const RingQueue&) = delete;

  std::uint32_t depth() const override { return depth_; }
  std::uint32_t inFlight() const override { return inFlight_; }

  bool submit(const DeviceOperation& operation) override {
    if (free_.empty()) return false;
    const std::uint32_t place = free_.back();
    free_.pop_back();
    operations_[place] = operation;
    const std::uint32_t tail = *submissionTail_;
    const std::uint32_t slot = tail & *submissionMask_;
    io_uring_sqe& entry = entries_[slot];
    std::memset(&entry, 0, sizeof entry);
    entry.opcode = operation.action == DeviceAction::write ? IORING_OP_WRITE : IORING_OP_READ;
    entry.fd = file_;
    entry.off = operation.offset;
    entry.addr = reinterpret_cast<std::uintptr_t>(operation.buffer);
    entry.len = static_cast<std::uint32_t>(operation.length);
    entry.user_data = place;
    submissionSlots_[slot] = slot;
    std::atomic_ref(*submissionTail_).store(tail + 1, std::memory_order_release);
    ++inFlight_;
    enter(1, 0);
    return true;
  }

  // Waits for the first one without a limit: a benchmark ends or is ended.
  std::size_t complete(std::span<DeviceCompletion> completions, int) override {
    if (inFlight_ == 0) return 0;
    std::size_t count = take(completions);
    while (count == 0) {
      enter(0, 1);
      count = take(completions);
    }
    return count;
  }

private:
  void mapAll() {
    const std::size_t submissionBytes =
        parameters_.sq_off.array + parameters_.sq_entries * sizeof(std::uint32_t);
    const std::size_t completionBytes =
        parameters_.cq_off.cqes + parameters_.cq_entries * sizeof(io_uring_cqe);
    auto* const submissions = static_cast<std::uint8_t*>(map(submissionBytes, IORING_OFF_SQ_RING));
    auto* const completions = static_cast<std::uint8_t*>(map(completionBytes, IORING_OFF_CQ_RING));
    entries_ = static_cast<io_uring_sqe*>(map(parameters_.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
    const auto word = [](std::uint8_t* base, std::uint32_t offset) {
      return reinterpret_cast<std::uint32_t*>(base + offset);
    };
    submissionTail_ = word(submissions, parameters_.sq_off.tail);
    submissionMask_ = word(submissions, parameters_.sq_off.ring_mask);
    submissionSlots_ = word(submissions, parameters_.sq_off.array);
    completionHead_ = word(completions, parameters_.cq_off.head);
    completionTail_ = word(completions, parameters_.cq_off.tail);
    completionMask_ = word(completions, parameters_.cq_off.ring_mask);
    results_ = reinterpret_cast<io_uring_cqe*>(completions + parameters_.cq_off.cqes);
  }

  void* map(std::size_t bytes, off_t what) {
    void* const place = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_, what);
    if (place == MAP_FAILED) throw std::runtime_error("io_uring's rings cannot be mapped");
    mappings_.push_back({place, bytes});
    return place;
  }

  void enter(unsigned submissions, unsigned completionsLeast) {
    long result;
    do {
      result = ::syscall(SYS_io_uring_enter, ring_, submissions, completionsLeast,
                         completionsLeast > 0 ? IORING_ENTER_GETEVENTS : 0, nullptr, 0);
    } while (result < 0 && errno == EINTR);
    if (result < 0) throw std::runtime_error(std::string("io_uring_enter: ") + std::strerror(errno));
  }

  std::size_t take(std::span<DeviceCompletion> completions) {
    std::size_t count = 0;
    std::uint32_t head = *completionHead_;
    const std::uint32_t tail = std::atomic_ref(*completionTail_).load(std::memory_order_acquire);
    for (; head != tail && count < completions.size(); ++head, ++count) {
      const io_uring_cqe& result = results_[head & *completionMask_];
      const auto place = static_cast<std::uint32_t>(result.user_data);
      const bool failed = result.res < 0;
      completions[count] = {operations_[place], failed ? 0 : static_cast<std::size_t>(result.res),
                            failed ? -result.res : 0, failed ? "io_uring" : nullptr};
      free_.push_back(place);
      --inFlight_;
    }
    std::atomic_ref(*completionHead_).store(head, std::memory_order_release);
    return count;
  }

  void close() {
    for (const Mapping& mapping : mappings_) ::munmap(mapping.place, mapping.bytes);
    if (ring_ >= 0) ::close(ring_);
    if (file_ >= 0) ::close(file_);
  }

  struct Mapping {
    void* place;
    std::size_t bytes;
  };
  const std::uint32_t depth_;
  std::vector<DeviceOperation> operations_; // by place
  std::vector<std::uint32_t> free_;         // places
  std::uint32_t inFlight_ = 0;
  io_uring_params parameters_{};
  int file_ = -1, ring_ = -1;
  std::vector<Mapping> mappings_;
  io_uring_sqe* entries_ = nullptr;
  io_uring_cqe* results_ = nullptr;
  std::uint32_t *submissionTail_ = nullptr, *submissionMask_ = nullptr, *submissionSlots_ = nullptr;
  std::uint32_t *completionHead_ = nullptr, *completionTail_ = nullptr, *completionMask_ = nullptr;
};

} // namespace volley
