#include "port/image_source.h"
#include "windows/handle.h"
#include "windows/text.h"

namespace volley {
namespace {

constexpr std::size_t readBytesMost = 1 << 30;

// A file, read without waiting. Where its holes are is not asked: all of it counts as data.
class FileSource final : public ImageSource {
public:
  FileSource(Handle file, std::uint64_t bytes) : file_(std::move(file)), bytes_(bytes) {}

  std::optional<std::uint64_t> bytes() const override { return bytes_; }
  std::uint64_t hole(std::uint64_t) override { return 0; }
  void skip(std::uint64_t bytes) override { position_ += bytes; }

  std::optional<std::size_t> read(std::span<std::uint8_t> out, int) override {
    OVERLAPPED at{};
    at.Offset = static_cast<DWORD>(position_);
    at.OffsetHigh = static_cast<DWORD>(position_ >> 32);
    DWORD got = 0;
    const auto length = static_cast<DWORD>(out.size() < readBytesMost ? out.size() : readBytesMost);
    if (::ReadFile(file_.get(), out.data(), length, &got, &at) == 0 && ::GetLastError() != ERROR_HANDLE_EOF)
      fail("ReadFile");
    position_ += got;
    return got;
  }

private:
  Handle file_;
  std::uint64_t bytes_;
  std::uint64_t position_ = 0;
};

} // namespace

// Images are imported by a site, and a site runs on Linux: pipes and disks are not read here.
std::unique_ptr<ImageSource> openImageSource(const std::string& path) {
  Handle file(::CreateFileW(wide(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                            OPEN_EXISTING, FILE_FLAG_SEQUENTIAL_SCAN, nullptr));
  if (!file) fail("CreateFile");
  if (::GetFileType(file.get()) != FILE_TYPE_DISK) throw PortError(ERROR_NOT_SUPPORTED, "GetFileType");
  LARGE_INTEGER size{};
  if (::GetFileSizeEx(file.get(), &size) == 0) fail("GetFileSizeEx");
  return std::make_unique<FileSource>(std::move(file), static_cast<std::uint64_t>(size.QuadPart));
}

} // namespace volley
