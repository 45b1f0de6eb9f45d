import AltaCore
import Testing

@Suite struct AltaErrorTests {
    @Test func descriptionSaysWhatWhereWhyAndTheRemedy() {
        let error = AltaError(
            "cannot decode an image", why: "it is truncated", remedy: "copy it again", file: "a.jpg", row: 3, rank: 1)
        #expect("\(error)" == "cannot decode an image (a.jpg, row 3, rank 1): it is truncated; copy it again")
        #expect("\(AltaError("stopped"))" == "stopped")
        #expect("\(AltaError("two\nlines", why: "a\r\nb"))" == "two lines: a b")
    }

    @Test func placesAreAddedButNotReplaced() {
        let error = AltaError("x", file: "inner").at(file: "outer", row: 2).at(row: 9, rank: 0)
        #expect(error.file == "inner" && error.row == 2 && error.rank == 0)
        #expect(error.exitCode == .failed)
    }

    @Test func systemFaultsCarryTextAndRemedy() {
        let full = AltaError.system("cannot write", file: "x", code: 28)
        #expect(full.why == "No space left on device" && full.remedy?.contains("free some space") == true)
        #expect(AltaError.system("x", file: "x", code: 30).remedy?.contains("read-only") == true)
        #expect(AltaError.system("x", file: "x", code: 13).remedy?.contains("permissions") == true)
        #expect(AltaError.system("x", file: "x", code: 4242).why?.contains("4242") == true)
    }

    @Test func smallFilesAreBounded() throws {
        #expect(throws: AltaError.self) { try SmallFile.contents("/dev/zero", what: "it", limit: 100_000) }
        #expect(throws: AltaError.self) { try SmallFile.contents("/", what: "it") }
        #expect(throws: AltaError.self) { try SmallFile.contents("/absent/file", what: "it") }
        #expect(try SmallFile.contents("/dev/null", what: "it").isEmpty)
    }
}
