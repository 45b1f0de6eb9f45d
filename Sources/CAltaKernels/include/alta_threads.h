#pragma once

// Runs body(part, context) for part = 0 ... parts - 1 at the same time, on the calling thread and its team of OpenMP
// threads: the same threads that oneDNN uses, so the two never compete for cores.
void alta_parallel(int parts, void (*body)(int part, void *context), void *context);
