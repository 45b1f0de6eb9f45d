#define _GNU_SOURCE
#include <errno.h>
#include <sys/uio.h>

#include "alta_system.h"

int alta_process_memory_read(int32_t process, uint64_t address, void *bytes, size_t count) {
    struct iovec here = {.iov_base = bytes, .iov_len = count};
    struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = count};
    ssize_t read = process_vm_readv(process, &here, 1, &there, 1, 0);
    if (read < 0) return -errno;
    return (size_t)read == count ? 0 : -EIO;
}
