// The step through all layers, written once over the lanes of the path that includes it. Every number is computed whole
// by one thread in an order that neither the other rows nor the number of threads change.
//
// Weights meet activations of 8 bits. The head, where an error is seen at once, gets them in two parts of 8 bits each,
// which a step of one row, bound by reading weights, hardly notices; so do all maps where it is asked for.
#pragma once
#include "bytes.h"

namespace makar {
namespace {

constexpr int64_t kAhead = 3072;  // bytes from the block in hand to the one fetched: what arrives in the meantime
constexpr float kMinusInfinity = -__builtin_inff();

// fn(unit) for every unit, shared among the threads in runs of neighbours; returns when all are done.
template <class Fn>
void share(Pool* pool, int64_t num_units, Fn fn) {
  int64_t grain = num_units / (int64_t(num_threads(pool)) * 6);
  if (grain < 1) grain = 1;
  for (;;) {
    const int64_t start = take(pool, grain), end = start + grain < num_units ? start + grain : num_units;
    if (start >= num_units) break;
    for (int64_t unit = start; unit < end; unit++) fn(unit);
  }
  meet(pool);
}

// e^a by 2^n e^r with |r| <= ln 2 / 2; at least e^-87, and 1 exactly at 0.
F exponential(F a) {
  a = smaller(larger(a, splat(-87.0f)), splat(88.0f));
  const F n = nearest(a * splat(1.44269504f));
  const F r = fma(n, splat(2.12194440e-4f), fma(n, splat(-0.693359375f), a));  // ln 2 in two parts
  constexpr float taylor[] = {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
  F p = splat(1.0f / 720);
  for (const float c : taylor) p = fma(p, r, splat(c));
  return p * power_of_two(n);
}

// Activations of some rows, two parts of `stride` groups each; the second counts where it is `finely`.
struct Quants {
  const Group* groups;
  int64_t stride;
  bool finely;
};

void quantise_group(const float* x, Group* out) {
  const F a = load(x), b = load(x + 16);
  const float top = largest(larger(absolute(a), absolute(b)));
  const F factor = splat(top > 1e-30f ? 127.0f / top : 0.0f);
  const F p = nearest(a * factor), q = nearest(b * factor);
  store_bytes(out->q, p);
  store_bytes(out->q + 16, q);
  out->scale = top * (1.0f / 127);
  out->total = sum(p + q) * out->scale;
}

// n numbers; `rest` takes what the first part leaves over, so that together they have twice the bits.
void quantise(const float* x, int64_t n, Group* out, Group* rest, bool finely) {
  for (; n > 0; n -= kGroup, x += kGroup, out++, rest++) {
    float left[kGroup];
    store(left, load_first(x, n));
    store(left + 16, load_first(n > 16 ? x + 16 : x, n - 16));
    quantise_group(left, out);
    if (!finely) continue;
    for (int i = 0; i < kGroup; i++) left[i] -= out->scale * float(out->q[i]);
    quantise_group(left, rest);
  }
}

// out = x / sqrt(mean(x^2) + eps) * weight
void normalise(const float* x, const float* weight, int64_t n, float eps, float* out) {
  F squares = splat(0);
  for (int64_t i = 0; i < n; i += 16) {
    const F a = load_first(x + i, n - i);
    squares = fma(a, a, squares);
  }
  const F factor = splat(1.0f / __builtin_sqrtf(sum(squares) / float(n) + eps));
  for (int64_t i = 0; i < n; i += 16)
    store_first(out + i, load_first(x + i, n - i) * factor * load_first(weight + i, n - i), n - i);
}

// One panel times kRows rows of activations, `stride` groups apart: out (kRows, 16).
template <int kBits, int kRows>
void tile(const uint8_t* block, int64_t num_groups, const Group* a, int64_t stride, float* out) {
  F sums[kRows];
  const Group* rows[kRows];
  for (int t = 0; t < kRows; t++) sums[t] = splat(0), rows[t] = a + t * stride;
  for (int64_t group = 0; group < num_groups; group++, block += 4 * kPanel + kGroup * kPanel * kBits / 8) {
    for (int line = 0; line <= kBits; line++) __builtin_prefetch(block + kAhead + 64 * line);
    F dots[kRows];
    dot<kBits, kRows>(block + 4 * kPanel, rows, dots);
    const F scale = load_half(block), low = load_half(block + 2 * kPanel);
    for (int t = 0; t < kRows; t++) {
      sums[t] = fma(dots[t] * scale, splat(rows[t]->scale), sums[t]);
      sums[t] = fma(low, splat(rows[t]->total), sums[t]);
      rows[t]++;
    }
  }
  for (int t = 0; t < kRows; t++) store(out + 16 * t, sums[t]);
}

// use(row, sixteen outputs) for every row of activations times one panel; the parts of a row are rows until they are
// added.
template <class Use>
void times_panel(const Matrix& m, int64_t panel, const Quants& a, int64_t num_rows, Use use) {
  const int64_t num_groups = groups_of(m.cols), num_parts = 1 + a.finely, stride = a.stride * (2 / num_parts);
  const uint8_t* block = m.data + size_t(panel) * num_groups * block_bytes(m.bits);
  constexpr int64_t most = kMaxRows;
  for (int64_t part = 0; part < num_parts * num_rows; part += most) {
    alignas(64) float out[most * 16];
    const int64_t count = num_parts * num_rows - part < most ? num_parts * num_rows - part : most;
    with_constant<kMaxRows>(count, [&]<int kRows>() {
      (m.bits == 8 ? tile<8, kRows> : tile<4, kRows>)(block, num_groups, a.groups + part * stride, stride, out);
    });
    for (int64_t t = 0; t < count; t += num_parts) {
      if (a.finely) store(out + 16 * t, load(out + 16 * t) + load(out + 16 * t + 16));
      use((part + t) / num_parts, out + 16 * t);
    }
  }
}

// Row `index` of a matrix.
void unpack_row(const Matrix& m, int64_t index, float* out) {
  const int64_t num_groups = groups_of(m.cols), lane = index % kPanel;
  const uint8_t* block = m.data + size_t(index / kPanel) * num_groups * block_bytes(m.bits);
  for (int64_t group = 0; group < num_groups; group++, block += block_bytes(m.bits)) {
    alignas(64) float scales[16], lows[16];
    store(scales, load_half(block));
    store(lows, load_half(block + 2 * kPanel));
    for (int64_t i = 0; i < kGroup && group * kGroup + i < m.cols; i++) {
      const int64_t quad = m.bits == 8 ? i / 4 : i / 4 % 4;
      const int byte = block[4 * kPanel + 64 * quad + 4 * lane + i % 4];
      const int q = m.bits == 8 ? byte : i < 16 ? byte & 15 : byte >> 4;
      out[group * kGroup + i] = float(q) * scales[lane] + lows[lane];
    }
  }
}

// The activations that `make` gives of each row: those of each thread's own making for few rows, else shared work.
template <class Make>
Quants prepare(Job* job, int thread, int64_t num_rows, bool finely, Make make) {
  const int64_t stride = job->widest;
  Group* groups = num_rows <= kFewRows ? job->own + thread * kFewRows * 2 * stride : job->quants;
  auto fill = [&](int64_t row) {
    Group* out = groups + 2 * row * stride;
    make(row, out, out + stride);
  };
  if (num_rows > kFewRows) share(job->pool, num_rows, fill);
  for (int64_t row = 0; row < num_rows && num_rows <= kFewRows; row++) fill(row);
  return {groups, stride, finely};
}

// Quantised norm(x) of the picked rows, of all where none are picked.
Quants prepare_norm(Job* job, int thread, int64_t num_rows, const float* weight, bool finely, const int32_t* picked) {
  const Model& m = *job->model;
  return prepare(job, thread, num_rows, finely, [&](int64_t row, Group* out, Group* rest) {
    float* scratch = job->row + thread * job->x_stride;
    normalise(job->x + (picked ? picked[row] : row) * job->x_stride, weight, m.dim, float(m.norm_eps), scratch);
    quantise(scratch, m.dim, out, rest, finely);
  });
}

// x += the matrix times the activations.
void add_product(Job* job, const Matrix& m, const Quants& a) {
  share(job->pool, panels_of(m.rows), [&](int64_t panel) {
    times_panel(m, panel, a, job->rows.num_rows, [&](int64_t row, const float* out) {
      float* x = job->x + row * job->x_stride + panel * kPanel;
      store(x, load(x) + load(out));
    });
  });
}

uint16_t to_bf16(float a) {  // to nearest, ties to even
  uint32_t bits;
  __builtin_memcpy(&bits, &a, 4);
  return uint16_t(a != a ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Writes head_dim numbers, `step` apart, in the cache's form; `scale` is used by bytes alone.
void remember(const Cache& cache, void* to, int64_t at, int64_t step, const float* x, int64_t n, float* scale) {
  if (cache.form == kFloat32) {
    for (int64_t i = 0; i < n; i++) static_cast<float*>(to)[at + i * step] = x[i];
  } else if (cache.form == kBFloat16) {
    for (int64_t i = 0; i < n; i++) static_cast<uint16_t*>(to)[at + i * step] = to_bf16(x[i]);
  } else {
    F top = splat(0);
    for (int64_t i = 0; i < n; i += 16) top = larger(top, absolute(load(x + i)));
    const float most = largest(top), factor = most > 1e-30f ? 127.0f / most : 0.0f;
    *scale = most * (1.0f / 127);
    for (int64_t i = 0; i < n; i += 16) {
      int8_t bytes[16];
      store_bytes(bytes, nearest(load(x + i) * splat(factor)));
      for (int j = 0; j < 16; j++) static_cast<int8_t*>(to)[at + (i + j) * step] = bytes[j];
    }
  }
}

// Where the keys, values and scales of a key head of a slot begin, in elements.
struct Place {
  int64_t tokens;  // into the scales; times head_dim into keys and values
  float *key_scales, *value_scales;
};

Place place(const Job* job, int64_t layer, int64_t slot, int64_t head) {
  const Cache& cache = *job->cache;
  const int64_t heads = job->model->num_kv_heads;
  const int64_t tokens = ((layer * cache.num_slots + slot) * heads + head) * cache.capacity_tok;
  const int64_t all = job->model->num_layers * cache.num_slots * heads * cache.capacity_tok;
  if (cache.form != kInt8) return {tokens, nullptr, nullptr};
  return {tokens, cache.scales + tokens, cache.scales + all + tokens};
}

// Bias, norm and rotation of one head of one row, in place; keys and values go to the cache.
void finish_head(Job* job, int64_t layer, int64_t head, int64_t row, float* x) {
  const Model& m = *job->model;
  const Layer& l = m.layers[layer];
  const int64_t n = m.head_dim, half = n / 2, key = head - m.num_heads, value = key - m.num_kv_heads;
  if (l.qkv_bias)
    for (int64_t i = 0; i < n; i += 16) store(x + i, load(x + i) + load(l.qkv_bias + head * n + i));
  const int64_t slot = job->rows.slots[row], position = job->rows.positions[row];
  if (value >= 0) {
    const Place at = place(job, layer, slot, value);
    return remember(*job->cache, job->cache->values, (at.tokens + position) * n, 1, x, n, at.value_scales + position);
  }
  const float* norm = key < 0 ? l.q_norm : l.k_norm;
  if (norm) normalise(x, norm, n, float(m.norm_eps), x);
  const float *cos = job->rows.cos + row * n, *sin = job->rows.sin + row * n;
  for (int64_t i = 0; i < half; i++) {
    const float a = x[i], b = x[i + half];
    x[i] = a * cos[i] + b * sin[i];
    x[i + half] = b * cos[i + half] + a * sin[i + half];
  }
  if (key < 0) {
    const F factor = splat(1.0f / __builtin_sqrtf(float(n)));
    for (int64_t i = 0; i < n; i += 16) store(x + i, load(x + i) * factor);
  } else {
    const Place at = place(job, layer, slot, key);
    const int64_t block = (at.tokens + position / kKeyBlock * kKeyBlock) * n + position % kKeyBlock;
    remember(*job->cache, job->cache->keys, block, kKeyBlock, x, n, at.key_scales + position);
  }
}

// Queries, keys and values: one unit computes one head for all rows.
void project_heads(Job* job, int thread, int64_t layer) {
  const Model& m = *job->model;
  const Layer& l = m.layers[layer];
  const Quants a = prepare_norm(job, thread, job->rows.num_rows, l.attention_norm, m.finely, nullptr);
  const int64_t num_heads = m.num_heads + 2 * m.num_kv_heads, width = num_heads * m.head_dim;
  share(job->pool, num_heads, [&](int64_t head) {
    const int64_t key = head - m.num_heads, value = key - m.num_kv_heads, panels = m.head_dim / kPanel;
    const Matrix& matrix = key < 0 ? l.q : value < 0 ? l.k : l.v;
    const int64_t start = (key < 0 ? head : value < 0 ? key : value) * panels;
    float* out = job->qkv + head * m.head_dim;
    for (int64_t panel = 0; panel < panels; panel++)
      times_panel(matrix, start + panel, a, job->rows.num_rows, [&](int64_t row, const float* sums) {
        store(out + row * width + panel * kPanel, load(sums));
      });
    for (int64_t row = 0; row < job->rows.num_rows; row++) finish_head(job, layer, head, row, out + row * width);
  });
}

// Up to kMaxQueries query heads that share a key head and a slot.
struct Queries {
  const float* q[kMaxQueries];
  float* out[kMaxQueries];
  int64_t end[kMaxQueries];  // each sees the positions before it
};

// Softmax over blocks of 64 positions, with the largest score and the sum so far kept beside the weighted values. A
// block that lies beyond a query's end changes nothing: e^0 = 1 and zero weights.
// Source: Milakov & Gimelshein 2018, arXiv:1805.02867, algorithm 3
template <class T, int kNum>
void attend(const T* keys, const T* values, Place at, int64_t n, const Queries& queries) {
  constexpr int64_t kBlock = 64;
  constexpr int kWide = 2 * kNum <= kMaxQueries ? 2 : 1;  // two registers each hide how long an addition takes
  alignas(64) float sums[kNum][kMaxHeadDim], weights[kNum][kBlock];
  float top[kNum], total[kNum], factor[kNum];
  int64_t end = 0;
  for (int m = 0; m < kNum; m++) {
    top[m] = kMinusInfinity, total[m] = 0;
    if (queries.end[m] > end) end = queries.end[m];
    for (int64_t i = 0; i < n; i += 16) store(sums[m] + i, splat(0));
  }
  for (int64_t start = 0; start < end; start += kBlock) {
    const int64_t count = end - start < kBlock ? end - start : kBlock;
    F most[kNum];
    for (int m = 0; m < kNum; m++) most[m] = splat(kMinusInfinity);
    for (int64_t b = 0; b < count; b += kWide * kKeyBlock) {
      const T* block = keys + (start + b) * n;
      F scores[kWide][kNum];
      for (int w = 0; w < kWide; w++)
        for (int m = 0; m < kNum; m++) scores[w][m] = splat(0);
      for (int64_t i = 0; i < n; i++) {
        for (int w = 0; w < kWide; w++) {  // meanwhile the values of these positions arrive
          __builtin_prefetch(values + (start + b) * n + (i * kWide + w) * kKeyBlock);
          const F k = widen(block + (w * n + i) * kKeyBlock);
          for (int m = 0; m < kNum; m++) scores[w][m] = fma(splat(queries.q[m][i]), k, scores[w][m]);
        }
      }
      for (int w = 0; w < kWide; w++) {
        const int64_t at_block = b + w * kKeyBlock;
        for (int m = 0; m < kNum; m++) {
          F score = scores[w][m];
          if (at.key_scales) score = score * load(at.key_scales + start + at_block);
          score = first(score, queries.end[m] - start - at_block, kMinusInfinity);
          most[m] = larger(score, most[m]);
          store(weights[m] + at_block, score);
        }
      }
    }
    for (int m = 0; m < kNum; m++) {
      const float peak = largest(most[m]), newest = peak > top[m] ? peak : top[m];
      alignas(64) float change[16];
      store(change, exponential(splat(top[m] - newest)));
      top[m] = newest, factor[m] = change[0];
      F block_total = splat(0);
      for (int64_t b = 0; b < count; b += kKeyBlock) {
        F p = exponential(load(weights[m] + b) - splat(newest));
        p = first(p, queries.end[m] - start - b, 0);
        block_total = block_total + p;
        if (at.value_scales) p = first(p * load(at.value_scales + start + b), queries.end[m] - start - b, 0);
        store(weights[m] + b, p);
      }
      total[m] = total[m] * factor[m] + sum(block_total);
    }
    auto add_values = [&]<int kColumns>(int64_t i) {
      F out[kColumns][kNum];
      for (int c = 0; c < kColumns; c++)
        for (int m = 0; m < kNum; m++) out[c][m] = load(sums[m] + i + 16 * c) * splat(factor[m]);
      for (int64_t t = 0; t < count; t++) {
        __builtin_prefetch(keys + (start + kBlock + t) * n + i);  // the next block of keys
        for (int c = 0; c < kColumns; c++) {
          const F v = widen(values + (start + t) * n + i + 16 * c);
          for (int m = 0; m < kNum; m++) out[c][m] = fma(splat(weights[m][t]), v, out[c][m]);
        }
      }
      for (int c = 0; c < kColumns; c++)
        for (int m = 0; m < kNum; m++) store(sums[m] + i + 16 * c, out[c][m]);
    };
    int64_t i = 0;
    for (; i + 16 * kWide <= n; i += 16 * kWide) add_values.template operator()<kWide>(i);
    for (; i < n; i += 16) add_values.template operator()<1>(i);
  }
  for (int m = 0; m < kNum; m++)
    for (int64_t i = 0; i < n; i += 16) store(queries.out[m] + i, load(sums[m] + i) * splat(1.0f / total[m]));
}

template <class T>
void attend_some(int num, const Cache& cache, Place at, int64_t n, const Queries& queries) {
  const int64_t start = at.tokens * n;
  with_constant<kMaxQueries>(num, [&]<int kNum>() {
    attend<T, kNum>(static_cast<T*>(cache.keys) + start, static_cast<T*>(cache.values) + start, at, n, queries);
  });
}

void attend_head(Job* job, int64_t layer, int64_t head, Run run) {
  const Model& m = *job->model;
  const int64_t shared = m.num_heads / m.num_kv_heads, n = m.head_dim;
  const int64_t width = (m.num_heads + 2 * m.num_kv_heads) * n;
  const Place at = place(job, layer, job->rows.slots[run.first], head);
  const auto some = job->cache->form == kFloat32    ? attend_some<float>
                    : job->cache->form == kBFloat16 ? attend_some<uint16_t>
                                                    : attend_some<int8_t>;
  for (int64_t done = 0; done < run.count * shared; done += kMaxQueries) {
    const int64_t rest = run.count * shared - done;
    const int num = rest < kMaxQueries ? int(rest) : kMaxQueries;
    Queries queries;
    for (int i = 0; i < num; i++) {
      const int64_t row = run.first + (done + i) / shared, query = head * shared + (done + i) % shared;
      queries.q[i] = job->qkv + row * width + query * n;
      queries.out[i] = job->y + (row * m.num_heads + query) * n;
      queries.end[i] = job->rows.positions[row] + 1;
    }
    some(num, *job->cache, at, n, queries);
  }
}

// hidden = silu(gate) * up, quantised as it is made: one unit is a group of 32.
void project_hidden(Job* job, int thread, int64_t layer) {
  const Model& m = *job->model;
  const Layer& l = m.layers[layer];
  const Quants a = prepare_norm(job, thread, job->rows.num_rows, l.mlp_norm, m.finely, nullptr);
  const int64_t num_groups = groups_of(m.hidden_dim), num_panels = panels_of(m.hidden_dim);
  share(job->pool, num_groups, [&](int64_t group) {
    alignas(64) float hidden[kRowsAtOnce][kGroup];
    for (int64_t half = 0; half < 2; half++) {
      const int64_t panel = 2 * group + half;
      if (panel == num_panels) {
        for (int64_t row = 0; row < job->rows.num_rows; row++) store(hidden[row] + 16, splat(0));
        break;
      }
      auto keep = [&](int64_t row, const float* out) { store(hidden[row] + 16 * half, load(out)); };
      times_panel(l.gate, panel, a, job->rows.num_rows, keep);
      times_panel(l.up, panel, a, job->rows.num_rows, [&](int64_t row, const float* up) {
        const F gate = load(hidden[row] + 16 * half);
        store(hidden[row] + 16 * half, gate / (splat(1) + exponential(splat(0) - gate)) * load(up));
      });
    }
    for (int64_t row = 0; row < job->rows.num_rows; row++) {
      Group* out = job->hidden + 2 * row * num_groups + group;
      quantise(hidden[row], kGroup, out, out + num_groups, m.finely);
    }
  });
}

void project_logits(Job* job, int thread) {
  const Rows& rows = job->rows;
  const Matrix& head = job->model->head;
  const Quants a = prepare_norm(job, thread, rows.num_wanted, job->model->norm, true, rows.wanted);
  share(job->pool, panels_of(head.rows), [&](int64_t panel) {
    times_panel(head, panel, a, rows.num_wanted, [&](int64_t row, const float* out) {
      store_first(rows.logits + job->places[row] * head.rows + panel * kPanel, load(out), head.rows - panel * kPanel);
    });
  });
}

void step(Job* job, int thread) {
  const Model& m = *job->model;
  const Rows& rows = job->rows;
  share(job->pool, rows.num_rows, [&](int64_t row) {
    unpack_row(m.embed, rows.tokens[row], job->x + row * job->x_stride);
  });
  for (int64_t layer = 0; layer < m.num_layers; layer++) {
    project_heads(job, thread, layer);
    share(job->pool, m.num_kv_heads * job->num_runs, [&](int64_t unit) {
      attend_head(job, layer, unit % m.num_kv_heads, job->runs[unit / m.num_kv_heads]);
    });
    const int64_t width = m.num_heads * m.head_dim;
    const Quants y = prepare(job, thread, rows.num_rows, m.finely, [&](int64_t row, Group* out, Group* rest) {
      quantise(job->y + row * width, width, out, rest, m.finely);
    });
    add_product(job, m.layers[layer].o, y);
    project_hidden(job, thread, layer);
    add_product(job, m.layers[layer].down, {job->hidden, groups_of(m.hidden_dim), m.finely != 0});
  }
  if (rows.hidden)
    share(job->pool, rows.num_rows, [&](int64_t row) {
      normalise(job->x + row * job->x_stride, m.norm, m.dim, float(m.norm_eps), rows.hidden + row * m.dim);
    });
  if (rows.num_wanted) project_logits(job, thread);
}

void multiply(Product* p, int) {
  const Matrix& m = *p->matrix;
  const int64_t stride = groups_of(m.cols);
  share(p->pool, p->num_rows, [&](int64_t row) {
    Group* out = p->quants + 2 * row * stride;
    quantise(p->x + row * m.cols, m.cols, out, out + stride, true);
  });
  share(p->pool, panels_of(m.rows), [&](int64_t panel) {
    times_panel(m, panel, {p->quants, stride, true}, p->num_rows, [&](int64_t row, const float* out) {
      store_first(p->y + row * m.rows + panel * kPanel, load(out), m.rows - panel * kPanel);
    });
  });
}

}  // namespace
}  // namespace makar
