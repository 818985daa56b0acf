// Many receivers at once. Every datagram reaches every receiver that does not lose it, but the deliveries to one
// receiver are made in batches, up to the next announce or timer, so that ten thousand fit into a minute.
#include "scale.h"
#include "core/receiver.h"
#include "network.h"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <span>
#include <vector>

namespace volley_sim {

namespace {
constexpr std::uint32_t symbolBytes = 1408;
constexpr std::uint32_t wireBytes = symbolBytes + 72;
constexpr Time step_us = 250;
constexpr Time limit_us = 300'000'000;
constexpr Time afterwards_us = 30'000'000; // how long feedback is counted after the last receiver is done
constexpr std::size_t batch = 256;

struct Sent {
  volley::Header header;
  std::shared_ptr<const volley::Announce> announce;
};

struct One {
  std::unique_ptr<volley::Receiver> machine;
  Link link;
  Link back;
  std::uint64_t at = 0; // of everything sent, how much was delivered to it or lost
  bool done = false;
};

struct Cost {
  std::uint64_t data = 0, announces = 0, reports = 0;
  std::uint64_t unicastChunks = 0; // of receivers that lost more than repair allows
  double seconds = 0;
  std::uint32_t unfinished = 0;
};

class Room {
public:
  Room(const ScaleOptions& options, std::uint32_t receivers, double loss)
      : layout_(std::vector<std::uint32_t>(options.bytes >> 20, options.storedPerChunk), symbolBytes),
        sender_({symbolBytes, wireBytes, 100'000'000, 0, 0.15, options.seed}, layout_.blocks(), 0) {
    LinkModel model;
    if (options.burst) model.burstsPerDatagram = loss / (model.burstLength * model.burstLoss);
    else model.loss = loss;
    std::mt19937_64 random(options.seed);
    for (std::uint32_t i = 0; i < receivers; ++i) {
      volley::ReceiverConfig config{i + 1, 96, receivers, true, 5'000'000, 5'000'000, false, random()};
      people_.push_back({std::make_unique<volley::Receiver>(config, layout_, 0), Link(model, random()),
                         Link(model, random()), 0, false});
      // The scan of an empty disk: only what is known to be lacking is fetched by unicast.
      for (std::uint32_t chunk = 0; chunk < layout_.chunks(); ++chunk) people_.back().machine->onScanned(chunk, false, 0);
    }
    left_ = receivers;
  }

  Cost run() {
    Time end = 0;
    for (Time now = 0; now < limit_us; now += step_us) {
      send(now);
      for (One& one : people_) visit(one, now);
      trim();
      if (left_ == 0 && end == 0) {
        end = now;
        cost_.seconds = static_cast<double>(now) / 1e6;
      }
      if (end != 0 && now > end + afterwards_us) break;
      // With nothing on the way, on to the next timer.
      if (sender_.idle() && sent_.empty()) now = std::max(now, std::min(nextTimer(), limit_us) / step_us * step_us);
    }
    cost_.unfinished = left_;
    return cost_;
  }

private:
  void send(Time now) {
    volley::Emission emissions[64];
    while (const std::size_t count = sender_.next(now, emissions)) {
      for (std::size_t i = 0; i < count; ++i) {
        const volley::Emission& e = emissions[i];
        if (e.announce) {
          ++cost_.announces;
          const auto announce = std::make_shared<volley::Announce>(sender_.announce());
          sent_.push_back({{volley::DatagramType::announce, 0, 1, 1, e.counter, announce->coverFrom, 0, 0}, announce});
          announced_ = first_ + sent_.size();
        } else {
          ++cost_.data;
          sent_.push_back({{volley::DatagramType::data, 0, 1, 1, e.counter, e.block, e.symbol, e.remaining}, {}});
        }
      }
    }
  }

  void visit(One& one, Time now) {
    const std::uint64_t until = first_ + sent_.size();
    const bool due = one.machine->wakeup() <= now;
    if (due || one.at < announced_ || until - one.at >= batch) deliver(one, now);
    if (!due && one.machine->wakeup() > now) return;
    while (const auto report = one.machine->nextReport(now)) {
      ++cost_.reports;
      if (!one.back.loses()) sender_.onReport(*report, now);
    }
    fetch(one, now);
  }

  // At once: how long that takes is no matter of the datagrams.
  void fetch(One& one, Time now) {
    std::uint32_t chunks[16];
    while (const std::size_t count = one.machine->nextUnicast(now, chunks)) {
      cost_.unicastChunks += count;
      for (const std::uint32_t chunk : std::span(chunks, count)) one.machine->onChunkDone(chunk, true, now);
    }
    noteDone(one);
  }

  void noteDone(One& one) {
    if (one.done || !one.machine->complete()) return;
    one.done = true;
    --left_;
  }

  void deliver(One& one, Time now) {
    for (; one.at < first_ + sent_.size(); ++one.at) {
      if (one.link.loses()) continue;
      const Sent& datagram = sent_[one.at - first_];
      if (datagram.announce) {
        one.machine->onAnnounce(datagram.header, *datagram.announce, now);
        continue;
      }
      if (!one.machine->onData(datagram.header, now).decodable) continue;
      one.machine->onBlockDecoded(datagram.header.subject);
      while (const auto ready = one.machine->nextReady()) one.machine->onChunkDone(ready->chunk, true, now);
      noteDone(one);
    }
  }

  void trim() {
    std::uint64_t least = first_ + sent_.size();
    for (const One& one : people_) least = std::min(least, one.at);
    if (least - first_ < 4096 && least < first_ + sent_.size()) return;
    sent_.erase(sent_.begin(), sent_.begin() + static_cast<std::ptrdiff_t>(least - first_));
    first_ = least;
  }

  Time nextTimer() const {
    Time next = sender_.wakeup();
    for (const One& one : people_) next = std::min(next, one.machine->wakeup());
    return next;
  }

  volley::ChunkLayout layout_;
  volley::Sender sender_;
  std::vector<One> people_;
  std::vector<Sent> sent_; // what not everybody has been given yet
  std::uint64_t first_ = 0;
  std::uint64_t announced_ = 0;
  std::uint32_t left_;
  Cost cost_;
};
} // namespace

int runScale(const ScaleOptions& options) {
  const auto began = std::chrono::steady_clock::now();
  const Cost one = Room(options, 1, 0).run();
  const Cost many = Room(options, options.receivers, options.loss).run();
  const double more = static_cast<double>(many.data + many.announces) / static_cast<double>(one.data + one.announces);
  const double feedback = static_cast<double>(many.reports) / static_cast<double>(many.data);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("{ \"receivers\": %u, \"loss\": %.4f, \"burst\": %s, \"storedPerChunk\": %u, \"datagrams\": %llu, \"announces\": %llu, "
              "\"datagramsForOne\": %llu, \"ratio\": %.4f, \"reports\": %llu, \"feedback\": %.4f, "
              "\"virtualSeconds\": %.3f, \"virtualSecondsForOne\": %.3f, \"unicastChunks\": %llu, \"unfinished\": %u, \"seconds\": %.1f }\n",
              options.receivers, options.loss, options.burst ? "true" : "false", options.storedPerChunk,
              static_cast<unsigned long long>(many.data + many.announces),
              static_cast<unsigned long long>(many.announces),
              static_cast<unsigned long long>(one.data + one.announces), more,
              static_cast<unsigned long long>(many.reports), feedback, many.seconds, one.seconds,
              static_cast<unsigned long long>(many.unicastChunks), many.unfinished,
              took.count());
  return many.unfinished == 0 && feedback < 0.05 && more <= options.most ? 0 : 1;
}

} // namespace volley_sim
