// The queue of what will happen, in order of virtual time, ties in order of arrival.
#pragma once
#include "core/codec.h"
#include "core/sender.h"
#include <memory>
#include <queue>
#include <vector>

namespace volley_sim {

using volley::Time;

struct Packet {
  volley::Header header;
  std::uint64_t check = 0; // stands for the payload of DATA
  std::shared_ptr<const volley::Announce> announce;
  std::shared_ptr<const volley::Report> report;
};

enum class EventKind : std::uint8_t { arrival, wake, join, crash, pause, resume, scanned, written, fetched, lie };

struct Event {
  Time at;
  std::uint64_t order;
  EventKind kind;
  std::uint32_t node; // 0 is the sender, receivers from 1
  std::uint32_t life; // of the node, so that a crash takes its pending events along
  std::uint32_t chunk;
  bool good;
  std::uint32_t packet; // index in the pool
};

class EventQueue {
public:
  void push(Event event) {
    event.order = order_++;
    queue_.push(event);
  }
  bool empty() const { return queue_.empty(); }
  const Event& top() const { return queue_.top(); }
  void pop() { queue_.pop(); }

private:
  struct Later {
    bool operator()(const Event& left, const Event& right) const {
      return left.at != right.at ? left.at > right.at : left.order > right.order;
    }
  };
  std::priority_queue<Event, std::vector<Event>, Later> queue_;
  std::uint64_t order_ = 0;
};

// Packets on their way; a place is used again once every copy has arrived.
class PacketPool {
public:
  std::uint32_t add(Packet packet, std::uint32_t copies);
  const Packet& at(std::uint32_t index) const { return entries_[index].packet; }
  void drop(std::uint32_t index);

private:
  struct Entry {
    Packet packet;
    std::uint32_t copies;
  };
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
};

} // namespace volley_sim
