// The functions of native/windows-machine.ts.
#include "binding/system_exports.h"
#include "binding/values.h"
#include "core/smbios.h"
#include "port/windows_machine.h"

namespace volley::binding {
namespace {

Napi::Value textOrNull(Napi::Env env, const std::string& text) {
  return text.empty() ? env.Null() : Napi::String::New(env, text);
}

template <class Number> Napi::Value numberOrNull(Napi::Env env, const std::optional<Number>& number) {
  return number ? Napi::Number::New(env, static_cast<double>(*number)) : env.Null();
}

Napi::Value flagOrNull(Napi::Env env, const std::optional<bool>& flag) {
  return flag ? Napi::Boolean::New(env, *flag) : env.Null();
}

template <class Item, class Marshal>
Napi::Array listOf(Napi::Env env, const std::vector<Item>& items, Marshal marshal) {
  const Napi::Array list = Napi::Array::New(env, items.size());
  for (std::size_t i = 0; i < items.size(); ++i)
    list.Set(static_cast<std::uint32_t>(i), marshal(env, items[i]));
  return list;
}

Napi::Value textValue(Napi::Env env, const std::string& text) {
  return Napi::String::New(env, text);
}

Napi::Value windowsSmbios(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const windows::FirmwareTable table = windows::firmwareTable();
  const smbios::Facts facts = smbios::read(table.bytes, table.major, table.minor);
  const std::string version = std::to_string(table.major) + "." + std::to_string(table.minor);
  return Fields(env)
      .set("version", textOrNull(env, table.bytes.empty() ? "" : version))
      .set("uuid", textOrNull(env, facts.uuid.value_or("")))
      .set("manufacturer", textOrNull(env, facts.manufacturer))
      .set("model", textOrNull(env, facts.model))
      .set("modelVersion", textOrNull(env, facts.modelVersion))
      .set("serial", textOrNull(env, facts.serial))
      .set("skuNumber", textOrNull(env, facts.skuNumber))
      .set("family", textOrNull(env, facts.family))
      .set("boardManufacturer", textOrNull(env, facts.boardManufacturer))
      .set("boardProduct", textOrNull(env, facts.boardProduct))
      .set("boardSerial", textOrNull(env, facts.boardSerial))
      .set("chassisSerial", textOrNull(env, facts.chassisSerial))
      .set("assetTag", textOrNull(env, facts.assetTag))
      .set("chassisType", numberOrNull(env, facts.chassisType))
      .set("firmwareVendor", textOrNull(env, facts.firmwareVendor))
      .set("firmwareVersion", textOrNull(env, facts.firmwareVersion))
      .set("firmwareDate", textOrNull(env, facts.firmwareDate))
      .done();
}

Napi::Value windowsSystem(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const windows::System system = windows::system();
  return Fields(env)
      .flag("winPe", system.winPe)
      .flag("elevated", system.elevated)
      .text("firmware", system.firmware)
      .set("secureBoot", flagOrNull(env, system.secureBoot))
      .set("tpm", textOrNull(env, system.tpm != nullptr ? system.tpm : ""))
      .set("mainsPower", flagOrNull(env, system.mainsPower))
      .set("batteryPercent", numberOrNull(env, system.batteryPercent))
      .text("windowsFolder", system.windowsFolder)
      .text("version", system.version)
      .done();
}

Napi::Value addressValue(Napi::Env env, const windows::AdapterAddress& address) {
  return Fields(env).text("address", address.address).number("prefixBits", address.prefixBits).done();
}

Napi::Value adapterValue(Napi::Env env, const windows::Adapter& adapter) {
  return Fields(env)
      .text("name", adapter.name)
      .text("description", adapter.description)
      .set("macAddress", textOrNull(env, adapter.macAddress))
      .text("kind", adapter.kind)
      .set("hardware", flagOrNull(env, adapter.hardware))
      .flag("up", adapter.up)
      .set("addresses", listOf(env, adapter.addresses, addressValue))
      .set("gateways", listOf(env, adapter.gateways, textValue))
      .set("mtuBytes", numberOrNull(env, adapter.mtuBytes))
      .set("speedMbps", numberOrNull(env, adapter.speedMbps))
      .done();
}

Napi::Value windowsAdapters(const Napi::CallbackInfo& info) {
  return listOf(info.Env(), windows::adapters(), adapterValue);
}

Napi::Value partitionValue(Napi::Env env, const windows::Partition& partition) {
  return Fields(env)
      .number("number", partition.number)
      .number("offsetBytes", partition.offsetBytes)
      .number("sizeBytes", partition.sizeBytes)
      .text("type", partition.type)
      .text("name", partition.name)
      .set("mountPoints", listOf(env, partition.mountPoints, textValue))
      .set("volume", textOrNull(env, partition.volume))
      .text("fileSystem", partition.fileSystem)
      .text("label", partition.label)
      .done();
}

Napi::Value diskValue(Napi::Env env, const windows::Disk& disk) {
  return Fields(env)
      .number("number", disk.number)
      .text("path", disk.path)
      .number("sizeBytes", disk.sizeBytes)
      .number("sectorBytes", disk.sectorBytes)
      .number("physicalSectorBytes", disk.physicalSectorBytes)
      .text("vendor", disk.vendor)
      .text("model", disk.model)
      .text("serial", disk.serial)
      .text("bus", disk.bus)
      .flag("removable", disk.removable)
      .flag("readOnly", disk.readOnly)
      .flag("offline", disk.offline)
      .text("style", disk.style)
      .set("uniqueId", textOrNull(env, disk.uniqueId))
      .set("partitions", listOf(env, disk.partitions, partitionValue))
      .set("systemUses", listOf(env, disk.systemUses, textValue))
      .done();
}

Napi::Value windowsDisks(const Napi::CallbackInfo& info) {
  return listOf(info.Env(), windows::disks(), diskValue);
}

} // namespace

void addSystemExports(Napi::Env env, Napi::Object exports) {
  exports.Set("windowsSmbios", Napi::Function::New<windowsSmbios>(env, "windowsSmbios"));
  exports.Set("windowsSystem", Napi::Function::New<windowsSystem>(env, "windowsSystem"));
  exports.Set("windowsAdapters", Napi::Function::New<windowsAdapters>(env, "windowsAdapters"));
  exports.Set("windowsDisks", Napi::Function::New<windowsDisks>(env, "windowsDisks"));
}

} // namespace volley::binding
