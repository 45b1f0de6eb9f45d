import AltaCore
import AltaFormats
import AltaTestSupport
import Testing

@Suite struct CSVTableTests {
    private func table(_ text: String) throws -> CSVTable {
        try CSVTable(FileBytes(copying: Array(text.utf8), name: "made.csv"))
    }

    private func rows(_ table: CSVTable) -> [[String]] {
        (0..<table.rowCount).map { row in table.header.indices.map { table.field(row, $0) } }
    }

    @Test(arguments: ["\n", "\r\n", "\r"]) func lineEndsAndQuotes(end: String) throws {
        let lines = [
            "\u{FEFF}path,report", "a.jpg,\"one, \"\"two\"\"\(end)three\"", "b.jpg,", "\"\",5\" tube", ",\"x\"",
        ]
        for last in ["", end, end + end] {
            let table = try table(lines.joined(separator: end) + last)
            #expect(table.header == ["path", "report"])
            #expect(
                rows(table) == [
                    ["a.jpg", "one, \"two\"\(end)three"], ["b.jpg", ""], ["", "5\" tube"], ["", "x"],
                ])
            #expect((0..<4).map(table.lineNumber) == [2, 4, 5, 6])
            #expect(table.rowNumber(0) == 2)
        }
    }

    @Test func emptyLinesAreSkipped() throws {
        #expect(rows(try table("\n\na,b\n\n1,2\n\r\n\n3,4\n\n")) == [["1", "2"], ["3", "4"]])
        #expect(rows(try table("a\n\n1\n\"\"\n")) == [["1"], [""]])
    }

    @Test func headerAloneIsATableWithoutRows() throws {
        let table = try table("a,b")
        #expect(table.rowCount == 0 && table.header == ["a", "b"])
        #expect(try self.table("\"a\"\"x\",\"b\nc\"\n").header == ["a\"x", "b\nc"])
    }

    @Test func invalidUTF8IsReplaced() throws {
        let table = try CSVTable(FileBytes(copying: Array("a\nx".utf8) + [0xFF] + Array("y".utf8), name: "x"))
        #expect(table.field(0, 0) == "x\u{FFFD}y")
    }

    @Test(
        arguments: [
            ("", nil, "empty"), ("\n\r\n", nil, "empty"), ("\u{FEFF}", nil, "empty"),
            ("a,b\n1,2\n1,2,3\n", 3, "the row has 3 fields, the header has 2"),
            ("a,b\n\"x\ny\",2\n1\n", 3, "line 4"), ("a,b\n1\n", 2, "the row has 1 field,"),
            ("a,b\n1,2\n3,\"open\nmore\n", 3, "line 3 (made.csv, row 3): the quote"), ("a,b\n1,\"", 2, "not closed"),
            ("\"a", 1, "not closed"), ("a,b\n1,\"x\" y\n", 2, "followed by more text on line 2"),
            (
                "a,b\n1,\"open\n2,\"x\"\n", 2,
                "line 2 (made.csv, row 2): a quoted field is followed by more text on line 3"
            ),
        ] as [(String, Int?, String)])
    func malformedTablesAreRefused(text: String, row: Int?, message: String) throws {
        let error = try #require(throws: AltaError.self) { try table(text) }
        #expect("\(error)".contains(message), "\(error)")
        #expect(error.row == row && error.file == "made.csv" && error.remedy != nil, "\(error)")
    }

    @Test func utf16AndEndlessRowsAreRefused() throws {
        for mark: [UInt8] in [[0xFF, 0xFE], [0xFE, 0xFF]] {
            let error = try #require(throws: AltaError.self) {
                try CSVTable(FileBytes(copying: mark + [0x61, 0], name: "x"))
            }
            #expect("\(error)".contains("UTF-16"))
        }
        #expect(throws: AltaError.self) { try table(String(repeating: ",", count: CSVTable.maximumColumnCount)) }
        #expect(throws: AltaError.self) { try table("a\n" + String(repeating: ",", count: 1_000_000)) }
        _ = try table(String(repeating: ",", count: CSVTable.maximumColumnCount - 1))
    }

    @Test func columnsAreFoundOrListed() throws {
        let table = try table("image_path,report,x,x\n1,2,3,4\n")
        #expect(try table.field(0, table.column(named: "report")) == "2")
        let absent = try #require(throws: AltaError.self) { try table.column(named: "image") }
        #expect("\(absent)".contains("image_path, report, x, x") && "\(absent)".contains("nearest"), "\(absent)")
        let twice = try #require(throws: AltaError.self) { try table.column(named: "x") }
        #expect("\(twice)".contains("2 times"))
    }

    @Test(.enabled(if: SharedMaterial.shared("radiographs/train.csv") != nil)) func realStudies() throws {
        let path = try #require(SharedMaterial.shared("radiographs/train.csv"))
        let table = try CSVTable(path: path)
        let column = try table.column(named: "report")
        #expect(table.rowCount > 0 && (0..<table.rowCount).allSatisfy { !table.field($0, column).isEmpty })
    }

    /// Without quotes, fields are what splitting at commas and line feeds gives.
    @Test func agreesWithNaiveSplitting() throws {
        let key = RandomKey(seed: 3, purpose: .test)
        var naive: [[String]] = []
        for row in 0..<5000 {
            naive.append(
                (0..<4).map { column in
                    let place = row * 4 + column
                    return String(repeating: "x", count: key.integer(place, below: 5)) + "\(place)"
                })
        }
        let text = naive.map { $0.joined(separator: ",") }.joined(separator: "\n")
        let table = try table("a,b,c,d\n" + text)
        #expect(rows(table) == naive)
    }
}
