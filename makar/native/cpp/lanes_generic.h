// Sixteen floats that the compiler spreads over whatever there is: any processor, and the plainest statement of what the
// other lanes do.
#pragma once
#include "kernel.h"

namespace makar {
namespace {

using F = float __attribute__((vector_size(64)));  // with + - * / and comparisons of its own
using I = int32_t __attribute__((vector_size(64)));
constexpr int kMaxRows = 2, kMaxQueries = 2, kByteRows = 1, kPanelsAtOnce = 1;
using Activation = int8_t;  // of a product of bytes
constexpr I kLane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

inline F splat(float a) { return F{} + a; }
inline F load(const float* p) {
  F out;
  __builtin_memcpy(&out, p, sizeof out);
  return out;
}
inline void store(float* p, F a) { __builtin_memcpy(p, &a, sizeof a); }
inline F fma(F a, F b, F c) { return a * b + c; }  // not fused: without an instruction for it, that is a call per number
inline F larger(F a, F b) { return a > b ? a : b; }
inline F smaller(F a, F b) { return a < b ? a : b; }
inline F absolute(F a) { return a < 0 ? -a : a; }
inline F nearest(F a) {  // below 2^22: adding this and taking it away leaves a whole number, ties to even
  constexpr float magic = 12582912.0f;
  return (a + magic) - magic;
}
inline F first(F a, int64_t n, float other) { return kLane < int32_t(n) ? a : splat(other); }
inline F load_first(const float* p, int64_t n) {
  F out{};
  for (int i = 0; i < 16 && i < n; i++) out[i] = p[i];
  return out;
}
inline void store_first(float* p, F a, int64_t n) { __builtin_memcpy(p, &a, sizeof(float) * (n < 16 ? n : 16)); }
inline float sum(F a) {
  for (int half = 8; half; half /= 2)
    for (int i = 0; i < half; i++) a[i] += a[i + half];
  return a[0];
}
inline float largest(F a) {
  for (int i = 1; i < 16; i++) a[0] = a[0] > a[i] ? a[0] : a[i];
  return a[0];
}
inline F power_of_two(F a) { return reinterpret_cast<F>((__builtin_convertvector(a, I) + 127) << 23); }
inline void store_bytes(int8_t* p, F whole) {
  for (int i = 0; i < 16; i++) p[i] = whole[i] >= 127 ? 127 : whole[i] > -128 ? int8_t(whole[i]) : -128;
}
template <class T>
inline I integers(const void* p) {
  I out;
  for (int i = 0; i < 16; i++) {
    T value;
    __builtin_memcpy(&value, static_cast<const T*>(p) + i, sizeof value);
    out[i] = value;
  }
  return out;
}
inline F load_half(const uint8_t* p) {  // a half's bits, 13 places up, are its number times 2^-112
  const I half = integers<uint16_t>(p);
  const F size = reinterpret_cast<F>((half & 0x7fff) << 13) * 0x1p112f;
  return half > 0x7fff ? -size : size;
}
inline F widen(const float* p) { return load(p); }
inline F widen(const uint16_t* p) { return reinterpret_cast<F>(integers<uint16_t>(p) << 16); }
inline F widen(const int8_t* p) { return __builtin_convertvector(integers<int8_t>(p), F); }

template <int kBits, int kRows>
inline void dot(const uint8_t* quants, const Group* const* a, F (&dots)[kRows]) {
  for (int t = 0; t < kRows; t++) {
    int32_t sums[16] = {};
    for (int quad = 0; quad < kBits; quad++) {
      const int8_t* four = a[t]->q + 4 * quad;
      for (int row = 0; row < 16; row++)
        for (int i = 0; i < 4; i++) {
          const int32_t byte = quants[64 * quad + 4 * row + i];
          sums[row] += kBits == 8 ? byte * four[i] : (byte & 15) * four[i] + (byte >> 4) * four[16 + i];
        }
    }
    dots[t] = __builtin_convertvector(integers<int32_t>(sums), F);
  }
}

template <int kRows, int kPanels>
inline void sum_bytes(const Activation* a, int64_t stride, const int8_t* panels, int64_t panel_bytes, int64_t num_quads,
                      const int32_t*, F (&sums)[kRows][kPanels]) {
  for (int t = 0; t < kRows; t++)
    for (int panel = 0; panel < kPanels; panel++) {
      int32_t whole[16] = {};
      for (int64_t quad = 0; quad < num_quads; quad++)
        for (int row = 0; row < 16; row++)
          for (int i = 0; i < 4; i++)
            whole[row] += a[t * stride + 4 * quad + i] * panels[panel * panel_bytes + 64 * quad + 4 * row + i];
      sums[t][panel] = __builtin_convertvector(integers<int32_t>(whole), F);
    }
}

}  // namespace
}  // namespace makar
