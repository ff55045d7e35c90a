/* framing.c - server-sent events as WHATWG HTML defines them, lines, and messages of AWS event streams, out of bytes cut anywhere.
 *
 * Every byte is searched once. The fields of the frame are noted as their lines end, in offsets, so a
 * frame that arrives in many pieces costs no more than one that arrives whole. A frame inside the bytes
 * fed is handed out where it lies; only a frame that is cut is copied. */
#include "upstream/framing.h"

#include <string.h>

#include <gateway/provider.h>

#include "base/eventstream.h"
#include "base/fail.h"

typedef int frame_fn(void *arg, const struct frame *frame);

static size_t scan(struct framing *f, const char *base, size_t len);
static int emit(struct framing *f, const char *base, size_t len, frame_fn *on_frame, void *arg);
static bool is_too_long(const struct framing *f, const char *base, size_t len);
static int keep(struct framing *f, struct text bytes);
static int drain(struct framing *f, frame_fn *on_frame, void *arg);
static int finish_held(struct framing *f, struct text *bytes, frame_fn *on_frame, void *arg);
static int damaged(struct framing *f);
static bool read_line(struct framing *f, const char *base, size_t start, size_t end);
static void read_field(struct framing *f, struct text line, size_t start);

void framing_init(struct framing *f, uint32_t kind, size_t max_frame)
{
    BUG_IF(kind != GW_FRAMING_SSE && kind != GW_FRAMING_LINES && kind != GW_FRAMING_EVENTSTREAM &&
           kind != GW_FRAMING_RAW);
    *f = (struct framing){ .kind = kind, .at_start = true, .max_frame = max_frame };
    buf_init(&f->held, SIZE_MAX); /* the limit is on frames: what a stop left may be several */
    buf_init(&f->data, SIZE_MAX);
    buf_init(&f->id, SIZE_MAX);
}

void framing_fini(struct framing *f)
{
    buf_free(&f->held);
    buf_free(&f->data);
    buf_free(&f->id);
}

int framing_feed(struct framing *f, struct text bytes, frame_fn *on_frame, void *arg)
{
    int result;

    if (f->failed)
        return -1;
    if (f->kind == GW_FRAMING_RAW)
        return bytes.len == 0 ? 0 : on_frame(arg, &(struct frame){ .raw = bytes, .data = bytes });

    result = drain(f, on_frame, arg);
    if (result == 0 && f->held.len > 0)
        result = finish_held(f, &bytes, on_frame, arg);
    while (result == 0 && f->held.len == 0 && bytes.len > 0) {
        size_t end = scan(f, bytes.ptr, bytes.len);

        if (end == 0) {
            f->failed = f->failed || is_too_long(f, bytes.ptr, bytes.len);
            break;
        }
        result = emit(f, bytes.ptr, end, on_frame, arg);
        bytes.ptr += end;
        bytes.len -= end;
    }
    if (f->failed || keep(f, bytes) < 0)
        return -1;
    return result;
}

int framing_end(struct framing *f, bool flush, frame_fn *on_frame, void *arg)
{
    struct text held;
    int result;

    if (f->failed)
        return -1;
    result = drain(f, on_frame, arg);
    if (result != 0 || f->held.len == 0)
        return result;
    held = buf_view(&f->held);
    if (flush && f->kind == GW_FRAMING_EVENTSTREAM)
        return damaged(f);
    if (flush) {
        if (f->kind == GW_FRAMING_SSE && f->line < held.len)
            read_line(f, held.ptr, f->line, held.len);
        result = emit(f, held.ptr, held.len, on_frame, arg);
    }
    buf_free(&f->held);
    return result;
}

bool framing_pending(const struct framing *f)
{
    return f->held.len > 0;
}

/* The LF of a CRLF does not count: cut between the two, it belongs to the frame after. */
static bool is_too_long(const struct framing *f, const char *base, size_t len)
{
    size_t left_out = (size_t)(f->after_cr && len > 0 && base[0] == '\n');
    left_out += len > 1 && base[len - 2] == '\r' && base[len - 1] == '\n';
    return len - left_out > f->max_frame;
}

static int keep(struct framing *f, struct text bytes)
{
    if (buf_append(&f->held, bytes.ptr, bytes.len) == 0)
        return 0;
    f->failed = true; /* out of memory */
    return -1;
}

/* Hands out the complete frames among what is held: a stop left them. */
static int drain(struct framing *f, frame_fn *on_frame, void *arg)
{
    int result = 0;

    while (result == 0 && f->scanned < f->held.len) {
        struct text held = buf_view(&f->held);
        size_t end = scan(f, held.ptr, held.len);

        if (f->failed || (end == 0 && is_too_long(f, held.ptr, held.len))) {
            f->failed = true; /* what a stop left may be an unfinished frame that is too long already */
            return -1;
        }
        if (end == 0)
            break;
        result = emit(f, held.ptr, end, on_frame, arg);
        buf_consume(&f->held, end);
    }
    return result;
}

/* The next `c` from there on, or the end. `known` is the one found last: each byte is searched once, also
 * in a stream that knows but one kind of line end. */
static const char *next(const char *known, struct text from, char c)
{
    if (known == NULL || known < from.ptr)
        known = memchr(from.ptr, c, from.len);
    return known != NULL ? known : from.ptr + from.len;
}

/* How many of `bytes` the held message lacks, as far as its prelude is there. */
static size_t missing(const struct framing *f, struct text bytes)
{
    ptrdiff_t length = eventstream_length(buf_view(&f->held));
    size_t whole = length > 0 ? (size_t)length : EVENTSTREAM_PRELUDE;
    size_t lacks = whole > f->held.len ? whole - f->held.len : 1;

    return lacks < bytes.len ? lacks : bytes.len;
}

/* Takes from `bytes` what the held frame lacks, line by line. */
static int finish_held(struct framing *f, struct text *bytes, frame_fn *on_frame, void *arg)
{
    const char *lf = NULL, *cr = NULL;
    int result = 0;

    while (f->held.len > 0 && bytes->len > 0) {
        size_t len, end;
        struct text held;

        if (f->kind == GW_FRAMING_EVENTSTREAM) {
            len = missing(f, *bytes);
        } else {
            lf = next(lf, *bytes, '\n');
            cr = next(cr, *bytes, '\r');
            len = (size_t)((cr < lf && cr + 1 != lf ? cr : lf) - bytes->ptr);
            len += len < bytes->len;
        }
        if (keep(f, (struct text){ bytes->ptr, len }) < 0)
            return -1;
        bytes->ptr += len;
        bytes->len -= len;
        held = buf_view(&f->held);
        end = scan(f, held.ptr, held.len);
        if (end > 0) {
            result = emit(f, held.ptr, end, on_frame, arg);
            buf_consume(&f->held, end);
        } else if (f->failed || is_too_long(f, held.ptr, held.len)) {
            f->failed = true;
            return -1;
        }
    }
    return result;
}

/* Reads one line of an event. True for the empty line that ends it. */
static bool read_line(struct framing *f, const char *base, size_t start, size_t end)
{
    struct text line;
    size_t at;

    if (f->at_start) {
        f->at_start = false;
        if (end - start >= 3 && memcmp(base + start, "\xEF\xBB\xBF", 3) == 0)
            start += 3;
    }
    line = (struct text){ base + start, end - start };
    if (line.len == 0)
        return true;
    if (line.len >= 5 && memcmp(line.ptr, "data:", 5) == 0) { /* nearly every line */
        at = line.len > 5 && line.ptr[5] == ' ' ? 6 : 5;
        if (f->data_lines++ == 0)
            f->data_at = (struct framing_part){ start + at, line.len - at };
        return false;
    }
    read_field(f, line, start);
    return false;
}

/* Any other line. What is not a field of ours, comments among them, means nothing. */
static void read_field(struct framing *f, struct text line, size_t start)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    struct text name = { line.ptr, colon != NULL ? (size_t)(colon - line.ptr) : line.len };
    size_t at = name.len + (colon != NULL);

    if (at > name.len && at < line.len && line.ptr[at] == ' ')
        at++;
    struct framing_part value = { start + at, line.len - at };
    if (text_is(name, "data")) {
        if (f->data_lines++ == 0)
            f->data_at = value;
    } else if (text_is(name, "event")) {
        f->name_at = value;
    } else if (text_is(name, "id") && memchr(line.ptr + at, '\0', value.len) == NULL) {
        f->id_at = value;
        f->has_id = true;
    }
}

/* Goes on searching the frame that begins at `base`. Its length, or 0 when it does not end yet. */
static size_t scan_event(struct framing *f, const char *base, size_t len)
{
    const char *lf = base, *cr; /* lf: the next one, once it is not before `from`; NULL for none */

    while (f->scanned < len) {
        const char *from = base + f->scanned;
        size_t end;
        bool blank;

        if (f->scanned == f->line && *from == '\n' && (f->line > 0 ? from[-1] == '\r' : f->after_cr)) {
            f->line = ++f->scanned; /* the second half of a CRLF that was cut */
            if (f->line == 1 && len == 1)
                return 1;
            continue;
        }
        if (lf != NULL && (lf < from || lf == base))
            lf = memchr(from, '\n', len - f->scanned);
        cr = memchr(from, '\r', lf != NULL ? (size_t)(lf - from) : len - f->scanned);
        if (lf == NULL && cr == NULL) {
            f->scanned = len;
            return 0;
        }
        end = (size_t)((cr != NULL ? cr : lf) - base);
        blank = read_line(f, base, f->line, end);
        f->line = f->scanned = end + (cr != NULL && cr + 1 == lf ? 2 : 1);
        if (blank)
            return f->line;
    }
    return 0;
}

static size_t scan_line(struct framing *f, const char *base, size_t len)
{
    const char *lf = memchr(base + f->scanned, '\n', len - f->scanned);

    f->scanned = len;
    return lf != NULL ? (size_t)(lf - base) + 1 : 0;
}

static int damaged(struct framing *f)
{
    f->failed = f->damaged = true;
    return -1;
}

/* The prelude is looked at as soon as it is there: a length that it cannot have, or over the limit, waits for no more. */
static size_t scan_message(struct framing *f, const char *base, size_t len)
{
    ptrdiff_t length = eventstream_length((struct text){ base, len });

    f->scanned = len;
    if (length < 0)
        damaged(f);
    else if ((size_t)length > f->max_frame)
        f->failed = true;
    return f->failed || length == 0 || (size_t)length > len ? 0 : (size_t)length;
}

static size_t scan(struct framing *f, const char *base, size_t len)
{
    if (f->kind == GW_FRAMING_EVENTSTREAM)
        return scan_message(f, base, len);
    return f->kind == GW_FRAMING_SSE ? scan_event(f, base, len) : scan_line(f, base, len);
}

/* The value of each data line, with LF between: a second walk, only for events that have several.
 * 0, or -1 out of memory. */
static int join_data(struct framing *f, struct text raw)
{
    size_t lines = f->data_lines;
    size_t start = f->data_at.at;

    if (buf_append(&f->data, raw.ptr + start, f->data_at.len) < 0)
        return -1;
    start += f->data_at.len;
    while (--lines > 0) {
        struct framing line = { .data_lines = 0 };

        while (line.data_lines == 0) {
            size_t end;

            end = ++start; /* within a CRLF it is an empty line */
            while (end < raw.len && raw.ptr[end] != '\r' && raw.ptr[end] != '\n')
                end++;
            read_line(&line, raw.ptr, start, end);
            start = end;
        }
        if (buf_append(&f->data, "\n", 1) < 0 || buf_append(&f->data, raw.ptr + line.data_at.at, line.data_at.len) < 0)
            return -1;
    }
    return 0;
}

static int describe_event(struct framing *f, struct frame *frame)
{
    const char *base = frame->raw.ptr;

    if (f->has_id) {
        struct text id = { base + f->id_at.at, f->id_at.len };

        if (!text_eq(id, buf_view(&f->id))) {
            buf_truncate(&f->id, 0);
            if (buf_text(&f->id, id) < 0)
                return -1;
        }
    }
    if (f->id.len > 0)
        frame->id = buf_view(&f->id);
    frame->comment = f->data_lines == 0;
    if (frame->comment)
        return 0;
    if (f->name_at.len > 0)
        frame->name = (struct text){ base + f->name_at.at, f->name_at.len };
    frame->data = (struct text){ base + f->data_at.at, f->data_at.len };
    if (f->data_lines > 1) {
        if (join_data(f, frame->raw) < 0)
            return -1;
        frame->data = buf_view(&f->data);
    }
    return 0;
}

static void describe_line(struct frame *frame)
{
    frame->data = frame->raw;
    if (text_ends(frame->data, TEXT("\n")))
        frame->data.len--;
    if (text_ends(frame->data, TEXT("\r")))
        frame->data.len--;
    frame->comment = frame->data.len == 0;
}

/* What the message is about: an event, an exception that the service models, or an error that it does not. */
static void describe_message(struct framing *f, struct frame *frame)
{
    static const char *const names[] = { ":event-type", ":exception-type", ":error-code" };

    if (!eventstream_parts(frame->raw, &frame->headers, &frame->data)) {
        damaged(f);
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0] && frame->name.ptr == NULL; i++)
        frame->name = eventstream_header(frame->headers, text_of(names[i]));
}

static int emit(struct framing *f, const char *base, size_t len, frame_fn *on_frame, void *arg)
{
    struct frame frame = { .raw = { base, len } };
    int result;

    if (is_too_long(f, base, len) || (f->kind == GW_FRAMING_SSE && describe_event(f, &frame) < 0)) {
        f->failed = true;
        return -1;
    }
    if (f->kind == GW_FRAMING_LINES)
        describe_line(&frame);
    if (f->kind == GW_FRAMING_EVENTSTREAM)
        describe_message(f, &frame);
    if (f->failed)
        return -1;
    f->scanned = f->line = 0;
    f->data_lines = 0;
    f->has_id = false;
    f->name_at.len = 0;
    f->after_cr = base[len - 1] == '\r';
    result = on_frame(arg, &frame);
    buf_free(&f->data);
    return result;
}
