import Files
import Foundation

/// Maps regular files into memory, so that only the pages that are read are loaded.
///
/// A file that another process shortens while it is mapped makes reads fail with a signal; Retort itself only ever
/// replaces files by renaming, which leaves the mapped one whole.
enum MappedFile {
    static func data(at url: URL) throws -> Data {
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw InputError(
                file: url.path, problem: "cannot open: \(String(cString: strerror(errno)))",
                remedy: "check the path and its permissions")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw InputError(file: url.path, problem: "not a regular file")
        }
        let size = Int(status.st_size)
        guard size > 0 else { return Data() }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw InputError(file: url.path, problem: "cannot map: \(String(cString: strerror(errno)))")
        }
        return Data(bytesNoCopy: start, count: size, deallocator: .unmap)
    }

    /// Gives the memory of pages that were read back, so that a pass over a file holds a few of them only; who looks at them
    /// again has them loaded again.
    ///
    /// - Parameter bytes: a part of a mapped file.
    static func release(_ bytes: Slice<UnsafeRawBufferPointer>) {
        guard let base = bytes.base.baseAddress, !bytes.isEmpty else { return }
        let page = Int(getpagesize())
        // The mapping begins with a page.
        let (start, end) = (bytes.startIndex / page * page, bytes.endIndex / page * page)
        guard start < end else { return }
        madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED)
    }
}
