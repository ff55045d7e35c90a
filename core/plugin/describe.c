/* describe.c - names what a plugin is, for `llm-gateway plugin check`: text for people, JSON for programs. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "plugin/plugin.h"

struct word {
    uint32_t value;
    const char *name;
};

static const struct word operations[] = {
    { GW_OP_CHAT, "chat" },
    { GW_OP_COMPLETIONS, "completions" },
    { GW_OP_EMBEDDINGS, "embeddings" },
    { GW_OP_COUNT_TOKENS, "count_tokens" },
    { GW_OP_MODELS, "models" },
    { GW_OP_MODERATIONS, "moderations" },
    { GW_OP_RERANK, "rerank" },
    { GW_OP_IMAGES, "images" },
    { GW_OP_AUDIO, "audio" },
    { 0, NULL },
};
static const struct word dialects[] = {
    { GW_DIALECT_CHAT, "chat" },
    { GW_DIALECT_RESPONSES, "responses" },
    { GW_DIALECT_MESSAGES, "messages" },
    { GW_DIALECT_GEMINI, "gemini" },
    { GW_DIALECT_EMBEDDINGS, "embeddings" },
    { GW_DIALECT_COMPLETIONS, "completions" },
    { GW_DIALECT_OTHER, "other" },
    { 0, NULL },
};
static const struct word provider_flags[] = {
    { GW_PROVIDER_LOCAL, "local" },
    { GW_PROVIDER_BILLS_AFTER_CANCEL, "bills_after_cancel" },
    { 0, NULL },
};
static const struct word cache_flags[] = {
    { GW_CACHE_INLINE, "inline" },
    { 0, NULL },
};
static const struct word hows[] = {
    { GW_FIELD_CARRIED, "carried" },
    { GW_FIELD_TRANSLATED, "translated" },
    { GW_FIELD_DROPPED, "dropped" },
    { GW_FIELD_REFUSED, "refused" },
    { 0, NULL },
};
static const char *const framings[] = { "whole", "sse", "lines", "eventstream", "raw" };
static const char *const kinds[] = { "unknown", "provider", "cache", "store", "sink" };
static const char *const types[] = { "null", "bool", "int", "real", "string", "array", "object" };

static const char *name_of(const struct word *words, uint32_t value)
{
    for (; words->name != NULL; words++)
        if (words->value == value)
            return words->name;
    return "unknown";
}

const char *plugin_operation_name(uint32_t operation)
{
    return name_of(operations, operation);
}

const char *plugin_dialect_name(uint32_t dialect)
{
    return name_of(dialects, dialect);
}

const char *plugin_field_how(uint32_t how)
{
    return name_of(hows, how);
}

/* The parts below are written once, for both forms. A fact is a name with a text, or with several words. */
struct form {
    struct buf *out;
    struct json_writer *json; /* NULL: text */
};

static void fact(const struct form *form, const char *name, const char *value)
{
    if (value == NULL)
        value = "";
    if (form->json != NULL) {
        json_key(form->json, text_of(name));
        json_put_str(form->json, text_of(value));
    } else {
        buf_printf(form->out, "%-12s%s\n", name, value[0] != '\0' ? value : "-");
    }
}

static void fact_words(const struct form *form, const char *name, const struct word *words, uint32_t bits)
{
    char list[256] = "";

    if (form->json != NULL) {
        json_key(form->json, text_of(name));
        json_array(form->json);
    }
    for (; words->name != NULL; words++) {
        if (!(bits & words->value))
            continue;
        size_t used = strlen(list);
        if (form->json != NULL)
            json_put_str(form->json, text_of(words->name));
        else
            snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? " " : "", words->name);
    }
    if (form->json != NULL)
        json_close(form->json);
    else
        fact(form, name, list);
}

static void option(const struct form *form, const gw_option *o)
{
    bool required = o->flags & GW_OPTION_REQUIRED, named = o->flags & GW_OPTION_NAMED,
         secret = named || (o->flags & GW_OPTION_SECRET);
    const char *type = o->type < sizeof types / sizeof *types ? types[o->type] : "unknown";
    const char *help = o->help != NULL ? o->help : "";

    if (form->json == NULL) {
        buf_printf(form->out, "%-12s%-20s %-7s%s%s %s\n", "setting", o->name, type, required ? " required" : "",
                   named    ? " secrets"
                   : secret ? " secret"
                            : "",
                   help);
        return;
    }
    json_object(form->json);
    fact(form, "name", o->name);
    fact(form, "type", type);
    json_name(form->json, "required");
    json_put_bool(form->json, required);
    json_name(form->json, "secret");
    json_put_bool(form->json, secret);
    if (named) {
        json_name(form->json, "named");
        json_put_bool(form->json, true);
    }
    fact(form, "help", help);
    json_close(form->json);
}

static void service(const struct form *form, const gw_service *s)
{
    if (form->json == NULL) {
        buf_printf(form->out, "%-12s%-12s %-40s %-20s %s\n", "service", s->name,
                   s->base_url != NULL ? s->base_url : "-", s->secret_env != NULL ? s->secret_env : "-",
                   s->models != NULL ? s->models : "-");
        return;
    }
    json_object(form->json);
    fact(form, "name", s->name);
    fact(form, "base_url", s->base_url);
    fact(form, "secret_env", s->secret_env);
    fact(form, "models", s->models);
    json_close(form->json);
}

static void services(const struct form *form, const gw_service *const *list)
{
    if (form->json != NULL) {
        json_name(form->json, "services");
        json_array(form->json);
    }
    for (; list != NULL && *list != NULL; list++)
        service(form, *list);
    if (form->json != NULL)
        json_close(form->json);
}

static void provider(const struct form *form, const gw_provider_ops *ops)
{
    fact_words(form, "operations", operations, ops->operations);
    fact_words(form, "dialects", dialects, ops->dialects);
    fact(form, "framing", framings[ops->framing]);
    fact_words(form, "flags", provider_flags, ops->flags);
    fact(form, "base_url", ops->base_url);
    fact(form, "secret_env", ops->secret_env);
    fact(form, "models", ops->models);
    if (ops->base_url == NULL && ops->base_url_form != NULL)
        fact(form, "base_url_is", ops->base_url_form);
    services(form, ops->services);
}

void plugin_describe(const struct plugin *plugin, bool as_json, struct buf *out)
{
    struct json_writer writer;
    struct form form = { .out = out, .json = as_json ? &writer : NULL };
    char needs[32], has[48];

    snprintf(needs, sizeof needs, "%u.%u", GW_ABI_MAJOR, plugin->needs_minor);
    snprintf(has, sizeof has, "%u.%u%s", GW_ABI_MAJOR, GW_ABI_MINOR, GW_ABI_MAJOR == 0 ? "-draft" : "");
    if (as_json) {
        json_writer_init(&writer, out);
        json_object(&writer);
    }
    fact(&form, "name", plugin->name);
    fact(&form, "version", plugin->version);
    fact(&form, "license", plugin->license);
    fact(&form, "kind", kinds[plugin->kind < sizeof kinds / sizeof *kinds ? plugin->kind : 0]);
    fact(&form, "path", plugin->path);
    fact(&form, "needs_abi", needs);
    fact(&form, "gateway_abi", has);
    if (plugin->kind == GW_KIND_PROVIDER)
        provider(&form, &plugin->provider);
    else if (plugin->kind == GW_KIND_CACHE)
        fact_words(&form, "flags", cache_flags, plugin->cache.flags);
    if (as_json) {
        json_name(&writer, "settings");
        json_array(&writer);
    }
    for (const gw_option *o = plugin->options; o != NULL && o->name != NULL; o++)
        option(&form, o);
    if (as_json) {
        json_close(&writer);
        json_close(&writer);
        buf_str(out, "\n");
    }
}
