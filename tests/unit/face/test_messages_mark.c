/* test_messages_mark.c - the signature of reasoning that Anthropic did not sign: what it carries for the upstream that did. */
#include <string.h>

#include "check.h"
#include "face/messages/messages_inside.h"
#include "messages_help.h"

static struct help_message got;

/* What comes back with the next request: of which format, signed how, and the upstream's own entries. */
Test(messages_mark, has_what_the_upstream_wants_back)
{
#define TEXT_ENTRY "{\"type\":\"reasoning.text\",\"text\":\"a\"}"
#define SUMMARY "{\"type\":\"reasoning.summary\",\"summary\":\"a\"}"
#define SIGNED "{\"type\":\"reasoning.text\",\"signature\":\"x\"}"
    static const struct {
        struct {
            uint32_t type;
            const char *id, *text, *data;
        } events[3];
        const char *format, *signature, *entries;
    } rows[] = {
        { { { GW_EVENT_REASONING, NULL, "a", NULL },
            { GW_EVENT_REASONING, "f1", "b", NULL },
            { GW_EVENT_REASONING, "f2", "c", NULL } },
          "f1",
          NULL,
          NULL },
        { { { GW_EVENT_REASONING, "f1", "a", NULL }, { GW_EVENT_SIGNATURE, "f2", "s", NULL } }, "f2", "s", NULL },
        { { { GW_EVENT_REASONING, "f1", "a", NULL }, { GW_EVENT_SIGNATURE, NULL, "s", NULL } }, "f1", "s", NULL },
        { { { GW_EVENT_REASONING, "f1", "a", TEXT_ENTRY }, { GW_EVENT_REASONING, "f1", "a", SUMMARY } },
          "f1",
          NULL,
          TEXT_ENTRY },
        { { { GW_EVENT_REASONING, "f1", "a", "no" }, { GW_EVENT_REASONING, "f1", "a", SUMMARY } },
          "f1",
          NULL,
          SUMMARY },
        { { { GW_EVENT_REASONING, "f1", "a", SUMMARY }, { GW_EVENT_SIGNATURE, "f1", "s", SIGNED } },
          "f1",
          NULL,
          "[" SUMMARY "," SIGNED "]" },
        { { { GW_EVENT_REASONING, "f1", "a", TEXT_ENTRY }, { GW_EVENT_SIGNATURE, "f1", "s", SIGNED } },
          "f1",
          NULL,
          SIGNED },
        { { { GW_EVENT_REASONING, "f1", "a", NULL },
            { GW_EVENT_SIGNATURE, "f1", "s", SIGNED },
            { GW_EVENT_SIGNATURE, "f1", "s", SUMMARY } },
          "f1",
          NULL,
          "[" SIGNED "," SUMMARY "]" },
        { { { GW_EVENT_REASONING, "f1", "a", NULL }, { GW_EVENT_SIGNATURE, "f1", "s", "[1]" } }, "f1", "s", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gw_event events[3];
        size_t n = 0;
        struct messages_marker mark;
        help_begin();
        for (; n < 3 && rows[i].events[n].type != 0; n++)
            events[n] = help_event(rows[i].events[n].type, 0, rows[i].events[n].id, rows[i].events[n].text,
                                   rows[i].events[n].data);
        help_answer(HELP_REQUEST);
        help_run(events, n, "mark", true, &got);
        cr_assert_eq(got.count, 1u, "%zu", i);
        cr_assert(messages_marker_read(&help.arena, got.blocks[0].signature, &mark), "%zu", i);
        cr_assert(text_eq(mark.format, text_of(rows[i].format)), "%zu: %.*s", i, TEXT_ARG(mark.format));
        cr_assert(text_eq(mark.signature, text_of(rows[i].signature)), "%zu: %.*s", i, TEXT_ARG(mark.signature));
        cr_assert_eq(mark.entries == NULL, rows[i].entries == NULL, "%zu", i);
        if (mark.entries != NULL)
            cr_assert(help_equal(mark.entries, help_json(text_of(rows[i].entries))), "%zu: %.*s", i,
                      TEXT_ARG(json_text(mark.entries)));
        help_end();
    }
}
