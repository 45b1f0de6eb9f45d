#pragma once
#include <stdint.h>

/// What the calling thread has asked the heap for since it began: requests and bytes. A program that links this target
/// counts every malloc, calloc, realloc and aligned allocation, of whatever library.
typedef struct {
    uint64_t requests, bytes;
} allocation_count;

allocation_count allocations_of_this_thread(void);
