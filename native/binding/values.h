// From JavaScript values to plain structs and back. native/index.ts has checked the values already; what is
// refused here is a mistake of ours, and still said with the name and what was expected.
#pragma once
#include "core/blake3.h"
#include <cstdint>
#include <napi.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace volley::binding {

// A whole number from `least` to `most`.
double wholeNumber(const Napi::Value& value, const char* name, double least, double most);
template <class Integer>
Integer integerOf(const Napi::Value& value, const char* name, Integer least, Integer most) {
  return static_cast<Integer>(
      wholeNumber(value, name, static_cast<double>(least), static_cast<double>(most)));
}

// The fields of an options object.
class Options {
public:
  explicit Options(const Napi::Value& value);

  std::string text(const char* name) const;
  std::vector<std::string> texts(const char* name, std::size_t most) const; // at least one
  std::vector<Options> objects(const char* name, std::size_t most) const;
  template <class Integer> Integer integer(const char* name, Integer least, Integer most) const {
    return integerOf<Integer>(object_.Get(name), name, least, most);
  }
  bool flag(const char* name) const;
  std::vector<std::uint8_t> bytes(const char* name) const;
  blake3::Key key(const char* name) const; // 32 bytes
  Options object(const char* name) const;
  bool absent(const char* name) const; // undefined or null

private:
  [[noreturn]] void refuse(const char* name, const char* expected) const;
  Napi::Object object_;
};

std::vector<std::uint8_t> bytesOf(const Napi::Value& value, const char* name);
Napi::Buffer<std::uint8_t> buffer(Napi::Env env, std::span<const std::uint8_t> bytes);
std::string hex(std::span<const std::uint8_t> bytes);

// Builds an object; numbers beyond 2^53 lose their last bits, which no statistic reaches.
class Fields {
public:
  explicit Fields(Napi::Env env) : env_(env), object_(Napi::Object::New(env)) {}
  template <class Number> Fields& number(const char* name, Number value) {
    object_.Set(name, Napi::Number::New(env_, static_cast<double>(value)));
    return *this;
  }
  Fields& numbers(const char* name, std::span<const std::uint32_t> values);
  Fields& flag(const char* name, bool value);
  Fields& text(const char* name, std::string_view value);
  Fields& set(const char* name, const Napi::Value& value);
  Napi::Object done() const { return object_; }

private:
  Napi::Env env_;
  Napi::Object object_;
};

} // namespace volley::binding
