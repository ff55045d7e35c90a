/* lookup.c - finds a service in services.c, and the rows of its tables in fields.c that a request or a model meets. */
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
        if (url.ptr[i] == ':' && url.ptr[i + 1] == '/' && url.ptr[i + 2] == '/') {
            url = (gw_str){ url.ptr + i + 3, url.len - i - 3 };
            break;
        }
    }
    const char *slash = url.len > 0 ? memchr(url.ptr, '/', url.len) : NULL;
    if (slash != NULL)
        url.len = (size_t)(slash - url.ptr);
    return url;
}

/* Is `host` where an API of ours is? `base_url` has a scheme. */
static bool is_host_of(gw_str host, const char *base_url)
{
    while (*base_url != ':')
        base_url++;
    base_url += 3;
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] != base_url[i] || base_url[i] == '\0')
            return false;
    return host.len > 0 && (base_url[host.len] == '\0' || base_url[host.len] == '/');
}

const struct openai_service *openai_service_at(gw_str base_url)
{
    gw_str host = host_of(base_url);
    for (size_t i = 0; openai_services[i] != NULL; i++) {
        const gw_service *one = &openai_services[i]->preset;
        bool local = one->secret_env == NULL && i > 0; /* what answers on a port of this machine is not known */
        if (!local && one->base_url != NULL && is_host_of(host, one->base_url))
            return openai_services[i];
    }
    return openai_services[0]; /* OpenAI */
}

static bool holds(gw_str model, gw_str part)
{
    for (size_t at = 0; at + part.len <= model.len; at++)
        if (memcmp(model.ptr + at, part.ptr, part.len) == 0)
            return true;
    return false;
}

/* One pattern: a name, or a part of one with a * before it, after it or both. */
static bool fits(gw_str model, gw_str pattern)
{
    bool open_end = pattern.len > 1 && pattern.ptr[pattern.len - 1] == '*';
    if (open_end && pattern.ptr[0] == '*')
        return holds(model, (gw_str){ pattern.ptr + 1, pattern.len - 2 });
    if (pattern.len > 0 && pattern.ptr[0] == '*') {
        pattern = (gw_str){ pattern.ptr + 1, pattern.len - 1 };
        return model.len >= pattern.len && memcmp(model.ptr + model.len - pattern.len, pattern.ptr, pattern.len) == 0;
    }
    if (pattern.len > 0 && pattern.ptr[pattern.len - 1] == '*')
        return model.len >= pattern.len - 1 && memcmp(model.ptr, pattern.ptr, pattern.len - 1) == 0;
    return model.len == pattern.len && memcmp(model.ptr, pattern.ptr, pattern.len) == 0;
}

/* Is the model one of those that a row is about? */
static bool is_named(const struct openai_rule *rule, gw_str model)
{
    const char *at = rule->models;
    while (at != NULL && *at != '\0' && model.len > 0) {
        size_t len = strcspn(at, " ");
        if (fits(model, (gw_str){ at, len }))
            return true;
        at += len + (at[len] == ' ');
    }
    return rule->models == NULL;
}

static bool is_of_line(const struct openai_rule *rule, const struct openai_family *family)
{
    if (rule->lines == 0)
        return true;
    if ((rule->lines & family->line) == 0)
        return false;
    return family->line != OPENAI_GPT ||
           (family->version >= rule->since && (rule->before == 0 || family->version < rule->before));
}

static bool is_about(const struct openai_rule *rule, const struct openai_asked *asked)
{
    return is_named(rule, asked->model) && is_of_line(rule, &asked->family) &&
           (rule->on != OPENAI_TOO_LONG || asked->family.most > 0);
}

static bool is_change(const struct openai_rule *rule)
{
    return rule->on >= OPENAI_LEVEL;
}

static bool is_met(enum openai_when on, const struct openai_asked *asked)
{
    switch (on) {
    case OPENAI_ALWAYS:
        return true;
    case OPENAI_THINKING:
        return asked->thinks;
    case OPENAI_THINKING_OFF:
        return !asked->thinks;
    case OPENAI_THINKING_WITH_TOOLS:
        return asked->thinks && asked->tools;
    case OPENAI_THINKING_AND_FORCED:
        return asked->thinks && asked->forced;
    case OPENAI_TOOLS_UNUSED:
        return asked->unused;
    default: /* changes */
        return false;
    }
}

/* The rows of all tables of a service, in order: NULL begins, NULL is returned at the end. `table` is where it is. */
static const struct openai_rule *next_rule(const struct openai_service *service, size_t *table,
                                           const struct openai_rule *rule)
{
    rule = rule == NULL ? service->tables[ *table = 0] : rule + 1;
    while (rule->row.field == NULL) {
        if (++*table == OPENAI_TABLES || service->tables[*table] == NULL)
            return NULL;
        rule = service->tables[*table];
    }
    return rule;
}

/* A row that is about the request, in the list of those with the same hash of their field. */
struct kept_rule {
    const struct openai_rule *rule;
    gw_str field;
    const struct kept_rule *next;
};

enum { LISTS = 64 /* a power of two */ };
struct openai_index {
    const struct kept_rule *lists[LISTS]; /* in the order of the tables */
};

static size_t list_of(gw_str field)
{
    if (field.len == 0)
        return 0;
    const unsigned char *p = (const unsigned char *)field.ptr;
    return (field.len + p[0] * 3u + p[field.len / 2] * 5u + p[field.len - 1] * 7u) % LISTS;
}

/* May the index have it? What is never met need not be compared. */
static bool is_kept(const struct openai_rule *rule, const struct openai_asked *asked)
{
    return is_about(rule, asked) && (is_change(rule) || is_met(rule->on, asked));
}

const struct openai_index *openai_index(const gw_host *h, gw_call *call, const struct openai_service *service,
                                        const struct openai_asked *asked)
{
    const struct openai_rule *rule = NULL;
    size_t table, count = 0;

    while ((rule = next_rule(service, &table, rule)) != NULL)
        count++;
    struct openai_index *index =
        h->alloc(call, sizeof *index + count * sizeof(struct kept_rule), _Alignof(struct kept_rule));
    if (index == NULL)
        return NULL;
    struct kept_rule *slot = (struct kept_rule *)(index + 1);
    const struct kept_rule **ends[LISTS];
    for (size_t i = 0; i < LISTS; i++) {
        index->lists[i] = NULL;
        ends[i] = &index->lists[i];
    }
    while ((rule = next_rule(service, &table, rule)) != NULL) {
        if (!is_kept(rule, asked))
            continue;
        *slot = (struct kept_rule){ rule, openai_lit(rule->row.field), NULL };
        size_t list = list_of(slot->field);
        *ends[list] = slot;
        ends[list] = &slot->next;
        slot++;
    }
    return index;
}

/* The next row of a field that is kept: `slot` is where it is, NULL at first. */
static const struct openai_rule *next_kept(const struct openai_index *index, gw_str field,
                                           const struct kept_rule **slot)
{
    *slot = *slot == NULL ? index->lists[list_of(field)] : (*slot)->next;
    while (*slot != NULL && !openai_same((*slot)->field, field))
        *slot = (*slot)->next;
    return *slot != NULL ? (*slot)->rule : NULL;
}

/* The next row of a field that is about the request; `table` and `slot` are where it is, and `rule` is NULL at first. */
static const struct openai_rule *next_about(const struct openai_service *service, const struct openai_asked *asked,
                                            gw_str field, size_t *table, const struct kept_rule **slot,
                                            const struct openai_rule *rule)
{
    if (asked->index != NULL)
        return next_kept(asked->index, field, slot);
    do
        rule = next_rule(service, table, rule);
    while (rule != NULL && !(openai_is(field, rule->row.field) && is_kept(rule, asked)));
    return rule;
}

const gw_capability *openai_rule(const struct openai_service *service, const struct openai_asked *asked, gw_str field)
{
    static const gw_capability carried = { .size = sizeof carried, .how = GW_FIELD_CARRIED, .field = "" };
    const struct openai_rule *rule = NULL;
    const struct kept_rule *slot = NULL;
    size_t table;

    while ((rule = next_about(service, asked, field, &table, &slot, rule)) != NULL)
        if (!is_change(rule))
            return &rule->row;
    return &carried;
}

gw_str openai_level(const struct openai_rule *rule, gw_str effort)
{
    const char *at = rule->levels;
    while (*at != '\0') {
        size_t from = strcspn(at, "="), to = strcspn(at + from + 1, " ");
        if (from == effort.len && memcmp(at, effort.ptr, from) == 0)
            return (gw_str){ at + from + 1, to };
        at += from + 1 + to;
        at += *at == ' ';
    }
    return (gw_str){ NULL, 0 };
}

const struct openai_rule *openai_change(const struct openai_service *service, const struct openai_asked *asked,
                                        gw_str field, enum openai_when on, gw_str level)
{
    const struct openai_rule *rule = NULL;
    const struct kept_rule *slot = NULL;
    size_t table;

    while ((rule = next_about(service, asked, field, &table, &slot, rule)) != NULL)
        if (rule->on == on && (on != OPENAI_LEVEL || openai_level(rule, level).len > 0))
            return rule;
    return NULL;
}

/* Is it within a member that does not arrive, as "tools.custom" is within "tools"? */
static bool is_within_lost(const struct openai_service *service, const struct openai_asked *asked, const char *field)
{
    for (size_t i = 0; field[i] != '\0'; i++) {
        if (field[i] != '.')
            continue;
        const gw_capability *outer = openai_rule(service, asked, (gw_str){ field, i });
        if (outer->when == NULL && (outer->how == GW_FIELD_DROPPED || outer->how == GW_FIELD_REFUSED))
            return true;
    }
    return false;
}

static bool loses(const struct openai_rule *rule)
{
    return rule->row.how == GW_FIELD_DROPPED || rule->row.how == GW_FIELD_REFUSED;
}

/* Does an earlier row of the same field leave no case for `rule`? What is changed is sent, so only a row by
 * which it is not sent does. */
static bool is_before(const struct openai_rule *other, const struct openai_rule *rule)
{
    const char *when = other->row.when;
    if (when != NULL && rule->row.when != NULL && strcmp(when, rule->row.when) == 0)
        return true;
    if (!is_change(rule) || !loses(rule))
        return when == NULL || other->on == OPENAI_THINKING_OFF;
    return loses(other) && (when == NULL || other->on == OPENAI_THINKING);
}

/* Do other rows leave no case for this one? */
static bool is_hidden(const struct openai_service *service, const struct openai_asked *asked,
                      const struct openai_rule *rule)
{
    const struct openai_rule *other = NULL;
    size_t table;

    while ((other = next_rule(service, &table, other)) != rule)
        if (strcmp(other->row.field, rule->row.field) == 0 && is_about(other, asked) && is_before(other, rule))
            return true;
    return is_within_lost(service, asked, rule->row.field);
}

const gw_capability *openai_row(const struct openai_service *service, gw_str model, uint32_t index)
{
    const struct openai_asked asked = { .model = model, .family = openai_family(model) };
    const struct openai_rule *rule = NULL;
    size_t table;

    while ((rule = next_rule(service, &table, rule)) != NULL)
        if (is_about(rule, &asked) && !is_hidden(service, &asked, rule) && index-- == 0)
            return &rule->row;
    return NULL;
}
