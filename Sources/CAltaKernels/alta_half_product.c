#include "alta_half_attention.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alta_half_product.h"

#define TILES __attribute__((target("amx-tile,amx-bf16")))
#define INLINE_TILES static inline __attribute__((always_inline, target("amx-tile,amx-bf16")))

enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };

// Linux lends the tile registers to a process that asks; oneDNN asks too, and asking again changes nothing.
static bool has_tiles(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    bool has_bf16 = d >> 22 & 1, has_registers = d >> 24 & 1;
    return has_bf16 && has_registers && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

alta_half_level alta_half_best_level(void) {
    bool has_vectors = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                       __builtin_cpu_supports("avx512bf16");
    if (!has_vectors) return alta_half_none;
    return has_tiles() ? alta_half_tiles : alta_half_vectors;
}

// ---- AMX: tiles of 16 rows of 16 words; 0 to 3 are sums, 4 and 5 of a, 6 and 7 of b.

static TILES void configure(void) {
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } tiles;
    memset(&tiles, 0, sizeof tiles);
    tiles.palette = 1;
    for (int i = 0; i < 8; i++) {
        tiles.row_bytes[i] = 64;
        tiles.rows[i] = TILE;
    }
    _tile_loadconfig(&tiles);
}

static TILES void release(void) { _tile_release(); }

void alta_tiles_begin(alta_half_level level) {
    if (level == alta_half_tiles) configure();
}

void alta_tiles_end(alta_half_level level) {
    if (level == alta_half_tiles) release();
}

// One or two tiles down, one or two across.
INLINE_TILES void multiply_tile(const alta_product *of, long row, long column, const int down, const int across) {
    const alta_pair *a = of->a + row * of->a_row, *b = of->b + column;
    float *c = of->c + row * of->c_row + column;
    long a_bytes = of->a_row * 4, b_bytes = of->b_pair * 4, c_bytes = of->c_row * 4;
    _tile_zero(0);
    if (across == 2) _tile_zero(1);
    if (down == 2) _tile_zero(2);
    if (down == 2 && across == 2) _tile_zero(3);
    for (long p = 0; p < of->pairs; p += TILE) {
        _tile_loadd(6, b + p * of->b_pair, b_bytes);
        _tile_loadd(4, a + p, a_bytes);
        _tile_dpbf16ps(0, 4, 6);
        if (across == 2) _tile_loadd(7, b + p * of->b_pair + TILE, b_bytes);
        if (across == 2) _tile_dpbf16ps(1, 4, 7);
        if (down == 2) _tile_loadd(5, a + TILE * of->a_row + p, a_bytes);
        if (down == 2) _tile_dpbf16ps(2, 5, 6);
        if (down == 2 && across == 2) _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, c, c_bytes);
    if (across == 2) _tile_stored(1, c + TILE, c_bytes);
    if (down == 2) _tile_stored(2, c + TILE * of->c_row, c_bytes);
    if (down == 2 && across == 2) _tile_stored(3, c + TILE * of->c_row + TILE, c_bytes);
}

static TILES void multiply_by_tiles(const alta_product *of) {
    for (long column = 0; column < of->columns; column += 2 * TILE) {
        bool wide = of->columns - column > TILE;
        for (long row = 0; row < of->rows; row += 2 * TILE) {
            bool high = of->rows - row > TILE;
            if (wide && high) multiply_tile(of, row, column, 2, 2);
            if (wide && !high) multiply_tile(of, row, column, 1, 2);
            if (!wide && high) multiply_tile(of, row, column, 2, 1);
            if (!wide && !high) multiply_tile(of, row, column, 1, 1);
        }
    }
}

// ---- AVX-512 BF16: up to 6 rows of 4 vectors are summed in registers.

INLINE_TARGET void multiply_vectors(const alta_product *of, long row, long column, const int rows, const int groups) {
    __m512 sums[6][4];
    const alta_pair *a = of->a + row * of->a_row, *b = of->b + column;
    long a_row = of->a_row, b_pair = of->b_pair;
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int g = 0; g < groups; g++) sums[r][g] = _mm512_setzero_ps();
    }
    for (long p = 0; p < of->pairs; p++) {
        __m512bh columns[4];
#pragma clang loop unroll(full)
        for (int g = 0; g < groups; g++) columns[g] = (__m512bh)_mm512_loadu_si512(b + p * b_pair + g * LANES);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            __m512bh one = (__m512bh)_mm512_set1_epi32((int)a[r * a_row + p]);
#pragma clang loop unroll(full)
            for (int g = 0; g < groups; g++) sums[r][g] = _mm512_dpbf16_ps(sums[r][g], one, columns[g]);
        }
    }
    float *c = of->c + row * of->c_row + column;
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (int g = 0; g < groups; g++) _mm512_storeu_ps(c + r * of->c_row + g * LANES, sums[r][g]);
    }
}

INLINE_TARGET void multiply_rows(const alta_product *of, long row, const int rows) {
    long column = 0;
    for (; of->columns - column >= 4 * LANES; column += 4 * LANES) multiply_vectors(of, row, column, rows, 4);
    switch ((of->columns - column) / LANES) {
        case 3: multiply_vectors(of, row, column, rows, 3); break;
        case 2: multiply_vectors(of, row, column, rows, 2); break;
        case 1: multiply_vectors(of, row, column, rows, 1); break;
        default: break;
    }
}

static TARGET void multiply_by_vectors(const alta_product *of) {
    long row = 0;
    for (; of->rows - row >= 6; row += 6) multiply_rows(of, row, 6);
    if (of->rows - row >= 4) {
        multiply_rows(of, row, 4);
        row += 4;
    }
    if (of->rows - row >= 2) {
        multiply_rows(of, row, 2);
        row += 2;
    }
    if (of->rows > row) multiply_rows(of, row, 1);
}

void alta_multiply_pairs(alta_half_level level, const alta_product *of) {
    if (level == alta_half_tiles) {
        multiply_by_tiles(of);
    } else {
        multiply_by_vectors(of);
    }
}
#else
alta_half_level alta_half_best_level(void) { return alta_half_none; }
#endif
