import AltaCore
import AltaData
import AltaFormats
import AltaTestSupport
import Foundation
import Testing

/// Cohorts as files.
struct SynthesisWriterTests {
    private func options(_ folder: String, seed: UInt64 = 5, threads: Int = 2) -> CohortOptions {
        CohortOptions(output: folder, studyCount: 24, seed: seed, size: 96, threads: threads)
    }

    private func files(_ folder: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            let file = URL(filePath: "\(folder)/\(path)")
            if !file.hasDirectoryPath, let data = try? Data(contentsOf: file) { files[path] = data }
        }
        return files
    }

    private func write(_ options: CohortOptions) throws -> CohortSummary {
        try CohortWriter.write(options) { _, _ in }
    }

    @Test func everyThreadCountWritesTheSameBytesAndAnotherSeedOthers() throws {
        var cohorts: [[String: Data]] = []
        for (seed, threads) in [(5, 1), (5, 2), (5, 5), (6, 2)] as [(UInt64, Int)] {
            let folder = try SharedMaterial.temporaryFolder("synthesis")
            defer { try? FileManager.default.removeItem(atPath: folder) }
            _ = try write(options(folder, seed: seed, threads: threads))
            cohorts.append(try files(folder))
        }
        #expect(cohorts[0].count > 24 + 3)
        #expect(cohorts[0] == cohorts[1] && cohorts[0] == cohorts[2])
        #expect(cohorts[0]["train.csv"] != cohorts[3]["train.csv"])
        let shared = Set(cohorts[0].keys).intersection(cohorts[3].keys).filter { $0.hasSuffix(".jpg") }
        #expect(!shared.isEmpty && shared.allSatisfy { cohorts[0][$0] != cohorts[3][$0] })
    }

    @Test func tablesLoadAndEveryImageIsThere() throws {
        let folder = try SharedMaterial.temporaryFolder("synthesis")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let summary = try write(options(folder))
        let cohort = SyntheticCohort(seed: 5, studyCount: 24)
        var named = Set<String>()
        var rows = 0
        for table in CohortWriter.tables {
            let csv = try CSVTable(path: "\(folder)/\(table)")
            rows += csv.rowCount
            #expect(
                Array(csv.header.prefix(5)) == [
                    "image_path", "auxview_image_path", "last_image_path", "last_auxview_image_path", "report",
                ])
            let patient = try csv.column(named: "patient")
            let visit = try csv.column(named: "visit")
            for row in 0..<csv.rowCount {
                named.formUnion((0..<4).map { csv.field(row, $0) })
                let study = try #require(
                    cohort.studies.first {
                        csv.field(row, patient) == "\($0.patient)" && csv.field(row, visit) == "\($0.visit + 1)"
                    })
                // Through quotes and line ends: the very text.
                #expect(csv.field(row, 4) == ReportWriter.report(study, seed: 5))
                #expect((csv.field(row, 2) != "-1") == study.hasPrior)
                #expect((csv.field(row, 1) != "-1") == study.hasLateral)
            }
        }
        named.remove("-1")
        #expect(rows == 24 && summary.trainCount + summary.validationCount + summary.testCount == 24)
        let images = try files(folder).filter { $0.key.hasSuffix(".jpg") }
        #expect(Set(images.keys) == named && summary.imageCount == named.count)
        #expect(images.values.allSatisfy { $0.starts(with: [0xFF, 0xD8, 0xFF]) })
    }

    @Test func aFullFolderIsRefusedUnlessOverwritten() throws {
        let folder = try SharedMaterial.temporaryFolder("synthesis")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("mine".utf8).write(to: URL(filePath: "\(folder)/notes.txt"))
        let error = #expect(throws: AltaError.self) { try write(options(folder)) }
        #expect(error?.remedy?.contains("--overwrite") == true && error?.file == folder)
        #expect(try files(folder).keys.sorted() == ["notes.txt"])
        var again = options(folder)
        again.overwrites = true
        _ = try write(again)
        #expect(try files(folder)["notes.txt"] == Data("mine".utf8))
    }

    @Test func badNumbersAreUsageErrors() throws {
        let folder = NSTemporaryDirectory() + "alta-synthesis-never-made"
        let changes: [(inout CohortOptions) -> Void] = [
            { $0.studyCount = 19 }, { $0.studyCount = -1 }, { $0.size = 63 }, { $0.size = 100_000 }, { $0.threads = 0 },
            { $0.testShare = 0 }, { $0.testShare = 0.9 }, { $0.testShare = .nan },
        ]
        for change in changes {
            var bad = options(folder)
            change(&bad)
            let error = #expect(throws: AltaError.self) { try write(bad) }
            #expect(error?.exitCode == .usage && error?.remedy != nil)
        }
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test func aFolderThatCannotBeMadeIsNamed() throws {
        let folder = try SharedMaterial.temporaryFolder("synthesis")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data().write(to: URL(filePath: "\(folder)/file"))
        for path in ["\(folder)/file", "\(folder)/file/inside"] {
            let error = #expect(throws: AltaError.self) { try write(options(path)) }
            #expect(error?.file == path && error?.exitCode == .failed)
        }
    }
}
