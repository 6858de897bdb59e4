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

void serve(Pool* pool, int thread) {
  for (uint32_t seen = 0;;) {
    await(pool->round, seen++);
    if (!pool->work) return;
    (*pool->work)(thread);
    meet(pool);
  }
}

void wake(Pool* pool, const std::function<void(int)>* work) {
  pool->work = work;
  pool->round.fetch_add(1, std::memory_order_seq_cst);
  pool->round.notify_all();
}

}  // namespace

int num_threads(const Pool* pool) { return pool->size; }

int64_t take(Pool* pool, int64_t num_units) { return pool->next.fetch_add(num_units, std::memory_order_relaxed); }

void meet(Pool* pool) {
  const uint32_t phase = pool->phase.load(std::memory_order_relaxed);
  if (pool->arrived.fetch_add(1, std::memory_order_acq_rel) + 1 < pool->size) return await(pool->phase, phase);
  pool->arrived.store(0, std::memory_order_relaxed);
  pool->next.store(0, std::memory_order_relaxed);
  // No plain store: the processor could ask whether anybody sleeps before it shows the new value, and who fell asleep
  // over the old one in between would never be woken.
  pool->phase.exchange(phase + 1, std::memory_order_seq_cst);
  pool->phase.notify_all();
}

Pool::Pool(int size) : size(size), owner(getpid()) {
  try {
    for (int thread = 1; thread < size; thread++) threads.emplace_back(serve, this, thread);
  } catch (const std::system_error&) {  // no more threads to be had: those that run do the work
    this->size = int(threads.size()) + 1;
  }
}

Pool::~Pool() {
  if (!forked()) wake(this, nullptr);
  for (auto& thread : threads)
    if (forked())  // a forked child has none of these threads
      thread.detach();
    else
      thread.join();
}

bool Pool::forked() const { return getpid() != owner; }

void Pool::run(const std::function<void(int)>& work) {
  const std::lock_guard<std::mutex> one_at_a_time(busy);
  wake(this, &work);
  work(0);
  meet(this);
}

}  // namespace makar
