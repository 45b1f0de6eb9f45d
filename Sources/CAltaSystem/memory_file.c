#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "alta_system.h"

int alta_memory_file_create(int64_t bytes) {
    int descriptor = memfd_create("alta-frozen", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return -errno;
    if (ftruncate(descriptor, bytes) == 0 && fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0) {
        return descriptor;
    }
    int code = errno;
    close(descriptor);
    return -code;
}

int alta_memory_file_reserve(int descriptor, int64_t bytes) {
    return bytes == 0 || fallocate(descriptor, 0, 0, bytes) == 0 ? 0 : -errno;
}

int alta_memory_file_seal(int descriptor) {
    return fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) == 0 ? 0 : -errno;
}

int alta_file_is_local(int descriptor) {
    struct statfs system;
    if (fstatfs(descriptor, &system) != 0) return 0;
    switch ((unsigned long)system.f_type & 0xFFFFFFFF) {
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
    case EXT4_SUPER_MAGIC: // ext2 and ext3 have the same
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case OVERLAYFS_SUPER_MAGIC: return 1;
    default: return 0;
    }
}
