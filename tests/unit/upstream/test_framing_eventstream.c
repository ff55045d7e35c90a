/* test_framing_eventstream.c - messages of AWS event streams: the public vectors and made ones, cut at every place; damaged
 * ones, and lengths over the limit. */
#include <gateway/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/eventstream.h"
#include "check.h"
#include "upstream/framing.h"

enum { MOST = 1 << 20 };

/* What came out, as lines: name|data|length of the headers. */
struct seen {
    struct buf lines;
    size_t raw;
    int stop_after; /* frames; 0: never */
    int frames;
};

static int on_frame(void *arg, const struct frame *frame)
{
    struct seen *seen = arg;
    buf_printf(&seen->lines, "%.*s|", TEXT_ARG(frame->name));
    buf_text(&seen->lines, frame->data);
    buf_printf(&seen->lines, "|%zu\n", frame->headers.len);
    seen->raw += frame->raw.len;
    return ++seen->frames == seen->stop_after ? 7 : 0;
}

/* The bytes in pieces that end at the cuts; 0 where all was well. */
static int feed(struct text bytes, size_t first, size_t second, size_t step, size_t max, struct seen *seen,
                bool *damaged)
{
    struct framing f;
    int rc = 0;

    *seen = (struct seen){ .stop_after = seen->stop_after };
    buf_init(&seen->lines, MOST);
    framing_init(&f, GW_FRAMING_EVENTSTREAM, max);
    for (size_t at = 0; rc == 0 && at < bytes.len;) {
        size_t end = step > 0 ? at + step : at < first ? first : at < second ? second : bytes.len;
        if (end > bytes.len)
            end = bytes.len;
        rc = framing_feed(&f, (struct text){ bytes.ptr + at, end - at }, on_frame, seen);
        while (rc == 7)
            rc = framing_feed(&f, TEXT_NONE, on_frame, seen);
        at = end;
    }
    if (rc == 0)
        rc = framing_end(&f, true, on_frame, seen);
    *damaged = framing_is_damaged(&f);
    framing_fini(&f);
    return rc;
}

static void check_every_cut(struct text bytes, const char *expected)
{
    struct seen seen = { .stop_after = 0 };
    bool damaged;

    for (size_t i = 0; i <= bytes.len; i++)
        for (size_t k = i; k <= bytes.len; k += bytes.len > 300 ? 37 : 1) {
            seen.stop_after = (int)(k % 3);
            cr_assert_eq(feed(bytes, i, k, 0, MOST, &seen, &damaged), 0, "cut at %zu and %zu", i, k);
            cr_assert(text_is(buf_view(&seen.lines), expected), "cut at %zu and %zu: %.*s", i, k,
                      TEXT_ARG(buf_view(&seen.lines)));
            cr_assert_eq(seen.raw, bytes.len);
            buf_free(&seen.lines);
        }
    for (size_t step = 1; step < 20; step++) {
        cr_assert_eq(feed(bytes, 0, 0, step, MOST, &seen, &damaged), 0);
        cr_assert(text_is(buf_view(&seen.lines), expected));
        buf_free(&seen.lines);
    }
}

#define EMPTY "\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff"
#define NO_HEADERS "\x00\x00\x00\x1d\x00\x00\x00\x00\xfd\x52\x8c\x5a{'foo':'bar'}\xc3\x65\x39\x36"
#define ONE_HEADER                                                                                                     \
    "\x00\x00\x00\x3d\x00\x00\x00\x20\x07\xfd\x83\x96\x0c"                                                             \
    "content-type\x07\x00\x10"                                                                                         \
    "application/json{'foo':'bar'}\x8d\x9c\x08\xb1"

static struct text bytes_of(const char *folder, const char *name)
{
    static char bytes[4096];
    char path[1024];
    const char *shared = getenv("GW_SHARED");

    snprintf(path, sizeof path, "%s/vectors/aws-eventstream/encoded/%s/%s", shared != NULL ? shared : "../shared",
             folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return TEXT_NONE;
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return (struct text){ bytes, len };
}

Test(framing_eventstream, messages_cut_at_every_place_are_the_same)
{
    check_every_cut((struct text){ EMPTY, sizeof EMPTY - 1 }, "||0\n");
    check_every_cut((struct text){ NO_HEADERS, sizeof NO_HEADERS - 1 }, "|{'foo':'bar'}|0\n");
    check_every_cut((struct text){ ONE_HEADER EMPTY NO_HEADERS, sizeof ONE_HEADER EMPTY NO_HEADERS - 1 },
                    "|{'foo':'bar'}|32\n||0\n|{'foo':'bar'}|0\n");
}

Test(framing_eventstream, the_public_vectors_are_read)
{
    static const struct {
        const char *name, *expected;
    } good[] = {
        { "all_headers", "|{'foo':'bar'}|175\n" },           { "empty_message", "||0\n" },
        { "int32_header", "|{'foo':'bar'}|16\n" },           { "payload_no_headers", "|{'foo':'bar'}|0\n" },
        { "payload_one_str_header", "|{'foo':'bar'}|32\n" },
    };
    static const char *const bad[] = { "corrupted_header_len", "corrupted_headers", "corrupted_length",
                                       "corrupted_payload" };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct text bytes = bytes_of("positive", good[i].name);
        if (bytes.ptr != NULL)
            check_every_cut(bytes, good[i].expected);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct text bytes = bytes_of("negative", bad[i]);
        for (size_t cut = 0; bytes.ptr != NULL && cut <= bytes.len; cut++) {
            struct seen seen = { .stop_after = 0 };
            bool damaged;
            cr_assert_eq(feed(bytes, cut, cut, 0, MOST, &seen, &damaged), -1, "%s", bad[i]);
            cr_assert(damaged);
            cr_assert_eq(seen.frames, 0);
            buf_free(&seen.lines);
        }
    }
}

Test(framing_eventstream, headers_are_found_by_name_and_type)
{
    struct text bytes = bytes_of("positive", "all_headers"), headers, payload;
    static const char one[] = ONE_HEADER;

    cr_assert(eventstream_parts((struct text){ one, sizeof one - 1 }, &headers, &payload));
    cr_assert(text_is(eventstream_header(headers, TEXT("content-type")), "application/json"));
    cr_assert_null(eventstream_header(headers, TEXT("content")).ptr);
    if (bytes.ptr == NULL)
        return;
    cr_assert(eventstream_parts(bytes, &headers, &payload));
    cr_assert(text_is(eventstream_header(headers, TEXT("content-type")), "application/json"));
    cr_assert(text_is(eventstream_header(headers, TEXT("byte buf")), "I'm a little teapot!"));
    cr_assert_null(eventstream_header(headers, TEXT("event-type")).ptr, "a number is no text");
}

Test(framing_eventstream, every_flipped_bit_is_seen)
{
    char bytes[] = ONE_HEADER NO_HEADERS;
    size_t len = sizeof bytes - 1;

    for (size_t bit = 0; bit < len * 8; bit++) {
        struct seen seen = { .stop_after = 0 };
        bool damaged;
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        cr_assert_eq(feed((struct text){ bytes, len }, 11, 12, 0, MOST, &seen, &damaged), -1, "bit %zu", bit);
        cr_assert(damaged);
        buf_free(&seen.lines);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    }
}

Test(framing_eventstream, half_a_message_at_the_end_is_damaged)
{
    static const char bytes[] = ONE_HEADER;
    for (size_t len = 1; len < sizeof bytes - 1; len++) {
        struct seen seen = { .stop_after = 0 };
        bool damaged;
        cr_assert_eq(feed((struct text){ bytes, len }, len, len, 0, MOST, &seen, &damaged), -1);
        cr_assert(damaged);
        buf_free(&seen.lines);
    }
}

/* A sound prelude that promises 4 GB: refused when it is there, with nothing taken for what it promises. */
Test(framing_eventstream, a_length_over_the_limit_is_refused_at_once)
{
    static const char large[] = "\xff\xff\xff\xf0\x00\x00\x00\x00\x7d\xaf\x68\x2e";
    struct seen seen = { .stop_after = 0 };
    bool damaged;

    cr_assert_eq(feed((struct text){ ONE_HEADER, sizeof ONE_HEADER - 1 }, 12, 12, 0, 61, &seen, &damaged), 0);
    buf_free(&seen.lines);
    cr_assert_eq(feed((struct text){ ONE_HEADER, sizeof ONE_HEADER - 1 }, 12, 12, 0, 60, &seen, &damaged), -1);
    cr_assert_not(damaged);
    buf_free(&seen.lines);
    cr_assert_eq(feed((struct text){ large, sizeof large - 1 }, 5, 9, 0, MOST, &seen, &damaged), -1);
    cr_assert_not(damaged, "the limit is what ends it");
    buf_free(&seen.lines);
}
