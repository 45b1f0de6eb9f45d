import AltaCore

/// The first 4,096 bytes of a pack. All numbers are little-endian.
///
/// | byte | type | what |
/// | --- | --- | --- |
/// | 0 | 8 bytes | 89 `ALTAPK` 0A |
/// | 8 | u32 | version of the format, 1 |
/// | 12 | u32 | bytes of an entry of the index, 64 |
/// | 16 | u64 | studies |
/// | 24 | u64 | bytes of the whole file; 0 while it is being written |
/// | 32 | u64 | XXH64 of the table's bytes |
/// | 40 | u64 | XXH64 of the vocabulary's bytes; 0 without tokens |
/// | 48 | u64 | XXH64 of the index; 0 while the file is being written |
/// | 56 | u32 | 1: the reports' tokens are there |
/// | 60 | u32 | 0 for training, 1 for evaluation, 2 for both |
/// | 64 | u32 | side of the encoder's input in pixels |
/// | 68 | u32 | DICOM pixels: 0 published, 1 mimic |
/// | 72 | u32 | revision of the transforms (resize and crop), 1 |
/// | 80 | u64 | while the file is being written: XXH64 of the image folder's path; then 0 |
/// | 4088 | u64 | XXH64 of the bytes before |
///
/// Every other byte is zero.
struct PackHeader: Equatable {
    static let magic: [UInt8] = [0x89] + Array("ALTAPK".utf8) + [0x0A]
    static let version = 1
    static let byteCount = 4096
    /// Raised when `ImagePipeline.cropped` gives other pixels than before: old packs are then refused.
    static let transformRevision = 1
    private static let hashOffset = byteCount - 8

    var recipe: PackRecipe
    var studyCount: Int
    /// 0: the file is being written.
    var fileByteCount: Int
    var indexHash: UInt64
    /// Tells folders of radiographs apart while the file is being written; then 0: a pack does not depend on where it was
    /// made.
    var imageRootHash: UInt64

    /// Where payloads begin.
    var payloadStart: Int { Self.byteCount + studyCount * PackEntry.byteCount }

    /// The header's bytes: `[4096]`.
    var bytes: [UInt8] {
        var writer = LittleEndianWriter(byteCount: Self.byteCount)
        writer.put(Self.magic, at: 0)
        writer.put(UInt32(Self.version), at: 8)
        writer.put(UInt32(PackEntry.byteCount), at: 12)
        writer.put(UInt64(studyCount), at: 16)
        writer.put(UInt64(fileByteCount), at: 24)
        writer.put(recipe.dataHash, at: 32)
        writer.put(recipe.vocabularyHash ?? 0, at: 40)
        writer.put(indexHash, at: 48)
        writer.put(UInt32(recipe.vocabularyHash == nil ? 0 : 1), at: 56)
        writer.put(UInt32(Self.index(of: recipe.purpose)), at: 60)
        writer.put(UInt32(recipe.imageSize), at: 64)
        writer.put(UInt32(Self.index(of: recipe.dicomScaling)), at: 68)
        writer.put(UInt32(Self.transformRevision), at: 72)
        writer.put(imageRootHash, at: 80)
        writer.put(Self.hash(of: writer.bytes), at: Self.hashOffset)
        return writer.bytes
    }

    /// Reads the header at the beginning of a file's bytes.
    ///
    /// Errors: it is too short, another file, of another version, damaged.
    init(_ bytes: UnsafeRawBufferPointer, file: String) throws {
        guard bytes.count >= 12, bytes.starts(with: Self.magic) else {
            throw AltaError(
                "the file is no pack", why: "it does not begin as alta-data pack writes them",
                remedy: "name a CSV, or a file that alta-data pack made", file: file)
        }
        let reader = LittleEndianReader(bytes)
        guard reader.u32(8) == Self.version else {
            throw AltaError(
                "the pack is of another version",
                why: "it has version \(reader.u32(8)), this program reads \(Self.version)",
                remedy: "make it anew: alta-data pack CSV --output \(file)", file: file)
        }
        guard bytes.count >= Self.byteCount else {
            throw Self.damaged("it ends within its header, after \(bytes.count) bytes", file)
        }
        guard reader.u64(Self.hashOffset) == Self.hash(of: bytes) else {
            throw Self.damaged("the checksum of its header is wrong", file)
        }
        guard reader.u32(72) == Self.transformRevision else {
            throw AltaError(
                "the pack's images were made by other transforms",
                why: "they have revision \(reader.u32(72)), this program makes \(Self.transformRevision)",
                remedy: "make it anew: alta-data pack CSV --output \(file)", file: file)
        }
        try self.init(checked: reader, file: file)
    }

    private init(checked reader: LittleEndianReader, file: String) throws {
        let hasTokens = reader.u32(56)
        guard reader.u32(12) == PackEntry.byteCount, hasTokens <= 1,
            let purpose = Self.element(of: PackRecipe.Purpose.allCases, at: reader.u32(60)),
            let scaling = Self.element(of: DicomScaling.allCases, at: reader.u32(68)),
            let size = Int(exactly: reader.u32(64)), (1...PackRecipe.largestImageSize).contains(size),
            let studyCount = Int(exactly: reader.u64(16)), (1...Self.largestStudyCount).contains(studyCount),
            let fileByteCount = Int(exactly: reader.u64(24))
        else { throw Self.damaged("its header holds numbers that no pack has", file) }
        recipe = PackRecipe(
            purpose: purpose, imageSize: size, dicomScaling: scaling, dataHash: reader.u64(32),
            vocabularyHash: hasTokens == 1 ? reader.u64(40) : nil)
        self.studyCount = studyCount
        self.fileByteCount = fileByteCount
        indexHash = reader.u64(48)
        imageRootHash = reader.u64(80)
    }

    private init(
        recipe: PackRecipe, studyCount: Int, fileByteCount: Int, indexHash: UInt64, imageRootHash: UInt64
    ) {
        self.recipe = recipe
        self.studyCount = studyCount
        self.fileByteCount = fileByteCount
        self.indexHash = indexHash
        self.imageRootHash = imageRootHash
    }

    /// The header of a file that is being written.
    static func partial(_ recipe: PackRecipe, studyCount: Int, imageRootHash: UInt64) -> PackHeader {
        PackHeader(
            recipe: recipe, studyCount: studyCount, fileByteCount: 0, indexHash: 0, imageRootHash: imageRootHash)
    }

    /// The header of this file once it is complete.
    func complete(fileByteCount: Int, indexHash: UInt64) -> PackHeader {
        PackHeader(
            recipe: recipe, studyCount: studyCount, fileByteCount: fileByteCount, indexHash: indexHash,
            imageRootHash: 0)
    }

    /// The most studies of a pack: an index of 64 GB.
    static let largestStudyCount = 1 << 30

    static func damaged(_ why: String, _ file: String) -> AltaError {
        AltaError(
            "the pack is damaged", why: why, remedy: "copy it again, or make it anew with alta-data pack", file: file)
    }

    private static func hash(of bytes: UnsafeRawBufferPointer) -> UInt64 {
        StableHash.value(of: UnsafeRawBufferPointer(rebasing: bytes[..<hashOffset]))
    }

    private static func hash(of bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { hash(of: $0) } }

    private static func index<T: Equatable & CaseIterable>(of value: T) -> Int {
        Array(T.allCases).firstIndex(of: value) ?? 0
    }

    private static func element<T>(of all: [T], at index: UInt32) -> T? {
        index < all.count ? all[Int(index)] : nil
    }
}
