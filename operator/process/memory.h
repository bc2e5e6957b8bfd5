// How much of the machine's memory the process holds on to.
#pragma once

namespace weir::process {

// Lets the heap give back what it no longer uses: by default each of the many threads, most of which wait,
// keeps a heap of its own, and buffers as large as a list's page stay for the next one. Before any thread.
void keep_heap_small();

// Gives back what only the start needed: the heap's free memory, and the pages of the program and its
// libraries, which are mapped again as they are used.
void give_back_start_up();

}  // namespace weir::process
