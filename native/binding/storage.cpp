#include "binding/exports.h"
#include "binding/task.h"
#include "binding/values.h"
#include "core/limits.h"
#include "engine/chunk_table.h"
#include "engine/disk_hash.h"
#include "engine/disk_rewrite.h"
#include "engine/import.h"
#include "engine/verify.h"

namespace volley::binding {

Napi::Value importContent(const Napi::CallbackInfo& info) {
  const Options given(info[0]);
  const ImportOptions options{
      .source = given.text("source"),
      .imageBytes = given.integer<std::uint64_t>("imageBytes", 512, limits::imageBytesMax),
      .contentPath = given.text("contentPath"),
      .threads = given.integer<std::uint32_t>("threads", 1, limits::storageThreadsMax),
      .level = given.integer<int>("level", 1, 19),
  };
  return startTask<ImportResult>(
      info.Env(), [options](TaskControl& control) { return volley::importContent(options, control); },
      [](Napi::Env env, const ImportResult& result) -> Napi::Value {
        return Fields(env)
            .text("root", hex(result.root))
            .number("contentBytes", result.contentBytes)
            .set("chunkTable", buffer(env, writeChunkTable(result.chunks)))
            .set("firstBytes", buffer(env, result.firstBytes))
            .set("lastBytes", buffer(env, result.lastBytes))
            .done();
      });
}

Napi::Value verifyContent(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Options given(info[0]);
  const auto bytes = given.bytes("manifest");
  const VerifyOptions options{
      .manifest = guarded(env, [&] { return Manifest::parse(bytes); }),
      .contentPath = given.text("contentPath"),
      .threads = given.integer<std::uint32_t>("threads", 1, limits::storageThreadsMax),
  };
  using BadChunks = std::vector<std::uint32_t>;
  return startTask<BadChunks>(
      env, [options](TaskControl& control) { return volley::verifyContent(options, control); },
      [](Napi::Env resultEnv, const BadChunks& bad) -> Napi::Value {
        const Napi::Array chunks = Napi::Array::New(resultEnv, bad.size());
        for (std::size_t i = 0; i < bad.size(); ++i)
          chunks.Set(static_cast<std::uint32_t>(i), bad[i]);
        return Fields(resultEnv).set("badChunks", chunks).done();
      });
}

Napi::Value hashDisk(const Napi::CallbackInfo& info) {
  const Options given(info[0]);
  const DiskHashOptions options{
      .path = given.text("path"),
      .bytes = given.integer<std::uint64_t>("bytes", 1, limits::imageBytesMax),
      .threads = given.integer<std::uint32_t>("threads", 1, limits::storageThreadsMax),
  };
  return startTask<DiskHash>(
      info.Env(), [options](TaskControl& control) { return volley::hashDisk(options, control); },
      [](Napi::Env env, const DiskHash& hash) -> Napi::Value {
        return Fields(env).text("root", hex(hash.root)).flag("direct", hash.direct).done();
      });
}

Napi::Value rewriteDisk(const Napi::CallbackInfo& info) {
  const Options given(info[0]);
  DiskRewriteOptions options{.path = given.text("path"), .moves = {}, .pieces = {}};
  const auto bytes = [](const Options& from, const char* name) {
    return from.integer<std::uint64_t>(name, 0, limits::imageBytesMax);
  };
  for (const Options& move : given.objects("moves", limits::diskRewritesMax))
    options.moves.push_back({bytes(move, "from"), bytes(move, "to"), bytes(move, "bytes")});
  for (const Options& piece : given.objects("pieces", limits::diskRewritesMax))
    options.pieces.push_back({bytes(piece, "offset"), piece.bytes("bytes")});
  // What the task gives is that it is done.
  return startTask<bool>(
      info.Env(),
      [options](TaskControl& control) {
        volley::rewriteDisk(options, control);
        return true;
      },
      [](Napi::Env env, const bool&) -> Napi::Value { return env.Null(); });
}

} // namespace volley::binding
