/* Preloaded into the program under test: makes one call of the system fail, be short, wait, or be the
 * last thing that the process does. Calls count if they are about a path below a folder.
 *
 *   FAULT_UNDER  the folder, as the system calls it; or "pipe:", for pipes
 *   FAULT_KINDS  which calls count: names of kinds with commas between, or "all"
 *   FAULT_AT     which of them is hit, the first being 1; 0: none
 *   FAULT_DO     name of an error | short | kill | torn (killed in the midst of a write) | hold |
 *                stuck (a close that fails and does not close)
 *   FAULT_TOLD   a file that gets a line a call: "KIND PATH"
 *   FAULT_HELD   hold: this file is made, and removed by whoever lets the process go on
 *   FAULT_NO_LOCKS  if set: the file system has no locks
 *
 * Programs that the program starts are left alone. A close that fails has closed, as on Linux, unless it
 * is to be stuck. Nothing is synced: no test here takes power away.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum verdict { GO, FAIL, SHORT, TORN, STUCK };

static const struct { const char *name; int number; } ERRORS[] = {
    {"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT},
    {"ESTALE", ESTALE}, {"EACCES", EACCES}, {"EMFILE", EMFILE},
};

static const char *under, *kinds, *what, *held;
static int at, error_number, told = -1, no_locks, ready;
static int calls;

__attribute__((constructor)) static void begin(void) {
    under = getenv("FAULT_UNDER");
    kinds = getenv("FAULT_KINDS");
    what = getenv("FAULT_DO");
    held = getenv("FAULT_HELD");
    no_locks = getenv("FAULT_NO_LOCKS") != NULL;
    at = getenv("FAULT_AT") ? atoi(getenv("FAULT_AT")) : 0;
    for (size_t i = 0; what && i < sizeof ERRORS / sizeof *ERRORS; i++)
        if (!strcmp(what, ERRORS[i].name)) error_number = ERRORS[i].number;
    if (getenv("FAULT_TOLD"))
        told = (int)syscall(SYS_openat, AT_FDCWD, getenv("FAULT_TOLD"),
                            O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    ready = under && kinds && what && !strcmp(program_invocation_short_name, "otfhpc");
}

static void die(void) {
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;) pause();
}

static int counts_as(const char *kind) {
    size_t length = strlen(kind);
    if (!strcmp(kinds, "all")) return 1;
    for (const char *p = kinds; (p = strstr(p, kind)); p += length)
        if ((p == kinds || p[-1] == ',') && (p[length] == ',' || !p[length])) return 1;
    return 0;
}

static int is_below(const char *path) {
    size_t length = strlen(under);
    return !strncmp(path, under, length) && (path[length] == '/' || !path[length] || *under != '/');
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return length > 0;
}

static void hold(void) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, held, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0) syscall(SYS_close, fd);
    while (!syscall(SYS_faccessat, AT_FDCWD, held, F_OK)) usleep(1000);
}

/* What becomes of a call on a path. */
static enum verdict judge(const char *kind, const char *path) {
    if (!counts_as(kind) || !is_below(path)) return GO;
    int number = __sync_add_and_fetch(&calls, 1);
    if (told >= 0) {
        char line[PATH_MAX + 32];
        int length = snprintf(line, sizeof line, "%s %s\n", kind, path);
        syscall(SYS_write, told, line, length);
    }
    if (number != at) return GO;
    if (error_number) return errno = error_number, FAIL;
    if (!strcmp(what, "stuck")) return errno = EIO, STUCK;
    if (!strcmp(what, "torn") && !strcmp(kind, "write")) return TORN;
    if (!strcmp(what, "kill") || !strcmp(what, "torn")) die();
    if (!strcmp(what, "hold")) hold();
    return strcmp(what, "short") ? GO : SHORT;
}

static enum verdict judge_fd(const char *kind, int fd) {
    char path[PATH_MAX];
    int before = errno;
    if (!ready || !path_of(fd, path)) return errno = before, GO;
    enum verdict verdict = judge(kind, path);
    if (verdict != FAIL && verdict != STUCK) errno = before;
    return verdict;
}

static enum verdict judge_path(const char *kind, int folder, const char *path) {
    char whole[PATH_MAX];
    int before = errno;
    if (!ready || !path) return GO;
    if (path[0] == '/') {
        snprintf(whole, sizeof whole, "%s", path);
    } else {
        char base[PATH_MAX];
        if (folder == AT_FDCWD ? !getcwd(base, sizeof base) : !path_of(folder, base)) return GO;
        snprintf(whole, sizeof whole, "%.*s/%.*s", PATH_MAX / 2, base, PATH_MAX / 2 - 2, path);
    }
    enum verdict verdict = judge(kind, whole);
    if (verdict != FAIL) errno = before;
    return verdict;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define ON_FD(kind, type, name, params, fd, args) \
    type name params { \
        REAL(name); \
        enum verdict v = judge_fd(kind, fd); \
        if (v == FAIL) return -1; \
        return real args; \
    }
#define ON_PATH(kind, name, params, folder, path, args) \
    int name params { \
        REAL(name); \
        enum verdict v = judge_path(kind, folder, path); \
        if (v == FAIL) return -1; \
        return real args; \
    }

ssize_t write(int fd, const void *bytes, size_t length) {
    REAL(write);
    enum verdict v = judge_fd("write", fd);
    if (v == FAIL) return -1;
    ssize_t written = real(fd, bytes, v != GO && length > 1 ? length / 2 : length);
    if (v == TORN) die();
    return written;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    enum verdict v = judge_fd("write", fd);
    if (v == FAIL) return -1;
    if (v == TORN) die();
    return v == SHORT ? write(fd, parts[0].iov_base, parts[0].iov_len / 2) : real(fd, parts, count);
}

ON_FD("write", ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o), fd, (fd, b, n, o))
ON_FD("read", ssize_t, read, (int fd, void *b, size_t n), fd, (fd, b, n))
ON_FD("truncate", int, ftruncate64, (int fd, off64_t n), fd, (fd, n))

int fsync(int fd) {
    enum verdict v = judge_fd("sync", fd);
    if (v == FAIL) return -1;
    return 0;
}

int fdatasync(int fd) { return fsync(fd); }

int flock(int fd, int how) {
    REAL(flock);
    char path[PATH_MAX];
    if (no_locks && ready && path_of(fd, path) && is_below(path)) return errno = ENOLCK, -1;
    enum verdict v = judge_fd("lock", fd);
    if (v == FAIL) return -1;
    return real(fd, how);
}

int close(int fd) {
    REAL(close);
    enum verdict v = judge_fd("close", fd);
    if (v == STUCK) return -1;
    int error = errno, closed = real(fd);
    if (v == FAIL) return errno = error, -1;
    return closed;
}

int closedir(DIR *folder) {
    REAL(closedir);
    enum verdict v = judge_fd("close", dirfd(folder));
    int error = errno, closed = real(folder);
    if (v == FAIL) return errno = error, -1;
    return closed;
}

ON_PATH("rename", rename, (const char *a, const char *b), AT_FDCWD, b, (a, b))
ON_PATH("rename", renameat, (int c, const char *a, int d, const char *b), d, b, (c, a, d, b))
ON_PATH("rename", renameat2, (int c, const char *a, int d, const char *b, unsigned f), d, b, (c, a, d, b, f))
ON_PATH("rename", link, (const char *a, const char *b), AT_FDCWD, b, (a, b))
ON_PATH("rename", linkat, (int c, const char *a, int d, const char *b, int f), d, b, (c, a, d, b, f))
ON_PATH("unlink", unlink, (const char *p), AT_FDCWD, p, (p))
ON_PATH("unlink", unlinkat, (int d, const char *p, int f), d, p, (d, p, f))
ON_PATH("unlink", rmdir, (const char *p), AT_FDCWD, p, (p))
ON_PATH("mkdir", mkdir, (const char *p, mode_t m), AT_FDCWD, p, (p, m))
ON_PATH("mkdir", mkdirat, (int d, const char *p, mode_t m), d, p, (d, p, m))

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        enum verdict v = judge_path("open", AT_FDCWD, path); \
        if (v == FAIL) return -1; \
        return real(path, flags, mode); \
    }
#define OPENS_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        enum verdict v = judge_path("open", folder, path); \
        if (v == FAIL) return -1; \
        return real(folder, path, flags, mode); \
    }
OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

DIR *opendir(const char *path) {
    REAL(opendir);
    if (judge_path("open", AT_FDCWD, path) == FAIL) return NULL;
    return real(path);
}
