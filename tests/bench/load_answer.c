/* load_answer.c - the state machine of one answer. Heads and event lines that come in one piece, as nearly
 * all do, are read where they lie; only those that are cut are kept. */
#include "load_answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KEPT_MAX = 16384 };

void load_answer_begin(struct load_answer *a, void (*on_event)(void *user, int64_t due_ns), void *user)
{
    load_answer_fini(a);
    *a = (struct load_answer){ .on_event = on_event, .user = user };
}

void load_answer_fini(struct load_answer *a)
{
    free(a->kept);
    a->kept = NULL;
    a->kept_len = 0;
}

static bool keep(struct load_answer *a, const char *data, size_t len)
{
    if (a->kept_len + len > KEPT_MAX)
        return false;
    if (len == 0)
        return true;
    a->kept = realloc(a->kept, a->kept_len + len);
    memcpy(a->kept + a->kept_len, data, len);
    a->kept_len += len;
    return true;
}

/* One line of an event stream, without its end. */
static void read_line(struct load_answer *a, const char *line, size_t len)
{
    static const char mark[] = "\"content\":\" t";
    if (len < 6 || memcmp(line, "data: ", 6) != 0)
        return;
    if (len >= 12 && memcmp(line + 6, "[DONE]", 6) == 0) {
        a->done = true;
        return;
    }
    const char *at = memmem(line, len, mark, sizeof mark - 1);
    if (at && (size_t)(line + len - at) >= sizeof mark - 1 + 16) {
        int64_t due = 0;
        for (const char *p = at + sizeof mark - 1, *end = p + 16; p < end; p++)
            due = due * 10 + (*p - '0');
        a->events++;
        a->on_event(a->user, due);
    } else if (memmem(line, len, "\"error\":", 8)) {
        a->error = true;
    }
}

static bool read_events(struct load_answer *a, const char *data, size_t len)
{
    const char *end = data + len, *stop;
    while (data < end && (stop = memchr(data, '\n', (size_t)(end - data)))) {
        if (a->kept_len > 0) {
            if (!keep(a, data, (size_t)(stop - data)))
                return false;
            read_line(a, a->kept, a->kept_len);
            load_answer_fini(a);
        } else {
            read_line(a, data, (size_t)(stop - data));
        }
        data = stop + 1;
    }
    return keep(a, data, (size_t)(end - data));
}

static bool read_body(struct load_answer *a, const char *data, size_t len)
{
    a->body_len += len;
    a->last = data[len - 1];
    return !a->event_stream || read_events(a, data, len);
}

static bool starts(const char *line, size_t len, const char *with)
{
    return len >= strlen(with) && strncasecmp(line, with, strlen(with)) == 0;
}

/* The head is complete: `len` bytes up to and with the empty line. */
static bool read_head(struct load_answer *a, const char *head, size_t len)
{
    static const char length[] = "Content-Length:";
    bool framed = false;
    if (len < 16 || memcmp(head, "HTTP/1.1 ", 9) != 0)
        return false;
    a->status = (int)strtol(head + 9, NULL, 10);
    const char *line = memchr(head, '\n', len), *end = head + len;
    for (line++; line < end && *line != '\r'; line++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)(stop - line);
        if (starts(line, n, length)) {
            a->left = strtoul(line + sizeof length - 1, NULL, 10);
            framed = true;
        } else if (starts(line, n, "Transfer-Encoding: chunked")) {
            a->chunked = framed = true;
        } else if (starts(line, n, "Content-Type: text/event-stream")) {
            a->event_stream = true;
        } else if (starts(line, n, "Connection: close")) {
            a->close = true;
        }
        line = stop;
    }
    if (a->status >= 100 && a->status < 200) { /* an interim answer: the next head follows */
        a->left = 0;
        return true;
    }
    a->stage = a->chunked ? ANSWER_SIZE : a->left > 0 ? ANSWER_BODY : ANSWER_COMPLETE;
    return framed;
}

/* Returns the number of bytes used, 0 when the head is not complete yet, -1 when it is none. */
static ptrdiff_t feed_head(struct load_answer *a, const char *data, size_t len)
{
    if (a->kept_len == 0) {
        const char *end = memmem(data, len, "\r\n\r\n", 4);
        if (end)
            return read_head(a, data, (size_t)(end - data) + 4) ? end - data + 4 : -1;
        return keep(a, data, len) ? 0 : -1;
    }
    size_t before = a->kept_len;
    if (!keep(a, data, len))
        return -1;
    const char *end = memmem(a->kept, a->kept_len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head_len = (size_t)(end - a->kept) + 4;
    bool good = read_head(a, a->kept, head_len);
    load_answer_fini(a);
    return good ? (ptrdiff_t)(head_len - before) : -1;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of the framing between two chunks. */
static bool feed_framing(struct load_answer *a, char c)
{
    switch (a->stage) {
    case ANSWER_SIZE:
        if (c == '\n')
            a->stage = a->left > 0 ? ANSWER_DATA : ANSWER_TRAILER;
        else if (c != '\r' && hex(c) < 0)
            return false; /* no relay here has a reason to send extensions */
        else if (c != '\r')
            a->left = a->left * 16 + (size_t)hex(c);
        return a->left < (size_t)1 << 40;
    case ANSWER_DATA_END:
        if (c == '\n')
            a->stage = ANSWER_SIZE;
        return c == '\n' || c == '\r';
    default: /* ANSWER_TRAILER: only an empty one */
        if (c == '\n')
            a->stage = ANSWER_COMPLETE;
        return c == '\n' || c == '\r';
    }
}

int load_answer_feed(struct load_answer *a, const char *data, size_t len)
{
    while (len > 0) {
        size_t used = 1;
        if (a->stage == ANSWER_COMPLETE)
            return -1;
        if (a->stage == ANSWER_HEAD) {
            ptrdiff_t n = feed_head(a, data, len);
            if (n <= 0)
                return (int)n;
            used = (size_t)n;
        } else if (a->stage == ANSWER_BODY || a->stage == ANSWER_DATA) {
            used = len < a->left ? len : a->left;
            if (!read_body(a, data, used))
                return -1;
            a->left -= used;
            if (a->left == 0)
                a->stage = a->stage == ANSWER_BODY ? ANSWER_COMPLETE : ANSWER_DATA_END;
        } else if (!feed_framing(a, *data)) {
            return -1;
        }
        data += used;
        len -= used;
    }
    return a->stage == ANSWER_COMPLETE;
}

bool load_answer_good(const struct load_answer *a)
{
    return a->event_stream ? a->done && !a->error && a->kept_len == 0 : a->last == '}';
}
