#include "windows/device_file.h"
#include "core/limits.h"
#include "windows/device_control.h"
#include "windows/text.h"
#include <algorithm>
#include <cassert>
#include <cstring>
#include <winioctl.h>

namespace volley {
namespace {

constexpr std::uint32_t alignmentMost = 4096;
constexpr std::size_t pieceBytes = 64 * 1024;

bool isPrefixed(const std::string& path) {
  return path.starts_with("\\\\.\\") || path.starts_with("\\\\?\\");
}

// Windows gives a volume's name with a backslash at the end, where it means the root folder.
std::string withoutRoot(std::string path) {
  if (isPrefixed(path) && path.back() == '\\' && path.find('\\', 4) == path.size() - 1) path.pop_back();
  return path;
}

// "\\.\C:", "\\.\PhysicalDrive0" and "\\?\Volume{…}" are devices; with a name behind it is a file on one.
bool namesDevice(const std::string& path) {
  return isPrefixed(path) && path.find_first_of("\\/", 4) == std::string::npos;
}

// A virus scanner or an indexer that only looks lets go soon.
Handle openPatiently(const std::wstring& path, DWORD access, DWORD share, DWORD flags) {
  for (int left = limits::deviceOpenAttempts;; --left) {
    Handle handle(::CreateFileW(path.c_str(), access, share, nullptr, OPEN_EXISTING, flags, nullptr));
    if (handle || ::GetLastError() != ERROR_SHARING_VIOLATION || left == 1) return handle;
    ::Sleep(limits::deviceOpenPause_ms);
  }
}

const char* callOf(const DeviceOperation& operation) {
  return operation.action == DeviceAction::write ? "WriteFile" : "ReadFile";
}

} // namespace

DeviceFile::DeviceFile(std::string path, DeviceAccess access)
    : path_(withoutRoot(std::move(path))), kind_(namesDevice(path_) ? Kind::volume : Kind::regularFile),
      room_(pieceBytes + alignmentMost) {
  const auto address = reinterpret_cast<std::uintptr_t>(room_.data());
  piece_ = room_.data() + (alignmentMost - address % alignmentMost) % alignmentMost;
  try {
    open(access);
    STORAGE_DEVICE_NUMBER number{};
    const bool numbered =
        kind_ == Kind::volume && askDevice(handle_.get(), IOCTL_STORAGE_GET_DEVICE_NUMBER, number) == 0;
    // The whole of a disk counts as its partition 0.
    const bool whole = numbered && number.DeviceType == FILE_DEVICE_DISK && number.PartitionNumber == 0;
    if (whole) kind_ = Kind::disk;
    if (access == DeviceAccess::exclusive && kind_ != Kind::regularFile)
      claim_ = whole ? DeviceClaim::ofDisk(handle_.get(), number.DeviceNumber, path_)
                     : DeviceClaim::ofVolume(handle_.get(), path_);
    measure();
  } catch (const DeviceError&) {
    throw;
  } catch (const PortError& error) {
    throw DeviceError(DeviceAction::open, error.systemError, error.call, path_);
  }
}

void DeviceFile::open(DeviceAccess access) {
  const bool writes = access == DeviceAccess::exclusive;
  const DWORD rights = GENERIC_READ | (writes ? GENERIC_WRITE : 0);
  // A device has to be shared: Windows itself has it open. A second writer of a file is kept off by not
  // sharing it.
  const bool isFile = kind_ == Kind::regularFile;
  const DWORD share = isFile && writes
                          ? FILE_SHARE_READ
                          : FILE_SHARE_READ | FILE_SHARE_WRITE | (isFile ? FILE_SHARE_DELETE : 0);
  const std::wstring name = wide(path_);
  handle_ = openPatiently(name, rights, share, FILE_FLAG_OVERLAPPED | FILE_FLAG_NO_BUFFERING);
  if (!handle_ && ::GetLastError() == ERROR_INVALID_PARAMETER) {
    direct_ = false; // as some file servers answer
    handle_ = openPatiently(name, rights, share, FILE_FLAG_OVERLAPPED);
  }
  if (!handle_) fail("CreateFile");
  if (isFile && ::GetFileType(handle_.get()) != FILE_TYPE_DISK)
    throw PortError(ERROR_NOT_SUPPORTED, "GetFileType");
}

void DeviceFile::measure() {
  LARGE_INTEGER size{};
  if (kind_ != Kind::regularFile) {
    DISK_GEOMETRY geometry{};
    if (askDevice(handle_.get(), IOCTL_DISK_GET_DRIVE_GEOMETRY, geometry) == 0 &&
        geometry.BytesPerSector != 0)
      logicalSectorBytes_ = geometry.BytesPerSector;
    if (logicalSectorBytes_ > alignmentMost) // larger than the buffers are aligned to
      throw PortError(ERROR_NOT_SUPPORTED, "IOCTL_DISK_GET_DRIVE_GEOMETRY");
    alignmentBytes_ = logicalSectorBytes_;
    GET_LENGTH_INFORMATION length{};
    const int error = askDevice(handle_.get(), IOCTL_DISK_GET_LENGTH_INFO, length);
    size = length.Length;
    // What is no disk but stands for one may know its size as a file does.
    if (error != 0 && ::GetFileSizeEx(handle_.get(), &size) == 0)
      throw PortError(error, "IOCTL_DISK_GET_LENGTH_INFO");
  } else if (::GetFileSizeEx(handle_.get(), &size) == 0) {
    fail("GetFileSizeEx");
  }
  sizeBytes_ = static_cast<std::uint64_t>(size.QuadPart);
}

bool DeviceFile::isAligned(const DeviceOperation& operation) const {
  const std::uint64_t together =
      operation.offset | operation.length | reinterpret_cast<std::uintptr_t>(operation.buffer);
  return operation.length != 0 && together % alignmentBytes_ == 0;
}

bool DeviceFile::goesAlone(const DeviceOperation& operation) const {
  const bool inside = operation.offset <= sizeBytes_ && operation.length <= sizeBytes_ - operation.offset;
  return inside && isAligned(operation) && (direct_ || operation.action != DeviceAction::readBack);
}

int DeviceFile::begin(const DeviceOperation& operation, OVERLAPPED& overlapped) const {
  assert(operation.length < MAXDWORD);
  const HANDLE event = overlapped.hEvent;
  overlapped = {};
  overlapped.hEvent = event;
  overlapped.Offset = static_cast<DWORD>(operation.offset);
  overlapped.OffsetHigh = static_cast<DWORD>(operation.offset >> 32);
  const auto length = static_cast<DWORD>(operation.length);
  const BOOL worked = operation.action == DeviceAction::write
                          ? ::WriteFile(handle_.get(), operation.buffer, length, nullptr, &overlapped)
                          : ::ReadFile(handle_.get(), operation.buffer, length, nullptr, &overlapped);
  return worked != 0 || ::GetLastError() == ERROR_IO_PENDING ? 0 : lastError();
}

DeviceCompletion DeviceFile::end(const DeviceOperation& operation, OVERLAPPED& overlapped) const {
  DWORD bytes = 0;
  if (::GetOverlappedResult(handle_.get(), &overlapped, &bytes, TRUE) != 0) {
    // A write that the system cuts short without a reason must not pass for one that reached the end.
    const bool cut = operation.action == DeviceAction::write && bytes != operation.length;
    return {operation, bytes, cut ? ERROR_WRITE_FAULT : 0, cut ? callOf(operation) : nullptr};
  }
  const int error = lastError();
  if (error == ERROR_HANDLE_EOF && operation.action != DeviceAction::write) return {operation, 0, 0, nullptr};
  return {operation, 0, error, callOf(operation)};
}

DeviceCompletion DeviceFile::transferAligned(const DeviceOperation& operation) const {
  static thread_local const Handle done = makeEvent();
  OVERLAPPED overlapped{};
  overlapped.hEvent = done.get();
  const int error = begin(operation, overlapped);
  if (error == ERROR_HANDLE_EOF && operation.action != DeviceAction::write) return {operation, 0, 0, nullptr};
  if (error != 0) return {operation, 0, error, callOf(operation)};
  return end(operation, overlapped);
}

// Whole aligned pieces go through memory of our own; of one that is to be written in part, the rest is read
// first.
DeviceCompletion DeviceFile::transferByPieces(const DeviceOperation& operation) {
  const std::lock_guard lock(piecing_);
  const bool writes = operation.action == DeviceAction::write;
  const std::uint64_t end = std::min(sizeBytes_, operation.offset + operation.length);
  DeviceCompletion result{operation, 0, 0, nullptr};
  for (std::uint64_t at = operation.offset; at < end;) {
    const std::uint64_t begin = at / alignmentBytes_ * alignmentBytes_;
    const std::uint64_t stop = std::min<std::uint64_t>(end, begin + pieceBytes);
    const auto length =
        static_cast<std::size_t>((stop - begin + alignmentBytes_ - 1) / alignmentBytes_ * alignmentBytes_);
    const auto skipped = static_cast<std::size_t>(at - begin);
    const auto bytes = static_cast<std::size_t>(stop - at);
    DeviceCompletion piece = transferAligned({DeviceAction::read, begin, piece_, length, 0});
    if (piece.systemError == 0 && piece.transferred < skipped + bytes) {
      if (!writes) break; // the file has become shorter
      piece.systemError = ERROR_HANDLE_EOF;
    }
    if (piece.systemError == 0 && writes) {
      std::memset(piece_ + piece.transferred, 0, length - piece.transferred);
      std::memcpy(piece_ + skipped, operation.buffer + result.transferred, bytes);
      piece = transferAligned({DeviceAction::write, begin, piece_, length, 0});
      if (piece.systemError == 0) piece.systemError = restoreSize();
    }
    if (piece.systemError != 0) {
      result.systemError = piece.systemError;
      result.call = callOf(operation);
      return result;
    }
    if (!writes) std::memcpy(operation.buffer + result.transferred, piece_ + skipped, bytes);
    result.transferred += bytes;
    at = stop;
  }
  if (writes && result.failed()) {
    result.systemError = ERROR_DISK_FULL;
    result.call = callOf(operation);
  }
  return result;
}

// A whole last piece may have made a file longer than it was.
int DeviceFile::restoreSize() const {
  if (kind_ != Kind::regularFile || sizeBytes_ % alignmentBytes_ == 0) return 0;
  FILE_END_OF_FILE_INFO size{};
  size.EndOfFile.QuadPart = static_cast<LONGLONG>(sizeBytes_);
  const BOOL done = ::SetFileInformationByHandle(handle_.get(), FileEndOfFileInfo, &size, sizeof size);
  return done != 0 ? 0 : lastError();
}

DeviceCompletion DeviceFile::transfer(const DeviceOperation& operation) {
  if (goesAlone(operation)) return transferAligned(operation);
  if (operation.action == DeviceAction::readBack && !direct_ && ::FlushFileBuffers(handle_.get()) == 0)
    return {operation, 0, lastError(), "FlushFileBuffers"};
  return transferByPieces(operation);
}

} // namespace volley
