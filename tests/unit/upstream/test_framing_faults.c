/* test_framing_faults.c - each append of the framing fails once: that is an error, and never a stop or an event less. */
#include "check.h"

#include <gateway/provider.h>

#include "base/fault.h"
#include "upstream/framing.h"

#ifdef GW_TEST_BUILD

static int count(void *arg, const struct frame *frame)
{
    *(size_t *)arg += frame->data.len;
    return 0;
}

/* Feeds the bytes cut at `at`, with the n-th append failing; *fired: there were so many. */
static int read_with_fault(struct text bytes, size_t at, unsigned n, size_t *data, bool *fired)
{
    struct framing f;
    int result;

    *data = 0;
    framing_init(&f, GW_FRAMING_SSE, 1000);
    fault_arm(n);
    result = framing_feed(&f, (struct text){ bytes.ptr, at }, count, data);
    if (result == 0)
        result = framing_feed(&f, (struct text){ bytes.ptr + at, bytes.len - at }, count, data);
    if (result == 0)
        result = framing_end(&f, true, count, data);
    *fired = n > 0 && fault_fired();
    fault_arm(0);
    framing_fini(&f);
    return result;
}

Test(framing_faults, are_errors)
{
    /* Data of several lines, an id, and an end without its empty line: each is copied somewhere. */
    struct text bytes = TEXT("id: 1\ndata: one\ndata: two\n\nid: 2\ndata: three\ndata: four");
    size_t whole, data;
    bool fired;
    unsigned faults = 0;

    cr_assert_eq(read_with_fault(bytes, bytes.len, 0, &whole, &fired), 0);
    cr_assert_eq(whole, 3 + 1 + 3 + 5 + 1 + 4);
    for (size_t at = 0; at <= bytes.len; at++) {
        unsigned n = 0;

        do {
            int result = read_with_fault(bytes, at, ++n, &data, &fired);

            cr_assert_eq(result, fired ? -1 : 0, "cut at %zu, fault %u: %d", at, n, result);
            cr_assert(fired ? data < whole : data == whole, "cut at %zu, fault %u", at, n);
            faults += fired;
        } while (fired);
    }
    cr_assert_gt(faults, bytes.len);
}

#else
typedef int framing_faults_need_a_build_for_tests;
#endif
