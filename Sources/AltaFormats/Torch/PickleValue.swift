/// A value that a pickle describes, without anything that could be run.
///
/// Everything that is made of other values is a node of a `PickleHeap`, named by its place there. So values can refer
/// to each other in circles, and a value that occurs twice is the same node.
enum PickleValue: Sendable {
    case none
    case bool(Bool)
    /// A whole number of 64 bits.
    case integer(Int)
    case number(Double)
    case text(String)
    /// Something that no weight is made of: bytes, a longer whole number.
    case opaque
    /// The place of a node in the heap.
    case node(Int)
}

/// One value made of others.
struct PickleNode: Sendable {
    enum Kind: Sendable {
        case tuple
        case list
        case set
        /// Keys and values in turn.
        case dictionary
        /// A class or function of Python, by its name alone.
        case global
        /// Something outside the pickle, as a storage; its one item tells which.
        case persistent
        /// What calling the first item with the second would have given; a third is the state set afterwards.
        case object
    }

    var kind: Kind
    /// Module and name of a global, as `torch._utils._rebuild_tensor_v2`; empty for all else.
    var name = ""
    var items: [PickleValue] = []
}

/// All nodes of one pickle, its result, and where it ends.
struct PickleHeap: Sendable {
    var nodes: [PickleNode] = []
    var root = PickleValue.none
    /// Offset of the first byte after the pickle.
    var end = 0

    /// The node behind a value; nil for plain values.
    func node(_ value: PickleValue) -> PickleNode? {
        guard case .node(let place) = value else { return nil }
        return nodes[place]
    }

    /// The items of a tuple or list; nil for anything else.
    func sequence(_ value: PickleValue) -> [PickleValue]? {
        guard let node = node(value), node.kind == .tuple || node.kind == .list else { return nil }
        return node.items
    }

    /// The name of a class or function; nil for anything else.
    func globalName(_ value: PickleValue) -> String? {
        guard let node = node(value), node.kind == .global else { return nil }
        return node.name
    }

    /// The keys and values of a dictionary that are filed under texts, in order, and how many have other keys. Of a
    /// repeated key the last value counts, as in Python.
    func members(_ value: PickleValue) -> (texts: [(key: String, value: PickleValue)], others: Int)? {
        guard let node = node(value), node.kind == .dictionary else { return nil }
        var members: [(key: String, value: PickleValue)] = []
        var places: [String: Int] = [:]
        var others = 0
        for index in stride(from: 0, to: node.items.count - 1, by: 2) {
            guard case .text(let key) = node.items[index] else {
                others += 1
                continue
            }
            if let place = places[key] {
                members[place].value = node.items[index + 1]
            } else {
                places[key] = members.count
                members.append((key, node.items[index + 1]))
            }
        }
        return (members, others)
    }

    /// What called what: the name of the function or class and its arguments; nil for anything but an object.
    func call(_ value: PickleValue) -> (name: String, arguments: [PickleValue])? {
        guard let node = node(value), node.kind == .object, let name = globalName(node.items[0]) else { return nil }
        return (name, sequence(node.items[1]) ?? [])
    }

    /// What a value is, for messages: `an object of argparse.Namespace`.
    func kindName(_ value: PickleValue) -> String {
        switch value {
        case .none: return "None"
        case .bool: return "a truth value"
        case .integer, .number: return "a number"
        case .text: return "a text"
        case .opaque: return "bytes or a long number"
        case .node(let place):
            switch nodes[place].kind {
            case .tuple: return "a tuple"
            case .list: return "a list"
            case .set: return "a set"
            case .dictionary: return "a dictionary"
            case .global: return "the class or function \(nodes[place].name.prefix(80))"
            case .persistent: return "a storage"
            case .object: return "an object of \(call(value)?.name.prefix(80) ?? "an unknown class")"
            }
        }
    }
}
