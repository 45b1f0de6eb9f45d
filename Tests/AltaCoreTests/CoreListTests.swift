import AltaCore
import Foundation
import Testing

struct CoreListTests {
    @Test(arguments: [
        ("", []), ("0", [0]), ("0-3,8", [0, 1, 2, 3, 8]), ("0,2,4", [0, 2, 4]), ("0-1\n", [0, 1]),
        ("14-15,0-1", [0, 1, 14, 15]), ("3,1-4", [1, 2, 3, 4]),
    ])
    func readsListsOfTheKernel(text: String, cores: [Int]) throws {
        #expect(try CoreList(text: text).cores == cores)
    }

    @Test(arguments: ["x", "3-1", "-3", "1-", "1-2-3", "0-99999999999", "0x3", "99999999999999999999"])
    func refusesWhatIsNoList(text: String) {
        let error = #expect(throws: AltaError.self) { try CoreList(text: text) }
        #expect(error?.what.contains(text) == true)
    }

    @Test func writesRuns() {
        #expect(CoreList([8, 3, 1, 0, 2, 3]).text == "0-3,8")
        #expect(CoreList([5, 7]).text == "5,7")
    }

    @Test func describesItself() {
        #expect("\(CoreList([0, 1, 2, 3, 8]))" == "cores 0-3,8")
        #expect("\(CoreList([2]))" == "core 2")
        #expect("\(CoreList([]))" == "no cores")
    }

    @Test func survivesJSON() throws {
        let json = try JSONEncoder().encode([CoreList([0, 1, 5])])
        #expect(String(decoding: json, as: UTF8.self) == #"["0-1,5"]"#)
        #expect(try JSONDecoder().decode([CoreList].self, from: json) == [CoreList([0, 1, 5])])
        #expect(throws: (any Error).self) { try JSONDecoder().decode([CoreList].self, from: Data(#"["a"]"#.utf8)) }
    }
}
