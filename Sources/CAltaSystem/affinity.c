#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>

#include "alta_system.h"

// The kernel refuses masks smaller than its own, whose size it does not tell; twice as many are tried until it agrees.
enum { FIRST_CAPACITY = 1024, LAST_CAPACITY = 1 << 20 };

int alta_affinity_get(int32_t *cores, int capacity) {
    for (int possible = FIRST_CAPACITY; possible <= LAST_CAPACITY; possible *= 2) {
        cpu_set_t *mask = CPU_ALLOC(possible);
        if (!mask) return -ENOMEM;
        size_t bytes = CPU_ALLOC_SIZE(possible);
        CPU_ZERO_S(bytes, mask);
        if (sched_getaffinity(0, bytes, mask) == 0) {
            int found = 0;
            for (int core = 0; core < possible; core++) {
                if (!CPU_ISSET_S((size_t)core, bytes, mask)) continue;
                if (found < capacity) cores[found] = core;
                found++;
            }
            CPU_FREE(mask);
            return found;
        }
        int code = errno;
        CPU_FREE(mask);
        if (code != EINVAL) return -code;
    }
    return -EINVAL;
}

int alta_affinity_set(const int32_t *cores, int count) {
    int possible = FIRST_CAPACITY;
    for (int i = 0; i < count; i++) {
        if (cores[i] < 0 || cores[i] >= LAST_CAPACITY) return -EINVAL;
        while (cores[i] >= possible) possible *= 2;
    }
    cpu_set_t *mask = CPU_ALLOC(possible);
    if (!mask) return -ENOMEM;
    size_t bytes = CPU_ALLOC_SIZE(possible);
    CPU_ZERO_S(bytes, mask);
    for (int i = 0; i < count; i++) CPU_SET_S((size_t)cores[i], bytes, mask);
    int result = sched_setaffinity(0, bytes, mask) == 0 ? 0 : -errno;
    CPU_FREE(mask);
    return result;
}
