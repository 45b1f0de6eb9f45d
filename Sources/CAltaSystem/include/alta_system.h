// What Swift cannot import from the C library: macros, variadic functions, signal handlers. Linux only.
//
// Functions that can fail return a negative errno then.
#pragma once
#include <stddef.h>
#include <stdint.h>

// MARK: Affinity. A core is a logical processor as Linux numbers them, from 0.

/// Writes the cores that the calling thread may run on to `cores`, ascending, `capacity` of them at most.
/// Returns how many there are, which may exceed the capacity.
int alta_affinity_get(int32_t *cores, int capacity);

/// Restricts the calling thread, and threads that it starts later, to `count` cores. Returns 0.
int alta_affinity_set(const int32_t *cores, int count);

// MARK: Machine

/// Writes the machine's name, ended by a zero byte, to `name`. Returns 0; -ENAMETOOLONG where it does not fit.
int alta_host_name(char *name, size_t capacity);

/// The bytes of a core's level 2 cache; 0 where unknown.
int64_t alta_level_2_cache_bytes(void);

/// Gives pages that hold nothing but freed memory back to the system.
void alta_return_freed_memory(void);

// MARK: Memory that processes share
// A file without a name: nothing is left of it when the last process that has it open or mapped is gone, however that ends.

/// Makes such a file of `bytes` zeros, whose size cannot change any more. Returns its descriptor.
int alta_memory_file_create(int64_t bytes);

/// Sets memory aside for all of the file, so that a lack of it is an error now and not a SIGBUS later. Returns 0.
int alta_memory_file_reserve(int descriptor, int64_t bytes);

/// Forbids for ever to write to the file. Returns 0; -EBUSY where a mapping of it can still be written through.
int alta_memory_file_seal(int descriptor);

/// 1 where the file lies on a file system of this machine, whose mapped pages wait for no server, else 0.
int alta_file_is_local(int descriptor);

/// Copies `count` bytes at `address` of another process into `bytes`, as MPI does between ranks of a machine where it may
/// (CMA). Returns 0; -EPERM where the system or the container forbids it, -ENOSYS where the kernel cannot.
int alta_process_memory_read(int32_t process, uint64_t address, void *bytes, size_t count);

// MARK: Terminal

/// 1 where the file descriptor is a terminal, else 0.
int alta_is_terminal(int descriptor);

/// The columns of the terminal behind the file descriptor; 0 where it is none or does not say.
int alta_terminal_columns(int descriptor);

// MARK: Signals
// A handler may do next to nothing; this one sets a flag that the program reads where it is convenient.

/// From now on `signal` (SIGTERM, SIGUSR1, ...) sets the flag instead of ending the process. System calls that it
/// interrupts go on. Returns 0.
int alta_signal_flag_install(int signal);

/// The last signal that set the flag; 0 where none has. Lock-free; any thread.
int alta_signal_flag_pending(void);

/// Forgets the signal, so that the flag can be set again.
void alta_signal_flag_clear(void);
