/* test_describe.c - what `plugin check` prints. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "plugin/plugin.h"

static const gw_option options[] = {
    { "region", "where it is", GW_JSON_STR, GW_OPTION_REQUIRED },
    { "token", NULL, GW_JSON_STR, GW_OPTION_SECRET },
    { NULL, NULL, 0, 0 },
};
static const struct plugin provider = {
    .path = "plugins/mine.so",
    .name = "mine",
    .version = "1.2.3",
    .license = "MIT",
    .kind = GW_KIND_PROVIDER,
    .needs_minor = GW_ABI_MINOR,
    .options = options,
    .provider = { .operations = GW_OP_CHAT | GW_OP_EMBEDDINGS,
                  .dialects = GW_DIALECT_CHAT,
                  .framing = GW_FRAMING_LINES,
                  .base_url = "https://x.example",
                  .models = "m-*" },
};

static struct text describe(const struct plugin *plugin, bool as_json)
{
    static struct buf out;
    buf_free(&out);
    buf_init(&out, 1 << 16);
    plugin_describe(plugin, as_json, &out);
    return buf_view(&out);
}

Test(describe, says_one_fact_a_line)
{
    struct text text = describe(&provider, false);
    cr_assert(text_is(text, "name        mine\n"
                            "version     1.2.3\n"
                            "license     MIT\n"
                            "kind        provider\n"
                            "path        plugins/mine.so\n"
                            "needs_abi   0.1\n"
                            "gateway_abi 0.1-draft\n"
                            "operations  chat embeddings\n"
                            "dialects    chat\n"
                            "framing     lines\n"
                            "flags       -\n"
                            "base_url    https://x.example\n"
                            "secret_env  -\n"
                            "models      m-*\n"
                            "setting     region               string  required where it is\n"
                            "setting     token                string  secret \n"),
              "%.*s", TEXT_ARG(text));
}

Test(describe, says_the_same_in_json)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    const struct json *json = json_parse(&arena, describe(&provider, true), NULL);
    cr_assert_not_null(json);
    cr_assert(text_is(json_str(json_member(json, "name")), "mine"));
    cr_assert(text_is(json_str(json_member(json, "needs_abi")), "0.1"));
    cr_assert_eq(json_count(json_member(json, "operations")), 2u);
    const struct json *setting = json_at(json_member(json, "settings"), 1);
    cr_assert(text_is(json_str(json_member(setting, "name")), "token"));
    cr_assert(json_bool(json_member(setting, "secret"), false));
    cr_assert_not(json_bool(json_member(setting, "required"), true));
    arena_fini(&arena);
}

Test(describe, knows_caches_and_the_names_of_things)
{
    const struct plugin cache = { .path = "c.so",
                                  .name = "c",
                                  .version = "1",
                                  .license = "",
                                  .kind = GW_KIND_CACHE,
                                  .cache = { .flags = GW_CACHE_INLINE } };
    struct text text = describe(&cache, false);
    cr_assert_geq(text_find(text, TEXT("kind        cache\n")), 0);
    cr_assert_geq(text_find(text, TEXT("flags       inline\n")), 0);
    const struct plugin store = { .path = "s.so", .name = "s", .version = "1", .license = "", .kind = GW_KIND_STORE };
    cr_assert_lt(text_find(describe(&store, false), TEXT("flags")), 0, "a store has none");
    cr_assert_str_eq(plugin_operation_name(GW_OP_RERANK), "rerank");
    cr_assert_str_eq(plugin_dialect_name(GW_DIALECT_MESSAGES), "messages");
    cr_assert_str_eq(plugin_dialect_name(0), "unknown");
}

/* ---- everything that a provider can state ---- */

static const gw_option every_option[] = {
    { "key", "who asks", GW_JSON_STR, GW_OPTION_NAMED | GW_OPTION_REQUIRED },
    { "odd", NULL, 7, 0 },
    { "table", "more", GW_JSON_OBJECT, 0 },
    { NULL, NULL, 0, 0 },
};
static const gw_service full_service = { .size = sizeof full_service,
                                         .name = "groq",
                                         .base_url = "https://g.example/v1",
                                         .secret_env = "G_KEY",
                                         .models = "g-*" };
static const gw_service bare_service = { .size = sizeof bare_service, .name = "bare" };
static const gw_service *const every_service[] = { &full_service, &bare_service, NULL };
static const struct plugin full = {
    .path = "p.so",
    .name = "full",
    .version = "2",
    .license = "",
    .kind = GW_KIND_PROVIDER,
    .needs_minor = 3,
    .options = every_option,
    .provider = { .operations = ~0u,
                  .dialects = ~0u,
                  .framing = GW_FRAMING_RAW,
                  .flags = GW_PROVIDER_LOCAL | GW_PROVIDER_BILLS_AFTER_CANCEL,
                  .base_url_form = "https://RESOURCE.example",
                  .secret_env = "F_KEY",
                  .services = every_service },
};

Test(describe, has_a_line_for_each_fact_of_a_provider)
{
    struct text text = describe(&full, false);
    cr_assert(text_is(text,
                      "name        full\n"
                      "version     2\n"
                      "license     -\n"
                      "kind        provider\n"
                      "path        p.so\n"
                      "needs_abi   0.3\n"
                      "gateway_abi 0.1-draft\n"
                      "operations  chat completions embeddings count_tokens models moderations rerank images audio\n"
                      "dialects    chat responses messages gemini embeddings completions other\n"
                      "framing     raw\n"
                      "flags       local bills_after_cancel\n"
                      "base_url    -\n"
                      "secret_env  F_KEY\n"
                      "models      -\n"
                      "base_url_is https://RESOURCE.example\n"
                      "service     groq         https://g.example/v1                     G_KEY                g-*\n"
                      "service     bare         -                                        -                    -\n"
                      "setting     key                  string  required secrets who asks\n"
                      "setting     odd                  unknown \n"
                      "setting     table                object  more\n"),
              "%.*s", TEXT_ARG(text));
}

Test(describe, has_a_member_for_each_fact_of_a_provider)
{
    struct text text = describe(&full, true);
    cr_assert(
        text_is(
            text,
            "{\"name\":\"full\",\"version\":\"2\",\"license\":\"\",\"kind\":\"provider\",\"path\":\"p.so\","
            "\"needs_abi\":\"0.3\",\"gateway_abi\":\"0.1-draft\","
            "\"operations\":[\"chat\",\"completions\",\"embeddings\",\"count_tokens\",\"models\",\"moderations\","
            "\"rerank\",\"images\",\"audio\"],"
            "\"dialects\":[\"chat\",\"responses\",\"messages\",\"gemini\",\"embeddings\",\"completions\",\"other\"],"
            "\"framing\":\"raw\",\"flags\":[\"local\",\"bills_after_cancel\"],\"base_url\":\"\","
            "\"secret_env\":\"F_KEY\",\"models\":\"\",\"base_url_is\":\"https://RESOURCE.example\","
            "\"services\":[{\"name\":\"groq\",\"base_url\":\"https://g.example/v1\",\"secret_env\":\"G_KEY\","
            "\"models\":\"g-*\"},{\"name\":\"bare\",\"base_url\":\"\",\"secret_env\":\"\",\"models\":\"\"}],"
            "\"settings\":[{\"name\":\"key\",\"type\":\"string\",\"required\":true,\"secret\":true,"
            "\"named\":true,\"help\":\"who asks\"},{\"name\":\"odd\",\"type\":\"unknown\",\"required\":false,"
            "\"secret\":false,\"help\":\"\"},{\"name\":\"table\",\"type\":\"object\",\"required\":false,"
            "\"secret\":false,\"help\":\"more\"}]}\n"),
        "%.*s", TEXT_ARG(text));
}

Test(describe, names_each_kind_framing_and_type)
{
    static const char *const kinds[] = { "unknown", "provider", "cache", "store", "sink", "unknown" };
    static const char *const framings[] = { "whole", "sse", "lines", "eventstream", "raw" };
    static const char *const types[] = { "null", "bool", "int", "real", "string", "array", "object", "unknown" };
    char line[64];

    for (uint32_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct plugin some = { .path = "p", .name = "n", .version = "", .license = "", .kind = i };
        snprintf(line, sizeof line, "\nkind        %s\n", kinds[i]);
        cr_assert_geq(text_find(describe(&some, false), text_of(line)), 0, "%u", i);
    }
    for (uint32_t i = 0; i < sizeof framings / sizeof *framings; i++) {
        struct plugin some = full;
        some.provider.framing = i;
        snprintf(line, sizeof line, "\nframing     %s\n", framings[i]);
        cr_assert_geq(text_find(describe(&some, false), text_of(line)), 0, "%u", i);
    }
    for (uint32_t i = 0; i < sizeof types / sizeof *types; i++) {
        const gw_option one[] = { { "s", NULL, i, 0 }, { NULL, NULL, 0, 0 } };
        struct plugin some = full;
        some.options = one;
        snprintf(line, sizeof line, "\nsetting     s                    %-7s \n", types[i]);
        cr_assert_geq(text_find(describe(&some, false), text_of(line)), 0, "%u", i);
    }
    cr_assert_str_eq(plugin_field_how(GW_FIELD_CARRIED), "carried");
    cr_assert_str_eq(plugin_field_how(GW_FIELD_TRANSLATED), "translated");
    cr_assert_str_eq(plugin_field_how(GW_FIELD_DROPPED), "dropped");
    cr_assert_str_eq(plugin_field_how(GW_FIELD_REFUSED), "refused");
    cr_assert_str_eq(plugin_field_how(99), "unknown");
}
