/* test_framing_limits.c - a frame's limit counts every byte but the LF of a CRLF. */
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
