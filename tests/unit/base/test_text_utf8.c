/* test_text_utf8.c - is it UTF-8? On both paths, with vectors, with a slow model, and at all offsets. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/scan.h"
#include "base/text.h"
#include "check.h"
#include "files.h"

/* Decodes and looks at the number: another way than the one under test. */
static bool model_is_utf8(struct text t)
{
    for (size_t at = 0; at < t.len;) {
        unsigned c = (unsigned char)t.ptr[at];
        unsigned len = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
        static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        if (len == 0 || at + len > t.len)
            return false;
        unsigned code = len == 1 ? c : c & (0x7fu >> len);
        for (unsigned i = 1; i < len; i++) {
            unsigned next = (unsigned char)t.ptr[at + i];
            if (next >> 6 != 2)
                return false;
            code = code << 6 | (next & 0x3f);
        }
        if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
        at += len;
    }
    return true;
}

/* Both paths, from memory that ends where the text does. */
static bool is_utf8(struct text t)
{
    struct text copy = files_copy(t);
    bool fast = text_is_utf8(copy);
    scan_force_plain(true);
    bool plain = text_is_utf8(copy);
    scan_force_plain(false);
    cr_assert_eq(fast, plain, "the two paths differ for %zu bytes", t.len);
    cr_assert_eq(plain, text_utf8_valid_len(copy) == copy.len);
    files_free(copy);
    return plain;
}

/* `t` within ASCII, so that it lies across every boundary of a block. */
static void check_at_all_offsets(struct text t, bool valid, const char *name)
{
    char around[160];

    cr_assert_leq(t.len, 64);
    for (size_t offset = 0; offset < 70; offset++) {
        memset(around, 'x', sizeof around);
        memcpy(around + offset, t.ptr, t.len);
        cr_assert_eq(is_utf8((struct text){ around, sizeof around }), valid, "%s at %zu", name, offset);
        cr_assert_eq(is_utf8((struct text){ around, offset + t.len }), valid, "%s at %zu, at the end", name, offset);
    }
}

/* "number:valid:bytes" or "number:invalid:bytes", of which `invalid` gets the word. */
static struct text cut_line(struct text *file, bool *valid)
{
    struct text line = text_cut(file, '\n');
    text_cut(&line, ':');
    *valid = text_is(text_cut(&line, ':'), "valid");
    return line;
}

Test(text_utf8, agrees_with_the_vectors)
{
    struct text file = files_read(check_shared("vectors/utf8/utf8tests.bin"));
    struct text rest = file;
    int lines = 0;

    while (rest.len > 0) {
        bool valid;
        struct text bytes = cut_line(&rest, &valid);
        check_at_all_offsets(bytes, valid, "a vector");
        lines++;
    }
    cr_assert_geq(lines, (int)check_least(200));
    files_free(file);
}

Test(text_utf8, is_replaced_as_the_reference_does)
{
    struct text in = files_read(check_shared("vectors/utf8/utf8tests.bin"));
    struct text wanted = files_read(check_shared("vectors/utf8/utf8.replace.ref.txt"));
    struct text in_rest = in, wanted_rest = wanted;

    while (in_rest.len > 0) {
        bool valid;
        struct buf got, reference;
        struct text bytes = cut_line(&in_rest, &valid), replaced = cut_line(&wanted_rest, &valid);
        buf_init(&got, 1000);
        buf_init(&reference, 1000);
        cr_assert(text_is_utf8(replaced));
        cr_assert_eq(json_escape(&got, bytes), 0);
        cr_assert_eq(json_escape(&reference, replaced), 0);
        cr_assert(text_eq(buf_view(&got), buf_view(&reference)), "%.*s", TEXT_ARG(buf_view(&got)));
        buf_free(&got);
        buf_free(&reference);
    }
    files_free(in);
    files_free(wanted);
}

Test(text_utf8, agrees_with_a_model_for_all_pairs_of_bytes)
{
    for (unsigned first = 0x80; first < 0x100; first++) {
        for (unsigned second = 0; second < 0x100; second++) {
            char bytes[40] = { 'a', (char)first, (char)second, (char)0x80, (char)0x80 };
            for (size_t len = 2; len <= 5; len++) {
                struct text t = { bytes, len };
                bool valid = model_is_utf8(t);
                cr_assert_eq(is_utf8(t), valid, "%02x %02x, %zu bytes", first, second, len);
                memset(bytes + len, 'b', sizeof bytes - len);
                cr_assert_eq(is_utf8((struct text){ bytes, sizeof bytes }), valid, "%02x %02x", first, second);
                memset(bytes + 3, 0x80, 2);
            }
        }
    }
}

static size_t put_random_character(uint64_t *seed, char *out)
{
    static const unsigned limits[] = { 0x7f, 0x7ff, 0xffff, 0x10ffff };
    uint64_t r = files_random(seed);
    unsigned code = (unsigned)(r >> 8) % (limits[r % 4] + 1);

    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)((0xf0u << (4 - len)) | code);
    return len;
}

Test(text_utf8, agrees_with_a_model_for_random_text)
{
    uint64_t seed = 7;

    for (int round = 0; round < 20000; round++) {
        char text[160];
        size_t len = 0, want = (size_t)(files_random(&seed) % 150);
        while (len < want)
            len += put_random_character(&seed, text + len);
        for (uint64_t damage = files_random(&seed) % 3; len > 0 && damage > 0; damage--)
            text[files_random(&seed) % len] = (char)files_random(&seed);
        struct text t = { text, len };
        cr_assert_eq(is_utf8(t), model_is_utf8(t), "round %d", round);
    }
}

Test(text_utf8, steps_over_characters_and_maximal_subparts)
{
    static const struct {
        const char *bytes;
        size_t step;
        bool valid;
    } cases[] = {
        { "a\x80", 1, true },
        { "\xc3\xa4", 2, true },
        { "\xe2\x82\xac", 3, true },
        { "\xf0\x9f\x98\x80", 4, true },
        { "\x80\x80", 1, false },
        { "\xc0\xaf", 1, false },
        { "\xe0\x80\xaf", 1, false },
        { "\xed\xa0\x80", 1, false },
        { "\xf4\x90\x80\x80", 1, false },
        { "\xf5\x80\x80\x80", 1, false },
        { "\xe2\x82", 2, false },
        { "\xe2\x82z", 2, false },
        { "\xf0\x9f\x98", 3, false },
        { "\xf0\x9fz", 2, false },
        { "\xc3", 1, false },
        { "\xff", 1, false },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool valid;
        cr_assert_eq(text_utf8_step(text_of(cases[i].bytes), 0, &valid), cases[i].step, "case %zu", i);
        cr_assert_eq(valid, cases[i].valid, "case %zu", i);
    }
    cr_assert_eq(text_utf8_valid_len(TEXT("12345678\xc3\xa4\xff")), 10);
    cr_assert_eq(text_utf8_valid_len(TEXT_NONE), 0);
}
