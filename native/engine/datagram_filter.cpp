#include "engine/datagram_filter.h"
#include <algorithm>
#include <array>
#include <cassert>

namespace volley {
namespace {

constexpr std::size_t pendingMost = 128; // checked together; two batches of the authenticator
constexpr std::uint32_t attemptsMost = 32;
constexpr Time attemptsSpan_us = 50'000;

} // namespace

DatagramFilter::DatagramFilter(const Options& options, Accept accept)
    : options_(options), accept_(std::move(accept)),
      dataType_(options.encrypted ? DatagramType::encryptedData : DatagramType::data),
      dataBytes_(limits::headerBytes + options.symbolBytes + limits::tagBytes), loss_(options.lossSeed) {
  pending_.reserve(pendingMost);
  pointers_.reserve(pendingMost);
}

void DatagramFilter::take(std::span<const Arrival> arrivals, Time now) {
  for (const Arrival& arrival : arrivals) {
    age_us_ = arrival.age_us;
    for (std::uint32_t at = 0; at < arrival.length; at += arrival.datagramBytes) {
      if (options_.lossPerMillion > 0 && lose()) continue;
      consider(arrival.bytes + at, std::min(arrival.datagramBytes, arrival.length - at), now);
    }
  }
  checkPending();
}

bool DatagramFilter::lose() { return loss_() % 1'000'000 < options_.lossPerMillion; }

// Everything that can be told without a hash.
bool DatagramFilter::acceptable(const Header& header, std::size_t length) const {
  if (header.session != options_.session || header.stream != options_.stream) return false;
  if (header.type == dataType_) {
    if (length != dataBytes_) return false;
  } else if (header.type != DatagramType::announce || length > dataBytes_ ||
             length < limits::headerBytes + limits::tagBytes) {
    return false;
  }
  if (header.start < start_ || header.start == 0) return false;
  return header.start > start_ || window_.fresh(header.counter);
}

void DatagramFilter::consider(const std::uint8_t* bytes, std::size_t length, Time now) {
  const std::optional<Header> header = readHeader({bytes, length});
  if (!header || !acceptable(*header, length)) {
    ++refused_;
    return;
  }
  if (header->start > start_) {
    if (!follow(*header, bytes, length, now)) ++refused_;
    return;
  }
  if (header->type == dataType_) {
    pending_.push_back({*header, bytes});
    if (pending_.size() == pendingMost) checkPending();
    return;
  }
  bool valid = false;
  authenticator_->check({&bytes, 1}, length - limits::tagBytes, &valid);
  if (valid) pass(*header, bytes, length);
  else ++refused_;
}

// A higher start: whoever sent it knows the session key, or nothing changes.
bool DatagramFilter::follow(const Header& header, const std::uint8_t* bytes, std::size_t length, Time now) {
  if (now - attemptsSince_ >= attemptsSpan_us) {
    attemptsSince_ = now;
    attempts_ = 0;
  }
  if (attempts_ >= attemptsMost) return false;
  ++attempts_;
  KeyedBlake3 candidate(senderKey(options_.sessionKey, options_.session, header.start, options_.stream));
  bool valid = false;
  candidate.check({&bytes, 1}, length - limits::tagBytes, &valid);
  if (!valid) return false;
  checkPending();
  start_ = header.start;
  authenticator_ = candidate;
  if (options_.encrypted)
    payloadKey_ = volley::payloadKey(options_.sessionKey, options_.session, header.start, options_.stream);
  window_ = ReplayWindow(limits::senderReplayWindow);
  attempts_ = 0;
  pass(header, bytes, length);
  return true;
}

void DatagramFilter::checkPending() {
  if (pending_.empty()) return;
  pointers_.clear();
  for (const Pending& pending : pending_) pointers_.push_back(pending.bytes);
  std::array<bool, pendingMost> valid;
  authenticator_->check(pointers_, dataBytes_ - limits::tagBytes, valid.data());
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (valid[i]) pass(pending_[i].header, pending_[i].bytes, dataBytes_);
    else ++refused_;
  }
  pending_.clear();
}

// The counter is looked at once more: the same datagram may be twice in one batch.
void DatagramFilter::pass(const Header& header, const std::uint8_t* bytes, std::size_t length) {
  if (!window_.fresh(header.counter)) {
    ++refused_;
    return;
  }
  window_.remember(header.counter);
  accept_(header, {bytes, length}, age_us_);
}

} // namespace volley
