#include "binding/values.h"
#include <algorithm>
#include <cmath>

namespace volley::binding {

double wholeNumber(const Napi::Value& value, const char* name, double least, double most) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (number >= least && number <= most && std::trunc(number) == number) return number;
  throw Napi::TypeError::New(value.Env(), std::string("Expected an integer within its limits for ") + name);
}

Options::Options(const Napi::Value& value) {
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), "Expected an options object");
  object_ = value.As<Napi::Object>();
}

void Options::refuse(const char* name, const char* expected) const {
  throw Napi::TypeError::New(object_.Env(), std::string("Expected ") + expected + " for " + name);
}

std::string Options::text(const char* name) const {
  const Napi::Value value = object_.Get(name);
  if (!value.IsString()) refuse(name, "a string");
  return value.As<Napi::String>().Utf8Value();
}

std::vector<std::string> Options::texts(const char* name, std::size_t most) const {
  const Napi::Value value = object_.Get(name);
  if (!value.IsArray()) refuse(name, "a list of strings");
  const auto list = value.As<Napi::Array>();
  if (list.Length() == 0 || list.Length() > most) refuse(name, "a list within its limits");
  std::vector<std::string> result;
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value one = list[i];
    if (!one.IsString()) refuse(name, "a list of strings");
    result.push_back(one.As<Napi::String>().Utf8Value());
  }
  return result;
}

std::vector<Options> Options::objects(const char* name, std::size_t most) const {
  const Napi::Value value = object_.Get(name);
  if (!value.IsArray() || value.As<Napi::Array>().Length() > most) refuse(name, "a list within its limits");
  const auto list = value.As<Napi::Array>();
  std::vector<Options> result;
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value one = list[i];
    result.emplace_back(one);
  }
  return result;
}

bool Options::flag(const char* name) const {
  const Napi::Value value = object_.Get(name);
  if (!value.IsBoolean()) refuse(name, "true or false");
  return value.As<Napi::Boolean>().Value();
}

std::vector<std::uint8_t> Options::bytes(const char* name) const {
  return bytesOf(object_.Get(name), name);
}

blake3::Key Options::key(const char* name) const {
  const Napi::Value value = object_.Get(name);
  blake3::Key key{};
  if (!value.IsBuffer() || value.As<Napi::Buffer<std::uint8_t>>().Length() != key.size()) {
    refuse(name, "a Buffer of 32 bytes");
  }
  std::copy_n(value.As<Napi::Buffer<std::uint8_t>>().Data(), key.size(), key.begin());
  return key;
}

Options Options::object(const char* name) const {
  const Napi::Value value = object_.Get(name);
  if (!value.IsObject()) refuse(name, "an object");
  return Options(value);
}

bool Options::absent(const char* name) const {
  const Napi::Value value = object_.Get(name);
  return value.IsUndefined() || value.IsNull();
}

std::vector<std::uint8_t> bytesOf(const Napi::Value& value, const char* name) {
  if (!value.IsBuffer())
    throw Napi::TypeError::New(value.Env(), std::string("Expected a Buffer for ") + name);
  const auto from = value.As<Napi::Buffer<std::uint8_t>>();
  return {from.Data(), from.Data() + from.Length()};
}

Napi::Buffer<std::uint8_t> buffer(Napi::Env env, std::span<const std::uint8_t> bytes) {
  return Napi::Buffer<std::uint8_t>::Copy(env, bytes.data(), bytes.size());
}

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result;
  result.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    result += digits[byte >> 4];
    result += digits[byte & 15];
  }
  return result;
}

Fields& Fields::numbers(const char* name, std::span<const std::uint32_t> values) {
  const Napi::Array array = Napi::Array::New(env_, values.size());
  for (std::uint32_t i = 0; i < values.size(); ++i) array.Set(i, Napi::Number::New(env_, values[i]));
  return set(name, array);
}

Fields& Fields::flag(const char* name, bool value) {
  return set(name, Napi::Boolean::New(env_, value));
}

Fields& Fields::text(const char* name, std::string_view value) {
  return set(name, Napi::String::New(env_, value.data(), value.size()));
}

Fields& Fields::set(const char* name, const Napi::Value& value) {
  object_.Set(name, value);
  return *this;
}

} // namespace volley::binding
