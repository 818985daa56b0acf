#include "port/content_file.h"
#include "windows/handle.h"
#include "windows/text.h"
#include <algorithm>

namespace volley {
namespace {

constexpr std::size_t transferBytesMost = 1 << 30; // of one call, which counts in 32 bits

OVERLAPPED positionOf(std::uint64_t offset) {
  OVERLAPPED position{};
  position.Offset = static_cast<DWORD>(offset);
  position.OffsetHigh = static_cast<DWORD>(offset >> 32);
  return position;
}

class WindowsContentWriter final : public ContentWriter {
public:
  explicit WindowsContentWriter(Handle file) : file_(std::move(file)) {}

  ~WindowsContentWriter() override {
    if (finished_) return;
    FILE_DISPOSITION_INFO gone{TRUE};
    ::SetFileInformationByHandle(file_.get(), FileDispositionInfo, &gone, sizeof gone);
  }

  std::uint64_t bytes() const override { return bytes_; }

  void append(std::span<const std::uint8_t> bytes) override {
    while (!bytes.empty()) {
      OVERLAPPED at = positionOf(bytes_);
      DWORD put = 0;
      const auto length = static_cast<DWORD>(std::min(bytes.size(), transferBytesMost));
      if (::WriteFile(file_.get(), bytes.data(), length, &put, &at) == 0) fail("WriteFile");
      bytes_ += put;
      bytes = bytes.subspan(put);
    }
  }

  void finish() override {
    if (::FlushFileBuffers(file_.get()) == 0) fail("FlushFileBuffers");
    finished_ = true;
  }

private:
  Handle file_;
  std::uint64_t bytes_ = 0;
  bool finished_ = false;
};

class WindowsContentReader final : public ContentReader {
public:
  WindowsContentReader(Handle file, std::uint64_t bytes) : file_(std::move(file)), bytes_(bytes) {}

  std::uint64_t bytes() const override { return bytes_; }

  std::size_t read(std::span<std::uint8_t> out, std::uint64_t offset) const override {
    std::size_t filled = 0;
    while (filled < out.size()) {
      OVERLAPPED at = positionOf(offset + filled);
      DWORD got = 0;
      const auto length = static_cast<DWORD>(std::min(out.size() - filled, transferBytesMost));
      if (::ReadFile(file_.get(), out.data() + filled, length, &got, &at) == 0) {
        if (::GetLastError() == ERROR_HANDLE_EOF) break;
        fail("ReadFile");
      }
      if (got == 0) break;
      filled += got;
    }
    return filled;
  }

  // Windows has no call for it. Opening a file unbuffered and closing it again has its cached pages purged;
  // where they stay, a read tells what the system remembers, as the port allows.
  void dropCache() override {
    const Handle purging(
        ::ReOpenFile(file_.get(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, FILE_FLAG_NO_BUFFERING));
  }

private:
  Handle file_;
  std::uint64_t bytes_;
};

} // namespace

std::unique_ptr<ContentWriter> createContent(const std::string& path) {
  Handle file(::CreateFileW(wide(path).c_str(), GENERIC_WRITE | DELETE, FILE_SHARE_READ, nullptr, CREATE_NEW,
                            FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!file) fail("CreateFile");
  return std::make_unique<WindowsContentWriter>(std::move(file));
}

std::unique_ptr<ContentReader> openContent(const std::string& path) {
  Handle file(::CreateFileW(wide(path).c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr,
                            OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!file) fail("CreateFile");
  LARGE_INTEGER size{};
  if (::GetFileSizeEx(file.get(), &size) == 0) fail("GetFileSizeEx");
  return std::make_unique<WindowsContentReader>(std::move(file), static_cast<std::uint64_t>(size.QuadPart));
}

} // namespace volley
