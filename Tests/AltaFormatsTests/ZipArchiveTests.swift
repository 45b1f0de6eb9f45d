import AltaCore
import AltaFormats
import AltaFuzzSupport
import AltaTestSupport
import Testing

/// Archives put together wrongly on purpose; what a good one holds is in `TorchFileTests`.
@Suite struct ZipArchiveTests {
    private let good: [StoredZip.Entry]

    init() throws {
        let path = SharedMaterial.fixture("torch/tied.pth")
        good = StoredZip.entries(try SmallFile.contents(path, what: "a fixture"))
    }

    private func open(_ bytes: [UInt8]) throws -> WeightFile {
        try WeightFile.open(FileBytes(copying: bytes, name: "made.pth"))
    }

    private func refusal(_ bytes: [UInt8]) throws -> String {
        try #require(throws: AltaError.self) { try open(bytes) }.description
    }

    /// A number written over the bytes at a place.
    private func changed(_ bytes: [UInt8], _ place: Int, _ number: Int, _ byteCount: Int) -> [UInt8] {
        var bytes = bytes
        bytes.replaceSubrange(place..<place + byteCount, with: StoredZip.little(number, byteCount))
        return bytes
    }

    @Test func archivesAreReadWithAndWithoutLargeSizes() throws {
        let expected = try WeightFile.open(SharedMaterial.fixture("torch/tied.pth"))
        for isLarge in [false, true] {
            let file = try open(StoredZip.archive(good, isLarge: isLarge))
            #expect(file.names == expected.names && file.format == .torchArchive)
            for name in file.names { #expect(try file.tensor(name).floats() == expected.tensor(name).floats()) }
        }
    }

    @Test func commentBehindTheArchiveIsAllowed() throws {
        var bytes = StoredZip.archive(good)
        bytes = changed(bytes, bytes.count - 2, 300, 2) + [UInt8](repeating: 0x50, count: 300)
        #expect(try open(bytes).names.count == 4)
    }

    @Test func twoEntriesOfOneNameAreRefused() throws {
        #expect(try refusal(StoredZip.archive(good + [good[0]])).contains("two entries \(good[0].name)"))
        let second = StoredZip.Entry("other/data.pkl", good[0].content)
        #expect(try refusal(StoredZip.archive(good + [second])).contains("2 entries data.pkl instead of one"))
    }

    @Test func entriesThatShareBytesAreRefused() throws {
        // The second entry's content is another entry, header and all: its bytes would serve twice.
        let inner = StoredZip.archive([good[0]])
        var bytes = StoredZip.archive([StoredZip.Entry("archive/data/0", inner), good[0]])
        let directory =
            inner.count + 30 + "archive/data/0".utf8.count + 30 + good[0].name.utf8.count + good[0].content.count
        let second = directory + 46 + "archive/data/0".utf8.count
        bytes = changed(bytes, second + 42, 30 + "archive/data/0".utf8.count, 4)
        #expect(try refusal(bytes).contains("two of its entries overlap"))
    }

    @Test func placesAndSizesOutsideTheFileAreRefused() throws {
        for isLarge in [false, true] {
            let bytes = StoredZip.archive(good, isLarge: isLarge)
            let end = bytes.count - 22
            #expect(try refusal(changed(bytes, end, 0, 4)).contains("lacks the directory"))
            guard isLarge else {
                #expect(try refusal(changed(bytes, end + 16, bytes.count, 4)).contains("its directory does not lie"))
                #expect(try refusal(changed(bytes, end + 10, 0xFFFF, 2)).contains("its directory does not lie"))
                #expect(try refusal(changed(bytes, end + 10, good.count + 1, 2)).contains("its directory ends early"))
                continue
            }
            for place in [end - 12, end - 20 - 56 + 48, end - 20 - 56 + 40, end - 20 - 56 + 32] {
                for number in [bytes.count, Int.max, -1] {
                    #expect(try refusal(changed(bytes, place, number, 8)).contains("malformed PyTorch file"))
                }
            }
        }
    }

    @Test func sizesPastTheFileAreRefused() throws {
        for isLarge in [false, true] {
            for claim in [1000, 0x7FFF_FFFF, Int.max, -1] where isLarge || claim < 1 << 32 {
                var entries = good
                entries[entries.count - 1].claimedByteCount = claim
                let error = try refusal(StoredZip.archive(entries, isLarge: isLarge))
                #expect(error.contains("does not lie within the file") || error.contains("do not agree"), "\(error)")
            }
            // An entry that reaches into the next one.
            var entries = good
            entries[0].claimedByteCount = good[0].content.count + 10
            #expect(try refusal(StoredZip.archive(entries, isLarge: isLarge)).contains("two of its entries overlap"))
        }
    }

    @Test func directoryAndEntryMustAgree() throws {
        let bytes = StoredZip.archive(good)
        let first = good[0].name.utf8.count
        #expect(try refusal(changed(bytes, 30, 0x41, 1)).contains("has another name where its content is"))
        #expect(try refusal(changed(bytes, 26, first + 60_000, 2)).contains("does not lie within the file"))
        let directory = good.reduce(0) { $0 + 30 + $1.name.utf8.count + $1.content.count }
        #expect(try refusal(changed(bytes, directory + 20, 5, 4)).contains("do not agree"))
        #expect(try refusal(changed(bytes, directory + 8, 1, 2)).contains("is encrypted"))
        #expect(try refusal(changed(bytes, directory + 10, 12, 2)).contains("compressed by method 12"))
        #expect(try refusal(changed(bytes, directory + 42, 1, 4)).contains("is not where the directory says"))
    }
}
