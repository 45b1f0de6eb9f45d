#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>

#include "alta_system.h"

// The one global of the system: a signal handler gets no other argument.
static atomic_int pending_signal;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler may not take a lock");

static void set_flag(int signal) {
    atomic_store(&pending_signal, signal);
}

int alta_signal_flag_install(int signal) {
    struct sigaction action = {.sa_handler = set_flag, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    return sigaction(signal, &action, NULL) == 0 ? 0 : -errno;
}

int alta_signal_flag_pending(void) {
    return atomic_load(&pending_signal);
}

void alta_signal_flag_clear(void) {
    atomic_store(&pending_signal, 0);
}
