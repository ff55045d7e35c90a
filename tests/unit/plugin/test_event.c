/* test_event.c - what a plugin emits is looked at before it is believed. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "plugin/event.h"

static struct arena arena;
static struct event_order order;

static void begin(void)
{
    arena_init(&arena, NULL, 0, 1 << 20);
    order = (struct event_order){ 0 };
}

static gw_event of(uint32_t type, uint32_t item, const char *text)
{
    return (gw_event){ .size = sizeof(gw_event), .type = type, .item = item, .text = { text, strlen(text) } };
}

static enum event_verdict take(uint32_t type, uint32_t item, const char *text)
{
    const char *why;
    gw_event event = of(type, item, text);
    enum event_verdict verdict = event_take(&order, &arena, GW_OP_CHAT, &event, &why);
    cr_assert_eq(verdict == EVENT_TAKEN, why == NULL);
    return verdict;
}

Test(event, has_a_size_and_texts_that_are_there)
{
    gw_event event, given = of(GW_EVENT_TEXT, 0, "x");
    gw_tokens tokens;

    cr_assert_null(event_copy(&given, &event, &tokens));
    cr_assert_str_eq(event.text.ptr, "x");
    cr_assert_not_null(event_copy(NULL, &event, &tokens));
    given.size = 0;
    cr_assert_not_null(event_copy(&given, &event, &tokens));
    given.size = EVENT_SIZE_1_0 - 1;
    cr_assert_not_null(event_copy(&given, &event, &tokens));
    given = of(GW_EVENT_TEXT, 0, "x");
    given.param = (gw_str){ NULL, 100 };
    cr_assert_not_null(event_copy(&given, &event, &tokens));
}

Test(event, of_another_version_is_read_as_far_as_both_know_it)
{
    struct {
        gw_event known;
        char more[64];
    } newer = { .known = of(GW_EVENT_TEXT, 0, "x") };
    /* In a block of its own size: a byte more that is read is found by the address sanitizer. */
    gw_event *older = malloc(EVENT_SIZE_1_0), event, given;
    gw_tokens tokens;

    newer.known.size = sizeof newer;
    memset(newer.more, 0xff, sizeof newer.more);
    cr_assert_null(event_copy(&newer.known, &event, &tokens));
    cr_assert_eq(event.size, sizeof event);
    given = of(GW_EVENT_FINISH, 0, "stop");
    given.size = EVENT_SIZE_1_0;
    memcpy(older, &given, EVENT_SIZE_1_0);
    cr_assert_null(event_copy(older, &event, &tokens));
    cr_assert_eq(event.type, GW_EVENT_FINISH);
    free(older);
}

Test(event, of_usage_has_tokens_with_a_size)
{
    gw_event event, given = of(GW_EVENT_USAGE, 0, "");
    gw_tokens tokens, told = { .size = EVENT_TOKENS_SIZE_1_0, .input = 3, .total = 3 };

    cr_assert_not_null(event_copy(&given, &event, &tokens));
    given.tokens = &told;
    cr_assert_null(event_copy(&given, &event, &tokens));
    cr_assert_eq(event.tokens, &tokens);
    cr_assert_eq(tokens.input, 3);
    told.size = EVENT_TOKENS_SIZE_1_0 - 8;
    cr_assert_not_null(event_copy(&given, &event, &tokens));
    told.size = EVENT_TOKENS_SIZE_1_0;
    told.raw = (gw_str){ NULL, 5 };
    cr_assert_not_null(event_copy(&given, &event, &tokens));
}

Test(event, numbers_its_calls)
{
    begin();
    cr_assert_eq(take(GW_EVENT_TOOL_ARGS, 0, "{"), EVENT_REFUSED);
    cr_assert_eq(take(GW_EVENT_TOOL_CALL, 1, "f"), EVENT_REFUSED);
    cr_assert_eq(take(GW_EVENT_TOOL_CALL, 0, "f"), EVENT_TAKEN);
    cr_assert_eq(take(GW_EVENT_TOOL_CALL, 1, "g"), EVENT_TAKEN);
    cr_assert_eq(take(GW_EVENT_TOOL_ARGS, 0, "{}"), EVENT_TAKEN);
    cr_assert_eq(take(GW_EVENT_CUSTOM_ARGS, 2, "x"), EVENT_REFUSED);
    cr_assert_eq(take(GW_EVENT_REASONING, 4000000000u, "x"), EVENT_REFUSED);
    gw_event far = of(GW_EVENT_TEXT, 0, "x");
    const char *why;
    far.index = EVENT_CHOICES;
    cr_assert_eq(event_take(&order, &arena, GW_OP_CHAT, &far, &why), EVENT_REFUSED);
    arena_fini(&arena);
}

Test(event, ends_a_choice_once_with_a_word_of_the_api)
{
    const char *why;
    gw_event finish = of(GW_EVENT_FINISH, 0, "LENGTH");

    begin();
    cr_assert_eq(event_take(&order, &arena, GW_OP_CHAT, &finish, &why), EVENT_MENDED);
    cr_assert_str_eq(finish.text.ptr, "length");
    cr_assert_eq(take(GW_EVENT_TEXT, 0, "more"), EVENT_SKIPPED);
    cr_assert_eq(take(GW_EVENT_FINISH, 0, "stop"), EVENT_SKIPPED);
    finish = of(GW_EVENT_FINISH, 0, "enough");
    finish.index = 1;
    cr_assert_eq(event_take(&order, &arena, GW_OP_CHAT, &finish, &why), EVENT_MENDED);
    cr_assert_str_eq(finish.text.ptr, "stop");
    cr_assert_eq(strncmp(finish.code.ptr, "enough", finish.code.len), 0);
    arena_fini(&arena);
}

Test(event, with_a_whole_body_is_for_what_is_no_chat)
{
    const char *why;
    gw_event body = of(GW_EVENT_BODY, 0, "");

    begin();
    cr_assert_eq(event_take(&order, &arena, GW_OP_CHAT, &body, &why), EVENT_REFUSED);
    cr_assert_eq(event_take(&order, &arena, GW_OP_EMBEDDINGS, &body, &why), EVENT_TAKEN);
    body.type = 99;
    cr_assert_eq(event_take(&order, &arena, GW_OP_CHAT, &body, &why), EVENT_SKIPPED);
    cr_assert_null(why, "a later version's");
    arena_fini(&arena);
}

/* What the log has of each mistake goes on after "it emits". */
Test(event, has_words_for_each_mistake)
{
    static const char *const broken = "an event with a text at NULL that has a length";
    static const gw_str none = { NULL, 1 };
    gw_event event, given = of(GW_EVENT_USAGE, 0, "");
    gw_tokens tokens, reported = { .size = EVENT_TOKENS_SIZE_1_0 };

    cr_assert_str_eq(event_copy(NULL, &event, &tokens), "NULL in the place of an event");
    cr_assert_str_eq(event_copy(&given, &event, &tokens), "a usage event without tokens");
    given.tokens = &reported;
    reported.size--;
    cr_assert_str_eq(event_copy(&given, &event, &tokens), "tokens whose size is not set");
    reported.size++;
    reported.raw = none;
    cr_assert_str_eq(event_copy(&given, &event, &tokens), "tokens with a text at NULL that has a length");
    gw_str *const texts[] = { &given.id, &given.text, &given.data, &given.code, &given.param };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        given = of(GW_EVENT_TEXT, 0, "x");
        *texts[i] = none;
        cr_assert_str_eq(event_copy(&given, &event, &tokens), broken);
        texts[i]->len = 0;
        cr_assert_null(event_copy(&given, &event, &tokens));
    }
    given.tokens = &reported;
    cr_assert_null(event_copy(&given, &event, &tokens));
    cr_assert_null(event.tokens, "of a usage event only");
    given.size = EVENT_SIZE_1_0 - 1;
    cr_assert_str_eq(event_copy(&given, &event, &tokens), "an event whose size is not set");
}

Test(event, is_judged_by_its_place_in_words)
{
    static const struct {
        uint32_t type, index, item;
        const char *text;
        enum event_verdict verdict;
        const char *why;
    } rows[] = {
        { GW_EVENT_TOOL_CALL, 0, 1, "f", EVENT_REFUSED,
          "a tool call that is not numbered in the order of its choice, from 0" },
        { GW_EVENT_TOOL_ARGS, 0, 0, "f", EVENT_REFUSED, "arguments of a tool call that was not opened" },
        { GW_EVENT_CUSTOM_ARGS, 0, 0, "f", EVENT_REFUSED, "arguments of a tool call that was not opened" },
        { GW_EVENT_BODY, 0, 0, "", EVENT_REFUSED, "a whole body for a chat, whose answer is made of events" },
        { GW_EVENT_TEXT, EVENT_CHOICES, 0, "", EVENT_REFUSED, "an event of a choice or an item far beyond any answer" },
        { GW_EVENT_TEXT, 0, EVENT_ITEMS, "", EVENT_REFUSED, "an event of a choice or an item far beyond any answer" },
        { GW_EVENT_TEXT, EVENT_CHOICES - 1, EVENT_ITEMS - 1, "", EVENT_TAKEN, NULL },
        { GW_EVENT_START, EVENT_CHOICES, 0, "", EVENT_TAKEN, NULL },
        { GW_EVENT_ERROR, EVENT_CHOICES, 0, "", EVENT_TAKEN, NULL },
        { GW_EVENT_USAGE, EVENT_CHOICES, 0, "", EVENT_TAKEN, NULL },
        { GW_EVENT_START - 1, 0, 0, "", EVENT_SKIPPED, NULL },
        { GW_EVENT_ORIGIN + 1, 0, 0, "", EVENT_SKIPPED, NULL },
        { GW_EVENT_TOOL_CALL, 0, 0, "f", EVENT_TAKEN, NULL },
        { GW_EVENT_TOOL_CALL, 1, 0, "f", EVENT_TAKEN, NULL },
        { GW_EVENT_TOOL_ARGS, 0, 1, "{}", EVENT_REFUSED, "arguments of a tool call that was not opened" },
        { GW_EVENT_FINISH, 0, 0, "Tool_Calls", EVENT_MENDED,
          "a finish in other letters than stop, length, tool_calls or content_filter" },
        { GW_EVENT_TEXT, 0, 0, "", EVENT_SKIPPED, "content after the finish, which is left out" },
        { GW_EVENT_MEDIA, 0, 0, "", EVENT_SKIPPED, "content after the finish, which is left out" },
        { GW_EVENT_ORIGIN, 0, 0, "", EVENT_TAKEN, NULL },
        { GW_EVENT_FINISH, 0, 0, "stop", EVENT_SKIPPED, "a second finish, which is left out" },
        { GW_EVENT_TOOL_ARGS, 1, 0, "{}", EVENT_TAKEN, NULL },
        { GW_EVENT_FINISH, 1, 0, "content_filter", EVENT_TAKEN, NULL },
        { GW_EVENT_FINISH, 2, 0, "done", EVENT_MENDED,
          "a finish that is neither stop, length, tool_calls nor content_filter, and taken for stop" },
    };
    const char *why;

    begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gw_event event = of(rows[i].type, rows[i].item, rows[i].text);
        event.index = rows[i].index;
        cr_assert_eq(event_take(&order, &arena, GW_OP_CHAT, &event, &why), rows[i].verdict, "%zu", i);
        cr_assert_str_eq(why != NULL ? why : "", rows[i].why != NULL ? rows[i].why : "");
    }
    gw_event body = of(GW_EVENT_BODY, EVENT_CHOICES, "");
    cr_assert_eq(event_take(&order, &arena, GW_OP_COMPLETIONS, &body, &why), EVENT_REFUSED);
    gw_event finish = of(GW_EVENT_FINISH, 0, "done");
    finish.index = 3;
    finish.code = (gw_str){ "own", 3 };
    cr_assert_eq(event_take(&order, &arena, GW_OP_CHAT, &finish, &why), EVENT_MENDED);
    cr_assert_str_eq(finish.code.ptr, "own", "its own word stays");
    cr_assert_eq(finish.text.len, 4u);
    arena_fini(&arena);
}
