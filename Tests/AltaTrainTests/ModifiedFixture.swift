import AltaFormats
import AltaTestSupport
import Foundation

/// A copy of a fixture in which something is not as it should be.
struct ModifiedFixture {
    /// Its folder; `remove` takes it away.
    let folder: String
    let path: String

    /// Copies `name`, without the tensors in `leavingOut`, each element of those in `factors` times the factor.
    static func make(
        of name: String, factors: [String: Float] = [:], leavingOut: Set<String> = []
    ) throws -> ModifiedFixture {
        let file = try SafetensorsFile(path: SharedMaterial.fixture(name))
        let sources = try file.names.filter { !leavingOut.contains($0) }.map { name in
            let tensor = try file.tensor(name)
            guard let factor = factors[name] else {
                return TensorSource(name: name, dtype: tensor.dtype, shape: tensor.shape) { try $0.write(tensor.bytes) }
            }
            return TensorSource.floats(name, shape: tensor.shape, try tensor.floats().map { $0 * factor })
        }
        let fixture = try empty()
        try SafetensorsWriter.write(sources, metadata: file.metadata, to: fixture.path)
        return fixture
    }

    /// A file of these bytes.
    static func make(bytes: Data) throws -> ModifiedFixture {
        let fixture = try empty()
        try bytes.write(to: URL(filePath: fixture.path))
        return fixture
    }

    private static func empty() throws -> ModifiedFixture {
        let folder = try SharedMaterial.temporaryFolder("fixture")
        return ModifiedFixture(folder: folder, path: "\(folder)/modified.safetensors")
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}
