import AltaCore
import CTurboJPEG
import Foundation

/// Compresses grey images with TurboJPEG. Not shared between threads.
final class JPEGWriter {
    private let handle: tjhandle

    /// Throws where TurboJPEG cannot start (out of memory).
    init() throws {
        guard let handle = tjInitCompress() else {
            throw AltaError("cannot start the JPEG compressor", remedy: "free some memory")
        }
        self.handle = handle
    }

    deinit { tjDestroy(handle) }

    /// The bytes of a baseline grey JPEG at a quality of 1...100.
    func bytes(_ image: GreyImage, quality: Int) throws -> Data {
        var buffer: UnsafeMutablePointer<UInt8>?
        var count: UInt = 0
        defer { tjFree(buffer) }
        let status = image.pixels.withUnsafeBufferPointer { pixels in
            tjCompress2(
                handle, pixels.baseAddress, Int32(image.width), 0, Int32(image.height), Int32(TJPF_GRAY.rawValue),
                &buffer, &count, Int32(TJSAMP_GRAY.rawValue), Int32(quality), 0)
        }
        guard status == 0, let buffer else {
            throw AltaError("cannot compress a radiograph as JPEG", why: String(cString: tjGetErrorStr2(handle)))
        }
        return Data(bytes: buffer, count: Int(count))
    }
}
