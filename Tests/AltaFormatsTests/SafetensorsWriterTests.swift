import AltaCore
import AltaFormats
import AltaTestSupport
import Foundation
import Testing

@Suite struct SafetensorsWriterTests {
    @Test func whatIsWrittenIsReadBack() throws {
        let folder = try SharedMaterial.temporaryFolder("writer")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/a.safetensors"
        let values: [Float] = [1, -0.0, .infinity, .leastNonzeroMagnitude, .pi, 7]
        let half = TensorSource(name: "half", dtype: .float16, shape: [3]) { sink in
            for value in [1, 2, 3] as [Float16] { try withUnsafeBytes(of: value.bitPattern) { try sink.write($0) } }
        }
        try SafetensorsWriter.write(
            [
                .bytes("bytes", shape: [3], [1, 2, 3]), half, .floats("weights/\u{E9}", shape: [2, 3], values),
                .integers("ids", shape: [2], [.min, .max]), .floats("none", shape: [0, 5], []),
                .floats("scalar", shape: [], [4]),
            ], metadata: ["config": "{\"a\": 1}", "b": ""], to: path)
        let file = try SafetensorsFile(path: path)
        #expect(file.names == ["ids", "weights/\u{E9}", "none", "scalar", "half", "bytes"])
        #expect(try file.floats("weights/\u{E9}").map(\.bitPattern) == values.map(\.bitPattern))
        #expect(try file.tensor("weights/\u{E9}").shape == [2, 3] && file.floats("half") == [1, 2, 3])
        #expect(try file.integers("ids") == [.min, .max] && file.integers("bytes") == [1, 2, 3])
        #expect(try file.floats("scalar") == [4] && file.floats("none").isEmpty)
        #expect(file.metadata == ["config": "{\"a\": 1}", "b": ""])
        for name in file.names {
            let tensor = try file.tensor(name)
            let address = tensor.bytes.baseAddress.map { Int(bitPattern: $0) } ?? 0
            #expect(address % tensor.dtype.byteCount == 0, "\(name)")
        }
        #expect(!FileManager.default.fileExists(atPath: path + ".partial"))
    }

    @Test func fixtureCopiesHaveEqualTensors() throws {
        let folder = try SharedMaterial.temporaryFolder("writer")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = try SafetensorsFile(path: SharedMaterial.fixture("tiny.safetensors"))
        let sources = try file.names.map { name in
            let tensor = try file.tensor(name)
            return TensorSource(name: name, dtype: tensor.dtype, shape: tensor.shape) { try $0.write(tensor.bytes) }
        }
        for copy in ["1", "2"] {
            try SafetensorsWriter.write(sources, metadata: file.metadata, to: folder + "/" + copy)
        }
        let first = try Data(contentsOf: URL(filePath: folder + "/1"))
        #expect(try first == Data(contentsOf: URL(filePath: folder + "/2")))
        let copy = try SafetensorsFile(path: folder + "/1")
        #expect(Set(copy.names) == Set(file.names) && copy.metadata == file.metadata)
        for name in file.names {
            #expect(try Array(copy.tensor(name).bytes) == Array(file.tensor(name).bytes), "\(name)")
        }
    }

    @Test func aSourceThatThrowsLeavesTheOldFile() throws {
        struct Stop: Error {}
        let folder = try SharedMaterial.temporaryFolder("writer")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/a.safetensors"
        try SafetensorsWriter.write([.floats("a", shape: [1], [5])], to: path)
        let stopping = TensorSource(name: "a", dtype: .float32, shape: [1]) { _ in throw Stop() }
        #expect(throws: Stop.self) { try SafetensorsWriter.write([stopping], to: path) }
        #expect(try SafetensorsFile(path: path).floats("a") == [5])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.safetensors"])
    }
}

@Suite struct AtomicFileTests {
    @Test func writesWholeFilesOverOldOnes() throws {
        let folder = try SharedMaterial.temporaryFolder("atomic")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/file"
        // A leftover of a crash is in nobody's way.
        try AtomicFile.write(path + ".partial", text: "left over by a crash, longer than the new text")
        try AtomicFile.write(path, text: "old")
        let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try AtomicFile.write(path) { sink in
            try sink.write("head")
            try large.withUnsafeBytes { try sink.write($0) }
            try sink.write("tail")
            #expect(sink.byteCount == large.count + 8)
        }
        let content = try Array(Data(contentsOf: URL(filePath: path)))
        #expect(content == Array("head".utf8) + large + Array("tail".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
    }

    @Test func foldersThatCannotBeWrittenAreNamed() throws {
        let folder = try SharedMaterial.temporaryFolder("atomic")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try AtomicFile.write(folder + "/file", text: "x")
        try FileManager.default.createDirectory(atPath: folder + "/folder/x", withIntermediateDirectories: true)
        for (path, reason) in [
            (folder + "/absent/file", "No such file"), (folder + "/file/file", "Not a directory"),
            (folder + "/folder", "directory"), (folder + "/" + String(repeating: "x", count: 300), "too long"),
        ] {
            let error = try #require(throws: AltaError.self) { try AtomicFile.write(path, text: "x") }
            #expect("\(error)".contains(path) && "\(error)".contains(reason) && error.remedy != nil, "\(error)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["file", "folder"])
    }

    @Test func aPipeIsWrittenToAndStays() throws {
        let folder = try SharedMaterial.temporaryFolder("atomic")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/pipe"
        #expect(mkfifo(path, 0o600) == 0)
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        try AtomicFile.write(path, text: "through")
        var bytes = [UInt8](repeating: 0, count: 16)
        #expect(read(reader, &bytes, 16) == 7 && String(decoding: bytes.prefix(7), as: UTF8.self) == "through")
        var facts = stat()
        #expect(stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFIFO)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["pipe"])
    }

    @Test(.enabled(if: geteuid() != 0, "root may write everywhere")) func missingPermissionIsNamed() throws {
        let folder = try SharedMaterial.temporaryFolder("atomic")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder)
        let error = try #require(throws: AltaError.self) { try AtomicFile.write(folder + "/file", text: "x") }
        #expect("\(error)".contains("Permission denied"))
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"))) func fullDisksKeepTheOldFile() throws {
        let folder = try SharedMaterial.temporaryFolder("atomic")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/file"
        try AtomicFile.write(path, text: "old")
        try FileManager.default.createSymbolicLink(atPath: path + ".partial", withDestinationPath: "/dev/full")
        let error = try #require(throws: AltaError.self) { try AtomicFile.write(path, text: "new") }
        #expect("\(error)".contains("No space left") && "\(error)".contains("the disk is full"))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
    }
}
