/* test_blank.c - text that is white space alone, for clients of the messages API: no block of its own, for it would be refused
 * when it comes back. */
#include "check.h"
#include "messages_help.h"

static struct help_message got;

#define RUN(...)                                                                                                       \
    do {                                                                                                               \
        const gw_event events_[] = { __VA_ARGS__ };                                                                    \
        help_answer(HELP_REQUEST);                                                                                     \
        help_run(events_, sizeof events_ / sizeof *events_, __func__, true, &got);                                     \
    } while (0)

#define SAY(piece) help_event(GW_EVENT_TEXT, 0, NULL, piece, NULL)
#define CALL(item) help_event(GW_EVENT_TOOL_CALL, item, "toolu_1", "f", NULL)
#define ARGS(item) help_event(GW_EVENT_TOOL_ARGS, item, NULL, "{}", NULL)
#define THINK help_event(GW_EVENT_REASONING, 0, NULL, "Hm", NULL)
#define FINISH(why) help_event(GW_EVENT_FINISH, 0, NULL, why, NULL)

static void blocks_are(const char *types)
{
    char all[200] = "";
    for (size_t i = 0; i < got.count; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i > 0 ? " " : "", got.blocks[i].type);
    cr_assert_str_eq(all, types);
}

Test(blank, is_no_block_before_or_behind_calls)
{
    help_begin();
    RUN(SAY("\n\n"), CALL(0), ARGS(0), FINISH("tool_calls"));
    blocks_are("tool_use");
    RUN(CALL(0), ARGS(0), SAY("\n"), FINISH("tool_calls"));
    blocks_are("tool_use");
    RUN(SAY(" "), SAY("\t\r\n"), CALL(0), ARGS(0), SAY("\n"), CALL(1), ARGS(1), SAY(" "), FINISH("tool_calls"));
    blocks_are("tool_use tool_use");
    RUN(THINK, SAY("\n\n"), CALL(0), ARGS(0), FINISH("tool_calls"));
    blocks_are("thinking tool_use");
    RUN(SAY("\n"), FINISH("stop"));
    blocks_are("");
    help_end();
}

Test(blank, stays_where_words_follow)
{
    help_begin();
    RUN(SAY("\n"), SAY("\n"), SAY("Hello"), SAY("\n"), FINISH("stop"));
    blocks_are("text");
    cr_assert(text_is(got.blocks[0].text, "\n\nHello\n"));
    RUN(SAY("Look:"), CALL(0), ARGS(0), SAY("\n"), FINISH("tool_calls"));
    blocks_are("text tool_use");
    help_end();
}
