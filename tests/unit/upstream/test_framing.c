/* test_framing.c - the same events however the bytes are cut, and never a byte lost or added. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gateway/provider.h>

#include "upstream/framing.h"
#include "vectors.h"

#ifdef __SANITIZE_THREAD__
enum { RANDOM_CUTS = 20, RANDOM_STREAMS = 200 }; /* there is one thread: it only takes longer */
#else
enum { RANDOM_CUTS = 1000, RANDOM_STREAMS = 3000 };
#endif

/* What came out, as one text that can be compared: name|id|data, each with its length. */
struct seen {
    struct buf events, raw;
    int frames, comments;
    int stop_every; /* on_frame returns "stop" at each n-th frame */
};

static void seen_init(struct seen *s)
{
    memset(s, 0, sizeof *s);
    buf_init(&s->events, (size_t)64 << 20);
    buf_init(&s->raw, (size_t)64 << 20);
}

static void seen_fini(struct seen *s)
{
    buf_free(&s->events);
    buf_free(&s->raw);
}

static void note(struct buf *out, struct text name, struct text id, struct text data)
{
    buf_printf(out, "[%zu:%.*s|%zu:%.*s|%zu:", name.len, TEXT_ARG(name), id.len, TEXT_ARG(id), data.len);
    buf_text(out, data);
    buf_str(out, "]\n");
}

static int on_frame(void *arg, const struct frame *frame)
{
    struct seen *s = arg;

    s->frames++;
    buf_text(&s->raw, frame->raw);
    if (frame->comment)
        s->comments++;
    else
        note(&s->events, frame->name, frame->id, frame->data);
    return s->stop_every > 0 && s->frames % s->stop_every == 0 ? 7 : 0;
}

/* Feeds the pieces of `bytes` that end at `cuts` (count of them, rising), then the end. */
static void feed(struct seen *s, uint32_t kind, struct text bytes, const size_t *cuts, size_t count, bool flush)
{
    struct framing f;
    size_t from = 0;

    framing_init(&f, kind, 1 << 20);
    for (size_t i = 0; i <= count; i++) {
        size_t to = i < count ? cuts[i] : bytes.len;
        /* In memory of its own, so that a byte read past its end is found. */
        char *piece = malloc(to - from + 1);
        int result;

        memcpy(piece, bytes.ptr + from, to - from);
        piece = realloc(piece, to - from > 0 ? to - from : 1);
        result = framing_feed(&f, (struct text){ piece, to - from }, on_frame, s);
        while (result == 7)
            result = framing_feed(&f, TEXT_NONE, on_frame, s);
        cr_assert_eq(result, 0);
        free(piece);
        from = to;
    }
    int result;
    while ((result = framing_end(&f, flush, on_frame, s)) == 7)
        ;
    cr_assert_eq(result, 0);
    cr_assert_not(framing_pending(&f));
    framing_fini(&f);
}

static bool same(struct text a, struct text b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* One way to cut: the events are `expected` (with flush: begin with them), the raw bytes are the input. */
static void check_cut(const char *what, uint32_t kind, struct text bytes, const size_t *cuts, size_t count,
                      struct text expected, int stop_every)
{
    struct seen s;

    seen_init(&s);
    s.stop_every = stop_every;
    feed(&s, kind, bytes, cuts, count, false);
    cr_assert(same(buf_view(&s.events), expected), "%s, cut at %zu of %zu:\n%.*s\ninstead of\n%.*s", what,
              count > 0 ? cuts[0] : 0, count, TEXT_ARG(buf_view(&s.events)), TEXT_ARG(expected));
    cr_assert(text_starts(bytes, buf_view(&s.raw)), "%s: raw bytes differ", what);
    seen_fini(&s);

    seen_init(&s);
    s.stop_every = stop_every;
    feed(&s, kind, bytes, cuts, count, true);
    cr_assert(text_starts(buf_view(&s.events), expected), "%s: flushed events differ", what);
    cr_assert(same(buf_view(&s.raw), bytes), "%s: %zu raw bytes instead of %zu", what, s.raw.len, bytes.len);
    seen_fini(&s);
}

static int compare_cuts(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return x < y ? -1 : x > y;
}

/* Whole, at every place, at every byte, and at random. */
static void check_cuts(const char *what, uint32_t kind, struct text bytes, struct text expected, unsigned randoms)
{
    size_t *cuts = calloc(bytes.len + 12, sizeof *cuts);
    unsigned seed = 11;

    check_cut(what, kind, bytes, NULL, 0, expected, 0);
    for (size_t at = 0; at <= bytes.len; at++)
        check_cut(what, kind, bytes, &at, 1, expected, at % 3 == 0 ? 1 : 0);
    for (size_t i = 0; i < bytes.len; i++)
        cuts[i] = i;
    check_cut(what, kind, bytes, cuts, bytes.len, expected, 0);
    check_cut(what, kind, bytes, cuts, bytes.len, expected, 1);
    for (unsigned round = 0; round < randoms; round++) {
        size_t count = (size_t)rand_r(&seed) % 12;

        for (size_t i = 0; i < count; i++)
            cuts[i] = (size_t)rand_r(&seed) % (bytes.len + 1);
        qsort(cuts, count, sizeof *cuts, compare_cuts);
        check_cut(what, kind, bytes, cuts, count, expected, (int)(round % 4));
    }
    free(cuts);
}

Test(framing, gives_the_events_of_every_vector_however_it_is_cut)
{
    struct arena arena;
    const struct json *cases;

    arena_init(&arena, NULL, 0, (size_t)64 << 20);
    cases = vectors_load(&arena, "vectors/sse/cases.json");
    cr_assert_geq(json_count(cases), check_least(34));
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct json *one = json_at(cases, i), *events = json_member(one, "events");
        struct text name = json_str(json_member(one, "name"));
        struct text bytes = vectors_bytes(&arena, one, "stream_b64");
        struct buf expected;

        buf_init(&expected, 1 << 20);
        for (size_t e = 0; e < json_count(events); e++) {
            struct text type = json_str(json_member(json_at(events, e), "event"));
            struct text data = vectors_nul(&arena, json_str(json_member(json_at(events, e), "data")));

            if (text_is(type, "message"))
                type = TEXT_NONE; /* the default name */
            if (text_is(name, "invalid-utf8-replaced"))
                data = TEXT("a\xff"
                            "b\xc3"); /* we pass bytes on; who decodes them replaces what is wrong */
            note(&expected, type, json_str(json_member(json_at(events, e), "id")), data);
        }
        check_cuts(arena_str(&arena, name), GW_FRAMING_SSE, bytes, buf_view(&expected), RANDOM_CUTS);
        buf_free(&expected);
    }
    arena_fini(&arena);
}

static void check_lines(const char *input, const char *expected)
{
    check_cuts(input, GW_FRAMING_LINES, text_of(input), text_of(expected), 200);
}

Test(framing, cuts_lines)
{
    check_lines("{\"a\":1}\n{\"b\":2}\n", "[0:|0:|7:{\"a\":1}]\n[0:|0:|7:{\"b\":2}]\n");
    check_lines("{\"a\":1}\r\n\r\n\n{\"b\":2}\r\n", "[0:|0:|7:{\"a\":1}]\n[0:|0:|7:{\"b\":2}]\n");
    check_lines("a\rb\n", "[0:|0:|3:a\rb]\n");
    check_lines("", "");
    check_lines("no end", "");
}

static struct text all_events(uint32_t kind, const char *input, bool flush, struct seen *s)
{
    seen_init(s);
    feed(s, kind, text_of(input), NULL, 0, flush);
    return buf_view(&s->events);
}

Test(framing, flushes_the_last_line_and_the_last_event_only_when_asked)
{
    struct seen s;

    cr_assert(text_is(all_events(GW_FRAMING_LINES, "a\nb", true, &s), "[0:|0:|1:a]\n[0:|0:|1:b]\n"));
    seen_fini(&s);
    cr_assert(text_is(all_events(GW_FRAMING_LINES, "a\nb", false, &s), "[0:|0:|1:a]\n"));
    seen_fini(&s);
    cr_assert(
        text_is(all_events(GW_FRAMING_SSE, "data: x\n\nevent: e\ndata: y", true, &s), "[0:|0:|1:x]\n[1:e|0:|1:y]\n"));
    seen_fini(&s);
    cr_assert(text_is(all_events(GW_FRAMING_SSE, "data: x\n\ndata: a\ndata: b\n", true, &s),
                      "[0:|0:|1:x]\n[0:|0:|3:a\nb]\n"));
    seen_fini(&s);
    cr_assert(text_is(all_events(GW_FRAMING_SSE, "data: x\n\ndata: y\n", false, &s), "[0:|0:|1:x]\n"));
    seen_fini(&s);
}

/* An alphabet that makes line ends of every kind, fields and comments likely. */
Test(framing, gives_the_same_events_and_bytes_for_any_bytes_however_cut)
{
    static const char *const parts[] = { "\r",     "\n", "\r\n", "data:", "data: ",       "data",     "id", "id:",
                                         "event:", ":",  " ",    "x",     "\xEF\xBB\xBF", "retry: 1", "{}", "\0" };
    unsigned seed = 5;

    for (int round = 0; round < RANDOM_STREAMS; round++) {
        char bytes[400];
        size_t len = 0, cuts[8];
        struct seen whole, cut;

        for (int n = rand_r(&seed) % 40; n > 0; n--) {
            size_t which = (size_t)rand_r(&seed) % (sizeof parts / sizeof *parts);
            size_t part = which == 15 ? 1 : strlen(parts[which]);

            memcpy(bytes + len, parts[which], part);
            len += part;
        }
        seen_init(&whole);
        feed(&whole, GW_FRAMING_SSE, (struct text){ bytes, len }, NULL, 0, true);
        cr_assert(same(buf_view(&whole.raw), (struct text){ bytes, len }));
        for (int again = 0; again < 4; again++) {
            size_t count = 1 + (size_t)rand_r(&seed) % 8;

            for (size_t i = 0; i < count; i++)
                cuts[i] = (size_t)rand_r(&seed) % (len + 1);
            qsort(cuts, count, sizeof *cuts, compare_cuts);
            seen_init(&cut);
            cut.stop_every = again;
            feed(&cut, GW_FRAMING_SSE, (struct text){ bytes, len }, cuts, count, true);
            cr_assert(same(buf_view(&cut.raw), (struct text){ bytes, len }));
            cr_assert(same(buf_view(&cut.events), buf_view(&whole.events)), "round %d:\n%.*s\ninstead of\n%.*s", round,
                      TEXT_ARG(buf_view(&cut.events)), TEXT_ARG(buf_view(&whole.events)));
            seen_fini(&cut);
        }
        seen_fini(&whole);
    }
}

static int in_place(void *arg, const struct frame *frame)
{
    const struct text *bytes = arg;

    cr_assert(frame->raw.ptr >= bytes->ptr && frame->raw.ptr + frame->raw.len <= bytes->ptr + bytes->len);
    cr_assert(frame->comment || (frame->data.ptr >= frame->raw.ptr &&
                                 frame->data.ptr + frame->data.len <= frame->raw.ptr + frame->raw.len));
    return 0;
}

Test(framing, hands_out_whole_events_in_place_and_takes_no_memory_for_them)
{
    struct text bytes = TEXT("data: {\"x\":1}\n\n: ping\n\nevent: done\ndata: [DONE]\n\n");
    struct framing f;

    framing_init(&f, GW_FRAMING_SSE, 1 << 20);
    cr_assert_eq(framing_feed(&f, bytes, in_place, &bytes), 0);
    cr_assert_not(framing_pending(&f));
    cr_assert_null(f.held.ptr);
    cr_assert_null(f.data.ptr);
    framing_fini(&f);
}

Test(framing, hands_an_event_out_as_soon_as_its_end_is_certain)
{
    struct seen s;
    struct framing f;

    seen_init(&s);
    framing_init(&f, GW_FRAMING_SSE, 1 << 20);
    cr_assert_eq(framing_feed(&f, TEXT("data: a\r\n\r"), on_frame, &s), 0);
    cr_assert_eq(s.frames, 1);
    cr_assert_not(framing_pending(&f));
    cr_assert_eq(framing_feed(&f, TEXT("\ndata: b\r\n\r\n"), on_frame, &s), 0);
    cr_assert_eq(s.frames, 2);
    cr_assert_eq(s.comments, 0);
    cr_assert_eq(framing_feed(&f, TEXT("data: c\r\r"), on_frame, &s), 0);
    cr_assert_eq(framing_feed(&f, TEXT("\n"), on_frame, &s), 0);
    cr_assert_eq(s.frames, 4);
    cr_assert_eq(s.comments, 1);
    cr_assert_not(framing_pending(&f));
    cr_assert(text_is(buf_view(&s.raw), "data: a\r\n\r\ndata: b\r\n\r\ndata: c\r\r\n"));
    framing_fini(&f);
    seen_fini(&s);
}

Test(framing, passes_raw_bytes_on)
{
    struct seen s;

    cr_assert(text_is(all_events(GW_FRAMING_RAW, "any\nbytes", true, &s), "[0:|0:|9:any\nbytes]\n"));
    seen_fini(&s);
}

Test(framing, refuses_a_frame_over_its_limit_in_one_piece_and_in_many)
{
    for (size_t piece = 1; piece <= 200; piece += 7) {
        for (int kind = 0; kind < 2; kind++) {
            struct framing f;
            struct seen s;
            int result = 0;

            seen_init(&s);
            framing_init(&f, kind == 0 ? GW_FRAMING_SSE : GW_FRAMING_LINES, 100);
            for (size_t fed = 0; fed < 400 && result == 0; fed += piece) {
                char bytes[200];

                memset(bytes, 'x', sizeof bytes);
                result = framing_feed(&f, (struct text){ bytes, piece }, on_frame, &s);
            }
            cr_assert_eq(result, -1);
            cr_assert_eq(framing_feed(&f, TEXT("\n\n"), on_frame, &s), -1);
            cr_assert_eq(framing_end(&f, true, on_frame, &s), -1);
            cr_assert_eq(s.frames, 0);
            framing_fini(&f);
            seen_fini(&s);
        }
    }
}

/* The LF that ends an event may come in the next piece, where it belongs to the frame after: it never counts. */
Test(framing, means_the_same_limit_wherever_a_crlf_is_cut)
{
    static const char events[] = "data: 1234\r\n\r\ndata: 5678\r\n\r\n"; /* 13 bytes each, without the last LF */
    struct text all = { events, sizeof events - 1 };

    for (size_t max = 12; max <= 14; max++) {
        for (size_t at = 0; at <= all.len; at++) {
            struct framing f;
            struct seen s;

            seen_init(&s);
            framing_init(&f, GW_FRAMING_SSE, max);
            int result = framing_feed(&f, (struct text){ all.ptr, at }, on_frame, &s);
            if (result == 0)
                result = framing_feed(&f, (struct text){ all.ptr + at, all.len - at }, on_frame, &s);
            cr_assert_eq(result, max < 13 ? -1 : 0, "max %zu, cut at %zu: %d", max, at, result);
            framing_fini(&f);
            seen_fini(&s);
        }
    }
}

/* Quadratic work would take minutes here. */
Test(framing, takes_a_large_event_and_many_bare_line_ends_in_linear_time)
{
    size_t len = (size_t)8 << 20;
    char *bytes = malloc(len);
    struct framing f;
    struct seen s;

    memset(bytes, 'x', len);
    memcpy(bytes, "data: ", 6);
    memcpy(bytes + len - 2, "\n\n", 2);
    seen_init(&s);
    framing_init(&f, GW_FRAMING_SSE, len);
    for (size_t at = 0; at < len; at += 1024)
        cr_assert_eq(framing_feed(&f, (struct text){ bytes + at, 1024 }, on_frame, &s), 0);
    cr_assert_eq(s.frames, 1);
    cr_assert_eq(s.raw.len, len);
    framing_fini(&f);
    seen_fini(&s);

    for (size_t i = 0; i < len; i += 2)
        memcpy(bytes + i, "a\r", 2);
    seen_init(&s);
    framing_init(&f, GW_FRAMING_SSE, len);
    cr_assert_eq(framing_feed(&f, (struct text){ bytes, 1 }, on_frame, &s), 0);
    cr_assert_eq(framing_feed(&f, (struct text){ bytes + 1, len - 1 }, on_frame, &s), 0);
    cr_assert_eq(s.frames, 0);
    framing_fini(&f);
    seen_fini(&s);
    free(bytes);
}
