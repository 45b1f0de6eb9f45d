#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "alta_half.h"
#include "alta_half_attention.h"
#include "alta_matmul.h"
#include "alta_rows.h"
#include "alta_threads.h"
#include "alta_word_patch.h"
