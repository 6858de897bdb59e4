// Sixteen floats in an array: any processor, and the plainest statement of what the other lanes do.
#pragma once
#include <math.h>

#include "kernel.h"

namespace makar {
namespace {

struct F {
  float v[16];
};
constexpr int kMaxRows = 2, kMaxQueries = 2;

template <class Fn>
inline F each_lane(Fn fn) {
  F out;
  for (int i = 0; i < 16; i++) out.v[i] = fn(i);
  return out;
}
inline F splat(float a) {
  return each_lane([&](int) { return a; });
}
inline F load(const float* p) {
  return each_lane([&](int i) { return p[i]; });
}
inline void store(float* p, F a) { __builtin_memcpy(p, a.v, sizeof a.v); }
inline F add(F a, F b) {
  return each_lane([&](int i) { return a.v[i] + b.v[i]; });
}
inline F sub(F a, F b) {
  return each_lane([&](int i) { return a.v[i] - b.v[i]; });
}
inline F mul(F a, F b) {
  return each_lane([&](int i) { return a.v[i] * b.v[i]; });
}
inline F div(F a, F b) {
  return each_lane([&](int i) { return a.v[i] / b.v[i]; });
}
inline F fma(F a, F b, F c) {  // not fused: without an instruction for it, that is a call per number
  return each_lane([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
}
inline F larger(F a, F b) {
  return each_lane([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
inline F smaller(F a, F b) {
  return each_lane([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
inline F absolute(F a) {
  return each_lane([&](int i) { return __builtin_fabsf(a.v[i]); });
}
inline F nearest(F a) {  // below 2^22: adding this and taking it away leaves a whole number, ties to even
  constexpr float magic = 12582912.0f;
  return each_lane([&](int i) { return (a.v[i] + magic) - magic; });
}
inline F first(F a, int64_t n, float other) {
  return each_lane([&](int i) { return i < n ? a.v[i] : other; });
}
inline F load_first(const float* p, int64_t n) {
  return each_lane([&](int i) { return i < n ? p[i] : 0.0f; });
}
inline void store_first(float* p, F a, int64_t n) { __builtin_memcpy(p, a.v, sizeof(float) * (n < 16 ? n : 16)); }
inline float sum(F a) {
  for (int half = 8; half; half /= 2)
    for (int i = 0; i < half; i++) a.v[i] += a.v[i + half];
  return a.v[0];
}
inline float largest(F a) {
  for (int half = 8; half; half /= 2)
    for (int i = 0; i < half; i++) a.v[i] = a.v[i] > a.v[i + half] ? a.v[i] : a.v[i + half];
  return a.v[0];
}
inline float as_float(uint32_t bits) {
  float a;
  __builtin_memcpy(&a, &bits, 4);
  return a;
}
inline F power_of_two(F a) {
  return each_lane([&](int i) { return as_float(uint32_t(int32_t(a.v[i]) + 127) << 23); });
}
inline void store_bytes(int8_t* p, F whole) {
  for (int i = 0; i < 16; i++) p[i] = whole.v[i] >= 127 ? 127 : whole.v[i] > -128 ? int8_t(whole.v[i]) : -128;
}
inline F load_half(const uint8_t* p) {  // a half's bits, 13 places up, are its number times 2^-112
  return each_lane([&](int i) {
    uint16_t half;
    __builtin_memcpy(&half, p + 2 * i, 2);
    const float size = as_float(uint32_t(half & 0x7fff) << 13) * 0x1p112f;
    return half >> 15 ? -size : size;
  });
}
inline F widen(const float* p) { return load(p); }
inline F widen(const uint16_t* p) {
  return each_lane([&](int i) { return as_float(uint32_t(p[i]) << 16); });
}
inline F widen(const int8_t* p) {
  return each_lane([&](int i) { return float(p[i]); });
}

template <int kBits, int kRows>
inline void dot(const uint8_t* quants, const Group* const* a, F (&dots)[kRows]) {
  int32_t sums[kRows][16] = {};
  for (int quad = 0; quad < kBits; quad++) {
    for (int t = 0; t < kRows; t++) {
      const int8_t* four = a[t]->q + 4 * quad;
      for (int row = 0; row < 16; row++)
        for (int i = 0; i < 4; i++) {
          const int32_t byte = quants[64 * quad + 4 * row + i];
          sums[t][row] += kBits == 8 ? byte * four[i] : (byte & 15) * four[i] + (byte >> 4) * four[16 + i];
        }
    }
  }
  for (int t = 0; t < kRows; t++) dots[t] = each_lane([&](int i) { return float(sums[t][i]); });
}

}  // namespace
}  // namespace makar
