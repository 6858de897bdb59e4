#pragma once
#include <sys/types.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "kernel.h"

namespace makar {

struct Pool {
  explicit Pool(int size);  // the caller of `run` is the first of them
  ~Pool();
  void run(const std::function<void(int)>& work);  // work(thread) on every thread
  bool forked() const;  // whether this process is not the one that started the threads

  int size;
  const pid_t owner;
  std::mutex busy;
  const std::function<void(int)>* work = nullptr;
  alignas(64) std::atomic<uint32_t> round{0};
  alignas(64) std::atomic<uint32_t> phase{0};
  alignas(64) std::atomic<int64_t> next{0};
  alignas(64) std::atomic<int> arrived{0};
  std::vector<std::thread> threads;
};

}  // namespace makar
