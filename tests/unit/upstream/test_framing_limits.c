/* test_framing_limits.c - what a frame costs: its limit counts every byte but the LF of a CRLF, and whole ones are not copied. */
#include "check.h"

#include <gateway/provider.h>

#include "upstream/framing.h"

static int ignore(void *arg, const struct frame *frame)
{
    (void)frame;
    ++*(int *)arg;
    return 0;
}

/* The smallest limit by which the frame is handed out. */
static size_t least(uint32_t kind, struct text bytes)
{
    for (size_t max = 1; max < 100; max++) {
        struct framing f;
        int frames = 0;

        framing_init(&f, kind, max);
        int result = framing_feed(&f, bytes, ignore, &frames);
        framing_fini(&f);
        if (result == 0) {
            cr_assert_eq(frames, 1);
            return max;
        }
    }
    return 0;
}

Test(framing_limits, count_every_byte_but_the_lf_of_a_crlf)
{
    cr_assert_eq(least(GW_FRAMING_SSE, TEXT("data: 1234\n\n")), 12);
    cr_assert_eq(least(GW_FRAMING_SSE, TEXT("data: 1234\r\n\r\n")), 13);
    cr_assert_eq(least(GW_FRAMING_LINES, TEXT("1234\t\n")), least(GW_FRAMING_LINES, TEXT("12345\n")));
    cr_assert_eq(least(GW_FRAMING_LINES, TEXT("1234\f\n")), least(GW_FRAMING_LINES, TEXT("12345\n")));
    cr_assert_eq(least(GW_FRAMING_LINES, TEXT("12345\n")), 6);
}

struct places {
    int frames, in_place, comments;
    const char *from, *to;
};

static int note_place(void *arg, const struct frame *frame)
{
    struct places *p = arg;

    p->frames++;
    p->comments += frame->comment;
    p->in_place += frame->raw.ptr >= p->from && frame->raw.ptr < p->to;
    return 0;
}

/* Also behind one that came in two pieces. */
Test(framing_limits, events_that_come_whole_are_handed_out_in_place)
{
    struct text bytes = TEXT("data: 1\n\ndata: 2\n\ndata: 3\n\n");
    struct places p = { .from = bytes.ptr, .to = bytes.ptr + bytes.len };
    struct framing f;

    framing_init(&f, GW_FRAMING_SSE, 100);
    cr_assert_eq(framing_feed(&f, (struct text){ bytes.ptr, 4 }, note_place, &p), 0);
    cr_assert_eq(framing_feed(&f, (struct text){ bytes.ptr + 4, bytes.len - 4 }, note_place, &p), 0);
    cr_assert_eq(p.frames, 3);
    cr_assert_eq(p.in_place, 2);
    framing_fini(&f);
}

Test(framing_limits, a_line_of_nothing_but_a_byte_order_mark_is_empty)
{
    struct places p = { .frames = 0 };
    struct framing f;

    framing_init(&f, GW_FRAMING_SSE, 100);
    cr_assert_eq(framing_feed(&f, TEXT("\xEF\xBB\xBF\ndata: 1\n\n"), note_place, &p), 0);
    cr_assert_eq(p.frames, 2);
    cr_assert_eq(p.comments, 1);
    framing_fini(&f);
}
