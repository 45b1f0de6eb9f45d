import AltaCore
import AltaData
import AltaFormats
import Foundation

extension ParserTargets {
    /// Small packs with and without tokens. Their checksums are mended in three of four inputs: behind them nearly nothing
    /// would be reached.
    static func pack() throws -> ParserTarget {
        try ParserTarget(
            "pack", originals: [packed(purpose: .both, hasTokens: true), packed(purpose: .training, hasTokens: false)],
            mutate: mutatedPack, read: readPack)
    }

    @Sendable private static func readPack(_ input: [UInt8]) throws {
        let pack = try PackedStudies(FileBytes(copying: input, name: "input"))
        precondition(pack.estimatedTokenCounts().count == pack.count, "\(pack.count) studies")
        for row in 0..<pack.count {
            let study = try pack.study(StudyIndex(row))
            precondition(study.report.utf8.count <= 3 * input.count, "a report longer than the file")
            _ = study.sentences?.joined().reduce(0) { $0 ^ $1 }
            for view in View.allCases {
                if pack.recipe.purpose.trains {
                    let side = pack.recipe.trainingSide(view)
                    precondition(study.trainingCrop(view, side: side).map { $0.height == side } ?? true)
                }
                if pack.recipe.purpose.evaluates {
                    precondition(study.evaluationCrop(view).map { $0.width == pack.recipe.imageSize } ?? true)
                }
            }
        }
    }

    /// The bytes of a pack of three studies with crops of 8 pixels.
    private static func packed(purpose: PackRecipe.Purpose, hasTokens: Bool) throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "alta-fuzz-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ["train.csv", "vocab.txt", "pack"].map { folder.appending(path: $0).path }
        try AtomicFile.write(
            files[0],
            text: """
                image_path,auxview_image_path,last_image_path,last_auxview_image_path,report
                grey.jpg,-1,-1,-1,No edema. Heart is large.
                rgb8.png,grey8.png,-1,-1,"Clear.
                Clear."
                grey.jpg,-1,palette8.png,grey.jpg,Heart.

                """)
        try AtomicFile.write(files[1], text: "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nheart\nclear\n.\n")
        _ = try StudyPacker.pack(
            PackOptions(
                csvPath: files[0], output: files[2], imageRoot: path("images"),
                vocabularyPath: hasTokens ? files[1] : nil, imageSize: 8, purpose: purpose),
            notice: { _ in }, progress: { _, _ in })
        return try SmallFile.contents(files[2], what: "a pack")
    }

    /// Damages the header's numbers, the index, the payloads or all of it.
    @Sendable private static func mutatedPack(_ original: [UInt8], _ other: [UInt8], _ key: RandomKey) -> [UInt8] {
        let payloads = 4096 + 64 * 3
        let region =
            switch key.integer(7, below: 4) {
            case 0: 8..<80
            case 1: 4096..<payloads
            case 2: payloads..<original.count
            default: 0..<original.count
            }
        var part = ByteMutator.mutated(Array(original[region]), other: Array(other.suffix(200)), key: key)
        if region.upperBound <= payloads {
            part = Array((part + [UInt8](repeating: 0, count: region.count)).prefix(region.count))
        }
        var bytes = original
        bytes.replaceSubrange(region, with: part)
        let mended = key.integer(9, below: 4)
        if mended > 0 { mendPack(&bytes, payloads: mended > 1) }
        return bytes
    }

    /// Gives a pack the checksums that belong to it, as far as its numbers lead, and the length that it has.
    private static func mendPack(_ bytes: inout [UInt8], payloads: Bool) {
        guard bytes.count >= 4096 else { return }
        let count = min(little(bytes, 16, 4), (bytes.count - 4096) / 64)
        for entry in stride(from: 4096, to: 4096 + 64 * count, by: 64) where payloads {
            let (start, byteCount) = (little(bytes, entry, 4), payloadByteCount(bytes, entry))
            guard byteCount <= bytes.count - start else { continue }
            put(hash(bytes[start..<(start + byteCount)]), at: entry + 8, in: &bytes)
        }
        put(UInt64(bytes.count), at: 24, in: &bytes)
        put(hash(bytes[4096..<(4096 + 64 * count)]), at: 48, in: &bytes)
        put(hash(bytes[0..<4088]), at: 4088, in: &bytes)
    }

    /// What an entry says of its payload's length, by the format's description.
    private static func payloadByteCount(_ bytes: [UInt8], _ entry: Int) -> Int {
        let (purpose, size) = (little(bytes, 60, 1), little(bytes, 64, 2))
        var count = purpose == 2 ? size * size : 0
        for view in 0..<View.count {
            let side = view == 0 && purpose != 1 ? 2 * size : size
            count += side * side * Int(bytes[entry + 32 + view])
        }
        count += little(bytes, entry + 16, 4)
        return (count + 3) / 4 * 4 + 4 * (little(bytes, entry + 20, 4) + little(bytes, entry + 24, 4))
    }

    private static func little(_ bytes: [UInt8], _ place: Int, _ byteCount: Int) -> Int {
        bytes[place..<(place + byteCount)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private static func put(_ number: UInt64, at place: Int, in bytes: inout [UInt8]) {
        bytes.replaceSubrange(place..<(place + 8), with: StoredZip.little(Int(bitPattern: UInt(number)), 8))
    }

    private static func hash(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.withUnsafeBytes { StableHash.value(of: $0) }
    }
}
