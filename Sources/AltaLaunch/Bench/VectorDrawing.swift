import Foundation

/// An SVG file in the making: what a plot needs of it.
struct VectorDrawing {
    private(set) var width: Double
    private(set) var height: Double
    private var elements: [String] = []

    /// An empty drawing, in pixels.
    init(width: Double, height: Double) {
        self.width = width
        self.height = height
    }

    /// Where a text stands to its point.
    enum Anchor: String {
        case start, middle, end
    }

    /// A text in one line.
    mutating func text(
        _ text: String, x: Double, y: Double, size: Double = 13, anchor: Anchor = .start, color: String = "#222",
        isBold: Bool = false, turned: Bool = false
    ) {
        let turn = turned ? " transform=\"rotate(-90 \(Self.number(x)) \(Self.number(y)))\"" : ""
        let weight = isBold ? " font-weight=\"bold\"" : ""
        elements.append(
            "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" font-size=\"\(Self.number(size))\" "
                + "text-anchor=\"\(anchor.rawValue)\" fill=\"\(color)\"\(weight)\(turn)>\(Self.escaped(text))</text>")
    }

    /// Lines from point to point; fewer than two points draw nothing.
    mutating func line(_ points: [(x: Double, y: Double)], color: String, width: Double = 1, dashes: String? = nil) {
        guard points.count > 1 else { return }
        let places = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
        let dashed = dashes.map { " stroke-dasharray=\"\($0)\"" } ?? ""
        elements.append(
            "<polyline points=\"\(places)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"\(Self.number(width))\"\(dashed)/>"
        )
    }

    /// A mark of a place that was measured; `title` is shown by viewers that show titles.
    mutating func mark(_ shape: MarkShape, x: Double, y: Double, color: String, title: String) {
        let (left, top) = (Self.number(x - 5), Self.number(y - 5))
        let body =
            switch shape {
            case .circle: "<circle cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"5\" fill=\"\(color)\">"
            case .square: "<rect x=\"\(left)\" y=\"\(top)\" width=\"10\" height=\"10\" fill=\"\(color)\">"
            case .diamond:
                "<path d=\"M\(Self.number(x)) \(Self.number(y - 9))l9 9l-9 9l-9 -9z\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"2.5\">"
            case .cross:
                "<path d=\"M\(left) \(top)l10 10m0 -10l-10 10\" stroke=\"\(color)\" stroke-width=\"3\" fill=\"none\">"
            }
        let tag = body.dropFirst().prefix { $0 != " " }
        elements.append("\(body)<title>\(Self.escaped(title))</title></\(tag)>")
    }

    /// The shapes of marks.
    enum MarkShape {
        case circle, square, diamond, cross
    }

    /// The file.
    var text: String {
        let size = "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\""
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" \(size) viewBox="0 0 \(Self.number(width)) \(Self.number(height))" \
            font-family="DejaVu Sans, Helvetica, Arial, sans-serif">
            <rect width="100%" height="100%" fill="white"/>
            \(elements.joined(separator: "\n"))
            </svg>

            """
    }

    private static func number(_ value: Double) -> String {
        let text = String(format: "%.1f", value)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
    }
}
