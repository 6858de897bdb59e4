// Sixteen floats in one register, and dot products of bytes by VNNI.
#pragma once
#include <immintrin.h>

#include "kernel.h"

namespace makar {
namespace {

using F = __m512;  // with + - * / of its own
constexpr int kMaxRows = 8, kMaxQueries = 8, kByteRows = 6, kPanelsAtOnce = 4;
using Activation = uint8_t;  // of a product of bytes: VNNI wants them without a sign, so they are 128 more

inline F splat(float a) { return _mm512_set1_ps(a); }
inline F load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, F a) { _mm512_storeu_ps(p, a); }
inline F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
inline F larger(F a, F b) { return _mm512_max_ps(a, b); }
inline F smaller(F a, F b) { return _mm512_min_ps(a, b); }
inline F absolute(F a) { return _mm512_abs_ps(a); }
inline F nearest(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

inline __mmask16 lanes(int64_t n) { return n >= 16 ? 0xffff : n <= 0 ? 0 : (1u << n) - 1; }
// The first n lanes of a; `other` in the rest.
inline F first(F a, int64_t n, float other) { return _mm512_mask_blend_ps(lanes(n), splat(other), a); }
inline F load_first(const float* p, int64_t n) { return _mm512_maskz_loadu_ps(lanes(n), p); }
inline void store_first(float* p, F a, int64_t n) { _mm512_mask_storeu_ps(p, lanes(n), a); }

inline float sum(F a) {
  __m256 b = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  c = _mm_add_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
inline float largest(F a) { return _mm512_reduce_max_ps(a); }

// 2^a of whole a from -126 to 127.
inline F power_of_two(F a) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(a), _mm512_set1_epi32(127)), 23));
}
inline void store_bytes(int8_t* p, F whole) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(whole)));
}
inline F load_half(const uint8_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline F widen(const float* p) { return load(p); }
inline F widen(const uint16_t* p) {  // bf16
  __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(a), 16));
}
inline F widen(const int8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}

// dots[t][row] = the dot product of the quants of a block's row and the activations of row t.
template <int kBits, int kRows>
inline void dot(const uint8_t* quants, const Group* const* a, F (&dots)[kRows]) {
  __m512i sums[kRows];
  for (int t = 0; t < kRows; t++) sums[t] = _mm512_setzero_si512();
  auto accumulate = [&](__m512i weights, int quad) {
    for (int t = 0; t < kRows; t++) {
      int32_t four;
      __builtin_memcpy(&four, a[t]->q + 4 * quad, 4);
      sums[t] = _mm512_dpbusd_epi32(sums[t], weights, _mm512_set1_epi32(four));
    }
  };
  if constexpr (kBits == 8) {
    for (int quad = 0; quad < 8; quad++) accumulate(_mm512_loadu_si512(quants + 64 * quad), quad);
  } else {
    const __m512i low = _mm512_set1_epi8(15);
    for (int quad = 0; quad < 4; quad++) {
      __m512i pair = _mm512_loadu_si512(quants + 64 * quad);
      accumulate(_mm512_and_si512(pair, low), quad);
      accumulate(_mm512_and_si512(_mm512_srli_epi16(pair, 4), low), quad + 4);
    }
  }
  for (int t = 0; t < kRows; t++) dots[t] = _mm512_cvtepi32_ps(sums[t]);
}

// sums[t][panel] = the dot products of bytes of row t and the 16 rows of a panel. `moved` is what activations without a
// sign are too large by, in each sum.
template <int kRows, int kPanels>
inline void sum_bytes(const Activation* a, int64_t stride, const int8_t* panels, int64_t panel_bytes, int64_t num_quads,
                      const int32_t* moved, F (&sums)[kRows][kPanels]) {
  __m512i whole[kRows][kPanels];
  for (int t = 0; t < kRows; t++)
    for (int panel = 0; panel < kPanels; panel++) whole[t][panel] = _mm512_setzero_si512();
  for (int64_t quad = 0; quad < num_quads; quad++) {
    __m512i weights[kPanels];
    for (int panel = 0; panel < kPanels; panel++)
      weights[panel] = _mm512_loadu_si512(panels + panel * panel_bytes + quad * 64);
    for (int t = 0; t < kRows; t++) {
      int32_t four;
      __builtin_memcpy(&four, a + t * stride + 4 * quad, 4);
      const __m512i all = _mm512_set1_epi32(four);
      for (int panel = 0; panel < kPanels; panel++)
        whole[t][panel] = _mm512_dpbusd_epi32(whole[t][panel], all, weights[panel]);
    }
  }
  for (int t = 0; t < kRows; t++)
    for (int panel = 0; panel < kPanels; panel++)
      sums[t][panel] =
          _mm512_cvtepi32_ps(_mm512_sub_epi32(whole[t][panel], _mm512_loadu_si512(moved + panel * kPanel)));
}

}  // namespace
}  // namespace makar
