/* lookup.c - finds a service, and its rule for a field, in the table of services.c. */
#include <string.h>

#include "openai.h"

const struct openai_service *openai_service(gw_str name)
{
    for (size_t i = 0; openai_services[i] != NULL; i++)
        if (openai_is(name, openai_services[i]->preset.name))
            return openai_services[i];
    return NULL;
}

/* Without scheme and path. */
static gw_str host_of(gw_str url)
{
    for (size_t i = 0; i + 3 <= url.len; i++) {
        if (memcmp(url.ptr + i, "://", 3) == 0) {
            url = (gw_str){url.ptr + i + 3, url.len - i - 3};
            break;
        }
    }
    const char *slash = url.len > 0 ? memchr(url.ptr, '/', url.len) : NULL;
    if (slash != NULL)
        url.len = (size_t)(slash - url.ptr);
    return url;
}

const struct openai_service *openai_service_at(gw_str base_url)
{
    gw_str host = host_of(base_url);
    for (size_t i = 0; openai_services[i] != NULL; i++) {
        const gw_service *one = &openai_services[i]->preset;
        gw_str known = one->base_url != NULL ? host_of(openai_lit(one->base_url)) : (gw_str){NULL, 0};
        bool local = one->secret_env == NULL && i > 0; /* what answers on a port of this machine is not known */
        if (!local && known.len > 0 && known.len == host.len && memcmp(known.ptr, host.ptr, host.len) == 0)
            return openai_services[i];
    }
    return openai_services[0]; /* OpenAI */
}

/* One pattern: a name, or a part of one with a * before or after it. */
static bool fits(gw_str model, gw_str pattern)
{
    if (pattern.len > 0 && pattern.ptr[0] == '*') {
        pattern = (gw_str){pattern.ptr + 1, pattern.len - 1};
        return model.len >= pattern.len && memcmp(model.ptr + model.len - pattern.len, pattern.ptr, pattern.len) == 0;
    }
    if (pattern.len > 0 && pattern.ptr[pattern.len - 1] == '*')
        return model.len >= pattern.len - 1 && memcmp(model.ptr, pattern.ptr, pattern.len - 1) == 0;
    return model.len == pattern.len && memcmp(model.ptr, pattern.ptr, pattern.len) == 0;
}

static bool is_about(const struct openai_rule *rule, gw_str model)
{
    const char *at = rule->models;
    while (at != NULL && *at != '\0' && model.len > 0) {
        size_t len = strcspn(at, " ");
        if (fits(model, (gw_str){at, len}))
            return true;
        at += len + (at[len] == ' ');
    }
    return rule->models == NULL;
}

static const struct openai_rule *find_rule(const struct openai_rule *rule, gw_str model, gw_str field)
{
    for (; rule->field != NULL; rule++)
        if (openai_is(field, rule->field) && is_about(rule, model))
            return rule;
    return NULL;
}

const struct openai_rule *openai_rule(const struct openai_service *service, gw_str model, gw_str field)
{
    static const struct openai_rule carried = {.field = "", .how = OPENAI_CARRIED};
    const struct openai_rule *rule = find_rule(service->rules, model, field);
    if (rule == NULL)
        rule = find_rule(service->base, model, field);
    return rule != NULL ? rule : &carried;
}
