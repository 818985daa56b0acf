// What the arithmetic benchmarks share: figures by name, told as they come, and the line of JSON that main.ts reads.
#pragma once
#include <cstdio>
#include <string>

namespace volley_bench {

class Figures {
public:
  void add(const std::string& name, double gigabytesPerSecond) {
    std::fprintf(stderr, "%-34s %7.2f GB/s\n", name.c_str(), gigabytesPerSecond);
    json_ += (json_.empty() ? "\"" : ",\"") + name + "\":" + std::to_string(gigabytesPerSecond);
  }
  // `facts`: the object's other members.
  void print(const std::string& facts) const {
    std::printf("{%s,\"gigabytesPerSecond\":{%s}}\n", facts.c_str(), json_.c_str());
  }

private:
  std::string json_;
};

} // namespace volley_bench
