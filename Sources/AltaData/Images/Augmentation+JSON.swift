import AltaCore

extension Augmentation {
    private static let keys = ["angle", "translate", "scale", "shear", "brightness", "contrast", "contrast_first"]

    /// Reads the parameters from a JSON object with the keys `angle`, `translate` ([x, y]), `scale`, `shear` ([x, y]),
    /// `brightness`, `contrast` and `contrast_first`; one left out changes nothing.
    ///
    /// Throws `AltaError` for an unknown key or a value of the wrong kind or range.
    public init(json: JSONValue) throws {
        guard let object = json.object else { throw Self.fault("it is not a JSON object") }
        for key in object.keys where !Self.keys.contains(key) {
            throw Self.fault("unknown key \(key)", hint: key.nearest(among: Self.keys).map { "did you mean \($0)? " })
        }
        self.init()
        angle = try Self.number(object, "angle") ?? angle
        scale = try Self.number(object, "scale") ?? scale
        brightness = try Self.factor(object, "brightness") ?? brightness
        contrast = try Self.factor(object, "contrast") ?? contrast
        if let value = object["contrast_first"] {
            guard let flag = value.bool else {
                throw Self.fault("contrast_first is not true or false")
            }
            contrastFirst = flag
        }
        if let pair = try Self.pair(object, "translate", \.int) { (translateX, translateY) = pair }
        if let pair = try Self.pair(object, "shear", \.double) { (shearX, shearY) = pair }
        guard scale > 0 else { throw Self.fault("scale is \(scale), expected more than 0") }
    }

    private static func number(_ object: JSONObject, _ key: String) throws -> Double? {
        guard let value = object[key] else { return nil }
        guard let number = value.double else { throw fault("\(key) is not a number") }
        return number
    }

    private static func factor(_ object: JSONObject, _ key: String) throws -> Double? {
        guard let number = try number(object, key) else { return nil }
        guard number >= 0, Float(number).isFinite else {
            throw fault("\(key) is \(number), expected a number from 0")
        }
        return number
    }

    private static func pair<Number>(
        _ object: JSONObject, _ key: String, _ convert: (JSONValue) -> Number?
    ) throws -> (Number, Number)? {
        guard let value = object[key] else { return nil }
        guard let array = value.array, array.count == 2, let x = convert(array[0]), let y = convert(array[1]) else {
            throw fault("\(key) is not a list of two numbers (whole ones for translate)")
        }
        return (x, y)
    }

    private static func fault(_ why: String, hint: String? = nil) -> AltaError {
        AltaError(
            "augmentation cannot be read", why: why,
            remedy: (hint ?? "") + "the keys are \(keys.joined(separator: ", "))", exitCode: .usage)
    }
}
