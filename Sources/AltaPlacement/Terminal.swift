import CAltaSystem

/// Whether a person looks at an output, and how wide it is.
public enum Terminal {
    /// Standard output's file descriptor.
    public static let standardOutput: Int32 = 1
    /// Standard error's file descriptor.
    public static let standardError: Int32 = 2

    /// Whether the file descriptor is a terminal. A rank's standard output is one under mpirun, even where mpirun's own
    /// goes to a file.
    public static func isTerminal(_ descriptor: Int32) -> Bool { alta_is_terminal(descriptor) != 0 }

    /// The columns of the terminal; nil where it is none or does not say.
    public static func columns(_ descriptor: Int32) -> Int? {
        let columns = Int(alta_terminal_columns(descriptor))
        return columns > 0 ? columns : nil
    }
}
