// Zipf-distributed numbers: k in 1..n with probability proportional to 1 / k.
//
// Source: rejection-inversion, W. Hoermann and G. Derflinger (1996), for the exponent 1, where the integral
// is the logarithm: the area under 1 / x over k - 1/2 .. k + 1/2 is the hat over a bar of area 1 / k.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

namespace netspectra {

class Zipf {
 public:
  explicit Zipf(uint32_t n) : n_(n), low_(std::log(0.5)), span_(std::log(n + 0.5) - low_) {}

  uint32_t operator()(std::mt19937_64& random) const {
    for (;;) {
      const double area = low_ + span_ * static_cast<double>(random() >> 11) * 0x1p-53;
      const double k = std::clamp(std::floor(std::exp(area) + 0.5), 1.0, n_);
      if (area >= std::log(k + 0.5) - 1 / k) return static_cast<uint32_t>(k);
    }
  }

 private:
  double n_;
  double low_;
  double span_;
};

}  // namespace netspectra
