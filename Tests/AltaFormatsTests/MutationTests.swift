import AltaCore
import AltaFormats
import AltaTestSupport
import Foundation
import Testing

/// Small inputs, damaged in every way we could think of: each parser answers with an error or with a result that can
/// be read through; none traps.
@Suite struct MutationTests {
    private let runs = 3000

    /// A few bytes replaced, removed, inserted, repeated or set to extreme values, the same for the same number.
    private func mutated(_ original: [UInt8], run: Int) -> [UInt8] {
        let key = RandomKey(seed: UInt64(run), purpose: .test)
        var bytes = original
        for change in 0...key.integer(0, below: 4) where !bytes.isEmpty {
            let draw = key.child(UInt64(change))
            let place = draw.integer(0, below: bytes.count)
            switch draw.integer(1, below: 7) {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: draw.word(10))
            case 1: bytes[place] ^= 1 << UInt8(draw.integer(2, below: 8))
            case 2: bytes.remove(at: place)
            case 3: bytes.insert(UInt8(truncatingIfNeeded: draw.word(10)), at: place)
            case 4: bytes[place] = original[draw.integer(3, below: original.count)]
            case 5: bytes.removeLast(min(bytes.count, draw.integer(4, below: 20)))
            default:
                let end = min(bytes.count, place + draw.integer(5, below: 30))
                bytes.insert(contentsOf: bytes[place..<end], at: place)
            }
        }
        return bytes
    }

    private func smallSafetensors() throws -> [UInt8] {
        let folder = try SharedMaterial.temporaryFolder("mutation")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try SafetensorsWriter.write(
            [
                .floats("w", shape: [2, 3], [1, 2, 3, 4, 5, 6]), .integers("i", shape: [2], [7, 8]),
                .bytes("b", shape: [3], [1, 2, 3]),
            ], metadata: ["k": "v"], to: folder + "/a")
        return try Array(Data(contentsOf: URL(filePath: folder + "/a")))
    }

    @Test func safetensorsCutAtEveryByteAreRefused() throws {
        let whole = try smallSafetensors()
        #expect(try readEverything(SafetensorsFile(FileBytes(copying: whole, name: "x"))) == 11 + 24 + 16 + 3)
        for byteCount in whole.indices {
            #expect(throws: AltaError.self, "\(byteCount) bytes") {
                try SafetensorsFile(FileBytes(copying: whole[..<byteCount], name: "x"))
            }
        }
    }

    @Test func mutatedSafetensors() throws {
        let original = try smallSafetensors()
        var accepted = 0
        for run in 0..<runs {
            let bytes = FileBytes(copying: mutated(original, run: run), name: "x")
            do {
                _ = try readEverything(SafetensorsFile(bytes))
                accepted += 1
            } catch is AltaError {}
        }
        #expect(accepted > runs / 50 && accepted < runs)
    }

    @Test func mutatedTables() throws {
        let original = Array("\u{FEFF}path,report\r\na,\"x, \"\"y\"\"\nz\"\r\n\"b\",c\r\n\r\nd,e\n".utf8)
        var accepted = 0
        for run in 0..<runs {
            do {
                let table = try CSVTable(FileBytes(copying: mutated(original, run: run), name: "x"))
                accepted += 1
                for row in 0..<table.rowCount {
                    for column in table.header.indices { _ = table.field(row, column) }
                    #expect(table.lineNumber(row) > 0)
                }
            } catch is AltaError {}
        }
        #expect(accepted > runs / 50 && accepted < runs)
    }

    @Test func mutatedVocabularies() throws {
        let original = Array("[PAD]\n[UNK]\r\n[CLS]\n\u{E9}\n##\u{4E00}\nlung\n".utf8)
        var accepted = 0
        for run in 0..<runs {
            do {
                let vocabulary = try WordVocabulary(content: mutated(original, run: run), path: "x")
                accepted += 1
                for id in 0..<vocabulary.count {
                    let found = try #require(vocabulary.id(of: vocabulary.token(id)))
                    #expect(found >= id)
                }
            } catch is AltaError {}
        }
        #expect(accepted > runs / 50 && accepted < runs)
    }

    @Test func mutatedConfigurations() throws {
        let text = #"{"data": {"train": "some/folder/train.csv"}, "seed": 12345678, "model": {"projection": 123}}"#
        let original = Array(text.utf8)
        var accepted = 0
        for run in 0..<runs {
            do {
                let bytes = mutated(original, run: run)
                let json = try bytes.withUnsafeBytes { try JSONValue(parsing: $0) }
                let config = try RunConfig(json: json)
                accepted += 1
                #expect(try RunConfig(json: config.resolvedJSON()) == config)
            } catch is AltaError {}
        }
        #expect(accepted > runs / 50 && accepted < runs)
    }
}
