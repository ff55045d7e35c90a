/* test_entry.c - entries: what is written is read, under its own key alone, and given again with a new id. */
#include "cache/entry.h"

#include <string.h>

#include "check.h"

static const char key[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static const char other[] = "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

Test(cache_entry, is_read_as_it_was_written_and_under_its_key_alone)
{
    struct cache_entry in = { .events = true,
                              .stored_ms = 7,
                              .ends_ms = 9,
                              .content_type = TEXT("text/event-stream"),
                              .bytes = TEXT("data: 1\n\n") };
    struct cache_entry out;
    struct buf value;
    buf_init(&value, 4096);
    cr_assert_eq(entry_write(&in, key, &value), 0);
    struct text all = buf_view(&value);
    cr_assert(entry_read(all, key, &out));
    cr_assert(out.events && out.stored_ms == 7 && out.ends_ms == 9);
    cr_assert(text_is(out.content_type, "text/event-stream") && text_is(out.bytes, "data: 1\n\n"));
    cr_assert(!entry_read(all, other, &out));
    for (size_t len = 0; len < all.len; len++)
        cr_assert(!entry_read((struct text){ all.ptr, len }, key, &out), "%zu of its bytes", len);
    buf_free(&value);
    buf_init(&value, 20);
    cr_assert_eq(entry_write(&in, key, &value), -1);
    buf_free(&value);
}

static void renewed(bool events, const char *bytes, const char *want)
{
    struct cache_entry entry = { .events = events, .bytes = text_of(bytes) };
    struct arena scratch;
    struct buf out;
    arena_init(&scratch, NULL, 0, 1 << 20);
    buf_init(&out, 1 << 20);
    cr_assert(entry_renew(&scratch, &entry, TEXT("aa-bb"), 1700000001, &out));
    buf_append(&out, "", 1);
    cr_assert_str_eq(buf_view(&out).ptr, want);
    buf_free(&out);
    arena_fini(&scratch);
}

Test(cache_entry, gets_a_new_id_and_time_wherever_it_names_itself)
{
    renewed(
        false,
        "{\"id\": \"chatcmpl-1\", \"created\": 5, \"choices\":[{\"content\":\"\\\"chatcmpl-1\\\" \\\"created\\\": 5\"}]}",
        "{\"id\": \"chatcmpl-aabb\", \"created\": 1700000001, \"choices\":[{\"content\":\"\\\"chatcmpl-1\\\" \\\"created\\\": 5\"}]}");
    renewed(
        true,
        "data: {\"id\":\"c-1\",\"created\":5,\"n\":5}\n\ndata: {\"id\":\"c-1\",\"created\":5}\n\ndata: [DONE]\n\n",
        "data: {\"id\":\"c-aabb\",\"created\":1700000001,\"n\":5}\n\ndata: {\"id\":\"c-aabb\",\"created\":1700000001}\n\ndata: [DONE]\n\n");
    renewed(
        true,
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"x\":[{\"id\":\"toolu_1\"}]}}\n\n",
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_aabb\",\"x\":[{\"id\":\"toolu_1\"}]}}\n\n");
    renewed(false, "{\"id\":\"x\",\"created_at\":5,\"created\":55}",
            "{\"id\":\"aabb\",\"created_at\":5,\"created\":1700000001}");
    renewed(false, "{\"choices\":[{\"id\":\"call_1\"}]}", "{\"choices\":[{\"id\":\"call_1\"}]}");
    renewed(false, "[1]", "[1]");
}

Test(cache_entry, keeps_its_id_where_another_member_has_it_and_finds_it_behind_an_event_without_one)
{
    renewed(false, "{\"id\":\"gen_1\",\"meta\":{\"generationId\":\"gen_1\",\"id\" : \"gen_1\"}}",
            "{\"id\":\"gen_aabb\",\"meta\":{\"generationId\":\"gen_1\",\"id\" : \"gen_aabb\"}}");
    renewed(true, "data: {\"id\":\"\",\"created\":0}\n\ndata: {\"id\":\"chatcmpl-x\",\"created\":7}\n\n",
            "data: {\"id\":\"\",\"created\":0}\n\ndata: {\"id\":\"chatcmpl-aabb\",\"created\":1700000001}\n\n");
}

Test(cache_entry, takes_no_part_of_an_id_for_its_mark)
{
    renewed(false, "{\"id\":\"5070d0cd-7a\"}", "{\"id\":\"aabb\"}");
}
