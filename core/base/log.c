/* log.c - talk for people, on stderr. A reader of stderr who falls behind loses lines (and gets a line how
 * many) instead of stopping the gateway. */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

/* A pipe is called writable when PIPE_BUF (4096) bytes fit, so a line of at most that never blocks. */
enum { LINE_MAX_LEN = 2000, ESCAPED_MAX_LEN = 4000, WAIT_MS = 5 };

static _Atomic int max_level = LOG_INFO;
static _Atomic unsigned lost;

static void write_line(const char *line, size_t len);
static size_t escape(struct text line, char *out);

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&max_level, memory_order_relaxed);
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARN:
        return "warning";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        return "debug";
    }
    return "error";
}

void log_line(enum log_level level, const char *format, ...)
{
    if (!log_is_on(level))
        return;

    char line[LINE_MAX_LEN];
    int prefix = snprintf(line, sizeof line, "llm-gateway: %s: ", level_name(level));
    size_t room = sizeof line - (size_t)prefix;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line + prefix, room, format, args);
    va_end(args);
    if (len < 0)
        return;
    size_t total = (size_t)prefix + ((size_t)len < room ? (size_t)len : room - 1);

    char escaped[ESCAPED_MAX_LEN + 8];
    size_t escaped_len = escape((struct text){ line, total }, escaped);
    if ((size_t)len >= room) {
        escaped[escaped_len++] = '.';
        escaped[escaped_len++] = '.';
        escaped[escaped_len++] = '.';
    }
    escaped[escaped_len++] = '\n';
    write_line(escaped, escaped_len);
}

static bool must_escape(struct text line, size_t at, bool utf8)
{
    unsigned char c = (unsigned char)line.ptr[at];

    if (c < 0x20 || c == 0x7f)
        return true;
    if (c < 0x80)
        return false;
    if (!utf8)
        return true;
    /* C1 control characters (C2 80 to C2 9F), which some terminals obey */
    if (c == 0xc2)
        return (unsigned char)line.ptr[at + 1] < 0xa0;
    return (unsigned char)line.ptr[at - 1] == 0xc2 && c < 0xa0;
}

/* `line` as printable text, at most ESCAPED_MAX_LEN bytes. What is not UTF-8 is escaped byte by byte. */
static size_t escape(struct text line, char *out)
{
    static const char hex[] = "0123456789abcdef";
    bool utf8 = text_is_utf8(line);
    size_t len = 0;

    for (size_t at = 0; at < line.len && len + 4 <= ESCAPED_MAX_LEN; at++) {
        unsigned char c = (unsigned char)line.ptr[at];
        if (!must_escape(line, at, utf8)) {
            out[len++] = (char)c;
            continue;
        }
        out[len++] = '\\';
        if (c == '\n' || c == '\t') {
            out[len++] = c == '\n' ? 'n' : 't';
            continue;
        }
        out[len++] = 'x';
        out[len++] = hex[c >> 4];
        out[len++] = hex[c & 15];
    }
    return len;
}

static bool is_writable(void)
{
    struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };
    int ready;

    do
        ready = poll(&fd, 1, WAIT_MS);
    while (ready < 0 && errno == EINTR);
    return ready > 0 && (fd.revents & POLLOUT) != 0;
}

static void write_line(const char *line, size_t len)
{
    if (!is_writable()) {
        atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
        return;
    }
    unsigned missing = atomic_exchange_explicit(&lost, 0, memory_order_relaxed);
    if (missing > 0) {
        dprintf(STDERR_FILENO,
                "llm-gateway: warning: %u lines were lost: stderr was not read, or could not be written\n", missing);
        if (!is_writable()) {
            atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
            return;
        }
    }
    if (write(STDERR_FILENO, line, len) < 0)
        atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
}
