import AltaCore

/// Damages bytes in every way we could think of: a few bytes replaced, removed, inserted, repeated, set to extreme
/// numbers, or taken from another input.
public enum ByteMutator {
    /// Numbers at which sizes and offsets go wrong.
    private static let extremes: [UInt64] = [
        0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000,
        0x4000_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF,
    ]

    /// The bytes after changes, the same for the same key: one in half of the cases, so that much else stays whole, else up
    /// to five.
    /// - Parameter other: another input, of which pieces may be taken.
    public static func mutated(_ original: [UInt8], other: [UInt8], key: RandomKey) -> [UInt8] {
        var bytes = original
        let count = key.integer(1, below: 2) == 0 ? 1 : 1 + key.integer(0, below: 5)
        for change in 0..<count where !bytes.isEmpty {
            apply(key.child(UInt64(change)), to: &bytes, other: other)
        }
        return bytes
    }

    private static func apply(_ draw: RandomKey, to bytes: inout [UInt8], other: [UInt8]) {
        let place = draw.integer(0, below: bytes.count)
        let end = min(bytes.count, place + 1 + draw.integer(5, below: 30))
        switch draw.integer(1, below: 11) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: draw.word(10))
        case 1: bytes[place] ^= 1 << UInt8(draw.integer(2, below: 8))
        case 2: bytes.removeSubrange(place..<(draw.integer(3, below: 2) == 0 ? place + 1 : end))
        case 3: bytes.insert(UInt8(truncatingIfNeeded: draw.word(10)), at: place)
        case 4: bytes[place] = bytes[draw.integer(3, below: bytes.count)]
        case 5: bytes.removeLast(min(bytes.count, draw.integer(4, below: 20)))
        case 6: bytes.insert(contentsOf: bytes[place..<end], at: place)
        case 7: setExtreme(draw, at: place, in: &bytes)
        case 8: changeDigit(draw, from: place, in: &bytes)
        case 9: bytes[place] = bytes[place] &+ (draw.integer(2, below: 2) == 0 ? 1 : 255)
        default:
            guard !other.isEmpty else { return }
            let start = draw.integer(2, below: other.count)
            let piece = other[start..<min(other.count, start + 1 + draw.integer(3, below: 40))]
            bytes.replaceSubrange(place..<(draw.integer(4, below: 2) == 0 ? place : end), with: piece)
        }
    }

    /// Replaces the next decimal digit: texts stay well-formed, their numbers become wrong.
    private static func changeDigit(_ draw: RandomKey, from place: Int, in bytes: inout [UInt8]) {
        guard let digit = bytes[place...].firstIndex(where: { (48...57).contains($0) }) else { return }
        bytes[digit] = UInt8(48 + draw.integer(2, below: 10))
    }

    /// Writes an extreme number of one to eight bytes, in either byte order.
    private static func setExtreme(_ draw: RandomKey, at place: Int, in bytes: inout [UInt8]) {
        let width = 1 << draw.integer(2, below: 4)
        let number = extremes[draw.integer(3, below: extremes.count)]
        for index in 0..<min(width, bytes.count - place) {
            let shift = 8 * (draw.integer(4, below: 2) == 0 ? index : width - 1 - index)
            bytes[place + index] = UInt8(truncatingIfNeeded: number >> UInt64(shift))
        }
    }
}
