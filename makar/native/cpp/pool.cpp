// Threads that sleep between calls, and for the few microseconds between phases spin rather than sleep.
#include "pool.h"

#include <unistd.h>

#include <chrono>
#include <system_error>

namespace makar {
namespace {

constexpr std::chrono::microseconds kSpin{8};  // a futex takes about as long; a busy neighbour loses no more

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits until the word is no longer `old`.
void await(std::atomic<uint32_t>& word, uint32_t old) {
  for (const auto until = std::chrono::steady_clock::now() + kSpin; std::chrono::steady_clock::now() < until; relax())
    if (word.load(std::memory_order_acquire) != old) return;
  while (word.load(std::memory_order_acquire) == old) word.wait(old, std::memory_order_acquire);
}

}  // namespace

int num_threads(const Pool* pool) { return pool->size(); }

int64_t take(Pool* pool, int64_t num_units) { return pool->take(num_units); }

void meet(Pool* pool) { pool->meet(); }

Pool::Pool(int size) : size_(size), owner_(getpid()) {
  try {
    for (int thread = 1; thread < size_; thread++) threads_.emplace_back([this, thread] { serve(thread); });
  } catch (const std::system_error&) {  // no more threads to be had: those that run do the work
    size_ = int(threads_.size()) + 1;
  }
}

Pool::~Pool() {
  if (forked()) {  // a forked child has none of these threads
    for (auto& thread : threads_) thread.detach();
    return;
  }
  work_ = nullptr;
  round_.fetch_add(1, std::memory_order_seq_cst);
  round_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool Pool::forked() const { return getpid() != owner_; }

void Pool::run(void (*work)(void*, int), void* job) {
  const std::lock_guard<std::mutex> one_at_a_time(busy_);
  work_ = work, job_ = job;
  round_.fetch_add(1, std::memory_order_seq_cst);
  round_.notify_all();
  work(job, 0);
  meet();
}

void Pool::serve(int thread) {
  for (uint32_t seen = 0;;) {
    await(round_, seen++);
    if (!work_) return;
    work_(job_, thread);
    meet();
  }
}

void Pool::meet() {
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < size_) return await(phase_, phase);
  arrived_.store(0, std::memory_order_relaxed);
  next_.store(0, std::memory_order_relaxed);
  // No plain store: the processor could ask whether anybody sleeps before it shows the new value, and who fell asleep
  // over the old one in between would never be woken.
  phase_.exchange(phase + 1, std::memory_order_seq_cst);
  phase_.notify_all();
}

}  // namespace makar
