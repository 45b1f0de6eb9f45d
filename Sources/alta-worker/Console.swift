import Foundation

/// What a person reads.
enum Console {
    /// A line on standard output.
    static func print(_ text: String) {
        FileHandle.standardOutput.say(text + "\n")
    }

    /// The line that says what went wrong, on standard error.
    static func error(_ text: String) { note("error: \(text)") }

    /// A line on standard error.
    static func note(_ text: String) {
        FileHandle.standardError.say(text + "\n")
    }
}
