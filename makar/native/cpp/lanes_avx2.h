// Sixteen floats in two registers. Bytes are multiplied four bits at a time: u8 x s8 pairs are added in 16 bits, which
// eight quads of 15 * 127 cannot overflow, while 255 * 127 would; a byte is its low half and 16 times its high half.
#pragma once
#include <immintrin.h>

#include "kernel.h"

namespace makar {
namespace {

struct F {
  __m256 a, b;
};
constexpr int kMaxRows = 4, kMaxQueries = 4, kByteRows = 3, kPanelsAtOnce = 1;
using Activation = int8_t;  // of a product of bytes

inline F splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void store(float* p, F x) { _mm256_storeu_ps(p, x.a), _mm256_storeu_ps(p + 8, x.b); }
inline F operator+(F x, F y) { return {x.a + y.a, x.b + y.b}; }
inline F operator-(F x, F y) { return {x.a - y.a, x.b - y.b}; }
inline F operator*(F x, F y) { return {x.a * y.a, x.b * y.b}; }
inline F operator/(F x, F y) { return {x.a / y.a, x.b / y.b}; }
inline F fma(F x, F y, F z) { return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }
inline F larger(F x, F y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
inline F smaller(F x, F y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
inline F absolute(F x) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, x.a), _mm256_andnot_ps(sign, x.b)};
}
inline F nearest(F x) {
  constexpr int mode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(x.a, mode), _mm256_round_ps(x.b, mode)};
}

// All ones in the first n of eight lanes.
inline __m256i lanes(int64_t n) {
  const int32_t end = n > 8 ? 8 : n < 0 ? 0 : int32_t(n);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(end), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline F first(F x, int64_t n, float other) {
  const __m256 rest = _mm256_set1_ps(other);
  return {_mm256_blendv_ps(rest, x.a, _mm256_castsi256_ps(lanes(n))),
          _mm256_blendv_ps(rest, x.b, _mm256_castsi256_ps(lanes(n - 8)))};
}
inline F load_first(const float* p, int64_t n) {
  return {_mm256_maskload_ps(p, lanes(n)), _mm256_maskload_ps(p + 8, lanes(n - 8))};
}
inline void store_first(float* p, F x, int64_t n) {
  _mm256_maskstore_ps(p, lanes(n), x.a), _mm256_maskstore_ps(p + 8, lanes(n - 8), x.b);
}

inline float sum(F x) {
  __m256 b = _mm256_add_ps(x.a, x.b);
  __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  c = _mm_add_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
inline float largest(F x) {
  __m256 b = _mm256_max_ps(x.a, x.b);
  __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  c = _mm_max_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

inline F power_of_two(F x) {
  auto half = [](__m256 a) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(a), _mm256_set1_epi32(127)), 23));
  };
  return {half(x.a), half(x.b)};
}
inline void store_bytes(int8_t* p, F whole) {
  __m256i pairs = _mm256_packs_epi32(_mm256_cvtps_epi32(whole.a), _mm256_cvtps_epi32(whole.b));
  pairs = _mm256_permute4x64_epi64(pairs, 0xd8);
  __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}
inline __m128i load_16_bytes(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
inline F load_half(const uint8_t* p) {
  return {_mm256_cvtph_ps(load_16_bytes(p)), _mm256_cvtph_ps(load_16_bytes(p + 16))};
}
inline F widen(const float* p) { return load(p); }
inline F widen(const uint16_t* p) {
  auto half = [](__m128i a) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(a), 16)); };
  return {half(load_16_bytes(p)), half(load_16_bytes(p + 8))};
}
inline F widen(const int8_t* p) {
  __m128i a = load_16_bytes(p);
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(a)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(a, 8)))};
}

template <int kBits, int kRows>
inline void dot(const uint8_t* quants, const Group* const* a, F (&dots)[kRows]) {
  const __m256i low = _mm256_set1_epi8(15);
  for (int half = 0; half < 2; half++) {
    __m256i lows[kRows], highs[kRows];
    for (int t = 0; t < kRows; t++) lows[t] = highs[t] = _mm256_setzero_si256();
    for (int quad = 0; quad < kBits; quad++) {
      __m256i pair = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quants + 64 * quad + 32 * half));
      __m256i even = _mm256_and_si256(pair, low), odd = _mm256_and_si256(_mm256_srli_epi16(pair, 4), low);
      for (int t = 0; t < kRows; t++) {
        int32_t four, later;
        __builtin_memcpy(&four, a[t]->q + 4 * quad, 4);
        __builtin_memcpy(&later, a[t]->q + 4 * (kBits == 4 ? quad + 4 : quad), 4);
        lows[t] = _mm256_add_epi16(lows[t], _mm256_maddubs_epi16(even, _mm256_set1_epi32(four)));
        highs[t] = _mm256_add_epi16(highs[t], _mm256_maddubs_epi16(odd, _mm256_set1_epi32(later)));
      }
    }
    for (int t = 0; t < kRows; t++) {
      __m256i whole = _mm256_add_epi32(_mm256_madd_epi16(lows[t], _mm256_set1_epi16(1)),
                                       _mm256_madd_epi16(highs[t], _mm256_set1_epi16(kBits == 4 ? 1 : 16)));
      (half ? dots[t].b : dots[t].a) = _mm256_cvtepi32_ps(whole);
    }
  }
}

// See lanes_avx512.h. Of a product of two bytes the sign goes to the activation: u8 x s8 pairs are added in 16 bits, which
// two of 128 * 127 cannot overflow.
template <int kRows, int kPanels>
inline void sum_bytes(const Activation* a, int64_t stride, const int8_t* panels, int64_t panel_bytes, int64_t num_quads,
                      const int32_t*, F (&sums)[kRows][kPanels]) {
  const __m256i ones = _mm256_set1_epi16(1);
  auto added = [&](__m256i whole, __m256i all, __m256i weights, __m256i sizes) {
    __m256i pairs = _mm256_maddubs_epi16(sizes, _mm256_sign_epi8(all, weights));
    return _mm256_add_epi32(whole, _mm256_madd_epi16(pairs, ones));
  };
  for (int panel = 0; panel < kPanels; panel++) {
    __m256i whole[kRows][2];
#pragma GCC unroll 8
    for (int t = 0; t < kRows; t++) whole[t][0] = whole[t][1] = _mm256_setzero_si256();
    for (int64_t quad = 0; quad < num_quads; quad++) {
      auto weights = reinterpret_cast<const __m256i*>(panels + panel * panel_bytes + quad * 64);
      const __m256i first = _mm256_loadu_si256(weights), second = _mm256_loadu_si256(weights + 1);
      const __m256i first_sizes = _mm256_abs_epi8(first), second_sizes = _mm256_abs_epi8(second);
#pragma GCC unroll 8
      for (int t = 0; t < kRows; t++) {
        int32_t four;
        __builtin_memcpy(&four, a + t * stride + 4 * quad, 4);
        const __m256i all = _mm256_set1_epi32(four);
        whole[t][0] = added(whole[t][0], all, first, first_sizes);
        whole[t][1] = added(whole[t][1], all, second, second_sizes);
      }
    }
#pragma GCC unroll 8
    for (int t = 0; t < kRows; t++)
      sums[t][panel] = {_mm256_cvtepi32_ps(whole[t][0]), _mm256_cvtepi32_ps(whole[t][1])};
  }
}

}  // namespace
}  // namespace makar
