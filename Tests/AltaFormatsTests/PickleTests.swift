import AltaCore
import AltaFormats
import AltaFuzzSupport
import Foundation
import Testing

/// Archives around pickles written by hand: what no version of torch.save writes, and what only hostile files have.
@Suite struct PickleTests {
    /// `ctorch._utils\n_rebuild_tensor_v2\n` and a storage of eight floats, then the given rest of a tensor's arguments.
    private func tensor(offset: String = "K\u{0}", shape: String, strides: String, count: String = "K\u{8}") -> String {
        "ctorch._utils\n_rebuild_tensor_v2\n((X\u{7}\0\0\0storagectorch\nFloatStorage\nX\u{1}\0\0\0"
            + "0X\u{3}\0\0\0cpu\(count)tQ"
            + "\(offset)(\(shape)t(\(strides)tN)tR"
    }

    /// A file of one tensor `w`, or whatever the pickle says.
    private func open(_ pickle: [UInt8]) throws -> WeightFile {
        let floats = (0..<8).flatMap { withUnsafeBytes(of: Float($0).bitPattern.littleEndian) { Array($0) } }
        let archive = StoredZip.archive([.init("a/data.pkl", pickle), .init("a/data/0", floats)])
        return try WeightFile.open(FileBytes(copying: archive, name: "made.pth"))
    }

    private func open(_ pickle: String) throws -> WeightFile { try open(Array(pickle.utf8)) }

    private func one(_ tensor: String) throws -> StoredTensor {
        try open("}X\u{1}\0\0\0w\(tensor)s.").tensor("w")
    }

    private func refusal(_ body: () throws -> Any) throws -> String {
        try #require(throws: AltaError.self) { _ = try body() }.description
    }

    @Test func stridesOffsetsAndRepetitionsAreFollowed() throws {
        #expect(try one(tensor(shape: "K\u{2}K\u{3}", strides: "K\u{1}K\u{2}")).floats() == [0, 2, 4, 1, 3, 5])
        #expect(try one(tensor(offset: "K\u{5}", shape: "K\u{3}", strides: "K\u{1}")).floats() == [5, 6, 7])
        #expect(try one(tensor(shape: "K\u{2}K\u{2}", strides: "K\u{3}K\u{0}")).floats() == [0, 0, 3, 3])
        #expect(try one(tensor(offset: "K\u{7}", shape: "", strides: "")).floats() == [7])
        #expect(try one(tensor(offset: "K\u{8}", shape: "K\u{0}", strides: "K\u{1}")).floats().isEmpty)
    }

    @Test(arguments: [
        ("K\u{1}", "K\u{8}", "K\u{1}", "reaches element 8 of a storage of 8"),
        ("K\u{0}", "K\u{2}K\u{2}", "K\u{7}K\u{1}", "reaches element 8"),
        ("J\u{1}\0\0\u{7F}", "K\u{1}", "K\u{1}", "reaches element"),
        ("K\u{0}", "K\u{2}K\u{2}", "K\u{1}", "strides are missing"),
        ("K\u{0}", "I-1\n", "K\u{1}", "negative"), ("K\u{0}", "K\u{2}", "I-1\n", "negative"),
        ("I-1\n", "K\u{1}", "K\u{1}", "negative"), ("N", "K\u{1}", "K\u{1}", "offset"),
        ("K\u{0}", "F1.5\n", "K\u{1}", "sizes"),
        ("K\u{0}", "I9223372036854775807\nI9\n", "K\u{0}K\u{0}", "more elements than the file could hold"),
        ("K\u{0}", "I4000000\nI4000000\n", "K\u{0}K\u{0}", "more elements than the file could hold"),
        ("K\u{0}", "K\u{3}", "I9223372036854775807\n", "overflow"),
    ])
    func tensorsOutsideTheirStorageAreRefused(offset: String, shape: String, strides: String, why: String) throws {
        let error = try refusal { try one(tensor(offset: offset, shape: shape, strides: strides)) }
        #expect(error.contains(why) && error.contains("tensor w cannot be read"), "\(error)")
    }

    @Test func storageSizesMustAgree() throws {
        let short = tensor(shape: "K\u{1}", strides: "K\u{1}", count: "K\u{7}")
        #expect(try refusal { try one(short) }.contains("has 32 bytes instead of 7 elements of 4"))
        let huge = tensor(shape: "K\u{1}", strides: "K\u{1}", count: "I9223372036854775807\n")
        #expect(try refusal { try one(huge) }.contains("instead of"))
    }

    @Test func oldInstructionsMakeTheSameValues() throws {
        let w = tensor(shape: "K\u{2}", strides: "K\u{1}")
        let spellings = [
            "(S'w'\n\(w)d.", "(dS\"w\"\n\(w)s.", "(dp0\nVw\n\(w)sg0\n.", "(dV\\u0077\n\(w)s.", "(dS'\\x77'\n\(w)s.",
            "ccollections\nOrderedDict\n((lp1\n(S'w'\n\(w)lp2\natR.", "(dU\u{1}w\(w)s.", "(dT\u{1}\0\0\0w\(w)s.",
        ]
        for spelling in spellings {
            #expect(try open(spelling).tensor("w").floats() == [0, 1], "\(spelling)")
        }
    }

    @Test func viewsOfStoragesAsOldFilesHaveThem() throws {
        // Before PyTorch 0.4 a storage could be a part of another: (key, offset, count) as a sixth item.
        func view(_ offset: String, _ count: String) -> String {
            tensor(shape: "K\u{2}", strides: "K\u{1}")
                .replacingOccurrences(of: "K\u{8}tQ", with: "K\u{8}(X\u{1}\0\0\09\(offset)\(count)ttQ")
        }
        #expect(try one(view("K\u{3}", "K\u{2}")).floats() == [3, 4])
        #expect(try refusal { try one(view("K\u{3}", "K\u{1}")) }.contains("reaches element 1 of a storage of 1"))
        #expect(try refusal { try one(view("K\u{7}", "K\u{2}")) }.contains("does not lie within it"))
        #expect(try refusal { try one(view("I-1\n", "K\u{2}")) }.contains("does not lie within it"))
    }

    @Test func laterValueOfAKeyCounts() throws {
        let (first, second) = (tensor(shape: "K\u{1}", strides: "K\u{1}"), tensor(shape: "K\u{2}", strides: "K\u{1}"))
        let file = try open("}(X\u{1}\0\0\0w\(first)X\u{1}\0\0\0v\(first)X\u{1}\0\0\0w\(second)u.")
        #expect(file.names == ["w", "v"])
        #expect(try file.shape(of: "w") == [2] && file.elementCount(of: "v") == 1)
    }

    @Test(arguments: [
        ("", "ends where"), ("N", "ends where"), (".", "lacks a value"), ("}s.", "lacks a value"),
        ("t.", "lacks its mark"),
        ("(X\u{1}\0\0\0wd.", "a key lacks its value"), ("K\u{1}(K\u{1}e.", "holds none"),
        ("h\u{5}.", "did not remember"),
        ("gx\n.", "no number"), ("g-1\n.", "no number"), ("p99999999999999999999\n.", "no number"),
        ("q\u{1}.", "lacks a value"),
        ("Ix\n.", "a whole number is malformed"), ("Fx\n.", "a number is malformed"), ("S'w\n.", "lacks its quotes"),
        ("S'\\x7'\n.", "wrong escape"), ("S'\\'\n.", "ends within an escape"), ("Vw", "a line does not end"),
        ("X\u{7F}\u{7F}\u{7F}\u{7F}w.", "ends where"), ("(o.", "lacks its class"),
        ("ccollections\nOrderedDict\n((K\u{1}ltR.", "something other than pairs"),
        ("?.", "the unknown instruction 63"),
    ])
    func malformedPicklesAreRefused(pickle: String, why: String) throws {
        let error = try refusal { try open(pickle) }
        #expect(error.contains(why) && error.contains("malformed PyTorch file"), "\(error)")
    }

    @Test(arguments: [
        ([0x80, 6], "the pickle protocol 6"), ([0x95, 255, 0, 0, 0, 0, 0, 0, 0], "a frame is too long"),
        ([0x82, 1], "extension registry"), ([0x97], "buffers that are not in the file"),
        ([0x8D, 255, 255, 255, 255, 255, 255, 255, 255], "ends where"),
        ([0x8E, 0, 0, 0, 0, 0, 0, 0, 128], "ends where"), ([0x8B, 255, 255, 255, 255], "ends where"),
        ([0x93], "lacks a value"),
        ([0x4E, 0x4E, 0x93], "lacks its name"),
    ])
    func malformedBinaryInstructionsAreRefused(pickle: [UInt8], why: String) throws {
        let error = try refusal { try open(pickle + [UInt8(ascii: ".")]) }
        #expect(error.contains(why), "\(error)")
    }

    @Test func pilesOfValuesStayWithinBounds() throws {
        // Each is a megabyte; read recursively or without bounds they would end the process.
        let count = 1_000_001
        let deep = [UInt8](repeating: UInt8(ascii: "]"), count: count)
        #expect(try refusal { try open(deep) }.contains("more than 1000000"))
        let marks = [UInt8](repeating: UInt8(ascii: "("), count: count)
        #expect(try refusal { try open(marks) }.contains("too many marks"))
        let copies = [UInt8(ascii: "N")] + [UInt8](repeating: UInt8(ascii: "2"), count: count)
        #expect(try refusal { try open(copies) }.contains("more than 1000000"))
        let remembered = [UInt8(ascii: "N")] + [UInt8](repeating: 0x94, count: count)
        #expect(try refusal { try open(remembered) }.contains("more than 1000000"))
        let pops = [UInt8](repeating: UInt8(ascii: "N"), count: 900_000) + [UInt8(ascii: "1")]
        let piles = (0..<12).flatMap { _ in [UInt8(ascii: "(")] + pops }
        #expect(try refusal { try open(piles) }.contains("too many over time"))
        // A million lists, one within the other, are as good as one.
        let nested = [UInt8](repeating: UInt8(ascii: "]"), count: 1_000_000)
        let closing = [UInt8](repeating: UInt8(ascii: "a"), count: 999_999) + [UInt8(ascii: ".")]
        #expect(try refusal { try open(nested + closing) }.contains("it holds a list"))
    }
}
