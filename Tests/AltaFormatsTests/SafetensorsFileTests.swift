import AltaCore
import AltaFormats
import AltaTestSupport
import Testing

/// A file made of a header and data, in memory.
func safetensors(_ header: String, data: [UInt8]) -> FileBytes {
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    return FileBytes(copying: length + Array(header.utf8) + data, name: "made.safetensors")
}

/// The elements of a small file: what `tests` reads of it, all of it, so that nothing stays unread.
func readEverything(_ file: SafetensorsFile) throws -> Int {
    try file.names.reduce(0) { sum, name in
        let tensor = try file.tensor(name)
        let count = tensor.dtype.isFloatingPoint ? try tensor.floats().count : try tensor.integers().count
        return sum + count + tensor.bytes.count
    }
}

@Suite struct SafetensorsFileTests {
    @Test func fixtureIsRead() throws {
        let file = try SafetensorsFile(path: SharedMaterial.fixture("tiny.safetensors"))
        #expect(file.names.count == 375 && file.metadata["batch"] == "4")
        let ids = try file.tensor("batch/ids")
        #expect(ids.dtype == .int64 && ids.shape == [4, 24] && ids.elementCount == 96)
        #expect(try file.integers("batch/ids").allSatisfy { (0..<211).contains($0) })
        for name in file.names where try file.tensor(name).dtype == .float32 {
            let values = try file.floats(name)
            #expect(values.count == (try file.tensor(name).elementCount))
            #expect(values.allSatisfy { $0.isFinite }, "\(name)")
        }
    }

    @Test func fixtureConfigurationIsAModel() throws {
        let file = try SafetensorsFile(path: SharedMaterial.fixture("tiny.safetensors"))
        let model = try ModelConfig(json: JSONValue(parsing: #require(file.metadata["config"])))
        #expect(model.imageSize == 64 && model.width == 48 && model.vocabulary == 211 && model.maxPositions == 40)
        #expect(model.adapterRatio == 0.25 && model.normalizePixels && model.kept == 4)
    }

    @Test func everyTypeIsConverted() throws {
        let file = try SafetensorsFile(
            safetensors(
                """
                {"f32":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
                 "f16":{"dtype":"F16","shape":[2],"data_offsets":[8,12]},
                 "bf16":{"dtype":"BF16","shape":[2],"data_offsets":[12,16]},
                 "f64":{"dtype":"F64","shape":[],"data_offsets":[16,24]},
                 "i64":{"dtype":"I64","shape":[1],"data_offsets":[24,32]},
                 "i32":{"dtype":"I32","shape":[1,1],"data_offsets":[32,36]},
                 "i16":{"dtype":"I16","shape":[1],"data_offsets":[36,38]},
                 "i8":{"dtype":"I8","shape":[1],"data_offsets":[38,39]},
                 "u8":{"dtype":"U8","shape":[1],"data_offsets":[39,40]},
                 "bool":{"dtype":"BOOL","shape":[2],"data_offsets":[40,42]},
                 "none":{"dtype":"F32","shape":[3,0],"data_offsets":[42,42]}}
                """,
                data: [
                    0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0,  // 1, -2
                    0, 0x3C, 1, 0,  // 1, 2^-24
                    0x80, 0x3F, 0x80, 0x7F,  // 1, infinity
                    0x9A, 0x99, 0x99, 0x99, 0x99, 0x99, 0xB9, 0x3F,  // 0.1
                    0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,  // -2
                    0xFD, 0xFF, 0xFF, 0xFF, 0xFC, 0xFF, 0xFB, 200, 0, 1,
                ]))
        #expect(try file.floats("f32") == [1, -2])
        #expect(try file.floats("f16") == [1, 0x1p-24])
        #expect(try file.floats("bf16") == [1, .infinity])
        #expect(try file.floats("f64") == [0.1])
        #expect(try file.floats("none").isEmpty && file.tensor("none").shape == [3, 0])
        let whole = try ["i64", "i32", "i16", "i8", "u8", "bool"].map { try file.integers($0) }
        #expect(whole == [[-2], [-3], [-4], [-5], [200], [0, 1]])
        #expect(throws: AltaError.self) { try file.floats("i64") }
        #expect(throws: AltaError.self) { try file.integers("f32") }
        let absent = try #require(throws: AltaError.self) { try file.tensor("f23") }
        #expect("\(absent)".contains("the nearest name is f32") && "\(absent)".contains("made.safetensors"))
    }

    @Test func everyHalfIsConvertedAsSwiftConvertsIt() throws {
        let halves = (0...UInt16.max).map { $0 }
        let header = #"{"h":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}}"#
        let data = halves.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        let values = try SafetensorsFile(safetensors(header, data: data)).floats("h")
        for (half, value) in zip(halves, values) {
            let expected = Float(Float16(bitPattern: half))
            #expect(value.bitPattern == expected.bitPattern || value.isNaN && expected.isNaN, "\(half)")
        }
    }

    @Test(arguments: [
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "needs 8"),
        (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, "data_offsets"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, "data_offsets"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, "data_offsets"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, "data_offsets"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0.0,4]}}"#, "data_offsets"),
        (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "shape"),
        (#"{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}"#, "shape"),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, "overflows"),
        (#"{"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}"#, "the type C64"),
        (#"{"a":{"dtype":"F32","shape":[1]}}"#, "lacks"), (#"{"a":[]}"#, "lacks"), (#"[]"#, "no JSON object"),
        (
            #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
            "a and b overlap"
        ),
        (
            #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
            "\"a\" is repeated"
        ),
        (#"{"__metadata__":{"a":1}}"#, "metadata a"), (#"{"__metadata__":[]}"#, "__metadata__"),
        (#"{"a":"#, "expected"),
    ])
    func malformedHeadersAreRefused(header: String, message: String) throws {
        let error = try #require(throws: AltaError.self) {
            try SafetensorsFile(safetensors(header, data: [0, 1, 2, 3, 4, 5, 6, 7]))
        }
        #expect("\(error)".contains(message), "\(error)")
        #expect(error.file == "made.safetensors")
    }

    @Test func spacesAfterTheHeaderAreAllowedAndGapsAreNot() throws {
        func open(_ place: Int, data: [UInt8]) throws -> [Int] {
            let header = #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[\#(place),\#(place + 2)]}}     "#
            return try SafetensorsFile(safetensors(header, data: data)).integers("a")
        }
        #expect(try open(0, data: [3, 4]) == [3, 4])
        let before = try #require(throws: AltaError.self) { try open(3, data: [0, 1, 2, 3, 4]) }
        #expect("\(before)".contains("3 bytes between the header and tensor a"))
        let after = try #require(throws: AltaError.self) { try open(0, data: [3, 4, 5]) }
        #expect("\(after)".contains("1 bytes after a"))
    }

    @Test func filesCutAtEveryByteAreRefused() throws {
        let folder = try SharedMaterial.temporaryFolder("cut")
        try SafetensorsWriter.write(
            [
                .floats("w", shape: [2, 3], [1, 2, 3, 4, 5, 6]), .integers("i", shape: [2], [7, 8]),
                .bytes("b", shape: [3], [1, 2, 3]),
            ], metadata: ["k": "v"], to: folder + "/a")
        let whole = try SmallFile.contents(folder + "/a", what: "the written file")
        #expect(try readEverything(SafetensorsFile(FileBytes(copying: whole, name: "x"))) == 11 + 24 + 16 + 3)
        for byteCount in whole.indices {
            #expect(throws: AltaError.self, "\(byteCount) bytes") {
                try SafetensorsFile(FileBytes(copying: whole[..<byteCount], name: "x"))
            }
        }
    }

    @Test func impossibleHeaderLengthsAreRefused() {
        for length in [9, 1 << 20, UInt64(Int.max), UInt64.max] {
            let bytes = withUnsafeBytes(of: length.littleEndian) { Array($0) } + Array("{}".utf8)
            #expect(throws: AltaError.self) { try SafetensorsFile(FileBytes(copying: bytes, name: "x")) }
        }
        #expect(throws: AltaError.self) { try SafetensorsFile(FileBytes(copying: [], name: "x")) }
        #expect(throws: AltaError.self) { try SafetensorsFile(path: "/dev/zero") }
        #expect(throws: AltaError.self) { try SafetensorsFile(path: "/") }
        #expect(throws: AltaError.self) { try SafetensorsFile(path: "/absent.safetensors") }
    }
}
