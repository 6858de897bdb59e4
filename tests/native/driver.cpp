// Runs every path under sanitizers: buffers of exactly the promised size, damaged weights, arguments out of range.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "kernel.h"
#include "pool.h"

using namespace makar;

extern "C" {
int makar_has_path(int path);
Pool* makar_open(int num_threads);
void makar_close(Pool* pool);
int makar_forward(Pool* pool, int path, const Model* model, const Cache* cache, const Rows* rows);
int makar_multiply(Pool* pool, int path, const Matrix* matrix, const float* x, int64_t num_rows, float* y);
int makar_multiply_bytes(int path, const Bytes* matrix, const float* x, int64_t num_rows, float* y, int num_threads);
int makar_draw(int path, const PictureBlocks* blocks, float* x, const float* modulation, int64_t num_pictures,
               int64_t num_asked, int num_threads);
int makar_read(Pool* pool, int path, const uint64_t* numbers, int64_t num, uint64_t* sum);
}

namespace {

std::mt19937 random_bits(7);

void expect(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "driver: not so: %s\n", what);
  std::exit(1);
}

std::vector<float> normal(int64_t num) {
  std::normal_distribution<float> draw;
  std::vector<float> out(num);
  for (float& value : out) value = draw(random_bits);
  return out;
}

// A matrix of random quants; scales and mins of 2^-7, or any bits at all.
struct Weights {
  Weights(int64_t rows, int64_t cols, int64_t bits, bool damaged) {
    data.resize(size_t(panels_of(rows)) * groups_of(cols) * block_bytes(bits));
    for (uint8_t& byte : data) byte = uint8_t(random_bits());
    for (size_t block = 0; !damaged && block < data.size(); block += block_bytes(bits))
      for (int i = 0; i < 4 * kPanel; i += 2) data[block + i] = 0, data[block + i + 1] = 0x20;
    matrix = {rows, cols, bits, data.data()};
  }
  std::vector<uint8_t> data;
  Matrix matrix;
};

struct Small {
  explicit Small(bool damaged, int64_t form) {
    const int64_t dim = 40, hidden = 49, heads = 6, kv = 2, head_dim = 16, vocab = 35;
    auto matrix = [&](int64_t rows, int64_t cols) {
      weights.push_back(new Weights(rows, cols, weights.size() % 2 ? 4 : 8, damaged));
      return weights.back()->matrix;
    };
    auto vector = [&](int64_t num) {
      vectors.push_back(new std::vector<float>(normal(num)));
      return vectors.back()->data();
    };
    for (int i = 0; i < 2; i++)
      layers.push_back({matrix(heads * head_dim, dim), matrix(kv * head_dim, dim), matrix(kv * head_dim, dim),
                        matrix(dim, heads * head_dim), matrix(hidden, dim), matrix(hidden, dim), matrix(dim, hidden),
                        vector(dim), vector(dim), vector((heads + 2 * kv) * head_dim), vector(head_dim),
                        vector(head_dim)});
    model = {vocab, dim, hidden, 2, heads, kv, head_dim, form != kBFloat16, 1e-5, matrix(vocab, dim), matrix(vocab, dim), vector(dim),
             layers.data()};
    const size_t tokens = 2 * 3 * kv * 192, size = form == kFloat32 ? 4 : form == kBFloat16 ? 2 : 1;
    keys.resize(tokens * head_dim * size), values.resize(keys.size()), scales.resize(form == kInt8 ? 2 * tokens : 0);
    cache = {keys.data(), values.data(), scales.data(), form, 3, 192};
  }
  ~Small() {
    for (auto* part : weights) delete part;
    for (auto* part : vectors) delete part;
  }
  std::vector<Weights*> weights;
  std::vector<std::vector<float>*> vectors;
  std::vector<Layer> layers;
  std::vector<uint8_t> keys, values;
  std::vector<float> scales;
  Model model;
  Cache cache;
};

void forward(Pool* pool, int path, bool damaged, int64_t form) {
  Small small(damaged, form);
  std::vector<int32_t> tokens, slots, positions, wanted{149, 0, 150};
  for (int i = 0; i < 150; i++) tokens.push_back(i % 35), slots.push_back(1), positions.push_back(i);
  for (int i = 0; i < 3; i++) tokens.push_back(34), slots.push_back(i), positions.push_back(i == 1 ? 191 : 0);
  const std::vector<float> cos = normal(153 * 16), sin = normal(153 * 16);
  std::vector<float> logits(3 * 35), hidden(153 * 40);
  Rows rows{153, 3, tokens.data(), slots.data(), positions.data(), wanted.data(), cos.data(), sin.data(),
            logits.data(), hidden.data()};
  expect(makar_forward(pool, path, &small.model, &small.cache, &rows) == 0, "rows are computed");
  for (int32_t* bad : {&tokens[9], &slots[9], &positions[9], &wanted[1]}) {
    const int32_t good = *bad;
    for (int32_t value : {-1, 1 << 20}) {
      *bad = value;
      expect(makar_forward(pool, path, &small.model, &small.cache, &rows) != 0, "a number out of range is refused");
    }
    *bad = good;
  }
  small.model.head.rows++;
  expect(makar_forward(pool, path, &small.model, &small.cache, &rows) != 0, "a matrix of another shape is refused");
}

void multiply(Pool* pool, int path) {
  for (int64_t bits : {4, 8})
    for (int64_t rows : {1, 16, 19})
      for (int64_t cols : {1, 17, 32, 65})
        for (int64_t count : {1, 2, 9, 140}) {
          const Weights weights(rows, cols, bits, false);
          const std::vector<float> x = normal(count * cols);
          std::vector<float> y(count * rows);
          expect(makar_multiply(pool, path, &weights.matrix, x.data(), count, y.data()) == 0, "a product is computed");
        }
  const Matrix none{16, 32, 5, nullptr};
  float x = 0;
  expect(makar_multiply(pool, path, &none, &x, 1, &x) != 0, "a matrix of 5 bits is refused");
}

// A matrix of any bytes.
struct ByteWeights {
  ByteWeights(int64_t rows, int64_t cols) {
    const int64_t padded = panels_of(rows) * kPanel;
    data.resize(padded * quads_of(cols) * 4);
    for (int8_t& byte : data) byte = int8_t(random_bits());
    scales = normal(padded), moved.assign(padded, 7);
    for (float& scale : scales) scale /= 1024;
    matrix = {rows, cols, data.data(), scales.data(), moved.data()};
  }
  std::vector<int8_t> data;
  std::vector<float> scales;
  std::vector<int32_t> moved;
  Bytes matrix;
};

void multiply_bytes(int path) {
  for (int64_t rows : {1, 16, 70})
    for (int64_t cols : {1, 4, 17, 64, 130})
      for (int64_t count : {1, 2, 9, 13}) {
        const ByteWeights weights(rows, cols);
        const std::vector<float> x = normal(count * cols);
        std::vector<float> y(count * rows);
        expect(makar_multiply_bytes(path, &weights.matrix, x.data(), count, y.data(), 2) == 0,
               "a product of bytes is computed");
        expect(makar_multiply_bytes(path, &weights.matrix, x.data(), 0, y.data(), 2) != 0, "no rows are refused");
      }
  const ByteWeights weights(600, 700);
  const std::vector<float> many = normal(50 * 700);
  std::vector<float> alone(50 * 600), together(alone);
  expect(makar_multiply_bytes(path, &weights.matrix, many.data(), 50, alone.data(), 1) == 0, "one thread is enough");
  expect(makar_multiply_bytes(path, &weights.matrix, many.data(), 50, together.data(), 4) == 0, "more share the rows");
  expect(alone == together, "threads change no bits");
  const int8_t data[64] = {};
  const float scales[16] = {}, x = 0;
  const int32_t moved[16] = {};
  float y;
  for (const Bytes& bad : {Bytes{1, 1 << 16, data, scales, moved}, Bytes{0, 1, data, scales, moved},
                           Bytes{1, 1, data, nullptr, moved}})
    expect(makar_multiply_bytes(path, &bad, &x, 1, &y, 1) != 0, "a matrix that does not fit is refused");
}

void draw(int path) {
  const int64_t tokens = 19, dim = 96, heads = 2, hidden = 49;
  std::vector<ByteWeights> weights;
  for (int i = 0; i < 2; i++)
    for (auto [rows, cols] : {std::pair{3 * dim, dim}, std::pair{dim, dim}, std::pair{2 * hidden, dim},
                              std::pair{dim, hidden}})
      weights.emplace_back(rows, cols);
  const std::vector<float> norm = normal(dim / heads), cos = normal(tokens * dim / heads), sin = normal(cos.size());
  std::vector<PictureBlock> blocks;
  for (int i = 0; i < 8; i += 4)
    blocks.push_back({weights[i].matrix, weights[i + 1].matrix, weights[i + 2].matrix, weights[i + 3].matrix,
                      norm.data(), norm.data()});
  const PictureBlocks all{2, tokens, dim, heads, hidden, 1e-6, blocks.data(), cos.data(), sin.data()};
  const std::vector<float> start = normal(6 * tokens * dim), modulation = normal(3 * 2 * 6 * dim);
  std::vector<float> alone(start), together(start);
  for (int picture = 0; picture < 6; picture++)
    expect(makar_draw(path, &all, alone.data() + picture * tokens * dim,
                      modulation.data() + picture / 2 * 2 * 6 * dim, 1, 1, 1) == 0, "a picture is drawn");
  expect(makar_draw(path, &all, together.data(), modulation.data(), 6, 3, 4) == 0, "pictures are drawn");
  expect(alone == together && alone != start, "company changes no bits");
  PictureBlocks apart = all;
  apart.num_heads = 0, apart.cos = apart.sin = nullptr;
  for (PictureBlock& block : blocks) block.qkv = block.o = {}, block.q_norm = block.k_norm = nullptr;
  alone = together = start;
  for (int token = 0; token < 2 * tokens; token++) {
    PictureBlocks one = apart;
    one.num_tokens = 1;
    expect(makar_draw(path, &one, alone.data() + token * dim, modulation.data(), 1, 1, 1) == 0, "a token is drawn");
  }
  expect(makar_draw(path, &apart, together.data(), modulation.data(), 6, 3, 4) == 0, "tokens are drawn apart");
  expect(std::equal(alone.begin(), alone.begin() + 2 * tokens * dim, together.begin()) && alone != start,
         "tokens that do not look change no bits of each other");
  float* x = together.data();
  expect(makar_draw(path, &all, x, modulation.data(), 6, 3, 1) != 0, "blocks that lost their matrices are refused");
  expect(makar_draw(path, &apart, x, modulation.data(), 6, 4, 1) != 0, "what does not divide the pictures is refused");
  expect(makar_draw(path, &apart, nullptr, modulation.data(), 6, 3, 1) != 0, "no pictures are refused");
  for (auto change : {+[](PictureBlocks& b) { b.hidden_dim++; }, +[](PictureBlocks& b) { b.num_heads = 4; },
                      +[](PictureBlocks& b) { b.dim = 0; }, +[](PictureBlocks& b) { b.num_heads = 2; },
                      +[](PictureBlocks& b) { b.num_tokens = 1 << 20; }}) {
    PictureBlocks bad = apart;
    change(bad);
    expect(makar_draw(path, &bad, x, modulation.data(), 6, 3, 1) != 0, "blocks that do not fit are refused");
  }
}

// Threads that come to their meetings early and late, about as long as they spin, so that some sleep: nobody leaves a
// meeting before all have come, and nobody sleeps for ever (who runs this has a time limit).
struct Meetings {
  static constexpr int kThreads = 3, kPhases = 4;
  explicit Meetings(int num_runs) : pool(kThreads) {
    for (int i = 0; i < num_runs; i++) {
      for (auto& num : arrived) num = 0;
      pool.run([this](int thread) { attend(thread); });
    }
  }
  void attend(int thread) {
    std::minstd_rand late(uint32_t(thread + 1) * 7919 + uint32_t(num_attended[thread]++));
    for (auto& num : arrived) {
      const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(late() % 16);
      while (std::chrono::steady_clock::now() < until) {}
      num++;
      meet(&pool);
      expect(num == kThreads, "a meeting waits for everybody");
    }
  }
  Pool pool;
  std::atomic<int> arrived[kPhases];
  int num_attended[kThreads] = {};
};

}  // namespace

int main() {
  Meetings(20000);
  int num_paths = 0;
  for (int path = 0; path < 3; path++) {
    if (!makar_has_path(path)) continue;
    num_paths++;
    multiply_bytes(path);
    draw(path);
    for (int threads : {1, 3}) {
      Pool* pool = makar_open(threads);
      multiply(pool, path);
      for (int64_t form : {kFloat32, kBFloat16, kInt8})
        for (bool damaged : {false, true}) forward(pool, path, damaged, form);
      const std::vector<uint64_t> numbers((1 << 17) + 5, 3);
      uint64_t sum = 0;
      expect(makar_read(pool, path, numbers.data(), int64_t(numbers.size()), &sum) == 0, "memory is read");
      expect(makar_read(pool, path, nullptr, 8, &sum) != 0, "no numbers are refused");
      expect(sum == 3 * (numbers.size() / 8 + 1), "each line once");
      makar_close(pool);
    }
  }
  expect(makar_has_path(3) == 0 && makar_has_path(-1) == 0, "unknown paths are not there");
  std::printf("%d paths, no complaint\n", num_paths);
}
