// The C interface: what runs here, and calls whose arguments are checked before any is used as an address.
#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

#include "pool.h"

namespace makar {
namespace {

enum Error : int { kOk, kNoPath, kBadMatrix, kBadModel, kBadCache, kBadRows, kNoMemory, kForked };

const Path* path_of(int path) {
#if defined(__x86_64__)
  if (path == 2 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return &avx512_path;
  // every processor with AVX2 converts fp16
  if (path == 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &avx2_path;
#endif
  return path == 0 ? &generic_path : nullptr;
}

bool fits(const Matrix& m, int64_t rows, int64_t cols) {
  constexpr int64_t most = int64_t(1) << 28;
  return m.rows == rows && m.cols == cols && rows > 0 && cols > 0 && rows < most && cols < most &&
         (m.bits == 4 || m.bits == 8) && m.data;
}

bool fits(const Model& m) {
  if (m.dim < 1 || m.hidden_dim < 1 || m.vocab_size < 1 || m.num_layers < 1 || m.num_kv_heads < 1 || !m.norm ||
      !m.layers || m.num_heads < 1 || m.num_heads > 4096 || m.num_heads % m.num_kv_heads || m.head_dim < 16 ||
      m.head_dim % 16 || m.head_dim > kMaxHeadDim)
    return false;
  const int64_t queries = m.num_heads * m.head_dim, keys = m.num_kv_heads * m.head_dim;
  for (const Layer* l = m.layers; l < m.layers + m.num_layers; l++)
    if (!fits(l->q, queries, m.dim) || !fits(l->k, keys, m.dim) || !fits(l->v, keys, m.dim) ||
        !fits(l->o, m.dim, queries) || !fits(l->gate, m.hidden_dim, m.dim) || !fits(l->up, m.hidden_dim, m.dim) ||
        !fits(l->down, m.dim, m.hidden_dim) || !l->attention_norm || !l->mlp_norm)
      return false;
  return fits(m.embed, m.vocab_size, m.dim) && fits(m.head, m.vocab_size, m.dim);
}

bool fits(const Cache& c) {
  return c.keys && c.values && c.form >= kFloat32 && c.form <= kInt8 && (c.form != kInt8 || c.scales) &&
         c.num_slots > 0 && c.capacity_tok > 0 && c.capacity_tok % kRoom == 0;
}

bool fits(const Bytes& m) {
  constexpr int64_t most_rows = int64_t(1) << 28, most_cols = int64_t(1) << 16;  // 2^16 * 255 * 127 < 2^31
  return m.rows > 0 && m.cols > 0 && m.rows < most_rows && m.cols < most_cols && m.data && m.scales && m.moved;
}

bool fits(const Bytes& m, int64_t rows, int64_t cols) { return fits(m) && m.rows == rows && m.cols == cols; }

bool fits(const PictureBlocks& b) {
  constexpr int64_t most = int64_t(1) << 14;
  if (b.num_blocks < 1 || b.num_tokens < 1 || b.num_tokens > most || b.dim < 1 || b.dim > most || b.dim % 16 ||
      b.hidden_dim < 1 || b.hidden_dim > most || b.num_heads < 0 || !b.blocks)
    return false;
  if (b.num_heads && (b.dim % b.num_heads || b.dim / b.num_heads % 16 || !b.cos || !b.sin)) return false;
  return std::all_of(b.blocks, b.blocks + b.num_blocks, [&](const PictureBlock& block) {
    return fits(block.gate_up, 2 * b.hidden_dim, b.dim) && fits(block.down, b.dim, b.hidden_dim) &&
           (!b.num_heads || (fits(block.qkv, 3 * b.dim, b.dim) && fits(block.o, b.dim, b.dim) && block.q_norm &&
                             block.k_norm));
  });
}

bool within(const int32_t* values, int64_t num, int64_t end) {
  return values && std::all_of(values, values + num, [&](int32_t value) { return value >= 0 && value < end; });
}

bool fits(const Rows& r, const Model& m, const Cache& c) {
  return r.num_rows > 0 && r.num_wanted >= 0 && within(r.tokens, r.num_rows, m.vocab_size) &&
         within(r.slots, r.num_rows, c.num_slots) && within(r.positions, r.num_rows, c.capacity_tok) &&
         (!r.num_wanted || (r.logits && within(r.wanted, r.num_wanted, r.num_rows))) && r.cos && r.sin;
}

// Sixteen floats on a cache line, as all rows of floats begin.
struct alignas(64) Line {
  float floats[16];
};

// Neighbouring rows of one slot, so many that their queries fill the registers.
std::vector<Run> runs_of(const Rows& rows, int64_t shared, int max_queries) {
  const int32_t most = int32_t(std::max<int64_t>(1, max_queries / shared));
  std::vector<Run> runs;
  for (int32_t row = 0; row < rows.num_rows; row++) {
    if (!runs.empty() && rows.slots[runs.back().first] == rows.slots[row] && runs.back().count < most)
      runs.back().count++;
    else
      runs.push_back({row, 1});
  }
  return runs;
}

void forward_part(Pool& pool, const Path& path, Job job) {
  const Model& m = *job.model;
  const int64_t rows = job.rows.num_rows, queries = m.num_heads * m.head_dim;
  const int64_t most = std::max(rows, job.rows.num_wanted);
  job.x_stride = groups_of(m.dim) * kGroup;
  job.widest = groups_of(std::max(m.dim, queries));
  std::vector<Line> x(rows * job.x_stride / 16), qkv(rows * (queries + 2 * m.num_kv_heads * m.head_dim) / 16),
      y(rows * queries / 16), row(pool.size * job.x_stride / 16);
  std::vector<Group> quants(2 * most * job.widest), hidden(2 * rows * groups_of(m.hidden_dim)),
      own(2 * pool.size * kFewRows * job.widest);
  job.x = x[0].floats, job.qkv = qkv[0].floats, job.y = y[0].floats, job.row = row[0].floats;
  job.quants = quants.data(), job.hidden = hidden.data(), job.own = own.data();
  const std::vector<Run> runs = runs_of(job.rows, m.num_heads / m.num_kv_heads, path.max_queries);
  job.runs = runs.data(), job.num_runs = int64_t(runs.size()), job.pool = &pool;
  pool.run([&](int thread) { path.step(&job, thread); });
}

// All rows, kRowsAtOnce at a time; wanted rows may stand in any order.
void forward(Pool& pool, const Path& path, const Model& model, const Cache& cache, const Rows& rows) {
  for (int64_t start = 0; start < rows.num_rows; start += kRowsAtOnce) {
    Rows part = rows;
    part.num_rows = std::min<int64_t>(kRowsAtOnce, rows.num_rows - start);
    part.tokens += start, part.slots += start, part.positions += start;
    part.cos += start * model.head_dim, part.sin += start * model.head_dim;
    if (part.hidden) part.hidden += start * model.dim;
    std::vector<int32_t> wanted;
    std::vector<int64_t> places;
    for (int64_t i = 0; i < rows.num_wanted; i++)
      if (rows.wanted[i] >= start && rows.wanted[i] < start + part.num_rows)
        wanted.push_back(rows.wanted[i] - int32_t(start)), places.push_back(i);
    part.wanted = wanted.data(), part.num_wanted = int64_t(wanted.size());
    forward_part(pool, path, {&model, &cache, part, places.data()});
  }
}

// work(thread) on so many threads, of which the caller is one. For calls that are long enough to start threads for.
template <class Fn>
void together(int64_t num_threads, Fn work) {
  std::vector<std::thread> others;
  others.reserve(num_threads);
  try {
    for (int64_t thread = 1; thread < num_threads; thread++) others.emplace_back(work, thread);
  } catch (const std::system_error&) {  // no more threads to be had: those that run do the work
  }
  work(0);
  for (auto& other : others) other.join();
}

// Rows of a product, some for each thread.
void multiply_bytes(const Path& path, const Bytes& matrix, const float* x, int64_t num_rows, float* y, int num_threads) {
  constexpr int64_t few_rows = 6, few_products = 1 << 22;  // of which a thread needs more to be worth its start
  const int64_t width = groups_of(matrix.cols) * kGroup, most = num_rows * matrix.rows * matrix.cols / few_products;
  const int64_t num = std::clamp<int64_t>(std::min(most, num_rows / few_rows), 1, num_threads);
  std::vector<int8_t> quants(num_rows * width);
  std::vector<float> scales(num_rows);
  const int64_t part = (num_rows + num * few_rows - 1) / (num * few_rows) * few_rows;
  std::atomic<int64_t> next{0};
  together(num, [&](int64_t) {
    for (int64_t start; (start = next.fetch_add(part)) < num_rows;)
      path.multiply_bytes({&matrix, x + start * matrix.cols, y + start * matrix.rows, std::min(part, num_rows - start),
                           width, quants.data() + start * width, scales.data() + start});
  });
}

// Pictures, each by one thread, that takes the next one nobody else has.
void draw(const Path& path, const PictureBlocks& b, float* x, const float* modulation, int64_t num_pictures,
          int64_t num_asked, int num_threads) {
  const int64_t across = b.num_heads ? panels_of(b.num_tokens) * kPanel : 0;
  const int64_t widest = std::max(3 * b.dim, 2 * b.hidden_dim), keys = b.num_heads ? across * (b.dim / b.num_heads) : 0;
  const int64_t quants = groups_of(std::max(b.dim, b.hidden_dim)) * kGroup;
  const int64_t floats = b.num_tokens * (b.dim + widest + 1) + keys + across;
  const int64_t num = std::min<int64_t>(num_threads, num_pictures);
  std::vector<float> scratch(num * floats);
  std::vector<int8_t> bytes(num * b.num_tokens * quants);
  std::atomic<int64_t> next{0};
  together(num, [&](int64_t thread) {
    Picture p{&b};
    p.narrow = scratch.data() + thread * floats, p.wide = p.narrow + b.num_tokens * b.dim;
    p.keys = p.wide + b.num_tokens * widest, p.shares = p.keys + keys;
    p.scales = p.shares + across, p.quants = bytes.data() + thread * b.num_tokens * quants;
    for (int64_t picture; (picture = next++) < num_pictures;) {
      p.x = x + picture * b.num_tokens * b.dim;
      p.modulation = modulation + picture / (num_pictures / num_asked) * b.num_blocks * num_modulated(b) * b.dim;
      path.draw(p);
    }
  });
}

template <class Fn>
int checked(Pool* pool, int path, Fn fn) {
  if (!path_of(path)) return kNoPath;
  if (pool->forked()) return kForked;
  try {
    return fn(*path_of(path));
  } catch (const std::exception&) {
    return kNoMemory;
  }
}

}  // namespace
}  // namespace makar

using namespace makar;

#pragma GCC visibility push(default)
extern "C" {

int makar_has_path(int path) { return path_of(path) != nullptr; }

Pool* makar_open(int num_threads) {
  try {
    return new Pool(std::clamp(num_threads, 1, 256));
  } catch (const std::exception&) {
    return nullptr;
  }
}

void makar_close(Pool* pool) { delete pool; }

int makar_forward(Pool* pool, int path, const Model* model, const Cache* cache, const Rows* rows) {
  return checked(pool, path, [&](const Path& p) {
    if (!fits(*model)) return kBadModel;
    if (!fits(*cache)) return kBadCache;
    if (!fits(*rows, *model, *cache)) return kBadRows;
    forward(*pool, p, *model, *cache, *rows);
    return kOk;
  });
}

int makar_multiply(Pool* pool, int path, const Matrix* matrix, const float* x, int64_t num_rows, float* y) {
  return checked(pool, path, [&](const Path& p) {
    if (!fits(*matrix, matrix->rows, matrix->cols)) return kBadMatrix;
    if (num_rows < 1 || !x || !y) return kBadRows;
    std::vector<Group> quants(2 * num_rows * groups_of(matrix->cols));
    Product product{matrix, x, y, num_rows, quants.data(), pool};
    pool->run([&](int thread) { p.multiply(&product, thread); });
    return kOk;
  });
}

// One product of bytes; no pool is needed.
int makar_multiply_bytes(int path, const Bytes* matrix, const float* x, int64_t num_rows, float* y, int num_threads) {
  if (!path_of(path)) return kNoPath;
  if (!fits(*matrix)) return kBadMatrix;
  if (num_rows < 1 || num_rows >= int64_t(1) << 28 || !x || !y || num_threads < 1) return kBadRows;
  try {
    multiply_bytes(*path_of(path), *matrix, x, num_rows, y, num_threads);
    return kOk;
  } catch (const std::exception&) {
    return kNoMemory;
  }
}

// Pictures through all blocks, in place. x (pictures, tokens, dim), modulation (asked, blocks, 6 or 3, dim): each of those
// serves as many pictures, in their order.
int makar_draw(int path, const PictureBlocks* blocks, float* x, const float* modulation, int64_t num_pictures,
               int64_t num_asked, int num_threads) {
  if (!path_of(path)) return kNoPath;
  if (!fits(*blocks)) return kBadModel;
  if (num_pictures < 1 || num_pictures >= int64_t(1) << 20 || num_asked < 1 || num_pictures % num_asked || !x ||
      !modulation || num_threads < 1)
    return kBadRows;
  try {
    draw(*path_of(path), *blocks, x, modulation, num_pictures, num_asked, num_threads);
    return kOk;
  } catch (const std::exception&) {
    return kNoMemory;
  }
}

// The sum of the first number of each cache line, read as fast as memory gives lines.
int makar_read(Pool* pool, int path, const uint64_t* numbers, int64_t num, uint64_t* sum) {
  return checked(pool, path, [&](const Path&) {
    if (!numbers || !sum) return kBadRows;
    std::atomic<uint64_t> total{0};
    pool->run([&](int) {
      constexpr int64_t chunk = 1 << 13;
      for (int64_t start; (start = take(pool, chunk)) < num;) {
        uint64_t part = 0;
        for (int64_t i = start; i < std::min(start + chunk, num); i += 8) part += numbers[i];
        total += part;
      }
      meet(pool);
    });
    *sum = total;
    return kOk;
  });
}

}  // extern "C"
#pragma GCC visibility pop
