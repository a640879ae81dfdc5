/* Makes the n-th call fail that changes files under a folder. Loaded before libc by LD_PRELOAD; test code only.
 *
 *   FAIL_UNDER  the folder; files outside are left alone
 *   FAIL_AT     n, from 1; 0 fails none and only counts
 *   FAIL_WITH   ENOSPC or EIO
 *   FAIL_ONWARD 1: all later calls fail too, as on a disk that stays full; removing files still works
 *   FAIL_LOG    a file to which a line is appended for each counted call: its number, the call, the file's name
 *
 * Counted: open with O_CREAT, write, pwrite, writev, ftruncate, fallocate, fsync, fdatasync, close of a file opened for
 * writing, rename. A write that fails late writes half of its bytes first: every second one does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static int is_under(const char *path) {
    const char *folder = getenv("FAIL_UNDER");
    return folder && strncmp(path, folder, strlen(folder)) == 0;
}

/* The path of an open file, or an empty text. */
static const char *path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return path;
}

/* Counts a call; whether it is to fail, with errno set. */
static int fails(const char *call, const char *path) {
    long number = atomic_fetch_add(&calls, 1) + 1;
    const char *log = getenv("FAIL_LOG"), *at = getenv("FAIL_AT"), *with = getenv("FAIL_WITH");
    if (log) {
        char line[PATH_MAX + 64];
        const char *name = strrchr(path, '/');
        int length = snprintf(line, sizeof line, "%ld %s %s\n", number, call, name ? name + 1 : path);
        int file = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        if (file >= 0) {
            syscall(SYS_write, file, line, (size_t)length);
            syscall(SYS_close, file);
        }
    }
    long chosen = at ? atol(at) : 0;
    int onward = getenv("FAIL_ONWARD") && *getenv("FAIL_ONWARD") == '1';
    if (chosen <= 0 || (onward ? number < chosen : number != chosen)) return 0;
    errno = with && strcmp(with, "EIO") == 0 ? EIO : ENOSPC;
    return 1;
}

static int fails_on(const char *call, int descriptor) {
    int before = errno;
    char path[PATH_MAX];
    if (!is_under(path_of(descriptor, path))) {
        errno = before;
        return 0;
    }
    int failing = fails(call, path);
    if (!failing) errno = before;
    return failing;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *bytes, size_t count) {
    if (!fails_on("write", file)) return syscall(SYS_write, file, bytes, count);
    int reason = errno;
    if (atomic_load(&calls) % 2 == 0) syscall(SYS_write, file, bytes, count / 2);
    errno = reason;
    return -1;
}

static ssize_t failing_pwrite(int file, const void *bytes, size_t count, off_t offset) {
    if (!fails_on("pwrite", file)) return syscall(SYS_pwrite64, file, bytes, count, offset);
    int reason = errno;
    if (atomic_load(&calls) % 2 == 0) syscall(SYS_pwrite64, file, bytes, count / 2, offset);
    errno = reason;
    return -1;
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
    return failing_pwrite(file, bytes, count, offset);
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    return failing_pwrite(file, bytes, count, offset);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
    return fails_on("writev", file) ? -1 : syscall(SYS_writev, file, parts, count);
}
int ftruncate(int file, off_t size) { return fails_on("ftruncate", file) ? -1 : (int)syscall(SYS_ftruncate, file, size); }
int ftruncate64(int file, off64_t size) {
    return fails_on("ftruncate", file) ? -1 : (int)syscall(SYS_ftruncate, file, size);
}
int posix_fallocate(int file, off_t start, off_t size) {
    return fails_on("fallocate", file) ? errno : NEXT(posix_fallocate)(file, start, size);
}
int fsync(int file) { return fails_on("fsync", file) ? -1 : (int)syscall(SYS_fsync, file); }
int fdatasync(int file) { return fails_on("fdatasync", file) ? -1 : (int)syscall(SYS_fdatasync, file); }

int close(int file) {
    int before = errno, mode = fcntl(file, F_GETFL), failing = 0;
    errno = before;
    if (mode >= 0 && (mode & O_ACCMODE) != O_RDONLY) failing = fails_on("close", file);
    int reason = errno;
    int result = (int)syscall(SYS_close, file);
    if (!failing) return result;
    errno = reason;
    return -1;
}

int rename(const char *from, const char *to) {
    if (is_under(to) && fails("rename", to)) return -1;
    return (int)syscall(SYS_rename, from, to);
}
int renameat(int a, const char *from, int b, const char *to) {
    if (is_under(to) && fails("rename", to)) return -1;
    return (int)syscall(SYS_renameat, a, from, b, to);
}
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    if (is_under(to) && fails("rename", to)) return -1;
    return (int)syscall(SYS_renameat2, a, from, b, to, flags);
}

static int opened(int folder, const char *path, int flags, mode_t mode) {
    if ((flags & O_CREAT) && is_under(path) && fails("open", path)) return -1;
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}
#define MODE(flags) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); }
int open(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags) return opened(folder, path, flags, mode); }
