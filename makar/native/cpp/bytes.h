// Products of bytes whose sums are whole numbers, and exact: every path, and NumPy, come to the same bits. What follows a
// sum is done in one order everywhere, and no product is fused with an addition.
#pragma once

namespace makar {
namespace {

// fn.operator()<n>() for an n up to kMost that is known only now.
template <int kMost, class Fn>
void with_constant(int64_t n, Fn fn) {
  if constexpr (kMost > 1)
    if (n < kMost) return with_constant<kMost - 1>(n, fn);
  fn.template operator()<kMost>();
}

// q = x * 127 / the largest, to the nearest, and 128 more where activations have no sign. Returns what a step is worth.
float quantise_row(const float* x, int64_t n, Activation* out) {
  constexpr int kMore = Activation(-1) > 0 ? 128 : 0;
  F most = splat(0);
  for (int64_t i = 0; i < n; i += 16) most = larger(most, absolute(load_first(x + i, n - i)));
  const float top = largest(most);
  const F factor = splat(top > 1e-30f ? 127.0f / top : 0.0f);
  for (int64_t i = 0; i < n; i += 16) {
    int8_t bytes[16];
    store_bytes(bytes, nearest(load_first(x + i, n - i) * factor));
    for (int j = 0; j < 16; j++) out[i + j] = Activation(bytes[j] + kMore);
  }
  return top * (1.0f / 127);
}

// y (kRows, kPanels * 16), a part of it, of rows of activations and neighbouring panels of the matrix.
template <int kRows, int kPanels>
void byte_tile(const ByteProduct& p, int64_t row, int64_t panel) {
  const Bytes& m = *p.matrix;
  const int64_t panel_bytes = quads_of(m.cols) * 64;
  F sums[kRows][kPanels];
  sum_bytes<kRows, kPanels>(static_cast<Activation*>(p.quants) + row * p.width, p.width, m.data + panel * panel_bytes,
                            panel_bytes, quads_of(m.cols), m.moved + panel * kPanel, sums);
  for (int r = 0; r < kRows; r++)
    for (int i = 0; i < kPanels; i++) {
      const int64_t at = (panel + i) * kPanel;
      store_first(p.y + (row + r) * m.rows + at, sums[r][i] * load(m.scales + at) * splat(p.scales[row + r]), m.rows - at);
    }
}

void multiply_bytes(const ByteProduct& p) {
  const int64_t num_panels = panels_of(p.matrix->rows);
  for (int64_t row = 0; row < p.num_rows; row++)
    p.scales[row] = quantise_row(p.x + row * p.matrix->cols, p.matrix->cols, static_cast<Activation*>(p.quants) + row * p.width);
  for (int64_t panel = 0; panel < num_panels; panel += kPanelsAtOnce)
    with_constant<kPanelsAtOnce>(num_panels - panel, [&]<int kPanels>() {
      for (int64_t row = 0; row < p.num_rows; row += kByteRows)
        with_constant<kByteRows>(p.num_rows - row, [&]<int kRows>() { byte_tile<kRows, kPanels>(p, row, panel); });
    });
}

}  // namespace
}  // namespace makar
