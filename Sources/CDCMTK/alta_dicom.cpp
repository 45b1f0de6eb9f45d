#include "alta_dicom.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmdata/dcistrma.h"
#include "dcmtk/dcmdata/dcpxitem.h"
#include "dcmtk/dcmdata/dcrledrg.h"
#include "dcmtk/dcmjpeg/djdecode.h"
#include "dcmtk/dcmjpls/djdecode.h"
#include "dcmtk/oflog/oflog.h"

namespace {

/// Longer values stay in the file's bytes until they are asked for.
constexpr Uint32 most_copied_bytes = 256;

struct Span {
    const Uint8 *bytes;
    offile_off_t count;
};

/// DCMTK's own stream over memory copies every value when it meets it, as long as it claims to be. This one lets it come
/// back for values, so that a length is held against the bytes that there are before anything is allocated.
class MemoryProducer : public DcmProducer {
public:
    MemoryProducer(Span span, offile_off_t offset) : span(span), place(offset) {}
    OFBool good() const override { return condition.good(); }
    OFCondition status() const override { return condition; }
    OFBool eos() override { return place >= span.count; }
    offile_off_t avail() override { return span.count - place; }

    offile_off_t read(void *target, offile_off_t count) override {
        const offile_off_t start = place;
        count = skip(count);
        if (count > 0) memcpy(target, span.bytes + start, size_t(count));
        return count;
    }

    offile_off_t skip(offile_off_t count) override {
        count = std::max<offile_off_t>(0, std::min(count, avail()));
        place += count;
        return count;
    }

    void putback(offile_off_t count) override {
        if (count > place) condition = EC_PutbackFailed;
        else place -= count;
    }

private:
    Span span;
    offile_off_t place;
    OFCondition condition = EC_Normal;
};

class MemoryStream : public DcmInputStream {
public:
    explicit MemoryStream(Span span, offile_off_t offset = 0)
        : DcmInputStream(&producer), producer(span, offset), span(span), offset(offset) {}
    DcmInputStreamFactory *newFactory() const override { return new Factory(span, offset + tell()); }

private:
    class Factory : public DcmInputStreamFactory {
    public:
        Factory(Span span, offile_off_t offset) : span(span), offset(offset) {}
        DcmInputStream *create() const override { return new MemoryStream(span, offset); }
        DcmInputStreamFactory *clone() const override { return new Factory(*this); }
        DcmInputStreamFactoryType ident() const override { return DFT_DcmInputFileStreamFactory; }

    private:
        Span span;
        offile_off_t offset;
    };

    MemoryProducer producer;
    Span span;
    offile_off_t offset;
};

int fail(int code, const char *text, char *message, size_t capacity) {
    snprintf(message, capacity, "%s", text);
    return code;
}

/// Silences the logger and makes the decoders known, once in a process; whether the dictionary is there.
bool prepare() {
    static const bool is_ready = [] {
        OFLog::configure(OFLogger::OFF_LOG_LEVEL);
        DJDecoderRegistration::registerCodecs();
        DJLSDecoderRegistration::registerCodecs();
        DcmRLEDecoderRegistration::registerCodecs();
        return bool(dcmDataDict.isDictionaryLoaded());
    }();
    return is_ready;
}

/// Whether pixels of a transfer syntax are decoded here: all that the registered decoders and plain files cover, but for
/// deflated files, whose length says nothing about what they hold.
bool is_decoded(E_TransferSyntax syntax) {
    switch (syntax) {
        case EXS_LittleEndianImplicit:
        case EXS_LittleEndianExplicit:
        case EXS_BigEndianExplicit:
        case EXS_JPEGProcess1:
        case EXS_JPEGProcess2_4:
        case EXS_JPEGProcess14:
        case EXS_JPEGProcess14SV1:
        case EXS_JPEGLSLossless:
        case EXS_JPEGLSLossy:
        case EXS_RLELossless: return true;
        default: return false;
    }
}

/// DCMTK reads nested sequences by recursion, one item a level: more items than this could exhaust the stack.
bool has_too_many_items(Span span, size_t most) {
    const Uint8 little[] = {0xFE, 0xFF, 0x00, 0xE0}, big[] = {0xFF, 0xFE, 0xE0, 0x00};
    size_t items = 0;
    for (const Uint8 *tag : {little, big}) {
        const Uint8 *place = span.bytes, *end = place + span.count;
        while ((place = std::search(place, end, tag, tag + 4)) != end) {
            if (++items > most) return true;
            place += 4;
        }
    }
    return false;
}

/// The transfer syntax that the file's first part names, or a failure.
int read_syntax(Span span, E_TransferSyntax *syntax, char *message, size_t capacity) {
    MemoryStream stream(span);
    DcmMetaInfo meta;
    meta.transferInit();
    const OFCondition condition = meta.read(stream, EXS_Unknown, EGL_noChange, most_copied_bytes);
    meta.transferEnd();
    OFString identifier;
    if (condition.bad() || meta.findAndGetOFString(DCM_TransferSyntaxUID, identifier).bad() || identifier.empty())
        return fail(ALTA_DICOM_DAMAGED, "it names no transfer syntax", message, capacity);
    const DcmXfer found(identifier.c_str());
    *syntax = found.getXfer();
    if (is_decoded(*syntax)) return ALTA_DICOM_DONE;
    snprintf(message, capacity, "%s (%s)", found.getXferName(), identifier.substr(0, 64).c_str());
    return ALTA_DICOM_SYNTAX;
}

} // namespace

struct alta_dicom {
    DcmFileFormat file;
    DcmPixelData *pixels = nullptr;
    E_TransferSyntax syntax = EXS_Unknown;
};

namespace {

bool get(DcmDataset *dataset, const DcmTagKey &key, uint32_t *value) {
    Uint16 number = 0;
    const bool is_there = dataset->findAndGetUint16(key, number).good();
    *value = number;
    return is_there;
}

/// The bytes of pixel data as they lie in the file; 0 where there are none.
uint64_t encoded_byte_count(alta_dicom *dicom) {
    if (!DcmXfer(dicom->syntax).isEncapsulated()) return dicom->pixels->getLength(dicom->syntax);
    DcmPixelSequence *fragments = nullptr;
    if (dicom->pixels->getEncapsulatedRepresentation(dicom->syntax, nullptr, fragments).bad() || !fragments) return 0;
    uint64_t count = 0;
    // The first item is the table of offsets.
    for (unsigned long index = 1; index < fragments->card(); index += 1) {
        DcmPixelItem *item = nullptr;
        if (fragments->getItem(item, index).good() && item) count += item->getLength();
    }
    return count;
}

bool is_jpeg(E_TransferSyntax syntax) {
    return syntax == EXS_JPEGProcess1 || syntax == EXS_JPEGProcess2_4 || syntax == EXS_JPEGProcess14
        || syntax == EXS_JPEGProcess14SV1;
}

bool is_jpeg_ls(E_TransferSyntax syntax) { return syntax == EXS_JPEGLSLossless || syntax == EXS_JPEGLSLossy; }

/// Whether a JPEG's frame header is of JPEG-LS or not, sequential or lossless then, and has this size: decoders allocate by
/// it, not by the data set.
bool has_frame(const Uint8 *bytes, size_t count, bool is_ls, uint32_t rows, uint32_t columns) {
    size_t place = 2;
    while (place + 9 <= count && bytes[place] == 0xFF) {
        const Uint8 marker = bytes[place + 1];
        if (marker == 0xFF) {
            place += 1;
            continue;
        }
        const bool is_table = marker == 0xC4 || marker == 0xC8 || marker == 0xCC;
        if ((marker >= 0xC0 && marker <= 0xCF && !is_table) || marker == 0xF7)
            return (is_ls ? marker == 0xF7 : marker == 0xC0 || marker == 0xC1 || marker == 0xC3)
                && rows == uint32_t(bytes[place + 5] << 8 | bytes[place + 6])
                && columns == uint32_t(bytes[place + 7] << 8 | bytes[place + 8]);
        place += 2 + size_t(bytes[place + 2] << 8 | bytes[place + 3]);
    }
    return false;
}

/// How many bytes a run-length coded segment stands for, counted up to `most`.
uint64_t decoded_byte_count(const Uint8 *place, const Uint8 *end, uint64_t most) {
    uint64_t count = 0;
    while (count < most && place < end) {
        const bool is_run = *place & 0x80;
        const int length = is_run ? 257 - *place : *place + 1;
        place += is_run ? 2 : 1 + length;
        // DCMTK takes 128 for a run of 129, the standard for nothing.
        if (place > end || length == 129) return 0;
        count += length;
    }
    return count;
}

/// Whether the offsets of run-length coded segments ascend within the fragment, and each segment holds every pixel: the
/// decoder believes the former and makes up what is missing of the latter.
bool has_segments(const Uint8 *bytes, size_t count, uint32_t segments, uint64_t pixels) {
    Uint32 header[16];
    if (count < sizeof header) return false;
    memcpy(header, bytes, sizeof header);
    swapIfNecessary(gLocalByteOrder, EBO_LittleEndian, header, sizeof header, sizeof(Uint32));
    if (header[0] != segments || segments < 1 || segments > 2) return false;
    for (uint32_t segment = 1; segment <= segments; segment += 1) {
        const size_t start = header[segment], end = segment < segments ? header[segment + 1] : count;
        if (start < sizeof header || start > end || end > count) return false;
        if (decoded_byte_count(bytes + start, bytes + end, pixels) < pixels) return false;
    }
    return true;
}

/// Holds compressed pixels against the size that the data set says, as far as a decoder would take it on trust.
bool is_sound(alta_dicom *dicom, const alta_dicom_description &description) {
    DcmPixelSequence *fragments = nullptr;
    DcmPixelItem *item = nullptr;
    Uint8 *bytes = nullptr;
    if (dicom->pixels->getEncapsulatedRepresentation(dicom->syntax, nullptr, fragments).bad() || !fragments) return false;
    if (fragments->getItem(item, 1).bad() || !item || item->getUint8Array(bytes).bad() || !bytes) return false;
    const size_t count = item->getLength();
    if (is_jpeg(dicom->syntax) || is_jpeg_ls(dicom->syntax))
        return has_frame(bytes, count, is_jpeg_ls(dicom->syntax), description.rows, description.columns);
    return fragments->card() == 2
        && has_segments(
            bytes, count, description.bits_allocated / 8, uint64_t(description.rows) * description.columns);
}

int describe(alta_dicom *dicom, alta_dicom_description *description, char *message, size_t capacity) {
    DcmDataset *dataset = dicom->file.getDataset();
    DcmElement *element = nullptr;
    if (dataset->findAndGetElement(DCM_PixelData, element).good()) dicom->pixels = dynamic_cast<DcmPixelData *>(element);
    if (!dicom->pixels) return fail(ALTA_DICOM_DAMAGED, "it has no pixel data", message, capacity);
    OFString photometric;
    if (!get(dataset, DCM_Rows, &description->rows) || !get(dataset, DCM_Columns, &description->columns)
        || !get(dataset, DCM_BitsAllocated, &description->bits_allocated)
        || !get(dataset, DCM_BitsStored, &description->bits_stored)
        || !get(dataset, DCM_PixelRepresentation, &description->pixel_representation)
        || dataset->findAndGetOFString(DCM_PhotometricInterpretation, photometric).bad())
        return fail(ALTA_DICOM_DAMAGED, "it does not say how its pixels are stored", message, capacity);
    if (!get(dataset, DCM_HighBit, &description->high_bit)) description->high_bit = description->bits_stored - 1;
    if (!get(dataset, DCM_SamplesPerPixel, &description->samples_per_pixel)) description->samples_per_pixel = 1;
    Sint32 frames = 1;
    if (dataset->findAndGetSint32(DCM_NumberOfFrames, frames).bad()) frames = 1;
    description->frames = frames < 0 ? 0 : uint32_t(frames);
    snprintf(description->photometric, sizeof description->photometric, "%s", photometric.c_str());
    description->is_compressed = DcmXfer(dicom->syntax).isEncapsulated();
    description->has_long_runs = is_jpeg_ls(dicom->syntax);
    description->pixel_byte_count = encoded_byte_count(dicom);
    if (description->is_compressed && !is_sound(dicom, *description))
        return fail(ALTA_DICOM_DAMAGED, "its compressed pixels are not of its size and kind", message, capacity);
    return ALTA_DICOM_DONE;
}

} // namespace

int alta_dicom_open(
    const void *bytes, size_t count, size_t most_items, alta_dicom **file, alta_dicom_description *description,
    char *message, size_t capacity) try {
    *file = nullptr;
    *description = alta_dicom_description();
    if (!prepare())
        return fail(ALTA_DICOM_INSTALLATION, "DCMTK cannot load its data dictionary", message, capacity);
    const Span span = {static_cast<const Uint8 *>(bytes), offile_off_t(count)};
    std::unique_ptr<alta_dicom> dicom(new alta_dicom);
    const int code = read_syntax(span, &dicom->syntax, message, capacity);
    if (code != ALTA_DICOM_DONE) return code;
    if (has_too_many_items(span, most_items))
        return fail(ALTA_DICOM_DAMAGED, "it has more items in sequences than a radiograph", message, capacity);
    MemoryStream stream(span);
    dicom->file.transferInit();
    const OFCondition condition = dicom->file.read(stream, EXS_Unknown, EGL_noChange, most_copied_bytes);
    dicom->file.transferEnd();
    if (condition.bad()) return fail(ALTA_DICOM_DAMAGED, condition.text(), message, capacity);
    // Where the data set is encoded otherwise than the first part says, DCMTK goes by the data set.
    dicom->syntax = dicom->file.getDataset()->getOriginalXfer();
    if (!is_decoded(dicom->syntax)) return fail(ALTA_DICOM_DAMAGED, "its encoding is unclear", message, capacity);
    const int described = describe(dicom.get(), description, message, capacity);
    if (described == ALTA_DICOM_DONE) *file = dicom.release();
    return described;
} catch (const std::bad_alloc &) {
    return fail(ALTA_DICOM_DAMAGED, "out of memory", message, capacity);
} catch (...) {
    return fail(ALTA_DICOM_DAMAGED, "unknown error", message, capacity);
}

int alta_dicom_decode(alta_dicom *file, void *pixels, size_t byte_count, char *message, size_t capacity) try {
    OFString colour_model;
    Uint32 fragment = 0;
    const OFCondition condition = file->pixels->getUncompressedFrame(
        file->file.getDataset(), 0, fragment, pixels, Uint32(byte_count), colour_model);
    if (condition.bad()) return fail(ALTA_DICOM_DAMAGED, condition.text(), message, capacity);
    return ALTA_DICOM_DONE;
} catch (const std::bad_alloc &) {
    return fail(ALTA_DICOM_DAMAGED, "out of memory", message, capacity);
} catch (...) {
    return fail(ALTA_DICOM_DAMAGED, "unknown error", message, capacity);
}

void alta_dicom_close(alta_dicom *file) { delete file; }
