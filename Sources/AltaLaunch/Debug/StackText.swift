import Foundation

/// What gdb prints of stacks, made readable: a pure function of its lines.
package enum StackText {
    /// A line with Swift's names as they are written in the source.
    package static func readable(_ line: some StringProtocol) -> String {
        guard line.contains("$s") else { return String(line) }
        var result = ""
        var word = ""
        for character in line {
            if character.isLetter || character.isNumber || character == "_" || character == "$" {
                word.append(character)
            } else {
                result += readableName(word)
                result.append(character)
                word = ""
            }
        }
        return result + readableName(word)
    }

    /// Whether there is a stack among the lines.
    package static func hasFrames(_ lines: [String]) -> Bool { lines.contains { isFrame($0) } }

    /// The functions of the innermost frames of a thread, the innermost first; those of the system's libraries that only
    /// wait are passed over.
    ///
    /// - Parameter thread: what stands in the thread's heading: `LWP 12)` or its name in quotation marks.
    package static func innermost(_ lines: [String], thread: String, count: Int = 3) -> [String] {
        let start = lines.firstIndex { $0.hasPrefix("Thread ") && $0.contains(thread) }
        guard let start else { return [] }
        let frames = lines[(start + 1)...].prefix { !$0.hasPrefix("Thread ") }.filter(isFrame)
        let names = frames.compactMap(function)
        let own = names.drop { name in !name.contains(".") && !name.hasPrefix("MPI_") && !name.hasPrefix("alta_") }
        return Array((own.isEmpty ? names[...] : own).prefix(count))
    }

    private static func isFrame(_ line: String) -> Bool {
        line.hasPrefix("#") && line.dropFirst().first?.isNumber ?? false
    }

    /// The function of `#3  0x0000 in name (arguments) at file:line` or `#0  name (arguments) at ...`.
    private static func function(_ frame: String) -> String? {
        var rest = frame.drop { $0 != " " }.drop { $0 == " " }
        if rest.hasPrefix("0x"), let place = rest.range(of: " in ") { rest = rest[place.upperBound...] }
        guard let name = rest.prefix(while: { $0 != "(" }).split(separator: " ").last else { return nil }
        return name == "??" ? nil : String(name)
    }

    private typealias Demangle =
        @convention(c) (
            UnsafePointer<CChar>?, Int, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<Int>?, UInt32
        ) -> UnsafeMutablePointer<CChar>?

    /// A mangled name of Swift, translated by its run time; any other as it is.
    private static func readableName(_ name: String) -> String {
        guard name.hasPrefix("$s"), let address = dlsym(UnsafeMutableRawPointer(bitPattern: 0), "swift_demangle") else {
            return name
        }
        let demangle = unsafeBitCast(address, to: Demangle.self)
        guard let text = demangle(name, name.utf8.count, nil, nil, 0) else { return name }
        defer { free(text) }
        return String(cString: text)
    }
}
