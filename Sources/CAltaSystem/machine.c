#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "alta_system.h"

int alta_host_name(char *name, size_t capacity) {
    if (capacity == 0) return -ENAMETOOLONG;
    if (gethostname(name, capacity) != 0) return -errno;
    // A name that fills the buffer may be cut, and its end missing.
    return memchr(name, 0, capacity) ? 0 : -ENAMETOOLONG;
}

int64_t alta_level_2_cache_bytes(void) {
    long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return bytes > 0 ? bytes : 0;
}

void alta_return_freed_memory(void) {
    malloc_trim(0);
}

int alta_is_terminal(int descriptor) {
    return isatty(descriptor);
}

int alta_terminal_columns(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
