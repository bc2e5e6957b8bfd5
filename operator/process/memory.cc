#include "operator/process/memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>

namespace weir::process {
namespace {

constexpr int kHeaps = 2;
constexpr int kLargeBuffer =
    128 << 10;  // bytes: those beyond it are mapped, and unmapped when they are freed

// What can be written is the process' own and must stay.
int drop_segments(dl_phdr_info* object, std::size_t, void*) {
  const auto page = static_cast<ElfW(Addr)>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const auto begin = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const auto end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);  // NOLINT(performance-no-int-to-ptr)
  }
  return 0;
}

}  // namespace

void keep_heap_small() {
  mallopt(M_ARENA_MAX, kHeaps);
  mallopt(M_MMAP_THRESHOLD, kLargeBuffer);
}

void give_back_start_up() {
  malloc_trim(0);
  dl_iterate_phdr(drop_segments, nullptr);
}

}  // namespace weir::process
