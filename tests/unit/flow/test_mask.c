/* test_mask.c - what is taken out of an upstream's words: the gateway's secrets, however they are written, and the client's own text. */
#include <string.h>

#include "check.h"
#include "flow/way.h"

#define SECRET "sk-1234/ab+cd"

static struct request req;
static struct attempt attempt;
static struct route_target target;
static struct config_provider provider;

static void begin(void)
{
    memset(&req, 0, sizeof req);
    memset(&attempt, 0, sizeof attempt);
    memset(&provider, 0, sizeof provider);
    arena_init(&req.arena, NULL, 0, 1 << 24);
    buf_init(&req.body, 8 << 20);
    target = (struct route_target){ .provider = &provider, .model = TEXT("upstream-model-name") };
    req.ask.model = TEXT("the-model-name-asked");
    attempt.req = &req;
    attempt.target = &target;
    attempt.ask.secret = (gw_str){ SECRET, sizeof SECRET - 1 };
}

static void end(void)
{
    buf_free(&req.body);
    arena_fini(&req.arena);
}

static const char *masked(const char *text)
{
    return arena_str(&req.arena, mask_text(&attempt, text_of(text)));
}

Test(mask, hides_a_secret_however_it_is_written)
{
    static const char *const rows[][2] = {
        { "key " SECRET ".", "key ***." },
        { SECRET, "***" },
        { SECRET SECRET, "******" },
        { "a" SECRET "b" SECRET "c", "a***b***c" },
        { "nothing", "nothing" },
        { "sk-sk-" SECRET, "sk-sk-***" },
        { "sk-1234\\/ab+cd!", "***!" },
        { "\\u0073k-1234/ab\\u002bcd!", "***!" },
        { "sk\\u002D1234/ab+cd!", "***!" },
        { "sk\\\\u002d1234\\\\/ab+cd!", "***!" },
        { "sk\\u005cu002d1234/ab+cd!", "***!" },
        { "sk\\u005C\\u005cu002d1234/ab+cd!", "***!" },
        { "sk-1234%2fab%2Bcd!", "***!" },
        { "sk-1234%252Fab%25252bcd!", "***!" },
        { "%73k-1234/ab+cd!", "***!" },
        { "sk\\u012d1234/ab+cd!", "sk\\u012d1234/ab+cd!" },
        { "sk\\u102d1234/ab+cd!", "sk\\u102d1234/ab+cd!" },
        { "sk\\u00zd1234/ab+cd!", "sk\\u00zd1234/ab+cd!" },
        { "sk\\u002z1234/ab+cd!", "sk\\u002z1234/ab+cd!" },
        { "sk%zd1234/ab+cd!", "sk%zd1234/ab+cd!" },
        { "sk%2z1234/ab+cd!", "sk%2z1234/ab+cd!" },
        { "sk\\x1234/ab+cd!", "sk\\x1234/ab+cd!" },
        { "sk-1234/ab+ce", "sk-1234/ab+ce" },
        { "sk-1234/", "***" },    /* cut at the end: eight bytes are enough */
        { "sk-1234", "sk-1234" }, /* seven are not */
        { "sk-1234/...", "***..." },
        { "sk-1234...", "sk-1234..." },
        { "sk-1234/..", "sk-1234/.." },
        { "sk-1234/a\\", "***" },
        { "sk-1234/a\\u00", "***" },
        { "sk-1234/a%2", "***" },
        { "sk-1234/a%", "***" },
        { "sk-123\\u00", "sk-123\\u00" },
        { "\\nsk-1234/ab+cd", "\\n***" },
        { "\\\\sk-1234/ab+cd!", "***!" },
        { "%sk-1234/ab+cd!", "%***!" },
        { "", "" },
    };
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_str_eq(masked(rows[i][0]), rows[i][1], "%s", rows[i][0]);
    end();
}

/* Digits of which one is 0: %70 is p. */
Test(mask, knows_every_digit_of_an_escape)
{
    begin();
    attempt.ask.secret = (gw_str){ "p/0123456", 9 };
    cr_assert_str_eq(masked("x%70%2f%30123456!"), "x***!");
    cr_assert_str_eq(masked("x\\u0070/\\u0030123456!"), "x***!");
    end();
}

Test(mask, passes_over_backslashes_of_a_secret)
{
    begin();
    attempt.ask.secret = (gw_str){ "\\ab\\cdefghi", 11 };
    cr_assert_str_eq(masked("x \\ab\\cdefghi y"), "x *** y");
    cr_assert_str_eq(masked("x \\\\ab\\\\cdefghi y"), "x *** y");
    cr_assert_str_eq(masked("x abcdefghi y"), "x *** y");
    end();
}

Test(mask, hides_every_secret_that_was_sent)
{
    static struct config_secret named[] = { { .name = "a", .value = { "named-one", 9 } },
                                            { .name = "b", .value = { "named-two", 9 } } };
    static struct config_header headers[] = {
        { .name = { "x-a", 3 }, .value = { "plain-value", 11 } },
        { .name = { "x-b", 3 }, .value = { "secret-value", 12 }, .secret = true }
    };
    begin();
    provider.named = named;
    provider.named_count = 2;
    provider.headers = headers;
    provider.header_count = 2;
    cr_assert_str_eq(masked("named-one named-two plain-value secret-value " SECRET), "*** *** plain-value *** ***");
    attempt.ask.secret = (gw_str){ "short12", 7 };
    cr_assert_str_eq(masked("short12"), "short12", "too short to be one");
    attempt.ask.secret = (gw_str){ "short123", 8 };
    cr_assert_str_eq(masked("short123"), "***");
    end();
}

Test(mask, hides_it_in_each_text_of_an_event)
{
    gw_str s = { SECRET, sizeof SECRET - 1 };
    gw_event event = {
        .size = sizeof event, .type = GW_EVENT_ERROR, .status = 7, .text = s, .code = s, .param = s, .data = s, .id = s
    };
    begin();
    gw_event got = mask_event(&attempt, &event);
    cr_assert_eq(got.type, GW_EVENT_ERROR);
    cr_assert_eq(got.status, 7u);
    cr_assert(text_is(call_text(got.text), "***"));
    cr_assert(text_is(call_text(got.code), "***"));
    cr_assert(text_is(call_text(got.param), "***"));
    cr_assert(text_is(call_text(got.data), "***"));
    cr_assert(text_is(call_text(got.id), "***"));
    event.type = GW_EVENT_BODY;
    got = mask_event(&attempt, &event);
    cr_assert(text_is(call_text(got.data), SECRET), "a body is passed on as it is");
    event.size = offsetof(gw_event, param) + sizeof(gw_str);
    got = mask_event(&attempt, &event);
    cr_assert_eq(got.size, sizeof got);
    end();
}

static const char *without_request(const char *words, const char *body)
{
    buf_free(&req.body);
    buf_init(&req.body, 8 << 20);
    buf_str(&req.body, body);
    return arena_str(&req.arena, mask_request(&attempt, text_of(words)));
}

Test(mask_request, hides_what_the_client_wrote)
{
    static const struct {
        const char *words, *body, *left;
    } rows[] = {
        { "you wrote: tell me a secret story!", "{\"content\":\"tell me a secret story\"}", "you wrote: ***!" },
        { "tell me a se", "{\"content\":\"tell me a secret story\"}", "***" },
        { "tell me a s", "{\"content\":\"tell me a secret story\"}", "tell me a s" },
        { "story: me a secret st", "{\"content\":\"tell me a secret story\"}", "story:***" },
        { "tell me a secrex story", "{\"content\":\"tell me a secret story\"}", "***x story" },
        { "tell me a secret, a secret story", "{\"content\":\"tell me a secret story\"}", "***,***" },
        { "tell me a secret story", "short", "tell me a secret story" },
        { "tell me a secret story", "12345678901", "tell me a secret story" },
        { "tell me a secret story", "tell me a se", "***cret story" },
        { "nothing of it is there", "{\"content\":\"tell me a secret story\"}", "nothing of it is there" },
        { "the model the-model-name-asked is unknown", "{\"model\":\"the-model-name-asked\"}",
          "the model the-model-name-asked is unknown" },
        { "the model upstream-model-name is unknown", "{\"x\":\"upstream-model-name\"}",
          "the model upstream-model-name is unknown" },
        { "max_completion_tokens is wrong", "{\"max_completion_tokens\" : 5}", "max_completion_tokens is wrong" },
        { "max_completion_tokens is wrong", "{\"content\":\"max_completion_tokens\"}", "*** is wrong" },
        { "max_completion_tokens is wrong", "{\"content\":\"max_completion_tokens, or\"}", "*** is wrong" },
        { "max_completion_tokens is wrong", "{\"content\":\"max_completion_tokens\"", "*** is wrong" },
        { "max_completion_tokens is wrong", "{\"content\":\"max_completion_tokens", "*** is wrong" },
        { "aaaaaaaaaaaaaaaaaaaaaaaa", "{\"content\":\"aaaaaaaaaaaaa\"}", "***" },
    };
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_str_eq(without_request(rows[i].words, rows[i].body), rows[i].left, "%s", rows[i].body);
    end();
}

Test(mask_request, shows_nothing_where_it_does_not_look)
{
    static char words[514], body[(4 << 20) + 2];

    begin();
    memset(words, 'w', 512);
    cr_assert_str_eq(without_request(words, "{\"content\":\"other\"}"), words);
    words[512] = 'w';
    cr_assert_str_eq(without_request(words, "{\"content\":\"other\"}"), "***");
    memset(body, 'b', 4 << 20);
    cr_assert_str_eq(without_request("some words of it", body), "some words of it");
    body[4 << 20] = 'b';
    cr_assert_str_eq(without_request("some words of it", body), "***");
    memcpy(body + (4 << 20) - 16, "some words of it", 17);
    cr_assert_str_eq(without_request("some words of it", body), "***", "up to its end");
    end();
}
