/* test_json_suite.c - JSONTestSuite through json_parse() and scan_object(), on both paths. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scan.h"
#include "check.h"
#include "files.h"

/* Right by the standard, refused by us: no NUL gets into a text. */
static const char *const nul_inside[] = { "y_object_escaped_null_in_key.json", "y_string_null_escape.json", NULL };

/* Right by the standard's letter, refused by us: who would know which of the two is meant? */
static const char *const twice[] = { "y_object_duplicated_key.json",          "y_object_duplicated_key_and_value.json",
                                     "object_same_key_different_values.json", "object_same_key_same_value.json",
                                     "object_same_key_unclear_values.json",   NULL };

static bool is_in(const char *const *list, const char *name)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static bool parses(struct text bytes, const char *name)
{
    struct arena arena;
    struct fail fail = { 0 };

    arena_init(&arena, NULL, 0, 16 << 20);
    bool ok = json_parse(&arena, bytes, &fail) != NULL;
    cr_assert_eq(ok, fail.kind == FAIL_NONE, "%s", name);
    cr_assert_null(strstr(fail.text, "near"), "%s: %s", name, fail.text);
    arena_fini(&arena);
    return ok;
}

static bool scans(struct text bytes)
{
    struct arena arena;
    struct scan scan;

    arena_init(&arena, NULL, 0, 1 << 20);
    bool ok = scan_object(&arena, bytes, SCAN_MAX_DEPTH, &scan) == 0;
    cr_assert_eq(ok, scan.problem == NULL);
    arena_fini(&arena);
    return ok;
}

static void check_parsing(const char *name, struct text bytes, void *arg)
{
    bool ok = parses(bytes, name);

    (void)arg;
    if (name[0] == 'y')
        cr_assert_eq(ok, !is_in(nul_inside, name) && !is_in(twice, name), "%s", name);
    if (name[0] == 'n')
        cr_assert_not(ok, "%s", name);
}

static void check_scan(const char *name, struct text bytes, void *arg)
{
    size_t *objects = arg;
    bool ok = scans(bytes), is_object = text_starts(text_trim(bytes), TEXT("{"));

    *objects += is_object;
    if (name[0] == 'y')
        cr_assert_eq(ok, is_object && !is_in(twice, name), "%s", name);
    if (name[0] == 'n' || !is_object)
        cr_assert_not(ok, "%s", name);
}

/* Each file as the value of a member: what is nested need only be whole, what is not is checked. */
static void check_scan_as_value(const char *name, struct text bytes, void *arg)
{
    struct buf around;

    (void)arg;
    buf_init(&around, bytes.len + 20);
    buf_str(&around, "{\"v\":");
    buf_text(&around, bytes);
    buf_str(&around, "}");
    struct text copy = files_copy(buf_view(&around));
    bool ok = scans(copy);
    if (name[0] == 'y')
        cr_assert(ok, "%s", name);
    struct text value = text_trim(bytes);
    bool nested = value.len > 0 && (value.ptr[0] == '{' || value.ptr[0] == '[');
    if (name[0] == 'n' && !nested)
        cr_assert_not(ok, "%s", name);
    files_free(copy);
    buf_free(&around);
}

static void run_all(void)
{
    size_t objects = 0;

    cr_assert_geq(files_each("vectors/jsontestsuite/test_parsing", 0, check_parsing, NULL), check_least(300));
    cr_assert_geq(files_each("vectors/jsontestsuite/test_parsing", 0, check_scan, &objects), check_least(300));
    cr_assert_geq(objects, check_least(40));
    files_each("vectors/jsontestsuite/test_parsing", 0, check_scan_as_value, NULL);
}

Test(json_suite, is_judged_rightly)
{
    run_all();
}

Test(json_suite, is_judged_rightly_without_vectors)
{
    scan_force_plain(true);
    run_all();
    scan_force_plain(false);
}

static void check_transform(const char *name, struct text bytes, void *arg)
{
    struct arena arena;
    struct buf out;
    struct json_writer w;
    size_t *copied = arg;

    arena_init(&arena, NULL, 0, 1 << 20);
    const struct json *v = json_parse(&arena, bytes, NULL);
    bool refused = is_in(twice, name) || text_starts(text_of(name), TEXT("string_"));
    cr_assert_eq(v == NULL, refused, "%s", name);
    if (v != NULL) {
        struct text trimmed = bytes;
        while (trimmed.ptr[trimmed.len - 1] == '\n')
            trimmed.len--;
        buf_init(&out, 1000);
        json_writer_init(&w, &out);
        json_put_json(&w, v);
        cr_assert_eq(json_end(&w), 0);
        cr_assert(text_eq(buf_view(&out), trimmed), "%s", name);
        buf_free(&out);
        ++*copied;
    }
    arena_fini(&arena);
}

Test(json_suite, values_are_copied_byte_for_byte)
{
    size_t copied = 0;

    cr_assert_geq(files_each("vectors/jsontestsuite/test_transform", 0, check_transform, &copied), check_least(20));
    cr_assert_geq(copied, check_least(11));
}
