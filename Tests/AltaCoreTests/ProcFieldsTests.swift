import AltaCore
import Testing

struct ProcFieldsTests {
    /// Recorded from `/proc/self/status`, shortened.
    static let status = """
        Name:\tcat
        VmHWM:\t    1776 kB
        VmRSS:\t    1664 kB
        HugetlbPages:\t       0 kB
        Cpus_allowed:\t3f0f
        Cpus_allowed_list:\t0-3,8-13
        Mems_allowed_list:\t0
        """

    @Test func readsSizesAndLists() throws {
        let fields = ProcFields(text: Self.status, file: "status")
        #expect(try fields.bytes("VmHWM") == 1776 * 1024)
        #expect(try fields.bytes("VmRSS") == 1664 * 1024)
        #expect(try fields.bytes("HugetlbPages") == 0)
        #expect(try CoreList(text: fields.text("Cpus_allowed_list")) == CoreList([0, 1, 2, 3, 8, 9, 10, 11, 12, 13]))
    }

    @Test func absentKeyNamesKeyAndFile() {
        let error = #expect(throws: AltaError.self) {
            try ProcFields(text: Self.status, file: "status").bytes("VmSwap")
        }
        #expect(error?.description == "no VmSwap (status)")
    }

    @Test(arguments: ["12", "12 MB", "kB", "-1 kB", "1.5 kB", "9223372036854775807 kB", ""])
    func refusesWhatIsNoSize(value: String) {
        #expect(throws: AltaError.self) { try ProcFields(text: "Size: \(value)", file: "x").bytes("Size") }
    }
}
