#pragma once
#include <stdint.h>

/// Makes this process one that supervises a job: SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGQUIT and SIGCHLD are blocked and can be
/// read from the returned descriptor instead, SIGPIPE is ignored, and orphaned grandchildren become its own children
/// (subreaper), so that none of them can outlive it unseen. SIGHUP and SIGINT are left ignored where they were ignored before,
/// as under nohup. Call it before any thread is started. Returns the descriptor, or -errno.
int32_t alta_launch_supervise(void);

/// The number of the next pending signal of the descriptor, 0 where there is none, -errno on failure.
int32_t alta_launch_next_signal(int32_t descriptor);

/// Starts `path` in a process group of its own with standard input empty, `output` and `error` as its standard output and
/// error, and every signal at its default. The child gets SIGTERM when the calling THREAD ends, however it ends: call it from
/// the main thread. Returns the process id once the program has really started, or -errno (of fork or execve).
int32_t alta_launch_start(const char *path, char *const arguments[], char *const environment[], int32_t output,
                          int32_t error);
