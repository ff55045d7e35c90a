/* test_option.c - settings against what a plugin declares: the complaints a person reads. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "plugin/plugin.h"

static const gw_option options[] = {
    { "region", "where the service is", GW_JSON_STR, GW_OPTION_REQUIRED },
    { "retries", "how often", GW_JSON_INT, 0 },
    { "share", "0 to 1", GW_JSON_REAL, 0 },
    { "strict", NULL, GW_JSON_BOOL, 0 },
    { "hosts", "names", GW_JSON_ARRAY, 0 },
    { "labels", "more", GW_JSON_OBJECT, 0 },
    { NULL, NULL, 0, 0 },
};
static const struct plugin plugin = { .name = "mine", .options = options };
static const struct plugin plain = { .name = "plain" };

static const char *complaint(const struct plugin *p, const char *settings)
{
    static struct fail fail;
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    const struct json *json = settings == NULL ? NULL : json_parse(&arena, text_of(settings), NULL);
    cr_assert(settings == NULL || json != NULL);
    memset(&fail, 0, sizeof fail);
    int result = plugin_check_settings(p, json, &fail);
    cr_assert_eq(result, fail.kind == FAIL_NONE ? 0 : -1);
    cr_assert(result == 0 || fail.kind == FAIL_OPERATOR);
    arena_fini(&arena);
    return fail.text;
}

Test(option, takes_what_is_declared)
{
    cr_assert_str_eq(complaint(&plugin, "{\"region\":\"eu\"}"), "");
    cr_assert_str_eq(complaint(&plugin,
                               "{\"region\":\"eu\",\"retries\":3,\"share\":0.5,\"strict\":true,\"hosts\":[\"a\"],"
                               "\"labels\":{\"a\":1}}"),
                     "");
    cr_assert_str_eq(complaint(&plugin, "{\"region\":\"eu\",\"share\":1}"), "", "a whole number is a number");
    cr_assert_str_eq(complaint(&plugin, "{\"region\":\"eu\",\"hosts\":{},\"labels\":[]}"), "", "an empty Lua table");
    cr_assert_str_eq(complaint(&plain, NULL), "");
    cr_assert_str_eq(complaint(&plain, "{}"), "");
}

Test(option, suggests_the_nearest_name)
{
    cr_assert_str_eq(complaint(&plugin, "{\"regoin\":\"eu\"}"),
                     "unknown setting \"regoin\" of the plugin mine; did you mean \"region\"?");
    cr_assert_str_eq(
        complaint(&plugin, "{\"region\":\"eu\",\"xyzzy\":1}"),
        "unknown setting \"xyzzy\" of the plugin mine; it has: region, retries, share, strict, hosts, labels");
    cr_assert_str_eq(complaint(&plain, "{\"a\":1}"),
                     "unknown setting \"a\": the plugin plain has no settings of its own");
}

Test(option, names_both_types)
{
    cr_assert_str_eq(complaint(&plugin, "{\"region\":5}"),
                     "the setting \"region\" of the plugin mine must be a string, not a whole number");
    cr_assert_str_eq(complaint(&plugin, "{\"region\":\"eu\",\"retries\":2.5}"),
                     "the setting \"retries\" of the plugin mine must be a whole number, not a number");
    cr_assert_str_eq(complaint(&plugin, "{\"region\":\"eu\",\"strict\":\"yes\"}"),
                     "the setting \"strict\" of the plugin mine must be true or false, not a string");
    cr_assert_str_eq(complaint(&plugin, "{\"region\":\"eu\",\"hosts\":{\"a\":1}}"),
                     "the setting \"hosts\" of the plugin mine must be a list, not a table");
    cr_assert_str_eq(complaint(&plugin, "{\"region\":\"eu\",\"labels\":null}"),
                     "the setting \"labels\" of the plugin mine must be a table, not nothing");
}

Test(option, misses_what_is_required)
{
    cr_assert_str_eq(complaint(&plugin, "{}"),
                     "the setting \"region\" of the plugin mine is missing: where the service is");
    cr_assert_str_eq(complaint(&plugin, NULL),
                     "the setting \"region\" of the plugin mine is missing: where the service is");
}

Test(option, leaves_secrets_to_the_list_of_secrets)
{
    static const gw_option named[] = {
        { "region", NULL, GW_JSON_STR, GW_OPTION_REQUIRED },
        { "role", "who asks", GW_JSON_STR, GW_OPTION_NAMED | GW_OPTION_REQUIRED },
        { NULL, NULL, 0, 0 },
    };
    static const gw_option only_named[] = { { "role", "", GW_JSON_STR, GW_OPTION_NAMED }, { NULL, NULL, 0, 0 } };
    static const struct plugin secretive = { .name = "secretive", .options = named };
    static const struct plugin only = { .name = "only", .options = only_named };

    cr_assert_str_eq(complaint(&secretive, "{\"role\":\"x\"}"),
                     "\"role\" is a secret by name: secrets = { role = env \"NAME\" }");
    cr_assert_str_eq(complaint(&secretive, "{\"region\":\"eu\"}"), "", "a secret is no setting");
    cr_assert_str_eq(complaint(&secretive, "{}"),
                     "the setting \"region\" of the plugin secretive is missing: a string");
    cr_assert_str_eq(complaint(&secretive, "{\"xyzzy\":1}"),
                     "unknown setting \"xyzzy\" of the plugin secretive; it has: region");
    cr_assert_str_eq(complaint(&only, "{\"xyzzy\":1}"),
                     "unknown setting \"xyzzy\": the plugin only has no settings of its own");
}

Test(option, names_as_many_settings_as_fit)
{
    static char names[80][16];
    static gw_option many[81];
    static const struct plugin crowded = { .name = "crowded", .options = many };
    char text[512] = "unknown setting \"xyzzyxyzzy\" of the plugin crowded; it has: ";
    size_t before = strlen(text);

    for (int i = 0; i < 80; i++) {
        snprintf(names[i], sizeof names[i], "s%06d", i);
        many[i] = (gw_option){ names[i], "", GW_JSON_INT, 0 };
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? ", " : "", names[i]);
    }
    text[before + 255] = '\0';
    cr_assert_str_eq(complaint(&crowded, "{\"xyzzyxyzzy\":1}"), text);
}
