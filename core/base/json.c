/* json.c - is a text JSON? The only door to jansson, which decides. Reading: see json_read.c; writing: see
 * json_write.c. */
#define json_array jansson_array /* names that jansson and we both have */
#define json_object jansson_object
#define json_real jansson_real
#define json_type jansson_type
#include <jansson.h>
#undef json_array
#undef json_object
#undef json_real
#undef json_type

#include "base/json.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/skip.h"

/* What jansson may take for one text: its tree is thrown away at once, but it must not eat the machine.
 * "[]," is three bytes and 110 of tree. */
#define CHECK_MEMORY(len) ((len)*4 + ((size_t)64 << 20))

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local struct arena *scratch; /* where jansson's memory comes from while we check a text */

static void start(void);

void json_start(void)
{
    pthread_once(&once, start);
}

/* Other threads and plugins may use the same jansson: outside of a check it gets plain memory. */
static void *check_malloc(size_t size)
{
    if (scratch == NULL)
        return malloc(size);
    void *memory = arena_try(scratch, size);
    scratch->full |= memory == NULL; /* jansson does not always report it */
    return memory;
}

static void check_free(void *ptr)
{
    if (scratch == NULL)
        free(ptr);
}

static void start(void)
{
    json_object_seed(0);
    json_set_alloc_funcs(check_malloc, check_free);
}

static int refuse_at(struct fail *fail, const char *why, int line, int column)
{
    fail_set(fail, FAIL_CLIENT, "the JSON is not valid: %s (line %d, column %d)", why, line, column);
    if (fail != NULL) {
        fail->status = 400;
        fail->type = "invalid_request_error";
        fail->code = "invalid_json";
    }
    return -1;
}

/* `at` is an offset; lines and columns count from 1, columns in characters. */
static int refuse(struct fail *fail, const char *why, struct text text, size_t at)
{
    int line = 1, column = 1;

    for (size_t i = 0; i < at; i++) {
        if (text.ptr[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text.ptr[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    return refuse_at(fail, why, line, column);
}

/* jansson's own texts quote what they complain of: they go to nobody. */
static const char *words_for(enum json_error_code code)
{
    switch (code) {
    case json_error_duplicate_key:
        return "an object has a member twice";
    case json_error_invalid_utf8:
        return "a string is not UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a string contains \\u0000";
    case json_error_numeric_overflow:
        return "a number is too large";
    case json_error_premature_end_of_input:
        return "it ends too early";
    case json_error_end_of_input_expected:
        return "something stands after its end";
    case json_error_stack_overflow:
        return skip_deep;
    default:
        return "this is not what JSON allows here";
    }
}

/* What no JSON text begins with or holds: refused in words of its own. */
static int check_before(struct text text, struct fail *fail)
{
    const char *nul = text.len == 0 ? NULL : memchr(text.ptr, '\0', text.len);

    if (nul != NULL)
        return refuse(fail, "it contains a NUL byte", text, (size_t)(nul - text.ptr));
    if (text_starts(text, TEXT("\xef\xbb\xbf")))
        return refuse(fail, "it begins with a byte order mark", text, 0);
    return 0;
}

int json_check_spans(struct text text, bool is_utf8, struct skip_spans *spans, struct fail *fail)
{
    struct skip skip = { 0 };

    if (skip_strict_all(text, is_utf8, &skip, spans))
        return 0;
    return check_before(text, fail) < 0 ? -1 : refuse(fail, skip.problem, text, skip.at);
}

int json_check(struct text text, struct fail *fail)
{
    return json_check_spans(text, false, NULL, fail);
}

int json_check_tree(struct text text, struct fail *fail)
{
    struct arena memory;
    json_error_t error;
    struct skip skip = { 0 };
    size_t at = skip_space(text, 0);

    json_start();
    if (check_before(text, fail) < 0)
        return -1;
    if (at < text.len && (text.ptr[at] == '{' || text.ptr[at] == '[') &&
        skip_nested(text, at, JSON_MAX_DEPTH, &skip) == SKIP_BAD) /* jansson's own limit is far deeper */
        return refuse(fail, skip.problem, text, skip.at);
    arena_init(&memory, NULL, 0, CHECK_MEMORY(text.len));
    scratch = &memory;
    json_t *tree =
        json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);
    scratch = NULL;
    bool full = memory.full;
    arena_fini(&memory); /* the tree with it */
    if (full)
        return refuse(fail, "it has too many values", text, text.len);
    if (tree == NULL)
        return refuse_at(fail, words_for(json_error_code(&error)), error.line > 0 ? error.line : 1,
                         error.column > 0 ? error.column : 1);
    return 0;
}
