#include "alta_kernels.h"
