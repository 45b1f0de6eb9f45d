import Foundation

/// What of rank 0 reaches the user while the job runs: its standard output as it is, and of its standard error the lines that
/// begin with `warning: ` or `note: `. Errors stand in the closing report, the first cause first.
struct RankZeroScreen {
    private var errorLine: [UInt8] = []
    private var lastByte = UInt8(ascii: "\n")

    mutating func show(_ bytes: ArraySlice<UInt8>, isError: Bool) {
        guard isError else {
            Screen.shared.show(bytes, on: .output)
            lastByte = bytes.last ?? lastByte
            return
        }
        for byte in bytes {
            if errorLine.count < 1 << 14 { errorLine.append(byte) }
            if byte == UInt8(ascii: "\n") { endErrorLine() }
        }
    }

    /// Ends a begun line, so that what follows begins at the margin.
    mutating func finish() {
        endErrorLine()
        if lastByte != UInt8(ascii: "\n"), isatty(STDOUT_FILENO) == 1 {
            Screen.shared.show([UInt8(ascii: "\n")], on: .output)
            lastByte = UInt8(ascii: "\n")
        }
    }

    private mutating func endErrorLine() {
        let text = String(decoding: errorLine, as: UTF8.self)
        errorLine.removeAll(keepingCapacity: true)
        if text.hasPrefix("warning: ") || text.hasPrefix("note: ") {
            Screen.shared.show(Array(text.utf8), on: .errors)
        }
    }
}
