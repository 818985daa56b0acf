// BLAKE3 against an implementation that is not ours: the program b3sum, over files of many sizes, plain,
// keyed and as a key derivation, in every instruction set this processor has. The first argument is the seed. With a
// folder as the second it runs where there is no b3sum, in two runs: the first writes the files there, the other
// compares with the file `digests`, which holds what b3sum says of them elsewhere: all plain ones, keyed, derived.
#include "check.h"
#include "core/blake3.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>

#if defined(_WIN32)
#define popen _popen
#define pclose _pclose
#endif

using namespace volley;
using Bytes = std::vector<std::uint8_t>;
namespace filesystem = std::filesystem;

namespace {

const std::string context = "volley test 2024-01-01 of keys that are derived";

std::string hexOf(const std::array<std::uint8_t, 32>& bytes) {
  std::string text;
  for (const auto byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

void writeFile(const filesystem::path& path, const std::uint8_t* bytes, std::size_t length) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes), static_cast<std::streamsize>(length));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

// A folder of this run's own, gone at the end.
class Folder {
public:
  explicit Folder(std::uint64_t seed)
      : path(filesystem::temp_directory_path() /
             ("volley-b3sum-" + std::to_string(std::random_device{}()) + "-" + std::to_string(seed))) {
    filesystem::create_directories(path);
  }
  ~Folder() {
    std::error_code ignored;
    filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const filesystem::path path;
};

// What a command prints, as words. Throws unless it ends well.
std::vector<std::string> wordsOf(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run: " + command);
  std::string output;
  char buffer[4096];
  for (std::size_t length; (length = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    output.append(buffer, length);
  if (pclose(pipe) != 0)
    throw std::runtime_error(
        "b3sum is missing or failed (Debian: apt-get install b3sum): " + command.substr(0, 60) + "...");
  std::istringstream stream(output);
  std::vector<std::string> words;
  for (std::string word; stream >> word;)
    words.push_back(word);
  return words;
}

std::vector<std::size_t> sizes(std::mt19937_64& random) {
  std::vector<std::size_t> result = {0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 700, 1432};
  for (std::size_t power = 1024; power <= 4u << 20; power *= 2)
    for (const std::size_t size : {power - 1, power, power + 1, power + power / 2})
      result.push_back(size);
  for (int i = 0; i < 24; ++i)
    result.push_back(random() % (std::size_t{1} << (6 + random() % 17)));
  return result;
}

struct Input {
  explicit Input(std::mt19937_64& random)
      : lengths(sizes(random)), bytes(*std::max_element(lengths.begin(), lengths.end())) {
    for (auto& byte : bytes)
      byte = static_cast<std::uint8_t>(random());
    for (auto& byte : key)
      byte = static_cast<std::uint8_t>(random());
  }
  std::vector<std::size_t> lengths;
  Bytes bytes;
  blake3::Key key;
};

// A file for each length, by its number, the key, and the context that keys are derived for.
void writeInput(const Input& input, const filesystem::path& folder) {
  for (std::size_t i = 0; i < input.lengths.size(); ++i)
    writeFile(folder / std::to_string(i), input.bytes.data(), input.lengths[i]);
  writeFile(folder / "key", input.key.data(), input.key.size());
  writeFile(folder / "context", reinterpret_cast<const std::uint8_t*>(context.data()), context.size());
}

struct Oracle {
  std::vector<std::string> hashes, keyedHashes, derivedKeys;
};

Oracle ask(const filesystem::path& folder, std::size_t count) {
  std::string files;
  for (std::size_t i = 0; i < count; ++i)
    files += " \"" + (folder / std::to_string(i)).string() + "\"";
  return {wordsOf("b3sum --no-names" + files),
          wordsOf("b3sum --no-names --keyed" + files + " < \"" + (folder / "key").string() + "\""),
          wordsOf("b3sum --no-names --derive-key \"" + context + "\"" + files)};
}

Oracle readDigests(const filesystem::path& path, std::size_t count) {
  std::ifstream stream(path);
  std::vector<std::string> words;
  for (std::string word; stream >> word;)
    words.push_back(word);
  if (words.size() != 3 * count) throw std::runtime_error(path.string() + " is of another seed");
  const auto first = words.begin();
  const auto step = static_cast<std::ptrdiff_t>(count);
  return {{first, first + step}, {first + step, first + 2 * step}, {first + 2 * step, words.end()}};
}

// In two updates, the first as long as it happens to be.
blake3::Hash incrementally(blake3::Hasher hasher, std::span<const std::uint8_t> bytes,
                           std::mt19937_64& random) {
  const std::size_t first = random() % (bytes.size() + 1);
  hasher.update(bytes.first(first));
  hasher.update(bytes.subspan(first));
  return hasher.finish();
}

// The hash out of the chaining values of subtrees of a random span.
blake3::Hash bySubtrees(std::span<const std::uint8_t> bytes, std::mt19937_64& random) {
  std::size_t span = 1024;
  while (span * 2 < bytes.size() && random() % 4 != 0)
    span *= 2;
  std::vector<blake3::Hash> values;
  for (std::size_t offset = 0; offset < bytes.size(); offset += span)
    values.push_back(blake3::subtree(bytes.subspan(offset, std::min(span, bytes.size() - offset)), offset));
  return blake3::rootOf(values);
}

void compare(const Input& input, const Oracle& oracle, std::mt19937_64& random) {
  const auto& [lengths, bytes, key] = input;
  CHECK(oracle.hashes.size() == lengths.size());
  CHECK(oracle.keyedHashes.size() == lengths.size());
  CHECK(oracle.derivedKeys.size() == lengths.size());
  if (volley_test::failures > 0) return;

  for (int set = 0; set <= static_cast<int>(blake3::best()); ++set) {
    blake3::force(static_cast<blake3::InstructionSet>(set));
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      const std::span<const std::uint8_t> file(bytes.data(), lengths[i]);
      const int before = volley_test::failures;
      CHECK(hexOf(blake3::hash(file)) == oracle.hashes[i]);
      CHECK(hexOf(blake3::keyedHash(key, file)) == oracle.keyedHashes[i]);
      CHECK(hexOf(blake3::deriveKey(context, file)) == oracle.derivedKeys[i]);
      CHECK(hexOf(incrementally(blake3::Hasher(), file, random)) == oracle.hashes[i]);
      CHECK(hexOf(incrementally(blake3::Hasher(key), file, random)) == oracle.keyedHashes[i]);
      if (lengths[i] > 1024) CHECK(hexOf(bySubtrees(file, random)) == oracle.hashes[i]);
      if (volley_test::failures > before) std::fprintf(stderr, "  set %d, length %zu\n", set, lengths[i]);
    }
  }
}

void run(std::uint64_t seed, const char* folderElsewhere) {
  std::mt19937_64 random(seed);
  const Input input(random);
  if (folderElsewhere == nullptr) {
    const Folder folder(seed);
    writeInput(input, folder.path);
    compare(input, ask(folder.path, input.lengths.size()), random);
    return;
  }
  const filesystem::path digests = filesystem::path(folderElsewhere) / "digests";
  if (filesystem::exists(digests)) compare(input, readDigests(digests, input.lengths.size()), random);
  else writeInput(input, folderElsewhere);
}
} // namespace

int main(int count, char** arguments) {
  const std::uint64_t seed = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  try {
    run(seed, count > 2 ? arguments[2] : nullptr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return volley_test::finish();
}
