#include "engine/content_server.h"
#include "engine/port_failure.h"
#include <algorithm>

namespace volley {

using std::chrono::milliseconds;

namespace {
constexpr std::uint32_t idleCheck_ms = 1000;

std::span<const std::uint8_t> bytesOf(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
} // namespace

ContentServer::ContentServer(const Options& options)
    : contentBytes_(options.contentBytes), keys_(options.feedbackSecret, options.session), encrypted_(options.encrypted) {
  try {
    file_ = openServedFile(options.contentPath);
    if (encrypted_) {
      reader_ = openContent(options.contentPath);
      piece_.resize(limits::unicastPieceBytes);
    }
  } catch (const PortError& error) {
    throw fromPort(code::contentRead, "the content cannot be opened", error).on(options.contentPath);
  }
  if (file_->bytes() != contentBytes_)
    throw EngineError(code::contentRead, "the content is not as long as the manifest says").on(options.contentPath);
  try {
    listener_ = listenForStreams(options.at);
    port_ = listener_->port();
    wakeup_ = makeWakeup();
  } catch (const PortError& error) {
    throw fromPort(code::socket, "the unicast port cannot be opened", error);
  }
  connections_.reserve(limits::unicastConnections + limits::unicastConnectionsRefused);
  thread_ = std::thread([this] { run(); });
}

ContentServer::~ContentServer() {
  stop_.store(true);
  wakeup_->notify();
  thread_.join();
}

void ContentServer::run() {
  std::vector<StreamInterest> interests;
  while (!stop_.load()) {
    interests.clear();
    for (const Connection& connection : connections_)
      interests.push_back({connection.stream.get(), !connection.writing(), connection.writing(), false});
    // A connection with half a request or half an answer needs no turn before it is ready again; only the silent
    // ones have to be looked for.
    const bool arrived = waitForStreams(interests, listener_.get(), *wakeup_, idleCheck_ms);
    const SteadyClock::time_point silentSince = SteadyClock::now() - milliseconds(limits::unicastIdle_ms);
    for (std::size_t i = 0; i < interests.size(); ++i) {
      Connection& connection = connections_[i];
      const bool lives = interests[i].ready ? serve(connection) : connection.lastProgress > silentSince;
      if (!lives) connection.stream.reset();
    }
    std::erase_if(connections_, [](const Connection& connection) { return !connection.stream; });
    if (arrived) acceptAll();
  }
}

void ContentServer::acceptAll() {
  constexpr std::size_t most = limits::unicastConnections + limits::unicastConnectionsRefused;
  while (std::unique_ptr<Stream> stream = listener_->accept()) {
    if (connections_.size() >= most) continue; // hung up at once
    Connection connection{};
    connection.stream = std::move(stream);
    connection.refused = connections_.size() >= limits::unicastConnections;
    connection.lastProgress = SteadyClock::now();
    connections_.push_back(std::move(connection));
  }
}

bool ContentServer::serve(Connection& connection) {
  return connection.writing() ? speak(connection) : listen(connection);
}

bool ContentServer::listen(Connection& connection) {
  std::uint8_t bytes[limits::unicastHeadBytes];
  const Transfer got = connection.stream->read({bytes, limits::unicastHeadBytes - connection.heard.size()});
  if (got.state == Transfer::State::closed) return false;
  if (got.state == Transfer::State::wouldWait) return true;
  connection.heard.append(reinterpret_cast<const char*>(bytes), got.bytes);
  const std::size_t end = connection.heard.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (connection.heard.size() < limits::unicastHeadBytes) return true; // the clock runs on: no slow trickle
    refuse(connection, 431);
  } else {
    const std::string head = connection.heard.substr(0, end + 2);
    connection.heard.erase(0, end + 4);
    answer(connection, head);
  }
  connection.lastProgress = SteadyClock::now();
  return speak(connection);
}

void ContentServer::refuse(Connection& connection, int status) {
  connection.answer = writeContentAnswer(status, std::nullopt, contentBytes_, false);
  connection.left = 0;
  connection.closing = true;
}

void ContentServer::answer(Connection& connection, std::string_view head) {
  const ContentRequest request = readContentRequest(head);
  if (connection.refused) return refuse(connection, 503);
  if (request.verdict != ContentRequest::Verdict::ok)
    return refuse(connection, static_cast<int>(request.verdict));
  const std::string text = signedText(request.range, request.counter);
  if (!keys_.accept(request.receiver, request.counter, bytesOf(text), request.tag)) return refuse(connection, 401);
  const bool isWhole = request.bytes && request.bytes->last < contentBytes_;
  const std::uint64_t length = isWhole ? request.bytes->last - request.bytes->first + 1 : 0;
  if (!isWhole || (encrypted_ && length > chacha20::streamBytesMax)) return refuse(connection, 416);
  // One request at a time: who sends the next one before its answer is hung up on after this one.
  connection.closing = !request.keepAlive || !connection.heard.empty();
  connection.answer = writeContentAnswer(206, request.bytes, contentBytes_, !connection.closing);
  connection.offset = request.bytes->first;
  connection.left = length;
  connection.sent = 0;
  if (!encrypted_) return;
  connection.key = unicastKey(keys_.keyOf(request.receiver));
  connection.nonce = request.counter;
}

Transfer ContentServer::writeBody(Connection& connection, std::size_t most) {
  if (!encrypted_) return connection.stream->write(*file_, connection.offset, most);
  const std::span<std::uint8_t> piece = std::span(piece_).first(std::min(most, piece_.size()));
  try {
    if (reader_->read(piece, connection.offset) != piece.size()) return {Transfer::State::closed, 0};
  } catch (const PortError&) {
    return {Transfer::State::closed, 0}; // as where the system sends it and cannot read it
  }
  // What the connection does not take is read and encrypted again, to the same bytes, when it takes more.
  chacha20::apply(connection.key, connection.nonce, connection.sent, piece.data(), piece.data(), piece.size());
  return connection.stream->write(piece);
}

bool ContentServer::speak(Connection& connection) {
  std::uint64_t turn = limits::unicastTurnBytes;
  while (connection.writing()) {
    const bool head = !connection.answer.empty();
    if (!head && turn == 0) return true;
    const Transfer put = head ? connection.stream->write(bytesOf(connection.answer))
                              : writeBody(connection, static_cast<std::size_t>(std::min(connection.left, turn)));
    if (put.state == Transfer::State::closed) return false;
    if (put.state == Transfer::State::wouldWait) return true;
    connection.lastProgress = SteadyClock::now();
    if (head) {
      connection.answer.erase(0, put.bytes);
      continue;
    }
    connection.offset += put.bytes;
    connection.left -= put.bytes;
    connection.sent += put.bytes;
    turn -= put.bytes;
    bytesServed_.fetch_add(put.bytes, std::memory_order_relaxed);
  }
  return !connection.closing;
}

} // namespace volley
