/* json_write.c - writing JSON into a buf. Reading: see json.c. */
#include "base/json.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/skip.h"

enum { COMMA = 0x80 }; /* beside 'o' or 'a' in the stack: a comma is due on the level below */

enum writer_error { ERROR_NESTING = 1, ERROR_FULL, ERROR_RAW, ERROR_REAL };

void json_writer_init(struct json_writer *w, struct buf *out)
{
    w->out = out;
    w->error = 0;
    w->depth = 0;
    w->need_comma = 0;
    w->after_key = 0;
}

static void fail_with(struct json_writer *w, enum writer_error error)
{
    if (w->error == 0)
        w->error = (int)error;
}

static inline void put(struct json_writer *w, const char *bytes, size_t len)
{
    if (w->error == 0 && buf_append(w->out, bytes, len) < 0)
        w->error = ERROR_FULL;
}

static bool in_object(const struct json_writer *w)
{
    return w->depth > 0 && (w->stack[w->depth - 1] & ~COMMA) == 'o';
}

/* False when no value may come here. At the top, a comma due means that the one value is written. */
static bool begin_value(struct json_writer *w)
{
    if (w->error != 0)
        return false;
    if ((w->depth == 0 && w->need_comma) || (in_object(w) && !w->after_key)) {
        fail_with(w, ERROR_NESTING);
        return false;
    }
    if (w->need_comma && !w->after_key)
        put(w, ",", 1);
    w->need_comma = 1;
    w->after_key = 0;
    return true;
}

static void open_level(struct json_writer *w, char kind, char bracket)
{
    if (!begin_value(w))
        return;
    if (w->depth == JSON_WRITER_DEPTH) {
        fail_with(w, ERROR_NESTING);
        return;
    }
    w->stack[w->depth++] = (uint8_t)kind;
    w->need_comma = 0;
    put(w, &bracket, 1);
}

void json_object(struct json_writer *w)
{
    open_level(w, 'o', '{');
}

void json_array(struct json_writer *w)
{
    open_level(w, 'a', '[');
}

void json_close(struct json_writer *w)
{
    if (w->error != 0)
        return;
    if (w->depth == 0 || w->after_key) {
        fail_with(w, ERROR_NESTING);
        return;
    }
    put(w, in_object(w) ? "}" : "]", 1);
    w->depth--;
    w->need_comma = 1;
}

/* A short one that needs no escape, as nearly all are. False: it is another, and nothing is written. */
static bool put_clean(struct json_writer *w, struct text value)
{
    enum { SHORT = 512 };
    size_t before = w->out->len;
    bool high = false;

    if (value.len > SHORT)
        return false;
    char *to = buf_extend(w->out, value.len + 2);
    if (to == NULL) {
        w->error = ERROR_FULL;
        return true;
    }
    to[0] = '"';
    to[value.len + 1] = '"';
    if (value.len == 0 || (skip_copy(to + 1, value.ptr, value.len, &high) == value.len && !high))
        return true;
    buf_truncate(w->out, before);
    return false;
}

static void put_quoted(struct json_writer *w, struct text value)
{
    if (w->error != 0 || put_clean(w, value))
        return;
    put(w, "\"", 1);
    if (w->error == 0 && json_escape(w->out, value) < 0)
        w->error = ERROR_FULL;
    put(w, "\"", 1);
}

static bool begin_key(struct json_writer *w)
{
    if (w->error != 0)
        return false;
    if (!in_object(w) || w->after_key) {
        fail_with(w, ERROR_NESTING);
        return false;
    }
    w->after_key = 1;
    return true;
}

void json_key(struct json_writer *w, struct text name)
{
    bool comma = w->need_comma;

    if (!begin_key(w))
        return;
    if (comma)
        put(w, ",", 1);
    put_quoted(w, name);
    put(w, ":", 1);
}

void json_key_plain(struct json_writer *w, struct text name)
{
    bool comma = w->need_comma;

    if (!begin_key(w))
        return;
    char *to = buf_extend(w->out, name.len + 3 + comma);
    if (to == NULL) {
        w->error = ERROR_FULL;
        return;
    }
    if (comma)
        *to++ = ',';
    *to++ = '"';
    memcpy(to, name.ptr, name.len);
    to[name.len] = '"';
    to[name.len + 1] = ':';
}

void json_put_str(struct json_writer *w, struct text value)
{
    if (begin_value(w))
        put_quoted(w, value);
}

void json_put_int(struct json_writer *w, int64_t value)
{
    char digits[24], *end = digits + sizeof digits, *at = end;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

    if (!begin_value(w))
        return;
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (value < 0)
        *--at = '-';
    put(w, at, (size_t)(end - at));
}

/* The process never calls setlocale(), so that printf() and strtod() speak JSON's language; a script or
 * a library that does so anyway must not make us write commas. */
static int print_real(char *out, size_t size, int digits, double value)
{
    int len = snprintf(out, size, "%.*g", digits, value);
    char *comma = memchr(out, ',', (size_t)len);

    if (comma != NULL)
        *comma = '.';
    return len;
}

void json_put_real(struct json_writer *w, double value)
{
    char text[40];
    int len = 0;

    if (w->error == 0 && !isfinite(value))
        fail_with(w, ERROR_REAL);
    if (!begin_value(w))
        return;
    for (int digits = 15; digits <= 17; digits++) {
        len = print_real(text, sizeof text, digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    put(w, text, (size_t)len);
}

void json_put_bool(struct json_writer *w, bool value)
{
    if (begin_value(w))
        put(w, value ? "true" : "false", value ? 4 : 5);
}

void json_put_null(struct json_writer *w)
{
    if (begin_value(w))
        put(w, "null", 4);
}

void json_put_json(struct json_writer *w, const struct json *value)
{
    if (value == NULL)
        json_put_null(w);
    else
        json_put_trusted(w, json_text(value));
}

void json_put_raw(struct json_writer *w, struct text json)
{
    if (w->error == 0 && json_check_quick(json) < 0)
        fail_with(w, ERROR_RAW);
    json_put_trusted(w, json);
}

void json_put_trusted(struct json_writer *w, struct text json)
{
    size_t from = w->out->len;

    if (!begin_value(w))
        return;
    put(w, json.ptr, json.len);
    for (const char *c = "\n\r"; *c != '\0' && w->out->len > from; c++) {
        char *at = w->out->ptr + w->out->start + from, *end = w->out->ptr + w->out->start + w->out->len;
        while (at < end && (at = memchr(at, *c, (size_t)(end - at))) != NULL)
            *at++ = ' '; /* it stands between values, where a blank does as well */
    }
}

int json_end(struct json_writer *w)
{
    return w->error == 0 && w->depth == 0 && w->need_comma ? 0 : -1;
}

enum { ESCAPE_MOST = 6 };

/* Writes one character that cannot stand as it is; returns what follows it. */
static char *put_escape(char *to, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = "btn\vfr"; /* for 8 to 13; there is none for 11 */

    *to++ = '\\';
    if (c >= 8 && c <= 13 && c != 11) {
        *to++ = letters[c - 8];
    } else if (c < 0x20) {
        memcpy(to, "u00", 3);
        to[3] = hex[c >> 4];
        to[4] = hex[c & 15];
        to += 5;
    } else {
        *to++ = (char)c;
    }
    return to;
}

/* A run without quotes, backslashes and control characters, in which there are bytes over 0x7f. */
static int append_clean(struct buf *out, struct text run)
{
    if (text_is_utf8(run))
        return buf_text(out, run);
    for (;;) {
        size_t valid_len = text_utf8_valid_len(run);
        if (buf_append(out, run.ptr, valid_len) < 0)
            return -1;
        if (valid_len == run.len)
            return 0;
        bool valid;
        size_t bad = valid_len + text_utf8_step(run, valid_len, &valid);
        if (buf_append(out, "\xef\xbf\xbd", 3) < 0)
            return -1;
        run = (struct text){ run.ptr + bad, run.len - bad };
    }
}

/* Run by run, each checked to be UTF-8. */
static int escape_by_runs(struct buf *out, struct text value)
{
    size_t at = 0;
    int result = 0;

    while (at < value.len && result == 0) {
        bool high = false;
        struct text run = { value.ptr + at, skip_run(value.ptr + at, value.len - at, &high) };
        at += run.len;
        result = high ? append_clean(out, run) : buf_text(out, run);
        if (result == 0 && at < value.len) {
            char escape[ESCAPE_MOST];
            char *end = put_escape(escape, (unsigned char)value.ptr[at++]);
            result = buf_append(out, escape, (size_t)(end - escape));
        }
    }
    return result;
}

/* Straight into the memory of `out`. False: there is not as much room as it may need, or it is not UTF-8. */
static bool escape_at_once(struct buf *out, struct text value)
{
    size_t at = 0, room;
    bool high = false;

    while (at < value.len) {
        size_t left = value.len - at;
        char *start = buf_room(out, left + left / 16 + 8 * ESCAPE_MOST, &room), *to = start;
        while (at < value.len && room - (size_t)(to - start) >= left + ESCAPE_MOST) {
            size_t run = skip_copy(to, value.ptr + at, left, &high);
            to += run;
            at += run;
            if (at < value.len)
                to = put_escape(to, (unsigned char)value.ptr[at++]);
            left = value.len - at;
        }
        if (to == start)
            return false;
        buf_added(out, (size_t)(to - start));
    }
    return !high || text_is_utf8(value);
}

int json_escape(struct buf *out, struct text value)
{
    size_t before = out->len;

    if (value.len == 0)
        return 0;
    if (fault_now()) {
        out->failed = true;
        return -1;
    }
    if (escape_at_once(out, value))
        return 0;
    buf_truncate(out, before);
    return escape_by_runs(out, value);
}
