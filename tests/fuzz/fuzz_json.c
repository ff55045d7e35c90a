/* fuzz_json.c - the strict check agrees with jansson; what the strict parser takes, the quick one takes too and reads
 * alike; what is written is JSON. */
#include <string.h>

#include "base/json.h"
#include "fuzz.h"

/* The strict parser refuses more: repeated members, NUL, halves of surrogate pairs and numbers that no double holds. */
static void compare(const struct json *strict, const struct json *quick, unsigned depth)
{
    MUST(json_type(strict) == json_type(quick), "%d and %d", (int)json_type(strict), (int)json_type(quick));
    MUST(text_eq(json_text(strict), json_text(quick)));
    MUST(depth <= JSON_MAX_DEPTH);
    switch (json_type(strict)) {
    case JSON_T_STR:
        MUST(text_eq(json_str(strict), json_str(quick)) && text_is_utf8(json_str(strict)));
        break;
    case JSON_T_INT:
        MUST(json_int(strict, 1) == json_int(quick, 1));
        break;
    case JSON_T_REAL: {
        double a = json_real(strict, 1), b = json_real(quick, 1);
        MUST(memcmp(&a, &b, sizeof a) == 0, "%g and %g", a, b);
        break;
    }
    case JSON_T_ARRAY:
    case JSON_T_OBJECT:
        MUST(json_count(strict) == json_count(quick));
        for (size_t i = 0; i < json_count(strict); i++) {
            compare(json_at(strict, i), json_at(quick, i), depth + 1);
            struct text key = json_key_at(strict, i);
            MUST(text_eq(key, json_key_at(quick, i)));
            if (json_type(strict) == JSON_T_OBJECT)
                MUST(json_get(strict, key) == json_at(strict, i), "a member is not found by its name");
        }
        MUST(json_at(strict, json_count(strict)) == NULL);
        break;
    default:
        break;
    }
}

/* Any bytes as a string; valid UTF-8 comes back as it was. */
static void write_string(struct arena *arena, struct text t)
{
    struct buf out;
    struct json_writer w;

    buf_init(&out, 64 << 20);
    json_writer_init(&w, &out);
    json_object(&w);
    json_name(&w, "s");
    json_put_str(&w, t);
    json_key(&w, t);
    json_array(&w);
    json_put_raw(&w, t);
    json_close(&w);
    json_close(&w);
    if (json_end(&w) == 0) { /* else `t` is no JSON value */
        const struct json *v = json_parse_quick(arena, buf_view(&out));
        MUST(v != NULL, "%.*s", TEXT_ARG(buf_view(&out)));
        if (text_is_utf8(t) && memchr(t.ptr, 0, t.len) == NULL)
            MUST(text_eq(json_str(json_member(v, "s")), t) || text_is(t, "s"));
    }
    buf_free(&out);

    json_writer_init(&w, &out);
    json_put_str(&w, t);
    MUST(json_end(&w) == 0 && json_parse_quick(arena, buf_view(&out)) != NULL, "%.*s", TEXT_ARG(buf_view(&out)));
    buf_free(&out);
}

static void copy_value(const struct json *v)
{
    struct buf out;
    struct json_writer w;

    buf_init(&out, 64 << 20);
    json_writer_init(&w, &out);
    json_array(&w);
    json_put_json(&w, v);
    json_put_real(&w, json_real(v, 0));
    json_put_int(&w, json_int(v, 0));
    json_close(&w);
    MUST(json_end(&w) == 0);
    MUST(json_check(buf_view(&out), NULL) == 0 || json_type(v) >= JSON_T_ARRAY, "%.*s", TEXT_ARG(buf_view(&out)));
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    struct text t = fuzz_rest(&f);
    struct arena arena;
    struct fail fail = { .kind = FAIL_NONE };

    arena_init(&arena, NULL, 0, 64 << 20);
    const struct json *strict = json_parse(&arena, t, &fail), *quick = json_parse_quick(&arena, t);
    MUST((strict != NULL) == (json_check(t, NULL) == 0));
    struct fail tree = { .kind = FAIL_NONE };
    if (json_check_tree(t, &tree) == 0)
        MUST(strict != NULL, "jansson takes it: %s", fail.text);
    else
        MUST(strict == NULL || strstr(tree.text, "too many values") != NULL, "jansson refuses it: %s", tree.text);
    if (strict != NULL) {
        MUST(quick != NULL, "strict JSON, but not to the quick reader");
        compare(strict, quick, 0);
        copy_value(strict);
    } else {
        MUST(fail.kind == FAIL_CLIENT && fail.status == 400 && strcmp(fail.code, "invalid_json") == 0);
    }
    MUST(quick == NULL || text_is_utf8(t));
    write_string(&arena, t);
    arena_fini(&arena);
    return 0;
}
