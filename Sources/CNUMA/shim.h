// libnuma, and what Swift refuses of it: global pointers that may change.
#pragma once
#include <errno.h>
#include <numa.h>
#include <numaif.h>

/// 1 where the machine has memory node `node`, else 0. Only after numa_available() did not fail.
static inline int alta_numa_node_exists(int node) {
    return numa_nodes_ptr && numa_bitmask_isbitset(numa_nodes_ptr, (unsigned int)node);
}

/// Asks that the pages of a mapping come from memory node `nodes[0]` where it has room, or from several nodes by turns: a
/// wish, which memory that processes share keeps for all of them. Returns 0, or -errno (containers often forbid it).
static inline int alta_numa_place(void *start, size_t bytes, const int *nodes, int count) {
    struct bitmask *mask = numa_allocate_nodemask();
    if (!mask) return -ENOMEM;
    for (int i = 0; i < count; i++) numa_bitmask_setbit(mask, (unsigned int)nodes[i]);
    int policy = count == 1 ? MPOL_PREFERRED : MPOL_INTERLEAVE;
    int result = mbind(start, bytes, policy, mask->maskp, mask->size + 1, 0) == 0 ? 0 : -errno;
    numa_bitmask_free(mask);
    return result;
}
