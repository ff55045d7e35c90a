/* test_messages_random.c - random answers, streamed and whole: the grammar is kept and nothing is lost, however tool
 * calls, text and thinking interleave; and nonsense from a provider still becomes a stream that clients can read. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "messages_help.h"

static struct help_message got;

#define SAY(piece) help_event(GW_EVENT_TEXT, 0, NULL, piece, NULL)
#define THINK(item, id, piece) help_event(GW_EVENT_REASONING, item, id, piece, NULL)
#define SIGN(item, id, text, data) help_event(GW_EVENT_SIGNATURE, item, id, text, data)
#define CALL(item, id, name) help_event(GW_EVENT_TOOL_CALL, item, id, name, NULL)
#define ARGS(item, piece) help_event(GW_EVENT_TOOL_ARGS, item, NULL, piece, NULL)
#define FINISH(why) help_event(GW_EVENT_FINISH, 0, NULL, why, NULL)

/* The content of an answer is kept beside it, in a simpler way than the face does it. */
enum { ITEMS = 5, EVENTS = 60 };

struct script {
    gw_event events[EVENTS * 4];
    size_t count;
    struct buf text, thinking;
    char args[ITEMS][64];
    bool opened[ITEMS];
};

static uint64_t below(uint64_t *state, uint64_t n)
{
    return help_random(state) % n;
}

static const char *piece_of(const char *s, size_t from, size_t len)
{
    return arena_str(&help.arena, (struct text){ s + from, len });
}

/* Calls with arguments that come in pieces, among text, thinking, blocks and citations, in any order. */
static void write_script(struct script *s, uint64_t *state)
{
    static const char *const all_args[] = { "", "{}", "{\"a\":\"}\\\"{\"}",
                                            "{\"list\":[1,[2,{}],\"]\"],\"b\":{\"c\":null}}", " {\"x\": 1}" };
    size_t sent[ITEMS] = { 0 };
    for (size_t i = 0; i < ITEMS; i++)
        snprintf(s->args[i], sizeof s->args[i], "%s", all_args[below(state, sizeof all_args / sizeof *all_args)]);
    for (size_t n = below(state, EVENTS); n > 0; n--) {
        uint32_t item = (uint32_t)below(state, ITEMS);
        char word[32];
        snprintf(word, sizeof word, "w%llu ", (unsigned long long)below(state, 1000));
        const char *piece = arena_str(&help.arena, text_of(word));
        gw_event e = SAY(piece);
        switch (below(state, 10)) {
        case 0:
        case 1:
            buf_str(&s->text, piece);
            break;
        case 2:
            e = THINK(below(state, 2) ? 0 : 1, below(state, 2) ? "deepseek" : NULL, piece);
            buf_str(&s->thinking, piece);
            break;
        case 3:
            e = SIGN((uint32_t)below(state, 2), below(state, 2) ? "anthropic-claude-v1" : "other", "sig", NULL);
            break;
        case 4:
            e = help_event(GW_EVENT_ORIGIN, 0, "messages", NULL,
                           "{\"type\":\"web_search_tool_result\",\"content\":[]}");
            break;
        case 5:
            e = help_event(GW_EVENT_CITATION, (uint32_t)below(state, 3), NULL, NULL,
                           "{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"u\"}}");
            break;
        default:
            if (!s->opened[item]) {
                s->opened[item] = true;
                e = CALL(item, arena_printf(&help.arena, "id_%u", item), below(state, 4) ? "name" : "");
            } else {
                size_t left = strlen(s->args[item]) - sent[item], len = left == 0 ? 0 : 1 + below(state, left);
                e = ARGS(item, piece_of(s->args[item], sent[item], len));
                sent[item] += len;
            }
        }
        s->events[s->count++] = e;
    }
    for (uint32_t i = 0; i < ITEMS; i++) { /* what is still missing */
        if (!s->opened[i])
            continue;
        if (below(state, 2))
            s->events[s->count++] = CALL(i, "", "name");
        s->events[s->count++] = ARGS(i, piece_of(s->args[i], sent[i], strlen(s->args[i]) - sent[i]));
        s->events[s->count++] = CALL(i, "", "name");
    }
    if (below(state, 8) > 0)
        s->events[s->count++] = FINISH(below(state, 2) ? "stop" : "tool_calls");
}

/* All of it was written: texts in order, each call once, with its arguments. */
static void check_script(const struct script *s, const char *what)
{
    struct buf text, thinking;
    unsigned calls = 0, opened = 0;
    buf_init(&text, 1 << 20);
    buf_init(&thinking, 1 << 20);
    for (size_t i = 0; i < got.count; i++) {
        const struct help_block *b = &got.blocks[i];
        uint32_t item;
        if (strcmp(b->type, "text") == 0)
            buf_text(&text, b->text);
        if (strcmp(b->type, "thinking") == 0)
            buf_text(&thinking, b->text);
        if (strcmp(b->type, "tool_use") != 0)
            continue;
        calls++;
        cr_assert_eq(sscanf(arena_str(&help.arena, b->id), "id_%u", &item), 1, "%s", what);
        cr_assert_lt(item, (uint32_t)ITEMS, "%s", what);
        cr_assert(text_is(b->name, "name"), "%s", what);
        cr_assert(help_equal(help_json(b->text), help_json(text_of(s->args[item][0] != '\0' ? s->args[item] : "{}"))),
                  "%s", what);
    }
    for (size_t i = 0; i < ITEMS; i++)
        opened += s->opened[i];
    cr_assert_eq(calls, opened, "%s", what);
    cr_assert(text_eq(buf_view(&text), buf_view(&s->text)), "%s", what);
    cr_assert(text_eq(buf_view(&thinking), buf_view(&s->thinking)), "%s", what);
    buf_free(&text);
    buf_free(&thinking);
}

Test(messages_random, two_thousand_random_answers_keep_the_grammar_and_lose_nothing)
{
    static struct script script;
    uint64_t state = 0x5eed;
    for (int round = 0; round < 2000; round++) {
        char what[32];
        snprintf(what, sizeof what, "round %d", round);
        help_begin();
        memset(&script, 0, sizeof script);
        buf_init(&script.text, 1 << 20);
        buf_init(&script.thinking, 1 << 20);
        help_answer(HELP_REQUEST);
        write_script(&script, &state);
        help_run(script.events, script.count, what, true, &got);
        check_script(&script, what);
        buf_free(&script.text);
        buf_free(&script.thinking);
        help_end();
    }
}

Test(messages_random, two_thousand_answers_of_nonsense_keep_the_grammar)
{
    static const char *const texts[] = { "", "x", "}", "{", "\"", "[1", "\\", "stop", "\xc3\xa9", "\xff", NULL };
    static const char *const ids[] = { NULL,       "", "a.b:c", "anthropic-claude-v1", "anthropic-claude-v1:redacted",
                                       "messages", "f" };
    static const char *const datas[] = { NULL,
                                         "",
                                         "{}",
                                         "{\"type\":\"reasoning.encrypted\",\"data\":\"d\"}",
                                         "[",
                                         "7",
                                         "{\"type\":\"fallback\"}",
                                         "{\"type\":\"url_citation\",\"url_citation\":{}}" };
    uint64_t state = 0xbad5eed;
    for (int round = 0; round < 2000; round++) {
        static gw_event events[EVENTS];
        size_t count = below(&state, EVENTS);
        char what[32];
        snprintf(what, sizeof what, "round %d", round);
        help_begin();
        help_answer(HELP_REQUEST);
        for (size_t i = 0; i < count; i++) {
            uint32_t type = (uint32_t)below(&state, 20);
            const char *data = datas[below(&state, sizeof datas / sizeof *datas)];
            events[i] = help_event(type, (uint32_t)below(&state, 3), ids[below(&state, sizeof ids / sizeof *ids)],
                                   texts[below(&state, sizeof texts / sizeof *texts)], data);
            events[i].index = (uint32_t)(below(&state, 10) == 0);
        }
        help_run(events, count, what, false, &got);
        help_end();
    }
}
