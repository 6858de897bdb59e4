// What the binding, the pool of threads and the paths share. Plain C structs: pointers and counts, all checked by
// kernel.cpp before a path sees them.
//
// A path is one translation unit compiled for one instruction set (path_*.cpp). It may include this header, intrinsics
// and C headers only: an inline function of the C++ library, compiled there for AVX-512, could be the copy that the
// linker keeps for all, and crash an older processor.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace makar {

constexpr int kGroup = 32, kPanel = 16, kKeyBlock = 16;
constexpr int kRoom = 32;  // a cache's capacity is a multiple: two blocks of keys are read at once
constexpr int kRowsAtOnce = 128;  // rows computed together; more are computed in turn, with the same numbers
constexpr int kMaxHeadDim = 256;

// A packed matrix; see pack.py for the order of its bytes.
struct Matrix {
  int64_t rows, cols;
  int64_t bits;
  const uint8_t* data;
};

inline int64_t groups_of(int64_t cols) { return (cols + kGroup - 1) / kGroup; }
inline int64_t panels_of(int64_t rows) { return (rows + kPanel - 1) / kPanel; }
inline size_t block_bytes(int64_t bits) { return 4 * kPanel + kGroup * kPanel * size_t(bits) / 8; }

// 32 activations of a row: value = scale * q; total = scale * the sum of q.
struct Group {
  int8_t q[kGroup];
  float scale, total;
};

struct Layer {
  Matrix q, k, v, o, gate, up, down;
  const float *attention_norm, *mlp_norm, *qkv_bias, *q_norm, *k_norm;  // the last three may be null
};

struct Model {
  int64_t vocab_size, dim, hidden_dim, num_layers, num_heads, num_kv_heads, head_dim;
  int64_t finely;  // whether the blocks, too, get their activations in two parts
  double norm_eps;
  Matrix embed, head;
  const float* norm;
  const Layer* layers;
};

enum Form : int64_t { kFloat32, kBFloat16, kInt8 };

// See cache.py for the shapes.
struct Cache {
  void *keys, *values;
  float* scales;
  int64_t form, num_slots, capacity_tok;
};

// The rows of a call, and what is wanted of them: logits (num_wanted, vocab), hidden (num_rows, dim); both may be null.
struct Rows {
  int64_t num_rows, num_wanted;
  const int32_t *tokens, *slots, *positions, *wanted;
  const float *cos, *sin;  // (num_rows, head_dim)
  float *logits, *hidden;
};

// Threads that work through one function together. A thread takes the next units of the current phase until none is
// left, then meets the others; the last to arrive opens the next phase.
struct Pool;
int num_threads(const Pool*);
int64_t take(Pool*, int64_t num_units);  // the first of `num_units` units that nobody else has
void meet(Pool*);

// Consecutive rows of one sequence whose queries are computed together.
struct Run {
  int32_t first, count;
};

// One pass over at most kRowsAtOnce rows, with its scratch.
struct Job {
  const Model* model;
  const Cache* cache;
  Rows rows;
  const int64_t* places;  // where each wanted row of this pass stands among the logits
  Pool* pool;
  const Run* runs;
  int64_t num_runs;
  float *x, *qkv, *y, *row;  // x (rows, dim), qkv (rows, all heads), y (rows, query heads), row (threads, widest)
  Group *quants, *hidden, *own;  // (rows, 2, widest), (rows, 2, hidden_dim), (threads, kFewRows, 2, widest), in groups
  int64_t x_stride, widest;      // floats between rows of x; groups of a part of a row of quants
};

// y (rows, matrix rows) = x (rows, cols) times the transposed matrix.
struct Product {
  const Matrix* matrix;
  const float* x;
  float* y;
  int64_t num_rows;
  Group* quants;
  Pool* pool;
};

// A matrix of int8 with a scale for each row; see products.py for the order of its bytes. moved: what activations that are
// 128 too large add to each sum (on one path they are).
struct Bytes {
  int64_t rows, cols;
  const int8_t* data;
  const float* scales;
  const int32_t* moved;
};

inline int64_t quads_of(int64_t cols) { return (cols + 3) / 4; }

// y (rows, matrix rows) = x (rows, cols) times the transposed matrix; `quants` has room for `width` activations of
// 8 bits for each row.
struct ByteProduct {
  const Bytes* matrix;
  const float* x;
  float* y;
  int64_t num_rows, width;
  void* quants;
  float* scales;
};

// A block of a net that draws. Its tokens look at each other (the words and patches of one picture) or, without `qkv` and
// `o`, do not (pictures by their components). q_norm, k_norm: (head_dim)
struct PictureBlock {
  Bytes qkv, o, gate_up, down;  // queries, keys and values one after another; so gate and up
  const float *q_norm, *k_norm;
};

// num_heads: 0 for tokens that do not look
struct PictureBlocks {
  int64_t num_blocks, num_tokens, dim, num_heads, hidden_dim;
  double norm_eps;
  const PictureBlock* blocks;
  const float *cos, *sin;  // (num_tokens, head_dim)
};

inline int64_t num_modulated(const PictureBlocks& b) { return b.num_heads ? 6 : 3; }

// One picture on its way, with scratch of the thread that takes it. modulation, by block: shift, scale and gate of the
// looking, then of the rest, (num_blocks, 6 or 3, dim)
struct Picture {
  const PictureBlocks* blocks;
  float* x;  // (num_tokens, dim)
  const float* modulation;
  float *narrow, *wide, *keys, *shares, *scales;  // (num_tokens, dim), (num_tokens, widest), see picture.h, a row's each
  int8_t* quants;
};

constexpr int kFewRows = 8;  // so many rows are normalised by every thread for itself rather than shared

// What an instruction set provides. Functions with a thread are run by all threads of the pool at once.
struct Path {
  int max_queries;  // of one run: query heads of a key head times rows
  void (*step)(Job*, int thread);
  void (*multiply)(Product*, int thread);
  void (*multiply_bytes)(const ByteProduct&);  // by the thread that calls it
  void (*draw)(const Picture&);                // the same
};

extern const Path generic_path;
#if defined(__x86_64__)
extern const Path avx2_path, avx512_path;
#endif

}  // namespace makar
