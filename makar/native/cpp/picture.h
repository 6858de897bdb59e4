// One picture through the blocks of a net, by the thread that calls. The equations stand in pictures.py; other pictures
// change none of its bits.
#pragma once
#include "step.h"

namespace makar {
namespace {

// out = x / sqrt(mean(x^2) + eps) * (1 + scale) + shift
void modulate(const float* x, const float* shift, const float* scale, int64_t n, float eps, float* out) {
  F squares = splat(0);
  for (int64_t i = 0; i < n; i += 16) {
    const F a = load(x + i);
    squares = fma(a, a, squares);
  }
  const F factor = splat(1.0f / __builtin_sqrtf(sum(squares) / float(n) + eps));
  for (int64_t i = 0; i < n; i += 16)
    store(out + i, fma(load(x + i) * factor, splat(1) + load(scale + i), load(shift + i)));
}

// x += gate * y
void add_gated(const float* gate, const float* y, int64_t n, float* x) {
  for (int64_t i = 0; i < n; i += 16) store(x + i, fma(load(gate + i), load(y + i), load(x + i)));
}

// Norm and rotation of a query or a key, in place.
void turn(const float* norm, const float* cos, const float* sin, int64_t n, float eps, float* x) {
  normalise(x, norm, n, eps, x);
  for (int64_t i = 0, half = n / 2; i < half; i++) {
    const float a = x[i], b = x[i + half];
    x[i] = a * cos[i] + b * sin[i];
    x[i + half] = b * cos[i + half] + a * sin[i + half];
  }
}

// One head: every token looks at every token. `keys` takes the keys, turned on their side: (head_dim, tokens in sixteens).
void attend_picture(const Picture& p, const PictureBlock& block, int64_t head) {
  const PictureBlocks& b = *p.blocks;
  const int64_t n = b.dim / b.num_heads, width = 3 * b.dim, across = panels_of(b.num_tokens) * kPanel;
  const float eps = float(b.norm_eps), factor = 1.0f / __builtin_sqrtf(float(n));
  for (int64_t i = 0; i < n * across; i++) p.keys[i] = 0;
  for (int64_t t = 0; t < b.num_tokens; t++) {
    float *query = p.wide + t * width + head * n, *key = query + b.dim;
    turn(block.q_norm, b.cos + t * n, b.sin + t * n, n, eps, query);
    turn(block.k_norm, b.cos + t * n, b.sin + t * n, n, eps, key);
    for (int64_t i = 0; i < n; i++) p.keys[i * across + t] = key[i];
  }
  for (int64_t t = 0; t < b.num_tokens; t++) {
    const float* query = p.wide + t * width + head * n;
    F most = splat(kMinusInfinity), total = splat(0);
    for (int64_t at = 0; at < across; at += 16) {
      F score = splat(0);
      for (int64_t i = 0; i < n; i++) score = fma(splat(query[i]), load(p.keys + i * across + at), score);
      score = first(score * splat(factor), b.num_tokens - at, kMinusInfinity);
      most = larger(score, most);
      store(p.shares + at, score);
    }
    const F peak = splat(largest(most));
    for (int64_t at = 0; at < across; at += 16) {
      const F share = first(exponential(load(p.shares + at) - peak), b.num_tokens - at, 0);
      total = total + share;
      store(p.shares + at, share);
    }
    const F whole = splat(1.0f / sum(total));
    for (int64_t i = 0; i < n; i += 16) {
      F out = splat(0);
      const float* value = p.wide + 2 * b.dim + head * n + i;
      for (int64_t other = 0; other < b.num_tokens; other++)
        out = fma(splat(p.shares[other]), load(value + other * width), out);
      store(p.narrow + t * b.dim + head * n + i, out * whole);
    }
  }
}

// `wide` = silu(gate) * up, whose rows move together: (tokens, 2, hidden_dim) -> (tokens, hidden_dim)
void gate(const Picture& p) {
  const int64_t n = p.blocks->hidden_dim;
  for (int64_t t = 0; t < p.blocks->num_tokens; t++)
    for (int64_t i = 0; i < n; i += 16) {
      const F gate = load_first(p.wide + 2 * t * n + i, n - i), up = load_first(p.wide + (2 * t + 1) * n + i, n - i);
      store_first(p.wide + t * n + i, gate / (splat(1) + exponential(splat(0) - gate)) * up, n - i);
    }
}

void draw(const Picture& p) {
  const PictureBlocks& b = *p.blocks;
  const int64_t num = b.num_tokens, n = b.dim;
  auto times = [&](const Bytes& matrix, const float* x, float* y) {
    multiply_bytes({&matrix, x, y, num, groups_of(matrix.cols) * kGroup, p.quants, p.scales});
  };
  const float* m = p.modulation;  // of the part that comes next
  auto begin = [&] {
    for (int64_t t = 0; t < num; t++) modulate(p.x + t * n, m, m + n, n, float(b.norm_eps), p.narrow + t * n);
  };
  auto end = [&](const float* y) {
    for (int64_t t = 0; t < num; t++) add_gated(m + 2 * n, y + t * n, n, p.x + t * n);
    m += 3 * n;
  };
  for (const PictureBlock* block = b.blocks; block < b.blocks + b.num_blocks; block++) {
    if (b.num_heads) {
      begin();
      times(block->qkv, p.narrow, p.wide);
      for (int64_t head = 0; head < b.num_heads; head++) attend_picture(p, *block, head);
      times(block->o, p.narrow, p.wide);
      end(p.wide);
    }
    begin();
    times(block->gate_up, p.narrow, p.wide);
    gate(p);
    times(block->down, p.wide, p.narrow);
    end(p.narrow);
  }
}

}  // namespace
}  // namespace makar
