/* test_check.c - what a plugin states about itself: versions, names, tables, required functions. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "plugin/check.h"

static gw_status provider_open(const gw_host *h, gw_call *call, const gw_json *config, void **instance)
{
    (void)h, (void)call, (void)config;
    *instance = NULL;
    return GW_OK;
}
static void provider_close(void *instance)
{
    (void)instance;
}
static gw_status provider_build(void *instance, gw_call *call, const gw_request *req, gw_http *out)
{
    (void)instance, (void)call, (void)req, (void)out;
    return GW_OK;
}
static gw_status provider_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit)
{
    (void)instance, (void)call, (void)frame, (void)emit;
    return GW_OK;
}
static gw_status provider_produce(void *instance, gw_call *call, const gw_request *req, gw_emit emit, uint32_t *wait_ms)
{
    (void)instance, (void)call, (void)req, (void)emit, (void)wait_ms;
    return GW_MISS;
}

static const gw_option no_options[] = { { NULL, NULL, 0, 0 } };
static gw_provider_ops ops;
static gw_plugin descriptor;
static struct plugin out;
static struct fail fail;

static void prepare(void)
{
    ops = (gw_provider_ops){ .size = sizeof ops,
                             .operations = GW_OP_CHAT,
                             .framing = GW_FRAMING_SSE,
                             .open = provider_open,
                             .close = provider_close,
                             .build = provider_build,
                             .read = provider_read,
                             .base_url = "https://x" };
    descriptor = (gw_plugin){ .abi_major = GW_ABI_MAJOR,
                              .needs_minor = GW_ABI_MINOR,
                              .size = sizeof descriptor,
                              .kind = GW_KIND_PROVIDER,
                              .name = "mine",
                              .version = "1.2.3",
                              .license = "MIT",
                              .ops = &ops,
                              .options = no_options };
    memset(&fail, 0, sizeof fail);
}

static bool refused_with(const char *text)
{
    int result = check_descriptor(&descriptor, "a/mine.so", &out, &fail);
    bool as_expected = result == -1 && fail.kind == FAIL_OPERATOR && strstr(fail.text, text) != NULL &&
                       strstr(fail.text, "a/mine.so") != NULL;
    if (!as_expected)
        fprintf(stderr, "got %d: %s\n", result, fail.text);
    return as_expected;
}

Test(check, takes_a_plugin_of_this_version)
{
    prepare();
    cr_assert_eq(check_descriptor(&descriptor, "x.so", &out, &fail), 0, "%s", fail.text);
    cr_assert_str_eq(out.name, "mine");
    cr_assert_str_eq(out.version, "1.2.3");
    cr_assert_str_eq(out.license, "MIT");
    cr_assert_eq(out.kind, GW_KIND_PROVIDER);
    cr_assert_eq(out.provider.read, provider_read);
    cr_assert_str_eq(out.provider.base_url, "https://x");
    cr_assert_null(out.provider.models);
}

Test(check, names_both_versions_when_they_do_not_fit)
{
    char text[128];

    prepare();
    descriptor.abi_major = GW_ABI_MAJOR + 1;
    descriptor.ops = NULL; /* nothing else is looked at */
    snprintf(text, sizeof text, "built for plugin ABI %u.%u, and this gateway has %u.%u", GW_ABI_MAJOR + 1,
             GW_ABI_MINOR, GW_ABI_MAJOR, GW_ABI_MINOR);
    cr_assert(refused_with(text));
    prepare();
    descriptor.needs_minor = GW_ABI_MINOR + 7;
    snprintf(text, sizeof text, "built for plugin ABI %u.%u, and this gateway has %u.%u: build it again", GW_ABI_MAJOR,
             GW_ABI_MINOR + 7, GW_ABI_MAJOR, GW_ABI_MINOR);
    cr_assert(refused_with(text));
    prepare();
    descriptor.needs_minor = GW_ABI_MINOR - 1; /* while the major is 0 an older one is another one */
    snprintf(text, sizeof text, "built for plugin ABI %u.%u, and this gateway has", GW_ABI_MAJOR, GW_ABI_MINOR - 1);
    cr_assert(refused_with(text));
}

Test(check, reads_what_an_older_plugin_lacks_as_null)
{
    prepare();
    ops.produce = provider_produce;
    ops.size = offsetof(gw_provider_ops, produce);
    descriptor.size = offsetof(gw_plugin, options);
    cr_assert_eq(check_descriptor(&descriptor, "x.so", &out, &fail), 0, "%s", fail.text);
    cr_assert_eq(out.provider.read, provider_read);
    cr_assert_null(out.provider.produce);
    cr_assert_null(out.provider.base_url);
    cr_assert_null(out.options);
}

Test(check, ignores_what_a_newer_plugin_has_more)
{
    struct {
        gw_provider_ops known;
        void *more[4];
    } newer;
    prepare();
    newer.known = ops;
    newer.known.size = sizeof newer;
    memset(newer.more, 0xff, sizeof newer.more);
    descriptor.ops = &newer;
    descriptor.size += 64;
    cr_assert_eq(check_descriptor(&descriptor, "x.so", &out, &fail), 0, "%s", fail.text);
    cr_assert_eq(out.provider.read, provider_read);
}

Test(check, misses_required_functions)
{
    prepare();
    ops.open = NULL;
    cr_assert(refused_with("no open()"));
    prepare();
    ops.close = NULL;
    cr_assert(refused_with("no close()"));
    prepare();
    ops.build = NULL;
    cr_assert(refused_with("no build()"));
    prepare();
    ops.read = NULL;
    cr_assert(refused_with("no read()"));
    prepare();
    ops.flags = GW_PROVIDER_LOCAL;
    cr_assert(refused_with("no produce()"));
    prepare();
    ops.flags = GW_PROVIDER_LOCAL;
    ops.build = NULL;
    ops.read = NULL;
    ops.produce = provider_produce;
    cr_assert_eq(check_descriptor(&descriptor, "x.so", &out, &fail), 0, "a local provider needs neither: %s",
                 fail.text);
    prepare();
    ops.operations = 0;
    cr_assert(refused_with("no operation"));
    prepare();
    ops.framing = 77;
    cr_assert(refused_with("framing 77"));
    prepare();
    ops.size = 8; /* cut off before the first function */
    cr_assert(refused_with("no open()"));
}

Test(check, refuses_a_descriptor_that_makes_no_sense)
{
    prepare();
    cr_assert_eq(check_descriptor(NULL, "x.so", &out, &fail), -1);
    cr_assert_not_null(strstr(fail.text, "returns NULL"));
    descriptor.size = 12;
    cr_assert(refused_with("too short"));
    prepare();
    descriptor.name = NULL;
    cr_assert(refused_with("name"));
    prepare();
    descriptor.name = "../evil";
    cr_assert(refused_with("name"));
    prepare();
    descriptor.ops = NULL;
    cr_assert(refused_with("table of operations"));
    prepare();
    descriptor.kind = 99;
    cr_assert(refused_with("kind 99"));
    prepare();
    descriptor.kind = GW_KIND_SINK;
    cr_assert(refused_with("sink"));
    prepare();
}

Test(check, refuses_settings_that_make_no_sense)
{
    static const gw_option unknown_type[] = { { "a", "help", 99, 0 }, { NULL, NULL, 0, 0 } };
    static const gw_option twice[] = { { "a", "", GW_JSON_STR, 0 }, { "a", "", GW_JSON_INT, 0 }, { NULL, NULL, 0, 0 } };
    static const gw_option secret[] = { { "a", "", GW_JSON_INT, GW_OPTION_SECRET }, { NULL, NULL, 0, 0 } };
    static const gw_option unnamed[] = { { "", "", GW_JSON_INT, 0 }, { NULL, NULL, 0, 0 } };

    prepare();
    descriptor.options = unknown_type;
    cr_assert(refused_with("unknown type 99"));
    descriptor.options = twice;
    cr_assert(refused_with("declared twice"));
    descriptor.options = secret;
    cr_assert(refused_with("secret"));
    descriptor.options = unnamed;
    cr_assert(refused_with("no name"));
}

/* Each function of a table is missed, and with all of them the table is taken. `functions`: where they are in `table`. */
static void misses_each(const void *table, void *copy, size_t size, const size_t *functions, const char *const *names,
                        size_t count)
{
    void *none = NULL;
    char text[64];

    for (size_t i = 0; i < count; i++) {
        memcpy(copy, table, size);
        memcpy((char *)copy + functions[i], &none, sizeof none);
        snprintf(text, sizeof text, "cannot be used: it has no %s()", names[i]);
        cr_assert(refused_with(text));
    }
    memcpy(copy, table, size);
    cr_assert_eq(check_descriptor(&descriptor, "x.so", &out, &fail), 0, "%s", fail.text);
}

static void *somewhere = &descriptor; /* a function is never called here */

Test(check, misses_functions_of_a_cache)
{
    static const size_t functions[] = { offsetof(gw_cache_ops, open),   offsetof(gw_cache_ops, close),
                                        offsetof(gw_cache_ops, attach), offsetof(gw_cache_ops, detach),
                                        offsetof(gw_cache_ops, get),    offsetof(gw_cache_ops, set),
                                        offsetof(gw_cache_ops, del),    offsetof(gw_cache_ops, add) };
    static const char *const names[] = { "open", "close", "attach", "detach", "get", "set", "del", "add" };
    gw_cache_ops cache = { .size = sizeof cache, .flags = GW_CACHE_INLINE }, copy;

    prepare();
    for (size_t i = 0; i < 8; i++)
        memcpy((char *)&cache + functions[i], &somewhere, sizeof somewhere);
    descriptor.kind = GW_KIND_CACHE;
    descriptor.ops = &copy;
    misses_each(&cache, &copy, sizeof cache, functions, names, 8);
    cr_assert_eq(out.cache.flags, GW_CACHE_INLINE);
    cr_assert_eq(out.kind, GW_KIND_CACHE);
}

Test(check, misses_functions_of_a_store)
{
    static const size_t functions[] = { offsetof(gw_store_ops, open),   offsetof(gw_store_ops, close),
                                        offsetof(gw_store_ops, attach), offsetof(gw_store_ops, detach),
                                        offsetof(gw_store_ops, cursor), offsetof(gw_store_ops, put),
                                        offsetof(gw_store_ops, prune),  offsetof(gw_store_ops, sums),
                                        offsetof(gw_store_ops, rows) };
    static const char *const names[] = {
        "open", "close", "attach", "detach", "cursor", "put", "prune", "sums", "rows"
    };
    gw_store_ops store = { .size = sizeof store }, copy;

    prepare();
    for (size_t i = 0; i < 9; i++)
        memcpy((char *)&store + functions[i], &somewhere, sizeof somewhere);
    descriptor.kind = GW_KIND_STORE;
    descriptor.ops = &copy;
    misses_each(&store, &copy, sizeof store, functions, names, 9);
    cr_assert_eq(out.kind, GW_KIND_STORE);
}

Test(check, takes_names_of_services_and_plugins_that_can_be_written)
{
    static const char most[] = "abcdefghijklmnopqrstuvwxyz0123456789-_abcdefghijklmnopqrstuvwxyz";
    static const char over[] = "abcdefghijklmnopqrstuvwxyz0123456789-_abcdefghijklmnopqrstuvwxyz0";
    static const struct {
        const char *name;
        bool good;
    } rows[] = { { "a", true },   { most, true }, { over, false }, { "", false },
                 { "a.", false }, { "A", false }, { "a b", false } };
    gw_service service = { .size = sizeof service };
    const gw_service first = { .size = sizeof first, .name = "first" };
    const gw_service *list[] = { &first, &service, NULL };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        prepare();
        descriptor.name = rows[i].name;
        if (rows[i].good)
            cr_assert_eq(check_descriptor(&descriptor, "x.so", &out, &fail), 0, "%s: %s", rows[i].name, fail.text);
        else
            cr_assert(refused_with(
                "cannot be used: its name is missing or has other than lower-case letters, digits, - and _"));
        prepare();
        ops.services = list;
        service.name = rows[i].name;
        if (rows[i].good)
            cr_assert_eq(check_descriptor(&descriptor, "x.so", &out, &fail), 0, "%s: %s", rows[i].name, fail.text);
        else
            cr_assert(
                refused_with("cannot be used: one of its services has no name of lower-case letters, digits, - and _"));
    }
    service.name = NULL;
    cr_assert(refused_with("one of its services has no name"));
    service.name = "second";
    service.size = offsetof(gw_service, models) + sizeof(char *);
    memset(&fail, 0, sizeof fail);
    cr_assert_eq(check_descriptor(&descriptor, "x.so", &out, &fail), 0, "%s", fail.text);
    service.size--;
    cr_assert(refused_with("one of its services has no name"));
}

Test(check, takes_settings_of_each_type_and_none_beside)
{
    gw_option options[] = { { "a", "", 0, 0 }, { "b", "", GW_JSON_STR, GW_OPTION_NAMED }, { NULL, NULL, 0, 0 } };

    prepare();
    descriptor.options = options;
    for (options[0].type = GW_JSON_BOOL; options[0].type <= GW_JSON_OBJECT; options[0].type++)
        cr_assert_eq(check_descriptor(&descriptor, "x.so", &out, &fail), 0, "%u: %s", options[0].type, fail.text);
    cr_assert(refused_with("its setting \"a\" has the unknown type 7"));
    options[0].type = GW_JSON_BOOL - 1;
    cr_assert(refused_with("its setting \"a\" has the unknown type 0"));
    options[0].type = GW_JSON_BOOL;
    options[1].type = GW_JSON_INT;
    cr_assert(refused_with("its setting \"b\" is a secret and not a string"));
    options[1].type = GW_JSON_STR;
    options[1].name = "a";
    cr_assert(refused_with("its setting \"a\" is declared twice"));
}

Test(check, needs_a_framing_where_chats_are_streams)
{
    static const struct {
        uint32_t operations, framing, flags;
        bool good;
    } rows[] = {
        { GW_OP_CHAT, GW_FRAMING_WHOLE, 0, false },
        { GW_OP_COMPLETIONS, GW_FRAMING_WHOLE, 0, false },
        { GW_OP_EMBEDDINGS, GW_FRAMING_WHOLE, 0, true },
        { GW_OP_CHAT, GW_FRAMING_RAW, 0, true },
        { GW_OP_CHAT, GW_FRAMING_WHOLE, GW_PROVIDER_LOCAL, true },
        { GW_OP_CHAT, GW_FRAMING_RAW + 1, 0, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        prepare();
        ops.operations = rows[i].operations;
        ops.framing = rows[i].framing;
        ops.flags = rows[i].flags;
        ops.produce = provider_produce;
        cr_assert_eq(check_descriptor(&descriptor, "x.so", &out, &fail), rows[i].good ? 0 : -1, "%zu: %s", i,
                     fail.text);
    }
}

Test(check, takes_the_shortest_descriptor_of_its_version)
{
    prepare();
    descriptor.size = offsetof(gw_plugin, ops) + sizeof descriptor.ops;
    descriptor.version = descriptor.license = NULL;
    cr_assert_eq(check_descriptor(&descriptor, "x.so", &out, &fail), 0, "%s", fail.text);
    cr_assert_str_eq(out.version, "");
    cr_assert_str_eq(out.license, "");
    cr_assert_eq(out.needs_minor, GW_ABI_MINOR);
    cr_assert_eq(out.descriptor, &descriptor);
    descriptor.size--;
    cr_assert(refused_with("its descriptor is too short ("));
}
