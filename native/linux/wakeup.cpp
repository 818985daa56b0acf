#include "linux/wakeup.h"
#include <cstdint>
#include <sys/eventfd.h>

namespace volley {

void LinuxWakeup::notify() noexcept {
  // It can only fail where the counter is full, and then the wait ends too.
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = ::write(descriptor_.get(), &one, sizeof one);
}

void LinuxWakeup::clear() noexcept {
  std::uint64_t count;
  [[maybe_unused]] const ssize_t got = ::read(descriptor_.get(), &count, sizeof count);
}

std::unique_ptr<Wakeup> makeWakeup() {
  Descriptor descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (descriptor.get() < 0) fail("eventfd");
  return std::make_unique<LinuxWakeup>(std::move(descriptor));
}

} // namespace volley
