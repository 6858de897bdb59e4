#pragma once
#include <sys/types.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "kernel.h"

namespace makar {

struct Pool {
  explicit Pool(int size);  // the caller of `run` is the first of them
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void run(void (*work)(void*, int), void* job);  // work(job, thread) on every thread
  int size() const { return size_; }
  bool forked() const;  // whether this process is not the one that started the threads
  int64_t take(int64_t num_units) { return next_.fetch_add(num_units, std::memory_order_relaxed); }
  void meet();

 private:
  void serve(int thread);

  int size_;
  const pid_t owner_;
  std::mutex busy_;
  void (*work_)(void*, int) = nullptr;
  void* job_ = nullptr;
  alignas(64) std::atomic<uint32_t> round_{0};
  alignas(64) std::atomic<uint32_t> phase_{0};
  alignas(64) std::atomic<int64_t> next_{0};
  alignas(64) std::atomic<int> arrived_{0};
  std::vector<std::thread> threads_;
};

}  // namespace makar
