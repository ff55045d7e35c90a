/* json.h - reading and writing JSON, and the only door to jansson.
 *
 * A value is a span of the bytes it was parsed from: parsing is strict (the whole text
 * is checked: duplicate members, NUL, depth and UTF-8), reading is lazy, and copying a value copies
 * its source bytes, so numbers keep their digits. Values live in the arena they were
 * parsed into, which must outlive them, as must the text. Not thread-safe. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/text.h"

enum json_type {
    JSON_T_NULL,
    JSON_T_BOOL,
    JSON_T_INT,
    JSON_T_REAL,
    JSON_T_STR,
    JSON_T_ARRAY,
    JSON_T_OBJECT,
    JSON_T_ABSENT,
};

#define JSON_MAX_DEPTH 64

struct json; /* one value, arena */

/* Call once before threads start: seeds jansson's hashes and gives it our memory. */
void json_start(void);
/* The value of `text` (any JSON value, nothing after it), arena; NULL with `fail` (FAIL_CLIENT, status 400, code
 * "invalid_json", a text with line and column, nothing of the content). `text` is lent for the arena's life.
 * \u0000 and half a surrogate pair are refused, as are numbers that no double holds. */
const struct json *json_parse(struct arena *arena, struct text text, struct fail *fail);
/* The same, for a text that is known to be UTF-8: who went over it before need not look at that twice. */
const struct json *json_parse_utf8(struct arena *arena, struct text text, struct fail *fail);
/* Only checks: 0, or -1 with `fail` as above. One pass, no tree. Any thread. */
int json_check(struct text text, struct fail *fail);
/* The same by jansson, which builds a tree: for files of the operator's that are read once, and as the measure that the
 * tests hold json_check() against. Any thread. */
int json_check_tree(struct text text, struct fail *fail);

/* jansson has functions of these names too: ours get other symbols, so that neither library meets the other's. */
#define JSON_SYMBOL(name) __asm__("json_ours_" name)

/* Is it one JSON value? Its grammar and UTF-8 alone are looked at. 0, or -1. */
int json_check_quick(struct text text);
/* The same for what an upstream sent, without jansson: its grammar and UTF-8 alone. Of repeated members the first one
 * counts; \u0000, half of a surrogate pair and a number that no double holds pass. NULL when it is not JSON. */
const struct json *json_parse_quick(struct arena *arena, struct text text);
/* The same for what a json_writer wrote, which is UTF-8. NULL when it is nested too deeply. */
const struct json *json_parse_written(struct arena *arena, struct text text);

/* All of these accept NULL and answer "absent". What they return lives as long as the arena. A container is
 * looked through when it is first asked; when the arena has no room for that, it seems empty and a->full is set. */
enum json_type json_type(const struct json *v);
/* The member called `key` (escapes resolved), NULL when absent or `object` is none. */
const struct json *json_get(const struct json *object, struct text key);
#define json_member(object, literal) json_get((object), TEXT(literal))
/* The element or the member's value at `index`, in the order of the text; NULL past the end. */
const struct json *json_at(const struct json *array_or_object, size_t index);
struct text json_key_at(const struct json *object, size_t index);
size_t json_count(const struct json *array_or_object);
struct text json_str(const struct json *v);                /* unescaped, lent or arena; absent unless a string */
int64_t json_int(const struct json *v, int64_t otherwise); /* `otherwise` unless JSON_T_INT and in range */
double json_real(const struct json *v, double otherwise) JSON_SYMBOL("real"); /* of any number */
bool json_bool(const struct json *v, bool otherwise);
struct text json_text(const struct json *v); /* its source bytes, lent */

/* Writing, into a buf. Errors stick: the first one (nesting, max of the buf, bad raw text, a real
 * that is not finite) makes every later call do nothing and json_end() answer -1. */
#define JSON_WRITER_DEPTH 128
struct json_writer {
    struct buf *out;
    int error;
    unsigned depth;
    uint8_t need_comma, after_key;    /* state of the innermost level */
    uint8_t stack[JSON_WRITER_DEPTH]; /* 'o' or 'a', with the comma bit */
};
/* `out` is kept until json_end(); what it already holds stays before the value. */
void json_writer_init(struct json_writer *w, struct buf *out);
void json_object(struct json_writer *w) JSON_SYMBOL("object");
void json_array(struct json_writer *w) JSON_SYMBOL("array");
void json_close(struct json_writer *w); /* the innermost object or array */
void json_key(struct json_writer *w, struct text name);
/* The same for a name of ours that needs no escape: ASCII letters, digits, '_'. */
void json_key_plain(struct json_writer *w, struct text name);
#define json_name(w, literal) json_key_plain((w), TEXT(literal))
void json_put_str(struct json_writer *w, struct text value); /* invalid UTF-8 becomes U+FFFD */
void json_put_int(struct json_writer *w, int64_t value);
void json_put_real(struct json_writer *w, double value); /* as few digits as bring the same double back */
void json_put_bool(struct json_writer *w, bool value);
void json_put_null(struct json_writer *w);
void json_put_json(struct json_writer *w, const struct json *value); /* its source bytes; null when NULL */
/* What is written is always one line: line ends between the values of these two become blanks. */
void json_put_raw(struct json_writer *w, struct text json);     /* checked to be one JSON value */
void json_put_trusted(struct json_writer *w, struct text json); /* not checked: text of our own or of a parsed value */
int json_end(struct json_writer *w); /* 0 when one whole value was written without an error, or -1 */
/* The bytes of `value` as the inside of a JSON string, appended; invalid UTF-8 becomes U+FFFD. 0, or -1 as
 * buf_append(), and then `out` may hold a part of it. */
int json_escape(struct buf *out, struct text value);

#endif
