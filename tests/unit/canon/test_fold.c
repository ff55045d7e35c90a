/* test_fold.c - events of a stream folded into the whole answer. */
#include "canon/fold.h"

#include "check.h"

static gw_event event(uint32_t type, uint32_t index, uint32_t item, const char *id, const char *text)
{
    struct text i = text_of(id), t = text_of(text);
    return (gw_event){ .size = sizeof(gw_event),
                       .type = type,
                       .index = index,
                       .item = item,
                       .id = { i.ptr, i.len },
                       .text = { t.ptr, t.len } };
}

static void feed(struct fold *fold, gw_event e)
{
    fold_event(fold, &e);
}

Test(fold, joins_text_by_choice)
{
    struct arena arena;
    struct fold fold;
    arena_init(&arena, NULL, 0, 1 << 16);
    fold_init(&fold, &arena);
    feed(&fold, event(GW_EVENT_TEXT, 1, 0, NULL, "b"));
    feed(&fold, event(GW_EVENT_TEXT, 0, 0, NULL, "a"));
    feed(&fold, event(GW_EVENT_TEXT, 1, 0, NULL, "B"));
    feed(&fold, event(GW_EVENT_FINISH, 1, 0, NULL, "stop"));
    cr_assert_eq(fold.choices->index, 0u);
    cr_assert(text_is(buf_view(&fold.choices->text), "a"));
    cr_assert(text_is(buf_view(&fold.choices->next->text), "bB"));
    cr_assert(text_is(fold.choices->next->finish, "stop"));
    arena_fini(&arena);
}

Test(fold, keeps_interleaved_tool_calls_apart)
{
    struct arena arena;
    struct fold fold;
    arena_init(&arena, NULL, 0, 1 << 16);
    fold_init(&fold, &arena);
    feed(&fold, event(GW_EVENT_TOOL_CALL, 0, 0, "call_a", "f"));
    feed(&fold, event(GW_EVENT_TOOL_CALL, 0, 1, "call_b", "g"));
    feed(&fold, event(GW_EVENT_TOOL_ARGS, 0, 0, NULL, "{\"x\":"));
    feed(&fold, event(GW_EVENT_TOOL_ARGS, 0, 1, NULL, "{}"));
    feed(&fold, event(GW_EVENT_TOOL_ARGS, 0, 0, NULL, "1}"));
    const struct fold_call *call = fold.choices->calls;
    cr_assert(text_is(call->id, "call_a"));
    cr_assert(text_is(buf_view(&call->args), "{\"x\":1}"));
    cr_assert(text_is(call->next->name, "g"));
    cr_assert(text_is(buf_view(&call->next->args), "{}"));
    arena_fini(&arena);
}
