#define _GNU_SOURCE
#include "alta_launch_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/// Adds a signal, unless this process was started to ignore it: a blocked one would be queued, and read, all the same.
static void add_unless_ignored(sigset_t *set, int number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0 || action.sa_handler != SIG_IGN) sigaddset(set, number);
}

static void supervised_signals(sigset_t *set) {
    sigemptyset(set);
    // nohup ignores the one, a shell without job control the other for what it starts with "&".
    add_unless_ignored(set, SIGHUP);
    add_unless_ignored(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGUSR1);
    sigaddset(set, SIGCHLD);
    sigaddset(set, SIGQUIT);
}

int32_t alta_launch_supervise(void) {
    sigset_t set;
    supervised_signals(&set);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return -errno;
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -errno;
    signal(SIGPIPE, SIG_IGN);
    // Where its parent ignored it, the kernel would reap children unasked, and their exit statuses with them.
    signal(SIGCHLD, SIG_DFL);
    int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int32_t alta_launch_next_signal(int32_t descriptor) {
    struct signalfd_siginfo information;
    ssize_t count = read(descriptor, &information, sizeof information);
    if (count == (ssize_t)sizeof information) return (int32_t)information.ssi_signo;
    if (count < 0 && errno != EAGAIN && errno != EINTR) return -errno;
    return 0;
}

/// Runs in the child between fork and execve: async-signal-safe calls only.
static void become_program(const char *path, char *const arguments[], char *const environment[], int output, int error,
                           pid_t parent) {
    setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) return;
    if (getppid() != parent) _exit(127);  // the parent ended before the request was made
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0) return;
    if (dup2(output, STDOUT_FILENO) < 0 || dup2(error, STDERR_FILENO) < 0) return;
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(path, arguments, environment);
}

int32_t alta_launch_start(const char *path, char *const arguments[], char *const environment[], int32_t output,
                          int32_t error) {
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) return -errno;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0) {
        int32_t failure = -errno;
        close(report[0]);
        close(report[1]);
        return failure;
    }
    if (child == 0) {
        become_program(path, arguments, environment, output, error, parent);
        int32_t failure = errno;
        ssize_t written = write(report[1], &failure, sizeof failure);
        _exit(written == (ssize_t)sizeof failure ? 127 : 126);
    }
    close(report[1]);
    setpgid(child, child);
    int32_t failure = 0;
    ssize_t count;
    do count = read(report[0], &failure, sizeof failure);
    while (count < 0 && errno == EINTR);
    close(report[0]);
    if (count == 0) return child;  // closed by a successful execve
    waitpid(child, NULL, 0);
    return failure > 0 ? -failure : -EIO;
}
