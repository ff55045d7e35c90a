/* test_bound_sellers.c - what each seller adds to a request, by each of its names; windows, and when a conversation is remembered. */
#include <string.h>

#include "check.h"
#include "money/bound.h"
#include "money/prefixes.h"

static struct bound bound(const struct bound_ask *ask)
{
    struct arena arena;
    struct bound b;
    arena_init(&arena, NULL, 0, 1 << 20);
    bound_of(ask, &arena, &b);
    arena_fini(&arena);
    return b;
}

static int64_t input(const char *seller, const char *model, const char *body)
{
    struct bound_ask ask = {
        .seller = text_of(seller), .model = text_of(model), .body = text_of(body), .window = 1000000, .max_output = 5
    };
    return bound(&ask).input;
}

#define PLAIN "{\"messages\":[\"\xef\xb7\xba\"]}" /* U+FDFA: grows by 30 bytes where a normal form is made */
#define TOOLS "{\"tools\":[{\"name\":\"a\"}]}"
#define BUILTIN "{\"tools\":[{\"type\":\"bash_1\"}]}"
#define DATA "\"data:image/png;base64,AAAA\""
#define IMAGE "{\"input\":[{\"type\":\"input_image\",\"image_url\":" DATA "}]}"
#define LEN(body_) ((int64_t)sizeof(body_) - 1)

Test(bound_sellers, each_name_has_its_numbers)
{
    static const struct {
        const char *sellers, *model;
        int64_t plain, tools, builtin, image;
        bool thrice, by_bytes; /* tools count three times; no normal form is made */
    } rows[] = {
        { "openai azure github-copilot", "m", 64, 256, 0, 50000, false, true },
        { "gemini google vertex mistral cohere", "m", 64, 256, 0, 10000, false, false },
        { "deepseek", "m", 64, 256, 0, 10000, false, true },
        { "xai x-ai", "m", 512, 512, 0, 10000, false, false },
        { "vllm ollama huggingface llamacpp llama.cpp together groq", "m", 64, 256, 0, 20000, true, false },
        { "openai- penai open OPENAI git x nobody", "m", 2048, 2048, 0, 20000, true, false },
        { "anthropic bedrock openai", "x-claude-3", 64, 600, 800, 5000, false, false },
        { "bedrock openai", "us.amazon.nova-pro", 64, 1024, 0, 5000, false, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t factor = rows[i].thrice ? 3 : 1;
        char list[100], *rest = NULL;
        snprintf(list, sizeof list, "%s", rows[i].sellers);
        for (const char *s = strtok_r(list, " ", &rest); s != NULL; s = strtok_r(NULL, " ", &rest)) {
            cr_assert_eq(input(s, rows[i].model, PLAIN), LEN(PLAIN) + (rows[i].by_bytes ? 0 : 30) + rows[i].plain, "%s",
                         s);
            cr_assert_eq(input(s, rows[i].model, TOOLS), (LEN(TOOLS) + rows[i].tools) * factor, "%s", s);
            cr_assert_eq(input(s, rows[i].model, BUILTIN), (LEN(BUILTIN) + rows[i].tools + rows[i].builtin) * factor,
                         "%s", s);
            cr_assert_eq(input(s, rows[i].model, IMAGE), LEN(IMAGE) - LEN(DATA) + rows[i].plain + rows[i].image, "%s",
                         s);
        }
    }
    cr_assert_eq(input("", "m", TOOLS), (LEN(TOOLS) + 2048) * 3);
}

Test(bound_sellers, some_send_fields_that_are_newer)
{
    static const char *const do_know[] = { "openai", "azure", "groq", "xai", "x-ai" }, *const do_not[] = {
        "", "x", "ai", "mistral", "openai azure", "github-copilot", "x-ai "
    };
    for (size_t i = 0; i < 5; i++)
        cr_assert(bound_knows_newer(text_of(do_know[i])), "%s", do_know[i]);
    for (size_t i = 0; i < 7; i++)
        cr_assert_not(bound_knows_newer(text_of(do_not[i])), "%s", do_not[i]);
}

Test(bound_sellers, a_window_bounds_what_it_can)
{
    static const struct {
        const char *body;
        int64_t window, input;
        bool bounded;
    } rows[] = {
        { "{}", 0, 2 + 64, true },
        { "{}", 1, 1, true },
        { "{}", 66, 66, true },
        { "{}", 65, 65, true },
        { "{}", -1, 2 + 64, true },
        { "{\"conversation\":\"c\"}", 0, 2097152, false },
        { "{\"conversation\":\"c\"}", 1, 1, true },
        { "{\"conversation\":\"c\"}", 7, 7, true },
        { "{\"tools\":[{\"type\":\"web_search\",\"max_uses\":1}]}", 0, 2 * 2097152, false },
        { "{\"tools\":[{\"type\":\"web_search\",\"max_uses\":2}]}", 1, 3, true },
        { "{\"tools\":[{\"type\":\"web_search\",\"max_uses\":2}]}", 100, 300, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bound_ask ask = {
            .seller = TEXT("openai"), .model = TEXT("m"), .body = text_of(rows[i].body), .window = rows[i].window
        };
        struct bound b = bound(&ask);
        cr_assert_eq(b.input, rows[i].input, "%zu: %lld", i, (long long)b.input);
        cr_assert_eq(b.unbounded == NULL, rows[i].bounded, "%zu", i);
        if (b.unbounded != NULL)
            cr_assert_str_eq(b.unbounded,
                             "a context that only the model's window bounds, which the price book does not know");
    }
}

/* What is not all in the body, or is not text, is not remembered. */
Test(bound_sellers, a_conversation_is_remembered_where_it_is_all_text)
{
    static const struct {
        const char *body;
        bool remembered;
    } rows[] = {
        { "{\"messages\":[{\"content\":\"a\"}]}", true },
        { "{\"messages\":[{\"content\":\"a\"}],\"previous_response_id\":\"r\"}", false },
        { "{\"messages\":[{\"content\":\"a\"}],\"tools\":[{\"type\":\"web_search\",\"max_uses\":1}]}", false },
        { "{\"messages\":[{\"content\":[{\"type\":\"input_image\",\"image_url\":" DATA "}]}]}", false },
        { "{\"messages\":[{\"content\":[{\"type\":\"file\"}]}]}", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct prefix prefix = { .whole = 0 }, other = { .whole = 0 }, third = { .whole = 0 };
        struct bound_ask ask = { .seller = TEXT("openai"),
                                 .model = TEXT("m"),
                                 .body = text_of(rows[i].body),
                                 .window = 1000,
                                 .prefix = &prefix };
        bound(&ask);
        cr_assert_eq(prefix.whole != 0, rows[i].remembered, "%zu", i);
        ask.prefix = &other;
        ask.counter = TEXT("azure"); /* who counts decides, not who sells */
        bound(&ask);
        ask.prefix = &third;
        ask.seller = TEXT("nobody");
        bound(&ask);
        cr_assert_eq(prefix.whole != other.whole, rows[i].remembered, "%zu", i);
        cr_assert_eq(third.whole, other.whole, "%zu", i);
    }
}
