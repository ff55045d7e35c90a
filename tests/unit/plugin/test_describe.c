/* test_describe.c - what `plugin check` prints. */
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
    cr_assert_str_eq(plugin_operation_name(GW_OP_RERANK), "rerank");
    cr_assert_str_eq(plugin_dialect_name(GW_DIALECT_MESSAGES), "messages");
    cr_assert_str_eq(plugin_dialect_name(0), "unknown");
}
