extension Arena.Mark {
    /// The beginning of an arena: releasing to it takes everything back.
    public static let start = Arena.Mark(chunk: 0, offset: 0)
}
