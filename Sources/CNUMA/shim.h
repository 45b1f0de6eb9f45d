// libnuma, and what Swift refuses of it: global pointers that may change.
#pragma once
#include <numa.h>

/// 1 where the machine has memory node `node`, else 0. Only after numa_available() did not fail.
static inline int alta_numa_node_exists(int node) {
    return numa_nodes_ptr && numa_bitmask_isbitset(numa_nodes_ptr, (unsigned int)node);
}
