#include "alta_threads.h"

// The entry points of libgomp, which oneDNN brings along. Compiling with -fopenmp would need unsafe build flags and,
// with clang, a second OpenMP run time with threads of its own beside libgomp's.
extern void GOMP_parallel(void (*body)(void *), void *context, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);

typedef struct {
    int parts;
    void (*body)(int part, void *context);
    void *context;
} team_work;

// A team may come out smaller than asked for, so each member takes every n-th part.
static void run_member(void *context) {
    const team_work *work = context;
    for (int part = omp_get_thread_num(); part < work->parts; part += omp_get_num_threads()) {
        work->body(part, work->context);
    }
}

void alta_parallel(int parts, void (*body)(int part, void *context), void *context) {
    if (parts == 1) {
        body(0, context);
        return;
    }
    team_work work = {parts, body, context};
    GOMP_parallel(run_member, &work, (unsigned)parts, 0);
}
