/* test_openai_usage.c - tokens as each service counts them, in buckets that do not overlap and add up to the total. */
#include "check.h"
#include "service_case.h"

#define EACH "\"model\":\"m\",\"choices\":[],\"usage\":"

/* The line of the usage event of an answer; "" where there is none. */
static void counts(const char *service, const char *usage, const char *wanted)
{
    char body[1024], line[1100];
    struct replay *r = &service_replay;
    cr_assert_eq(service_build(service, "m", "{}"), GW_OK);
    snprintf(body, sizeof body, "{" EACH "%s}", usage);
    replay_body(r, 200, GW_FRAMING_WHOLE, text_of(body), 0);
    snprintf(line, sizeof line, "start text=\"m\"\n%s%s%s", wanted[0] != '\0' ? "usage " : "", wanted,
             wanted[0] != '\0' ? "\n" : "");
    cr_assert(text_is(buf_view(&r->lines), line), "%s %s: %.*s", service, usage, TEXT_ARG(buf_view(&r->lines)));
    service_done();
}

Test(openai_usage, what_is_within_what)
{
    counts("openai", "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}",
           "input=10 output=5 total=15");
    counts(
        "openai",
        "{\"prompt_tokens\":100,\"completion_tokens\":50,\"total_tokens\":150,\"prompt_tokens_details\":{"
        "\"cached_tokens\":30,\"cache_write_tokens\":20,\"audio_tokens\":7,\"image_tokens\":3},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":11,\"audio_tokens\":9,\"image_tokens\":4}}",
        "input=40 cache_read=30 cache_write_5m=20 output=26 reasoning=11 audio_in=7 audio_out=9 image_in=3 image_out=4 "
        "total=150");
    counts("openai",
           "{\"input_tokens\":100,\"output_tokens\":50,\"total_tokens\":150,\"input_tokens_details\":{\"cached_"
           "tokens\":30},"
           "\"output_tokens_details\":{\"reasoning_tokens\":11}}",
           "input=70 cache_read=30 output=39 reasoning=11 total=150");
    counts("openai",
           "{\"input_tokens\":9,\"output_tokens\":5,\"total_tokens\":14,\"input_token_details\":{\"audio_tokens\":8}}",
           "input=1 output=5 audio_in=8 total=14");
}

Test(openai_usage, other_names_of_what_was_cached)
{
    static const char *const read[] = { "prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens",
                                        "cache_read_input_tokens" };
    char usage[256];
    for (size_t i = 0; i < sizeof read / sizeof *read; i++) {
        snprintf(usage, sizeof usage, "{\"prompt_tokens\":10,\"completion_tokens\":5,\"%s\":4}", read[i]);
        counts("deepseek", usage, "input=6 cache_read=4 output=5");
    }
    counts("openai", "{\"prompt_tokens\":10,\"completion_tokens\":5,\"cache_creation_input_tokens\":4}",
           "input=6 cache_write_5m=4 output=5");
    counts("openai",
           "{\"prompt_tokens\":10,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cache_creation_tokens\":4}}",
           "input=6 cache_write_5m=4 output=5");
    /* the counts of the details come first; a count of 0 is a count */
    counts("openai",
           "{\"prompt_tokens\":10,\"completion_tokens\":5,\"cached_tokens\":4,\"cache_creation_input_tokens\":3,"
           "\"prompt_tokens_details\":{\"cached_tokens\":0,\"cache_write_tokens\":0}}",
           "input=10 cache_read=0 cache_write_5m=0 output=5");
}

/* The numbers that Mistral answers to speech: audio is beside the prompt. */
Test(openai_usage, audio_is_beside_the_prompt_where_the_total_says_so)
{
    static const char speech[] = "{\"prompt_tokens\":9,\"total_tokens\":632,\"completion_tokens\":248,"
                                 "\"prompt_tokens_details\":{\"audio_tokens\":375}}";
    counts("mistral", speech, "input=9 output=248 audio_in=375 total=632");
    counts("openai", speech, "input=9 output=248 audio_in=375 total=632");
    counts("deepseek", speech, "input=0 output=248 audio_in=9"); /* nothing is beside there: the total is no sum */
    counts("mistral",
           "{\"prompt_tokens\":384,\"total_tokens\":632,\"completion_tokens\":248,\"prompt_tokens_details\":{"
           "\"audio_tokens\":375}}",
           "input=9 output=248 audio_in=375 total=632");
    counts("mistral",
           "{\"prompt_tokens\":9,\"total_tokens\":700,\"completion_tokens\":248,\"prompt_tokens_details\":{"
           "\"audio_tokens\":375}}",
           "input=0 output=248 audio_in=9");
    counts("mistral",
           "{\"prompt_tokens\":9,\"total_tokens\":257,\"completion_tokens\":248,\"prompt_tokens_details\":{"
           "\"audio_tokens\":0}}",
           "input=9 output=248 audio_in=0 total=257");
    counts("mistral", "{\"prompt_tokens\":9,\"total_tokens\":300,\"completion_tokens\":248}", "input=9 output=248");
}

Test(openai_usage, reasoning_is_beside_the_completion_where_the_total_says_so)
{
    static const char grok[] = "{\"prompt_tokens\":468,\"completion_tokens\":82,\"total_tokens\":870,"
                               "\"completion_tokens_details\":{\"reasoning_tokens\":320}}";
    counts("xai", grok, "input=468 output=82 reasoning=320 total=870");
    counts("openai", grok, "input=468 output=82 reasoning=320 total=870");
    counts("deepseek", grok, "input=468 output=0 reasoning=82");
    counts("xai",
           "{\"prompt_tokens\":468,\"completion_tokens\":402,\"total_tokens\":870,\"completion_tokens_details\":{"
           "\"reasoning_tokens\":320}}",
           "input=468 output=82 reasoning=320 total=870");
    /* Gemini's compatible endpoint: what is left over was thought */
    counts("openai", "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":22}",
           "input=10 output=5 reasoning=7 total=22");
    counts("openai", "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":16}",
           "input=10 output=5 reasoning=1 total=16");
    /* a total that is no sum */
    counts("openai",
           "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":22,\"completion_tokens_details\":{"
           "\"reasoning_tokens\":2}}",
           "input=10 output=3 reasoning=2");
    counts("openai",
           "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":22,\"completion_tokens_details\":{"
           "\"reasoning_tokens\":9}}",
           "input=10 output=0 reasoning=5");
    counts("openai", "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":0}", "input=10 output=5");
    counts("openai", "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":14}", "input=10 output=5");
    counts("openai", "{\"prompt_tokens\":10,\"completion_tokens\":5}", "input=10 output=5");
    counts("openai", "{\"prompt_tokens\":0,\"completion_tokens\":0}", "input=0 output=0");
}

Test(openai_usage, a_part_is_never_more_than_the_whole)
{
    counts("openai",
           "{\"prompt_tokens\":10,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":12,"
           "\"audio_tokens\":3},\"completion_tokens_details\":{\"reasoning_tokens\":9,\"audio_tokens\":1}}",
           "input=0 cache_read=10 output=0 reasoning=5 audio_in=0 audio_out=0");
    counts("openai", "{\"prompt_tokens\":10,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":10}}",
           "input=0 cache_read=10 output=5");
    counts("openai", "{\"prompt_tokens\":10,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":-3}}",
           "input=10 output=5");
    counts("openai",
           "{\"prompt_tokens\":10,\"completion_tokens\":5,\"prompt_tokens_details\":[1],"
           "\"completion_tokens_details\":null}",
           "input=10 output=5");
}

Test(openai_usage, one_count_is_enough)
{
    counts("openai", "{\"total_tokens\":7}", "input=7 output=0 total=7");
    counts("openai", "{\"prompt_tokens\":7}", "input=7 output=0");
    counts("openai", "{\"prompt_tokens\":0}", "input=0 output=0");
    counts("openai", "{\"completion_tokens\":7}", "input=0 output=7");
    counts("openai", "{\"completion_tokens\":0}", "input=0 output=0");
    counts("openai", "{\"completion_tokens\":7,\"total_tokens\":7}", "input=0 output=7 total=7");
    counts("openai", "{\"prompt_tokens\":null,\"completion_tokens\":\"7\",\"total_tokens\":1.5}", "");
    counts("openai", "{}", "");
    counts("openai", "{\"num_search_queries\":3}", "");
}

Test(openai_usage, what_no_one_counts_is_no_usage)
{
    counts("openai", "{\"prompt_tokens\":2305843009213693951,\"completion_tokens\":2305843009213693951}",
           "input=2305843009213693951 output=2305843009213693951");
    counts("openai", "{\"prompt_tokens\":2305843009213693952,\"completion_tokens\":5}", "");
    counts("openai", "{\"prompt_tokens\":5,\"completion_tokens\":2305843009213693952}", "");
}

Test(openai_usage, searches_are_calls)
{
    counts("perplexity", "{\"prompt_tokens\":1,\"completion_tokens\":2,\"num_search_queries\":3}",
           "input=1 output=2 server_tool_calls=3");
    counts("xai", "{\"prompt_tokens\":1,\"completion_tokens\":2,\"num_server_side_tools_used\":4}",
           "input=1 output=2 server_tool_calls=4");
    counts("openrouter",
           "{\"prompt_tokens\":1,\"completion_tokens\":2,\"server_tool_use\":{\"web_search_requests\":5}}",
           "input=1 output=2 server_tool_calls=5");
    counts("openrouter",
           "{\"prompt_tokens\":1,\"completion_tokens\":2,\"num_search_queries\":0,\"server_tool_use\":{"
           "\"web_search_requests\":5}}",
           "input=1 output=2 server_tool_calls=0");
}

/* The usage event of an answer of another API than a chat. */
static void counts_of(uint32_t operation, const char *body, const char *wanted)
{
    struct replay *r = &service_replay;
    replay_begin(r, gw_plugin_entry_openai(), NULL);
    gw_request req = { .size = sizeof req,
                       .operation = operation,
                       .dialect = GW_DIALECT_OTHER,
                       .model = GW_LIT("m"),
                       .base_url = GW_LIT("http://x"),
                       .path = GW_LIT("/p") };
    call_http_init(&service_http, &r->call, 1 << 20);
    cr_assert_eq(r->ops->build(r->instance, &r->call, &req, &service_http), GW_OK);
    replay_body(r, 200, GW_FRAMING_WHOLE, text_of(body), 0);
    cr_assert(text_is(buf_view(&r->lines), wanted), "%s: %.*s", body, TEXT_ARG(buf_view(&r->lines)));
    service_done();
}

Test(openai_usage, all_that_an_image_model_makes_are_images)
{
    counts_of(GW_OP_IMAGES, "{\"usage\":{\"input_tokens\":3,\"output_tokens\":9,\"total_tokens\":12}}",
              "usage input=3 output=0 image_out=9 total=12\n");
    counts_of(GW_OP_IMAGES,
              "{\"usage\":{\"input_tokens\":3,\"output_tokens\":9,\"output_tokens_details\":{\"image_tokens\":4}}}",
              "usage input=3 output=5 image_out=4\n");
    counts_of(GW_OP_IMAGES,
              "{\"usage\":{\"input_tokens\":3,\"output_tokens\":9,\"output_tokens_details\":{\"image_tokens\":0}}}",
              "usage input=3 output=9 image_out=0\n");
    counts_of(GW_OP_AUDIO, "{\"usage\":{\"input_tokens\":3,\"output_tokens\":9}}", "usage input=3 output=9\n");
}

Test(openai_usage, a_rerank_counts_its_searches)
{
    counts_of(GW_OP_RERANK, "{\"meta\":{\"billed_units\":{\"search_units\":2}}}",
              "usage input=0 server_tool_calls=2\n");
    counts_of(GW_OP_RERANK, "{\"meta\":{\"billed_units\":{\"search_units\":0}}}",
              "usage input=0 server_tool_calls=0\n");
    counts_of(GW_OP_RERANK, "{\"meta\":{\"billed_units\":{\"input_tokens\":0}}}", "usage input=0\n");
    counts_of(GW_OP_RERANK, "{\"meta\":{\"billed_units\":{\"search_units\":1,\"input_tokens\":8}}}",
              "usage input=8 server_tool_calls=1\n");
    counts_of(GW_OP_RERANK, "{\"meta\":{\"billed_units\":{\"total_tokens\":6}}}", "usage input=6\n");
    counts_of(GW_OP_RERANK, "{\"meta\":{\"tokens\":{\"input_tokens\":4},\"billed_units\":{}}}", "usage input=4\n");
    counts_of(GW_OP_RERANK, "{\"meta\":{\"tokens\":{\"input_tokens\":4},\"billed_units\":{\"input_tokens\":0}}}",
              "usage input=0\n");
    counts_of(GW_OP_RERANK, "{\"meta\":{}}", "");
    counts_of(GW_OP_RERANK, "{}", "");
}

/* The object as it came goes along: who pays wants to see it. */
Test(openai_usage, the_object_itself_goes_along)
{
    static const char usage[] = "{\"prompt_tokens\": 1, \"cost\": 0.5}";
    struct replay *r = &service_replay;
    char body[256];
    cr_assert_eq(service_build("openrouter", "m", "{}"), GW_OK);
    snprintf(body, sizeof body, "{" EACH "%s}", usage);
    replay_body(r, 200, GW_FRAMING_WHOLE, text_of(body), 0);
    cr_assert(text_is(buf_view(&r->raw), usage), "%.*s", TEXT_ARG(buf_view(&r->raw)));
    service_done();
}
