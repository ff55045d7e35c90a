/* test_bound_body.c - what of a body is not text, word by word of each API. */
#include <string.h>

#include "check.h"
#include "money/bound.h"

static struct bound_body body_of(const char *text)
{
    struct arena arena;
    struct bound_body b = { .choices = 1 };
    arena_init(&arena, NULL, 0, 1 << 20);
    bound_read_body(text_of(text), NULL, &arena, &b);
    arena_fini(&arena);
    b.json = NULL;
    return b;
}

/* `form` has a %s for the word. */
static struct bound_body with(const char *form, const char *word)
{
    char text[1024];
    cr_assert_lt(snprintf(text, sizeof text, form, word), (int)sizeof text);
    return body_of(text);
}

static void is_unbounded(struct bound_body b, const char *why, const char *word)
{
    cr_assert(b.unbounded != NULL, "%s", word);
    cr_assert_str_eq(b.unbounded, why, "%s", word);
}

Test(bound_body, each_word_for_what_is_no_text_is_known)
{
    static const char *const media[] = { "input_audio",  "audio",
                                         "audio_url",    "video",
                                         "video_url",    "input_video",
                                         "file",         "input_file",
                                         "document_url", "container_upload",
                                         "image_file",   "image_generation_call" };
    for (size_t i = 0; i < sizeof media / sizeof media[0]; i++)
        is_unbounded(with("{\"input\":[{\"type\":\"%s\"}]}", media[i]), "audio, video or a document", media[i]);
    static const char *const parts[] = { "\"video\":{}",
                                         "\"fileData\":{}",
                                         "\"file_data\":{}",
                                         "\"inlineData\":{\"mimeType\":\"audio/wav\",\"data\":\"A\"}",
                                         "\"inline_data\":{\"mime_type\":\"video/mp4\",\"data\":\"A\"}",
                                         "\"inline_data\":{}" };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        is_unbounded(with("{\"contents\":[{\"parts\":[{%s}]}]}", parts[i]), "audio, video or a document", parts[i]);
    static const char *const texts[] = { "\"inlineData\":{\"mimeType\":\"text/plain\",\"data\":\"A\"}",
                                         "\"inline_data\":{\"mime_type\":\"text/x\",\"data\":\"A\"}",
                                         "\"type\":\"text\",\"text\":\"a\"", "\"text\":\"a\"", "\"type\":7" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bound_body b = with("{\"contents\":[{\"parts\":[{%s}]}]}", texts[i]);
        cr_assert(b.unbounded == NULL && b.images == 0 && b.documents == 0 && !b.stored, "%s", texts[i]);
    }
}

/* "AAAA" with its quotes are 6 bytes, with the head of its URL 28. */
Test(bound_body, images_are_counted_by_each_api)
{
    static const struct {
        const char *part;
        int64_t images;
        size_t base64;
    } rows[] = {
        { "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}", 1, 28 },
        { "{\"type\":\"image_url\",\"image_url\":\"data:image/png;base64,AAAA\"}", 1, 28 },
        { "{\"type\":\"input_image\",\"image_url\":\"DATA:image/png;base64,AAAA\"}", 1, 28 },
        { "{\"type\":\"image\",\"image_url\":\"data:image/png;base64,AAAA\"}", 1, 28 },
        { "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"AAAA\"}}", 1, 6 },
        { "{\"type\":\"image\",\"source\":{\"bytes\":\"AAAAA\"}}", 1, 7 },
        { "{\"image\":{\"source\":{\"bytes\":\"AAAA\"}}}", 1, 6 },
        { "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}}", 1, 6 },
        { "{\"inline_data\":{\"mime_type\":\"image/png\",\"data\":\"AAAA\"}}", 1, 6 },
        { "{\"images\":[\"AAAA\",\"AA\"]}", 2, 10 },
        { "{\"content\":[{\"images\":[\"AAAA\"]}]}", 1, 6 },
        { "{\"parts\":[{\"images\":[\"AAAA\"]}]}", 1, 6 },
        { "{\"output\":[{\"images\":[\"AAAA\"]}]}", 1, 6 },
        { "{\"toolResult\":{\"content\":[{\"images\":[\"AAAA\"]}]}}", 1, 6 },
        { "{\"functionResponse\":{\"parts\":[{\"images\":[\"AAAA\"]}]}}", 1, 6 },
        { "\"text\",7,{\"images\":[\"AAAA\"]},null,{\"images\":[\"AAA\"]}", 2, 11 },
        { "{\"image\":\"a word\"},{\"document\":7}", 0, 0 },
    };
    static const char *const lists[] = { "{\"messages\":[%s]}", "{\"input\":[%s]}", "{\"contents\":[%s]}",
                                         "{\"system\":[%s]}", "{\"systemInstruction\":{\"parts\":[%s]}}" };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
            struct bound_body b = with(lists[k], rows[i].part);
            cr_assert(b.images == rows[i].images && b.base64 == rows[i].base64 && b.unbounded == NULL, "%s: %lld %zu",
                      rows[i].part, (long long)b.images, b.base64);
        }
    static const char *const elsewhere[] = { "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://a/b.png\"}}",
                                             "{\"type\":\"image_url\",\"image_url\":\"data:image/png,AAAA\"}",
                                             "{\"type\":\"image_url\",\"image_url\":\"data:text/plain;base64,AAAA\"}",
                                             "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"data\":\"AAAA\"}}",
                                             "{\"type\":\"image\"}",
                                             "{\"image\":{\"source\":{\"type\":\"text\"}}}" };
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        is_unbounded(with("{\"input\":[%s]}", elsewhere[i]), "an image that is not in the request itself",
                     elsewhere[i]);
}

Test(bound_body, documents_count_where_they_are_text)
{
    static const struct {
        const char *source;
        bool bounded;
        int64_t images;
    } rows[] = {
        { "{\"type\":\"text\",\"data\":\"a\"}", true, 0 },
        { "{\"text\":\"a\"}", true, 0 },
        { "{\"type\":\"content\",\"content\":[{\"images\":[\"AAAA\"]}]}", true, 1 },
        { "{\"type\":\"base64\",\"data\":\"AAAA\"}", false, 0 },
        { "{\"bytes\":\"AAAA\"}", false, 0 },
        { "{}", false, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const char *const forms[] = { "{\"input\":[{\"type\":\"document\",\"source\":%s}]}",
                                             "{\"input\":[{\"document\":{\"source\":%s}}]}" };
        for (size_t k = 0; k < 2; k++) {
            struct bound_body b = with(forms[k], rows[i].source);
            cr_assert(b.documents == 1 && b.document_bytes == strlen(rows[i].source) && b.images == rows[i].images,
                      "%s", rows[i].source);
            cr_assert_eq(b.unbounded == NULL, rows[i].bounded, "%s", rows[i].source);
            if (b.unbounded != NULL)
                cr_assert_str_eq(b.unbounded, "a document");
        }
    }
    struct bound_body b = body_of("{\"input\":[{\"type\":\"text\",\"document\":{\"source\":{}}}]}");
    cr_assert(b.documents == 0 && b.unbounded == NULL); /* of a part that names another type it is none */
}

/* The list of messages is level 0. */
Test(bound_body, what_is_nested_too_deeply_has_no_bound)
{
    static const struct {
        const char *open, *close;
    } ways[] = { { "{\"content\":[", "]}" },
                 { "{\"parts\":[", "]}" },
                 { "{\"output\":[", "]}" },
                 { "{\"toolResult\":{\"content\":[", "]}}" },
                 { "{\"functionResponse\":{\"parts\":[", "]}}" },
                 { "{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":[", "]}}" } };
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++)
        for (int levels = 7; levels <= 10; levels++) {
            char text[1024];
            size_t len = 0;
            for (int i = 0; i < levels; i++)
                len += (size_t)snprintf(text + len, sizeof text - len, "%s", ways[way].open);
            len += (size_t)snprintf(text + len, sizeof text - len, "{\"images\":[\"AAAA\"]}");
            for (int i = 0; i < levels; i++)
                len += (size_t)snprintf(text + len, sizeof text - len, "%s", ways[way].close);
            struct bound_body b = with("{\"messages\":[%s]}", text);
            cr_assert_eq(b.images, levels <= 8, "%zu %d", way, levels);
            cr_assert_eq(b.unbounded != NULL, levels > 8, "%zu %d", way, levels);
            if (b.unbounded != NULL)
                cr_assert_str_eq(b.unbounded, "content that is nested too deeply");
        }
}

Test(bound_body, tools_that_the_provider_runs_are_known)
{
    static const char *const gemini[] = { "googleSearch",   "google_search", "googleSearchRetrieval", "codeExecution",
                                          "code_execution", "urlContext",    "url_context",           "googleMaps",
                                          "google_maps",    "fileSearch",    "file_search",           "computerUse",
                                          "computer_use",   "systemTool" };
    for (size_t i = 0; i < sizeof gemini / sizeof gemini[0]; i++)
        is_unbounded(with("{\"tools\":[{\"%s\":{}}]}", gemini[i]), "a tool that the provider runs, without max_uses",
                     gemini[i]);
    is_unbounded(body_of("{\"toolConfig\":{\"tools\":[{\"systemTool\":{}}]}}"),
                 "a tool that the provider runs, without max_uses", "systemTool");
    static const struct {
        const char *type, *why;
        int64_t builtin;
    } rows[] = {
        { "function", NULL, 0 },
        { "custom", NULL, 0 },
        { "local_shell", NULL, 0 },
        { "apply_patch", NULL, 0 },
        { "shell", NULL, 0 },
        { "bash_20250124", NULL, 1 },
        { "text_editor_2", NULL, 1 },
        { "computer_20250124", NULL, 1 },
        { "memory_1", NULL, 1 },
        { "code_interpreter", "code or images that the provider makes", 0 },
        { "image_generation", "code or images that the provider makes", 0 },
        { "computer_use_preview", "a tool that the gateway does not know", 0 },
        { "bash", "a tool that the gateway does not know", 0 },
        { "", "a tool that the gateway does not know", 0 },
        { "web_search_1", "a tool that the provider runs, without max_uses", 0 },
        { "web_fetch_1", "a tool that the provider runs, without max_uses", 0 },
        { "file_search", "a tool that the provider runs, without max_uses", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bound_body b = with("{\"tools\":[{\"type\":\"%s\"}]}", rows[i].type);
        cr_assert(b.tools == 1 && b.builtin == rows[i].builtin && b.rounds == 0, "%s", rows[i].type);
        cr_assert_eq(b.unbounded == NULL, rows[i].why == NULL, "%s", rows[i].type);
        if (b.unbounded != NULL)
            cr_assert_str_eq(b.unbounded, rows[i].why, "%s", rows[i].type);
    }
}

Test(bound_body, calls_of_such_tools_are_counted)
{
    static const struct {
        const char *body;
        int64_t rounds, tools;
        bool bounded;
    } rows[] = {
        { "{\"tools\":[{\"type\":\"web_search\",\"max_uses\":1}]}", 1, 1, true },
        { "{\"tools\":[{\"type\":\"web_fetch\",\"max_uses\":1000},{\"type\":\"web_search\",\"max_uses\":2}]}", 1002, 2,
          true },
        { "{\"tools\":[{\"type\":\"web_search\",\"max_uses\":1001}]}", 0, 1, false },
        { "{\"tools\":[{\"type\":\"web_search\",\"max_uses\":0}]}", 0, 1, false },
        { "{\"max_tool_calls\":3,\"tools\":[{\"type\":\"web_search\"},{\"type\":\"file_search\",\"max_uses\":4}]}", 7,
          2, true },
        { "{\"tools\":[{\"name\":\"a\"}],\"functions\":[{},{}],\"toolConfig\":{\"tools\":[{\"toolSpec\":{}}]}}", 0, 4,
          true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bound_body b = body_of(rows[i].body);
        cr_assert(b.rounds == rows[i].rounds && b.searches == rows[i].rounds && b.tools == rows[i].tools, "%zu", i);
        cr_assert_eq(b.unbounded == NULL, rows[i].bounded, "%zu", i);
    }
}

Test(bound_body, settings_are_known_by_their_names)
{
    static const char *const stored[] = { "\"previous_response_id\":\"a\"",
                                          "\"conversation\":{\"id\":1}",
                                          "\"cachedContent\":\"a\"",
                                          "\"cached_content\":\"a\"",
                                          "\"prompt_id\":\"a\"",
                                          "\"prompt\":{\"id\":\"a\"}",
                                          "\"input\":[{\"type\":\"item_reference\"}]" },
                             *const own[] = { "\"conversation\":null", "\"prompt\":\"a\"", "\"prompt\":[\"a\"]" };
    for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++)
        cr_assert(with("{%s}", stored[i]).stored, "%s", stored[i]);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        cr_assert_not(with("{%s}", own[i]).stored, "%s", own[i]);
    static const char *const runs[] = { "\"web_search_options\":{}", "\"plugins\":[{}]", "\"mcp_servers\":[{}]" };
    for (size_t i = 0; i < 3; i++)
        is_unbounded(with("{%s}", runs[i]), "a tool that the provider runs, without max_uses", runs[i]);
    cr_assert_null(body_of("{\"plugins\":[],\"mcp_servers\":[]}").unbounded);
    static const char *const makes[] = { "\"modalities\":[\"text\",\"audio\"]", "\"modalities\":[\"image\"]",
                                         "\"generationConfig\":{\"responseModalities\":[\"TEXT\",\"IMAGE\"]}",
                                         "\"generationConfig\":{\"responseModalities\":[\"AUDIO\"]}" };
    for (size_t i = 0; i < 4; i++)
        is_unbounded(with("{%s}", makes[i]), "an answer that is not text", makes[i]);
    cr_assert_null(body_of("{\"modalities\":[\"text\"]}").unbounded);
    static const char *const reasons[] = { "\"thinking\":{}", "\"thinking\":{\"type\":\"enabled\"}",
                                           "\"reasoning\":{\"effort\":\"low\"}", "\"reasoning_effort\":\"high\"" },
                             *const not [] = { "\"thinking\":{\"type\":\"disabled\"}", "\"thinking\":true",
                                               "\"reasoning\":{}", "\"reasoning_effort\":\"none\"", "\"n\":1" };
    for (size_t i = 0; i < 4; i++)
        cr_assert(with("{%s}", reasons[i]).reasons, "%s", reasons[i]);
    for (size_t i = 0; i < 5; i++)
        cr_assert_not(with("{%s}", not [i]).reasons, "%s", not [i]);
    static const char *const hours[] = { "\"tools\":[{\"cache_control\":{\"ttl\":\"1h\"}}]",
                                         "\"system\":[{\"cache_control\":{\"ttl\":\"1h\"}}]" },
                             *const short_ones[] = { "\"tools\":[{\"cache_control\":{\"ttl\":\"5m\"}}]",
                                                     "\"system\":[{\"cache_control\":{}}]" };
    for (size_t i = 0; i < 2; i++)
        cr_assert(with("{%s}", hours[i]).hour && !with("{%s}", short_ones[i]).hour, "%zu", i);
}

Test(bound_body, limits_and_choices_are_the_largest)
{
    static const char *const words[] = { "\"max_completion_tokens\":5",
                                         "\"max_tokens\":5",
                                         "\"max_output_tokens\":5",
                                         "\"maxTokens\":5",
                                         "\"max_gen_len\":5",
                                         "\"max_tokens_to_sample\":5",
                                         "\"generationConfig\":{\"maxOutputTokens\":5}",
                                         "\"inferenceConfig\":{\"maxTokens\":5}",
                                         "\"inferenceConfig\":{\"max_new_tokens\":5}",
                                         "\"options\":{\"num_predict\":5}" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char two[100];
        cr_assert_eq(with("{%s}", words[i]).limit, 5, "%s", words[i]);
        snprintf(two, sizeof two, "\"max_tokens\":4,%s", words[i]);
        cr_assert(strstr(words[i], "\"max_tokens\"") != NULL || with("{%s}", two).limit == 5, "%s", words[i]);
    }
    static const struct {
        const char *body;
        int64_t choices;
    } rows[] = {
        { "{}", 1 },
        { "{\"n\":0}", 1 },
        { "{\"n\":2,\"best_of\":3}", 3 },
        { "{\"n\":4,\"best_of\":3}", 4 },
        { "{\"generationConfig\":{\"candidateCount\":6}}", 6 },
        { "{\"n\":4,\"generationConfig\":{\"candidateCount\":0}}", 4 },
        { "{\"n\":9223372036854775807,\"prompt\":[\"a\",\"b\"]}", INT64_MAX },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(body_of(rows[i].body).choices, rows[i].choices, "%zu", i);
    cr_assert_eq(body_of("{\"prediction\":{\"a\":1}}").prediction, 7);
}
