/* check.c - is what a plugin states of itself something this gateway can work with? The version rules of
 * <gateway/abi.h>, the copy of the tables, and which functions each kind must have. */
#include "plugin/check.h"

#include <stdio.h>
#include <string.h>

static int refuse(const char *path, struct fail *fail, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int refuse(const char *path, struct fail *fail, const char *format, ...)
{
    char why[320];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return fail_set(fail, FAIL_OPERATOR, "the plugin %s cannot be used: %s", path, why);
}

/* Rule 1 and 2: the first three words are read before anything else, and decide. */
static int check_version(const gw_plugin *p, const char *path, struct fail *fail)
{
    if (p == NULL)
        return refuse(path, fail, "its gw_plugin_entry() returns NULL");
    bool is_other_counter = GW_ABI_MAJOR == 0 && p->needs_minor != GW_ABI_MINOR;
    if (p->abi_major != GW_ABI_MAJOR || is_other_counter)
        return refuse(
            path, fail,
            "it is built for plugin ABI %u.%u, and this gateway has %u.%u: build it again with this gateway's SDK",
            p->abi_major, p->needs_minor, GW_ABI_MAJOR, GW_ABI_MINOR);
    if (p->needs_minor > GW_ABI_MINOR)
        return refuse(path, fail, "it needs plugin ABI %u.%u, this gateway has %u.%u", p->abi_major, p->needs_minor,
                      GW_ABI_MAJOR, GW_ABI_MINOR);
    if (p->size < offsetof(gw_plugin, ops) + sizeof p->ops)
        return refuse(path, fail, "its descriptor is too short (%u bytes)", p->size);
    return 0;
}

/* Rule 3: the part that both sides know; the rest is zero, so what an old plugin lacks is NULL. */
static void copy_known(void *to, uint32_t to_size, const void *from)
{
    uint32_t size;
    memcpy(&size, from, sizeof size);
    if (size > to_size)
        size = to_size;
    memset(to, 0, to_size);
    memcpy(to, from, size);
}

static bool is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return len > 0 && len <= 64 && name[len] == '\0';
}

static int check_options(const gw_option *options, const char *path, struct fail *fail)
{
    for (const gw_option *o = options; o != NULL && o->name != NULL; o++) {
        if (o->name[0] == '\0')
            return refuse(path, fail, "a setting of it has no name");
        if (o->type < GW_JSON_BOOL || o->type > GW_JSON_OBJECT)
            return refuse(path, fail, "its setting \"%s\" has the unknown type %u", o->name, o->type);
        if ((o->flags & (GW_OPTION_SECRET | GW_OPTION_NAMED)) && o->type != GW_JSON_STR)
            return refuse(path, fail, "its setting \"%s\" is a secret and not a string", o->name);
        for (const gw_option *earlier = options; earlier != o; earlier++)
            if (strcmp(earlier->name, o->name) == 0)
                return refuse(path, fail, "its setting \"%s\" is declared twice", o->name);
    }
    return 0;
}

/* The first function that is missing, or NULL. */
struct required {
    const char *name;
    bool is_there;
};

static const char *missing(const struct required *functions, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!functions[i].is_there)
            return functions[i].name;
    return NULL;
}

/* Every stream is cut into frames before read() sees it. */
static int check_framing(const gw_provider_ops *ops, const char *path, struct fail *fail)
{
    bool streams = (ops->operations & (GW_OP_CHAT | GW_OP_COMPLETIONS)) != 0 && !(ops->flags & GW_PROVIDER_LOCAL);

    if (ops->framing > GW_FRAMING_RAW)
        return refuse(path, fail, "its framing %u is not known", ops->framing);
    if (ops->framing == GW_FRAMING_WHOLE && streams)
        return refuse(path, fail,
                      "its framing is whole (0, or not set), and the chats that it serves may be streams: set .framing "
                      "to GW_FRAMING_SSE, GW_FRAMING_LINES, GW_FRAMING_EVENTSTREAM or GW_FRAMING_RAW");
    return 0;
}

static int check_provider(const gw_provider_ops *ops, const char *path, struct fail *fail)
{
    bool local = ops->flags & GW_PROVIDER_LOCAL;
    const struct required functions[] = {
        { "open()", ops->open != NULL },
        { "close()", ops->close != NULL },
        { "produce(), which GW_PROVIDER_LOCAL promises", !local || ops->produce != NULL },
        { "build()", local || ops->build != NULL },
        { "read()", local || ops->read != NULL },
    };
    const char *what = missing(functions, sizeof functions / sizeof *functions);

    if (what != NULL)
        return refuse(path, fail, "it has no %s", what);
    if (ops->operations == 0)
        return refuse(path, fail, "it serves no operation");
    if (check_framing(ops, path, fail) < 0)
        return -1;
    for (const gw_service *const *s = ops->services; s != NULL && *s != NULL; s++)
        if ((*s)->size < offsetof(gw_service, models) + sizeof(char *) || (*s)->name == NULL || !is_name((*s)->name))
            return refuse(path, fail, "one of its services has no name of lower-case letters, digits, - and _");
    return 0;
}

static int check_cache(const gw_cache_ops *ops, const char *path, struct fail *fail)
{
    const struct required functions[] = {
        { "open()", ops->open != NULL },     { "close()", ops->close != NULL }, { "attach()", ops->attach != NULL },
        { "detach()", ops->detach != NULL }, { "get()", ops->get != NULL },     { "set()", ops->set != NULL },
        { "del()", ops->del != NULL },       { "add()", ops->add != NULL },
    };
    const char *what = missing(functions, sizeof functions / sizeof *functions);

    return what == NULL ? 0 : refuse(path, fail, "it has no %s", what);
}

static int check_store(const gw_store_ops *ops, const char *path, struct fail *fail)
{
    const struct required functions[] = {
        { "open()", ops->open != NULL },     { "close()", ops->close != NULL },   { "attach()", ops->attach != NULL },
        { "detach()", ops->detach != NULL }, { "cursor()", ops->cursor != NULL }, { "put()", ops->put != NULL },
        { "prune()", ops->prune != NULL },   { "sums()", ops->sums != NULL },     { "rows()", ops->rows != NULL },
    };
    const char *what = missing(functions, sizeof functions / sizeof *functions);

    return what == NULL ? 0 : refuse(path, fail, "it has no %s", what);
}

int check_descriptor(const gw_plugin *descriptor, const char *path, struct plugin *out, struct fail *fail)
{
    gw_plugin p;

    if (check_version(descriptor, path, fail) < 0)
        return -1;
    uint32_t size = descriptor->size < sizeof p ? descriptor->size : (uint32_t)sizeof p;
    memset(&p, 0, sizeof p);
    memcpy(&p, descriptor, size);
    if (p.name == NULL || !is_name(p.name))
        return refuse(path, fail, "its name is missing or has other than lower-case letters, digits, - and _");
    if (p.ops == NULL)
        return refuse(path, fail, "it has no table of operations");
    if (check_options(p.options, path, fail) < 0)
        return -1;

    *out = (struct plugin){
        .descriptor = descriptor,
        .name = p.name,
        .version = p.version != NULL ? p.version : "",
        .license = p.license != NULL ? p.license : "",
        .kind = p.kind,
        .needs_minor = p.needs_minor,
        .options = p.options,
    };
    switch (p.kind) {
    case GW_KIND_PROVIDER:
        copy_known(&out->provider, sizeof out->provider, p.ops);
        return check_provider(&out->provider, path, fail);
    case GW_KIND_CACHE:
        copy_known(&out->cache, sizeof out->cache, p.ops);
        return check_cache(&out->cache, path, fail);
    case GW_KIND_STORE:
        copy_known(&out->store, sizeof out->store, p.ops);
        return check_store(&out->store, path, fail);
    case GW_KIND_SINK:
        return refuse(path, fail, "it is a sink, which this gateway does not load");
    default:
        return refuse(path, fail, "its kind %u is not known", p.kind);
    }
}
