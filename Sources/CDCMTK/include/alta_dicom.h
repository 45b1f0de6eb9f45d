// DICOM files by DCMTK, which Swift cannot import: C++ classes behind three functions. Any thread; an object by one at a time.
//
// Functions that can fail write a sentence without a period to `message` then, ended by a zero byte.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A file that was read: its attributes, and where its pixels lie in the bytes that were given.
typedef struct alta_dicom alta_dicom;

/// How a call ended.
enum {
    ALTA_DICOM_DONE = 0,
    /// Not readable as DICOM, or an attribute that pixels need is missing.
    ALTA_DICOM_DAMAGED = 1,
    /// The transfer syntax is none that is decoded; `message` has its name.
    ALTA_DICOM_SYNTAX = 2,
    /// The installation lacks something.
    ALTA_DICOM_INSTALLATION = 3,
};

/// What the file says of its pixels; nothing in it is checked.
typedef struct {
    uint32_t rows;
    uint32_t columns;
    /// 1 where the file does not say.
    uint32_t frames;
    uint32_t samples_per_pixel;
    uint32_t bits_allocated;
    uint32_t bits_stored;
    uint32_t high_bit;
    /// 1: two's complement, 0: unsigned.
    uint32_t pixel_representation;
    /// Bytes of pixel data in the file, encoded as they are.
    uint64_t pixel_byte_count;
    /// Whether the pixels are compressed.
    int32_t is_compressed;
    /// Whether each bit of compressed pixels may stand for a whole run (JPEG-LS).
    int32_t has_long_runs;
    /// MONOCHROME1, MONOCHROME2, RGB ...; ended by a zero byte.
    char photometric[24];
} alta_dicom_description;

/// Reads a file from memory, which must stay as it is until the object is freed. No pixel is decoded and no value above
/// 256 bytes is copied. `most_items` bounds how deeply sequences may be nested.
int alta_dicom_open(
    const void *bytes, size_t count, size_t most_items, alta_dicom **file, alta_dicom_description *description,
    char *message, size_t message_capacity);

/// Decodes the first frame to `pixels`: rows x columns x samples, 8 bits or 16 in this machine's byte order, as allocated;
/// `byte_count` is even and at least as large as that.
int alta_dicom_decode(alta_dicom *file, void *pixels, size_t byte_count, char *message, size_t message_capacity);

/// Frees the object; NULL is allowed.
void alta_dicom_close(alta_dicom *file);

#ifdef __cplusplus
}
#endif
