// The wakeup as this system has it: an eventfd that a poll can watch.
#pragma once
#include "linux/descriptor.h"
#include "port/socket.h"

namespace volley {

class LinuxWakeup final : public Wakeup {
public:
  explicit LinuxWakeup(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  void notify() noexcept override;
  void clear() noexcept override;
  int descriptor() const { return descriptor_.get(); }

private:
  Descriptor descriptor_;
};

inline int descriptorOf(const Wakeup& wakeup) { return static_cast<const LinuxWakeup&>(wakeup).descriptor(); }

} // namespace volley
