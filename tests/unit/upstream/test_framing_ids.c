/* test_framing_ids.c - the last event id, as of each event. */
#include "check.h"

#include <gateway/provider.h>

#include "upstream/framing.h"

static int note_id(void *arg, const struct frame *frame)
{
    struct text *ids = arg;

    while (ids->ptr != NULL)
        ids++;
    ids->ptr = frame->id.ptr != NULL ? "there" : "absent";
    ids->len = frame->id.len;
    return 0;
}

Test(framing, has_an_id_until_an_empty_one_takes_it_away)
{
    struct text ids[8] = { TEXT_NONE };
    struct framing f;

    framing_init(&f, GW_FRAMING_SSE, 1000);
    framing_feed(&f, TEXT("data: a\n\nid: 77\ndata: b\n\ndata: c\n\nid:\ndata: d\n\nid: 8\0\ndata: e\n\nid\n\n"),
                 note_id, ids);
    framing_fini(&f);
    cr_assert_str_eq(ids[0].ptr, "absent");
    cr_assert_str_eq(ids[1].ptr, "there");
    cr_assert_eq(ids[1].len, 2);
    cr_assert_str_eq(ids[2].ptr, "there");
    cr_assert_str_eq(ids[3].ptr, "absent");
    cr_assert_str_eq(ids[4].ptr, "absent", "an id with NUL is none");
    cr_assert_str_eq(ids[5].ptr, "absent");
}
