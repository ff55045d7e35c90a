/* test_bound.c - the most tokens of a request: what is counted by bytes, what is not, and what has no bound. */
#include <stdio.h>

#include "check.h"
#include "money/bound.h"

static struct bound bound(const char *seller, const char *model, const char *body)
{
    struct bound_ask ask = {
        .seller = text_of(seller), .model = text_of(model), .body = text_of(body), .window = 100000, .max_output = 5000
    };
    struct arena arena;
    struct bound b;
    arena_init(&arena, NULL, 0, 1 << 20);
    bound_of(&ask, &arena, &b);
    arena_fini(&arena);
    return b;
}

#define TEXT_BODY "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define TOOLS_BODY "{\"tools\":[{\"type\":\"function\",\"function\":{}}],\"messages\":[]}"
#define LEN(body_) ((int64_t)sizeof(body_) - 1)

Test(bound, counts_bytes_and_what_the_provider_adds)
{
    static const struct {
        const char *seller, *model;
        int64_t plain, tools;
    } rows[] = {
        { "openai", "gpt-4o", 64, 256 },
        { "azure", "x", 64, 256 },
        { "gemini", "gemini-2.5-pro", 64, 256 },
        { "mistral", "m", 64, 256 },
        { "deepseek", "d", 64, 256 },
        { "cohere", "command", 64, 256 },
        { "xai", "grok", 512, 512 },
        { "anthropic", "claude-sonnet-5", 64, 600 },
        { "bedrock", "anthropic.claude-3-haiku", 64, 600 },
        { "openrouter", "anthropic/claude-3", 64, 600 },
        { "bedrock", "amazon.nova-pro-v1:0", 64, 1024 },
        { "vllm", "q", 64, 256 },
        { "somebody", "else", 2048, 2048 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool templates = strcmp(rows[i].seller, "vllm") == 0 || strcmp(rows[i].seller, "somebody") == 0;
        struct bound b = bound(rows[i].seller, rows[i].model, TEXT_BODY);
        cr_assert(b.input == LEN(TEXT_BODY) + rows[i].plain && b.unbounded == NULL, "%s: %lld", rows[i].seller,
                  (long long)b.input);
        cr_assert(b.output == 5000 && b.limit == 0 && !b.no_limit);
        b = bound(rows[i].seller, rows[i].model, TOOLS_BODY);
        cr_assert_eq(b.input, (LEN(TOOLS_BODY) + rows[i].tools) * (templates ? 3 : 1), "%s with tools", rows[i].seller);
    }
    static const char builtin[] =
        "{\"tools\":[{\"type\":\"bash_20250124\"},{\"type\":\"computer_20250124\"},{\"name\":\"own\",\"input_schema\":{}}]}";
    struct bound b = bound("anthropic", "claude-3", builtin);
    cr_assert_eq(b.input, LEN(builtin) + 600 + 2 * 800, "%lld", (long long)b.input);
}

Test(bound, knows_limits_of_output)
{
    static const struct {
        const char *body;
        int64_t output, limit, choices;
    } rows[] = {
        { "{}", 5000, 0, 1 },
        { "{\"max_tokens\":7}", 7, 7, 1 },
        { "{\"max_tokens\":7,\"max_completion_tokens\":9,\"n\":3}", 27, 9, 3 },
        { "{\"max_output_tokens\":8}", 8, 8, 1 },
        { "{\"generationConfig\":{\"maxOutputTokens\":11,\"candidateCount\":2}}", 22, 11, 2 },
        { "{\"inferenceConfig\":{\"maxTokens\":12}}", 12, 12, 1 },
        { "{\"max_tokens\":9223372036854775807,\"n\":4}", INT64_MAX, INT64_MAX, 4 },
        { "{\"max_tokens\":7,\"prediction\":{\"a\":1}}", 14, 7, 1 },
        { "{\"max_tokens\":-7}", 5000, 0, 1 },
        { "{\"max_tokens\":7,\"prompt\":[\"a\",\"b\",\"c\"],\"best_of\":2}", 42, 7, 6 },
        { "{\"max_tokens\":7,\"prompt\":[1,2,3]}", 7, 7, 1 },
        { "{\"max_tokens\":7,\"prompt\":[[1,2],[3]]}", 14, 7, 2 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bound b = bound("openai", "m", rows[i].body);
        cr_assert(b.output == rows[i].output && b.limit == rows[i].limit && b.choices == rows[i].choices && !b.no_limit,
                  "row %zu: %lld", i, (long long)b.output);
    }
    static const char *const chat[] = { "max_tokens", "max_completion_tokens", NULL };
    struct bound_ask ask = { .seller = TEXT("openai"), .model = TEXT("m"), .body = TEXT("{}") };
    struct arena arena;
    struct bound b;
    arena_init(&arena, NULL, 0, 1 << 20);
    bound_of(&ask, &arena, &b);
    cr_assert(b.no_limit && b.output == 131072 && b.unbounded == NULL);
    ask = (struct bound_ask){ .seller = TEXT("openai"),
                              .model = TEXT("m"),
                              .body = TEXT("{\"max_tokens\":5}"),
                              .window = 900,
                              .interleaved = true,
                              .learned = 50,
                              .bytes = 10 };
    bound_of(&ask, &arena, &b);
    cr_assert(b.output == 900 && b.input == 10 + 64 + 50);
    ask.learned = 5000;
    bound_of(&ask, &arena, &b);
    cr_assert_eq(b.input, 900); /* the window */
    ask = (struct bound_ask){
        .seller = TEXT("openai"),
        .model = TEXT("m"),
        .body = TEXT(
            "{\"max_output_tokens\":1,\"maxTokens\":2,\"generationConfig\":{\"maxOutputTokens\":3},\"inferenceConfig\":{\"maxTokens\":4},\"options\":{\"num_predict\":5}}"),
        .limits = chat
    };
    bound_of(&ask, &arena, &b);
    cr_assert(b.limit == 0 && b.no_limit); /* an API that has other names for it does not keep these limits */
    ask.body = TEXT("{\"max_output_tokens\":1,\"max_tokens\":6}");
    bound_of(&ask, &arena, &b);
    cr_assert(b.limit == 6 && !b.no_limit);
    arena_fini(&arena);
}

Test(bound, images_count_apart_and_the_rest_has_no_bound)
{
    static const struct {
        const char *body, *why;
        bool images;
    } rows[] = {
        { "{\"messages\":[{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}]}]}",
          NULL, true },
        { "{\"messages\":[{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}]}]}",
          "an image that is not in the request itself", false },
        { "{\"input\":[{\"content\":[{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,AAAA\"}]}]}", NULL,
          true },
        { "{\"input\":[{\"content\":[{\"type\":\"input_image\",\"file_id\":\"f\"}]}]}",
          "an image that is not in the request itself", false },
        { "{\"messages\":[{\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"AAAA\"}}]}]}",
          NULL, true },
        { "{\"messages\":[{\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"AAAA\"}}]}]}",
          "an image that is not in the request itself", false },
        { "{\"messages\":[{\"content\":[{\"type\":\"tool_result\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"AAAA\"}}]}]}]}",
          NULL, true },
        { "{\"messages\":[{\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"data\":\"AAAA\"}}]}]}",
          "a document", false },
        { "{\"messages\":[{\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"text\",\"data\":\"AAAA\"}}]}]}",
          NULL, false },
        { "{\"messages\":[{\"content\":[{\"type\":\"input_audio\",\"input_audio\":{}}]}]}",
          "audio, video or a document", false },
        { "{\"contents\":[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}}]}]}", NULL,
          true },
        { "{\"contents\":[{\"parts\":[{\"inlineData\":{\"mimeType\":\"application/pdf\",\"data\":\"AAAA\"}}]}]}",
          "audio, video or a document", false },
        { "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":\"AAAA\"}}]}]}", "audio, video or a document", false },
        { "{\"messages\":[{\"content\":[{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"AAAA\"}}}]}]}", NULL,
          true },
        { "{\"messages\":[{\"content\":[{\"image\":{\"source\":{\"s3Location\":{}}}}]}]}",
          "an image that is not in the request itself", false },
        { "{\"messages\":[{\"content\":[{\"document\":{\"source\":{\"bytes\":\"AAAA\"}}}]}]}", "a document", false },
        { "{\"messages\":[{\"content\":[{\"toolResult\":{\"content\":[{\"video\":{}}]}}]}]}",
          "audio, video or a document", false },
        { "{\"modalities\":[\"text\",\"audio\"]}", "an answer that is not text", false },
        { "{\"tools\":[{\"type\":\"code_interpreter\"}]}", "code or images that the provider makes", false },
        { "{\"tools\":[{\"type\":\"web_search_20250305\"}]}", "a tool that the provider runs, without max_uses",
          false },
        { "{\"tools\":[{\"googleSearch\":{}}]}", "a tool that the provider runs, without max_uses", false },
        { "{\"tools\":[{\"type\":\"never_heard_of\"}]}", "a tool that the gateway does not know", false },
        { "{\"web_search_options\":{}}", "a tool that the provider runs, without max_uses", false },
        { "[]", "a body that is not JSON", false },
        /* Looks like an image, and is text: it counts by its bytes. */
        { "{\"messages\":[{\"content\":\"data:image/png;base64,AAAA\"}]}", NULL, false },
        { "{\"messages\":[{\"content\":[{\"type\":\"text\",\"text\":\"data:image/png;base64,AAAA\"}]}]}", NULL, false },
        { "{\"messages\":[{\"tool_calls\":[{\"function\":{\"arguments\":\"{\\\"data\\\":1}\"}}],\"content\":[{\"type\":\"tool_use\",\"input\":{\"source\":{\"data\":\"AAAA\"}}}]}]}",
          NULL, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bound b = bound("openai", "m", rows[i].body);
        cr_assert((b.unbounded == NULL) == (rows[i].why == NULL), "row %zu: %s", i,
                  b.unbounded != NULL ? b.unbounded : "bounded");
        if (rows[i].why != NULL)
            cr_assert_str_eq(b.unbounded, rows[i].why);
        cr_assert_eq(b.images, rows[i].images, "row %zu", i);
        if (b.unbounded == NULL && !b.images)
            cr_assert_geq(b.input, (int64_t)strlen(rows[i].body) + 64, "row %zu", i);
    }
    struct bound b = bound("openai", "m", rows[0].body);
    cr_assert_eq(b.input, (int64_t)strlen(rows[0].body) - 28 + 64 + 50000);
}

Test(bound, a_context_elsewhere_is_a_window)
{
    cr_assert_eq(bound("openai", "m", "{\"previous_response_id\":\"r\"}").input, 100000);
    cr_assert_eq(bound("openai", "m", "{\"previous_response_id\":null}").input, 29 + 64);
    cr_assert_eq(bound("gemini", "m", "{\"cachedContent\":\"c\"}").input, 100000);
    cr_assert_eq(bound("openai", "m", "{\"input\":[{\"type\":\"item_reference\",\"id\":\"i\"}]}").input, 100000);
    struct bound b = bound("anthropic", "claude", "{\"tools\":[{\"type\":\"web_search_20250305\",\"max_uses\":4}]}");
    cr_assert(b.input == 500000 && b.searches == 4 && b.unbounded == NULL);
    b = bound("anthropic", "claude", "{\"context_management\":{\"edits\":[{\"type\":\"compact_20260112\"}]}}");
    cr_assert(b.input == 200000 && b.searches == 0);
    b = bound("openai", "m", "{\"max_tool_calls\":2,\"tools\":[{\"type\":\"web_search\"}]}");
    cr_assert(b.input == 300000 && b.searches == 2 && b.unbounded == NULL);
    struct bound_ask ask = { .seller = TEXT("openai"), .model = TEXT("m"), .body = TEXT("{\"conversation\":\"c\"}") };
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    bound_of(&ask, &arena, &b);
    cr_assert_not_null(b.unbounded);
    arena_fini(&arena);
    b = bound(
        "anthropic", "claude",
        "{\"system\":[{\"type\":\"text\",\"text\":\"x\",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}],\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}}");
    cr_assert(b.hour && b.reasons);
    b = bound(
        "anthropic", "claude",
        "{\"system\":[{\"type\":\"text\",\"text\":\"x\",\"cache_control\":{\"type\":\"ephemeral\"}}],\"thinking\":{\"type\":\"disabled\"}}");
    cr_assert(!b.hour && !b.reasons);
    cr_assert(bound("openai", "m", "{\"reasoning_effort\":\"low\"}").reasons &&
              !bound("openai", "m", "{\"reasoning_effort\":\"none\"}").reasons);
}

Test(bound, characters_that_grow_under_a_normal_form)
{
    static const struct {
        const char *text;
        int64_t more;
    } rows[] = {
        { "plain text of some length", 0 },
        { "\xef\xb7\xba", 30 }, /* U+FDFA: 3 bytes become 33 */
        { "........\xef\xb7\xba........", 30 },
        { "\\ufdfa", 27 },  /* six bytes become 33 */
        { "\\\\ufdfa", 0 }, /* a backslash and letters */
        { "\\u00a8", 0 },   /* three bytes instead of six */
        { "\xc2\xa8", 1 },  /* a blank and a combining mark */
        { "\xc3\xa4\xe4\xb8\xad", 0 },
        { "\xf0\x9d\x85\x9f", 4 },
        { "\xef\xb7", 0 }, /* cut off */
        { "\\", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(nfkc_growth(text_of(rows[i].text)), rows[i].more, "row %zu: %lld", i,
                     (long long)nfkc_growth(text_of(rows[i].text)));
    cr_assert_eq(bound("openai", "m", "{\"a\":\"\xef\xb7\xba\"}").input + 30,
                 bound("mistral", "m", "{\"a\":\"\xef\xb7\xba\"}").input);
}

/* Who names a tier gets that one; who does not, or leaves it to the provider, may get any. */
Test(bound, knows_which_requests_may_be_of_any_tier)
{
#define TIER(tier) "{\"service_tier\":" tier ",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
    cr_assert(bound("openai", "gpt-4o", TEXT_BODY).any_tier);
    cr_assert(bound("openai", "gpt-4o", TIER("null")).any_tier);
    cr_assert(bound("openai", "gpt-4o", TIER("\"auto\"")).any_tier);
    cr_assert_not(bound("openai", "gpt-4o", TIER("\"default\"")).any_tier);
    cr_assert_not(bound("openai", "gpt-4o", TIER("\"priority\"")).any_tier);
}
