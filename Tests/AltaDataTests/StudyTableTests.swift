import AltaCore
import AltaData
import AltaTestSupport
import Foundation
import Testing

@Suite struct StudyTableTests {
    static let header = "image_path,auxview_image_path,last_image_path,last_auxview_image_path,report"

    func load(_ csv: String, imageRoot: String? = nil) throws -> StudyTable {
        let path = try SharedMaterial.temporaryFolder("studies") + "/train.csv"
        try Data(csv.utf8).write(to: URL(filePath: path))
        return try StudyTable.load(csvPath: path, imageRoot: imageRoot)
    }

    func failure(_ csv: String) -> AltaError? { #expect(throws: AltaError.self) { try load(csv) } }

    @Test func columnsInAnyOrderAmongOthers() throws {
        let table = try load(
            "report,id,last_auxview_image_path,image_path,last_image_path,auxview_image_path\n"
                + "Clear.,7,-1,a.png,/abs/b.png,-1.0\n", imageRoot: "/root/images")
        #expect(table.count == 1)
        let study = table.study(StudyIndex(0))
        #expect(study.paths == ["/root/images/a.png", nil, "/abs/b.png", nil])
        #expect(study.report == "Clear.")
        #expect(study.row == 2)
    }

    @Test func pathsAreRelativeToTheTablesFolder() throws {
        let table = try load("\(Self.header)\nimages/a.png,-1,-1,-1,Clear.\n")
        let folder = URL(filePath: table.path).deletingLastPathComponent().path
        #expect(table.imageRoot == folder)
        #expect(table.study(StudyIndex(0)).paths[0] == "\(folder)/images/a.png")
    }

    @Test func quotedReportsKeepLineEndsAndRowsCountRecords() throws {
        let table = try load("\u{FEFF}\(Self.header)\r\na,-1,-1,-1,\"One,\r\n\"\"two\"\"\"\r\nb,-1,-1,-1,Three\r\n")
        #expect(table.study(StudyIndex(0)).report == "One,\r\n\"two\"")
        #expect(table.study(StudyIndex(1)).row == 3)
    }

    @Test func missingColumnsAreAllNamedBesideThoseFound() {
        let error = failure("path,auxview_image_path,last_image_path,last_auxview_image_path,text\na,-1,-1,-1,b\n")
        #expect(error?.what == "missing columns: image_path, report")
        #expect(error?.why?.contains("path, auxview_image_path") == true)
        #expect(error?.remedy != nil && error?.file != nil && error?.row == 1)
    }

    @Test func noRowsIsAnError() { #expect(failure("\(Self.header)\n")?.what == "no studies") }

    @Test(arguments: [
        ("-1,-1,-1,-1,Clear.", "current frontal"), (",-1,-1,-1,Clear.", "image_path is empty"),
        ("a,-1,,-1,Clear.", "last_image_path is empty"), ("a,-1,-1,-1,", "report is empty"),
        ("a,-1,-1,-1,\" \n\u{A0}\"", "report is empty"),
    ])
    func faultyRowsAreNamed(row: String, what: String) {
        let error = failure("\(Self.header)\nok,-1,-1,-1,Clear.\n\(row)\n")
        #expect(error?.what.contains(what) == true)
        #expect(error?.row == 3)
        #expect(error?.file?.hasSuffix("train.csv") == true)
        #expect(error?.remedy != nil)
    }

    @Test func missingFilesAreFoundWhenAskedFor() throws {
        let folder = try SharedMaterial.temporaryFolder("images")
        for name in ["a.png", "b.png"] { try Data([1]).write(to: URL(filePath: "\(folder)/\(name)")) }
        let whole = try load("\(Self.header)\na.png,b.png,-1,-1,x\nb.png,-1,-1,-1,y\n", imageRoot: folder)
        var calls: [Int] = []
        try whole.checkFilesExist { checked, total in calls.append(10 * checked + total) }
        #expect(calls == [12, 22])
        for missing in ["c.png", "."] {
            let table = try load("\(Self.header)\na.png,-1,-1,-1,x\nb.png,-1,\(missing),-1,y\n", imageRoot: folder)
            let error = #expect(throws: AltaError.self) { try table.checkFilesExist() }
            #expect(error?.row == 3)
            #expect(error?.what.contains(missing) == true)
            #expect(error?.why?.contains("last_image_path") == true)
        }
    }

    @Test func costsFollowTheReports() throws {
        let long = String(repeating: "Lungs are clear. ", count: 200)
        let table = try load("\(Self.header)\na,-1,-1,-1,Clear.\nb,-1,-1,-1,\(long)\n")
        #expect(table.costs() == [126 + 4, 126 + 128])
        #expect(table.costs(maxTokens: 64)[1] == 126 + 64)
    }

    @Test func estimatesCountWordsAndPunctuation() {
        func estimate(_ text: String) -> Int { ReportCost.estimatedTokenCount(text.utf8) }
        #expect(estimate("") == 2)
        #expect(estimate("a bb, ccc.") == 2 + 5)
        #expect(estimate("abcde abcdef") == 2 + 3)
        #expect(estimate(" \n\t") == 2)
    }

    @Test(.enabled(if: SharedMaterial.shared("radiographs/train.csv") != nil)) func realTable() throws {
        let path = try #require(SharedMaterial.shared("radiographs/train.csv"))
        let table = try StudyTable.load(csvPath: path)
        #expect(table.count == 116)
        try table.checkFilesExist()
        let paths = (0..<table.count).flatMap { table.study(StudyIndex($0)).paths }
        #expect(Set(paths.compactMap { $0 }).count == 127)
    }
}
