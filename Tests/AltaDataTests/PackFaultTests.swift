import AltaCore
import AltaData
import AltaFormats
import AltaTestSupport
import Foundation
import Testing

@Suite("Packs that cannot be used are refused, broken ones continued")
struct PackFaultTests {
    /// What reading all of a pack says.
    private func fault(_ bytes: [UInt8]) -> AltaError? {
        do {
            let pack = try PackedStudies(FileBytes(copying: bytes, name: "some.pack"))
            for row in 0..<pack.count { _ = try pack.study(StudyIndex(row)) }
            return nil
        } catch { return error as? AltaError }
    }

    @Test func damageAnywhereIsFound() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        try sample.pack()
        let good = try sample.bytes()
        #expect(fault(good) == nil)
        let places = [0, 8, 12, 16, 24, 40, 60, 200, 4090, 4096, 4096 + 64 * 20 + 8, good.count - 1]
        for place in places + [4096 + 64 * PackSample.images.count + 100] {
            var bytes = good
            bytes[place] ^= 0x10
            let error = fault(bytes)
            #expect(error?.remedy != nil && error?.why != nil && error?.file == "some.pack", "byte \(place)")
        }
        for count in [0, 7, 8, 11, 12, 100, 4095, 4096, 5000, good.count / 2, good.count - 1] {
            #expect(fault(Array(good.prefix(count)))?.remedy != nil, "\(count) bytes")
        }
        #expect(fault(good + [0])?.why?.contains("it should have \(good.count) bytes") == true)
        var other = good
        other[8] = 2
        #expect(fault(other)?.what == "the pack is of another version")
    }

    @Test func aDamagedStudyIsNamedByItsRow() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        try sample.pack()
        var bytes = try sample.bytes()
        bytes[bytes.count - 1] ^= 1
        #expect(fault(bytes)?.row == PackSample.images.count + 1)
    }

    @Test func otherUsesAreRefused() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        var options = sample.options
        options.purpose = .training
        try sample.pack(options)
        let source = try StudySource.open(sample.packPath, recipe: .align)
        let hash = StableHash.hex(
            try Data(contentsOf: URL(filePath: sample.vocabularyPath)).withUnsafeBytes { StableHash.value(of: $0) })
        func what(
            _ size: Int = PackSample.imageSize, _ scaling: DicomScaling = .published, _ vocabulary: String = hash,
            trains: Bool = true
        ) -> String? {
            do {
                try source.check(imageSize: size, dicomScaling: scaling, vocabularyHash: vocabulary, trains: trains)
                return nil
            } catch {
                let error = error as? AltaError
                #expect(error?.why != nil && error?.remedy != nil && error?.file == sample.packPath)
                return error?.what
            }
        }
        #expect(what() == nil)
        #expect(what(224)?.contains("another model") == true)
        #expect(what(PackSample.imageSize, .mimic)?.contains("scaling") == true)
        #expect(what(PackSample.imageSize, .published, "0123456789abcdef")?.contains("vocabulary") == true)
        #expect(what(trains: false) == "the pack has no images for evaluation")
    }

    /// The same bytes at any number of threads, and wherever a process before was stopped.
    @Test func aPartialPackIsContinued() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        let count = PackSample.images.count
        try sample.pack()
        let good = try sample.bytes()
        let begun = try sample.begun()
        let partial = sample.packPath + ".partial"
        var options = sample.options
        for (number, end) in [0, 100, 4096, 6000, good.count / 3, good.count / 2, good.count - 1, good.count]
            .enumerated()
        {
            try FileManager.default.removeItem(atPath: sample.packPath)
            try Data(begun.prefix(end)).write(to: URL(filePath: partial))
            options.threads = number % 3 * 3 + 1
            let summary = try sample.pack(options)
            #expect(try sample.bytes() == good, "from \(end) bytes")
            #expect((summary.continuedCount > 0) == (end > 6000))
            #expect((summary.continuedCount == count) == (end == good.count))
            #expect(!FileManager.default.fileExists(atPath: partial))
        }
        var torn = begun
        torn[good.count / 2] ^= 1
        try Data(torn).write(to: URL(filePath: partial))
        let continued = try sample.pack().continuedCount
        #expect(continued > 0 && continued < count)
        #expect(try sample.bytes() == good)
    }

    @Test func aPartialPackOfOtherOptionsIsBegunAnew() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        try sample.pack()
        let partial = sample.packPath + ".partial"
        try FileManager.default.moveItem(atPath: sample.packPath, toPath: partial)
        var options = sample.options
        options.imageSize = 24
        var notices: [String] = []
        let summary = try StudyPacker.pack(options, notice: { notices.append($0) }, progress: { _, _ in })
        #expect(summary.continuedCount == 0 && notices.count == 1 && notices[0].contains("beginning anew"))
        #expect(try PackedStudies(path: sample.packPath).recipe.imageSize == 24)
    }

    /// The same table over another folder has other radiographs.
    @Test func aPartialPackOfAnotherFolderIsBegunAnew() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        try sample.pack()
        let good = try sample.bytes()
        let begun = try sample.begun()
        let partial = sample.packPath + ".partial"
        func pack(_ bytes: [UInt8], imageRoot: String) throws -> (notices: [String], continuedCount: Int) {
            try Data(bytes).write(to: URL(filePath: partial))
            var (options, notices) = (sample.options, [String]())
            options.imageRoot = imageRoot
            let summary = try StudyPacker.pack(options, notice: { notices.append($0) }, progress: { _, _ in })
            #expect(try sample.bytes() == good, "the pack depends on where it was made")
            return (notices, summary.continuedCount)
        }
        try FileManager.default.createDirectory(
            atPath: "\(sample.folder)/copy", withIntermediateDirectories: true)
        for folder in ["images", "dicom"] {
            try FileManager.default.copyItem(
                atPath: "\(sample.imageRoot)/\(folder)", toPath: "\(sample.folder)/copy/\(folder)")
        }
        let anew = try pack(begun, imageRoot: "\(sample.folder)/copy")
        #expect(anew.continuedCount == 0 && anew.notices.count == 1 && anew.notices[0].contains("beginning anew"))
        #expect(try pack(good, imageRoot: sample.imageRoot).continuedCount == 0, "whose it is cannot be told")
        let link = "\(sample.folder)/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: sample.imageRoot)
        for same in [sample.imageRoot + "/.", link, link + "/images/.."] {
            #expect(try pack(begun, imageRoot: same).continuedCount == PackSample.images.count, "\(same)")
        }
    }

    @Test func aBrokenRadiographIsNamedAndWhatWasDoneStays() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        try sample.pack()
        let good = try sample.bytes()
        let table = try String(contentsOfFile: sample.tablePath, encoding: .utf8)
        var lines = table.components(separatedBy: "\nimages/")
        for row in [9, 12] { lines[row] = "one_pixel_refused.jpg" + lines[row].drop { $0 != "," } }
        let copy = "\(sample.folder)/images"
        try FileManager.default.copyItem(atPath: "\(sample.imageRoot)/images", toPath: copy)
        try FileManager.default.copyItem(atPath: "\(sample.imageRoot)/dicom", toPath: "\(sample.folder)/dicom")
        try Data("no image".utf8).write(to: URL(filePath: "\(copy)/one_pixel_refused.jpg"))
        try lines.joined(separator: "\nimages/").write(toFile: sample.tablePath, atomically: true, encoding: .utf8)
        var options = sample.options
        options.imageRoot = nil
        for threads in [1, 3] {
            options.threads = threads
            let error = #expect(throws: AltaError.self) { try sample.pack(options) }
            #expect(error?.row == 10 && error?.what.contains("one_pixel_refused.jpg") == true)
        }
        #expect(try sample.bytes() == good, "a pack that was there was spoilt")
        try FileManager.default.removeItem(atPath: "\(copy)/one_pixel_refused.jpg")
        try FileManager.default.copyItem(atPath: "\(copy)/grey.jpg", toPath: "\(copy)/one_pixel_refused.jpg")
        #expect(try sample.pack(options).continuedCount == 8)
    }

    @Test func nothingButAPackIsReplaced() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        var options = sample.options
        options.output = sample.tablePath
        let error = #expect(throws: AltaError.self) { try sample.pack(options) }
        #expect(error?.what == "the output exists and is no pack" && error?.file == sample.tablePath)
        #expect(try FileManager.default.contentsOfDirectory(atPath: sample.folder).count == 2)
        try Data().write(to: URL(filePath: sample.packPath))
        try sample.pack()
        let good = try sample.bytes()
        try sample.pack()
        #expect(try sample.bytes() == good)
    }

    @Test func twoWritersOfOneFileAreToldApart() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        let first = try ResumableFile(path: sample.packPath)
        try first.write([1, 2, 3], at: 0)
        let error = #expect(throws: AltaError.self) { try sample.pack() }
        #expect(error?.what.contains("another process") == true)
        let folder = #expect(throws: AltaError.self) { try ResumableFile(path: sample.folder) }
        #expect(folder?.why == "it is a folder or a device" && folder?.remedy != nil)
        #expect(try first.read(1..<10) == [2, 3])
    }

    /// Another process may finish the file between this one's opening it and its locking it.
    @Test func whatAnotherProcessPutInPlaceIsNotWrittenTo() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        let partial = sample.packPath + ResumableFile.suffix
        try Data([1, 2, 3]).write(to: URL(filePath: partial))
        var openings = 0
        let second = try ResumableFile(path: sample.packPath) {
            openings += 1
            if openings == 1 { try FileManager.default.moveItem(atPath: partial, toPath: sample.packPath) }
        }
        #expect(try openings == 2 && second.byteCount() == 0)
        try second.write([4, 5], at: 0)
        #expect(try sample.bytes() == [1, 2, 3])
        try second.finish()
        #expect(try sample.bytes() == [4, 5] && !FileManager.default.fileExists(atPath: partial))
        let error = #expect(throws: AltaError.self) {
            try ResumableFile(path: sample.packPath) { try FileManager.default.removeItem(atPath: partial) }
        }
        #expect(error?.what.contains("another process") == true)
    }
}
