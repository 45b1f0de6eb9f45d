extension String {
    /// The text followed by spaces up to `width` characters.
    public func padded(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, width - count))
    }
}
