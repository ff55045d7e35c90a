/* import_write.c - writes gateway.lua: providers, models with their lists, what holds for all of them, the master key. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "boot/lua_text.h"
#include "cli/import_litellm.h"

static const char *const sections[] = { "litellm_settings", "router_settings", "general_settings" };

/* Members of the sections that are carried, or that are so here without any word. */
static const char *const known[] = { "num_retries",
                                     "request_timeout",
                                     "timeout",
                                     "fallbacks",
                                     "default_fallbacks",
                                     "context_window_fallbacks",
                                     "content_policy_fallbacks",
                                     "routing_strategy",
                                     "model_group_alias",
                                     "master_key",
                                     "cache",
                                     "drop_params",
                                     "set_verbose",
                                     "json_logs",
                                     "allowed_fails",
                                     "cooldown_time",
                                     "modify_params",
                                     "telemetry",
                                     NULL };

const struct json *import_write_setting(const struct import *m, const char *name)
{
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        const struct json *found = json_get(json_get(m->root, text_of(sections[i])), text_of(name));
        if (found != NULL && json_type(found) != JSON_T_NULL)
            return found;
    }
    return NULL;
}

static void note_unknown(struct import *m)
{
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        const struct json *section = json_get(m->root, text_of(sections[i]));
        for (size_t k = 0; k < json_count(section); k++) {
            struct text name = json_key_at(section, k);
            bool is_known = false;
            for (size_t n = 0; known[n] != NULL && !is_known; n++)
                is_known = text_is(name, known[n]);
            if (!is_known)
                import_litellm_note(m, "%s.%.*s is not carried", sections[i], TEXT_ARG(name));
        }
    }
    if (json_count(json_member(m->root, "environment_variables")) > 0)
        import_litellm_note(m, "environment_variables: set them where the gateway is started");
}

static void put(struct buf *out, const char *name, struct text value)
{
    if (value.len == 0)
        return;
    buf_printf(out, "%s = ", name);
    lua_text_string(out, value);
    buf_str(out, ", ");
}

static struct text variable_of(struct text value, const char *usual)
{
    return text_starts(value, TEXT("os.environ/")) ? (struct text){ value.ptr + 11, value.len - 11 } : text_of(usual);
}

static void write_provider(const struct import_provider *p, struct buf *out)
{
    buf_str(out, "provider ");
    lua_text_string(out, text_of(p->name));
    buf_str(out, " { ");
    if (strcmp(p->kind->name, p->name) != 0 || (p->kind->takes & IMPORT_NO_NAME) != 0)
        buf_printf(out, "%s, ", p->kind->other);
    put(out, "base_url", p->base_url);
    put(out, "api_version", p->api_version);
    put(out, "organization", p->organization);
    if ((p->kind->takes & IMPORT_AWS) != 0) {
        put(out, "region", p->region.len > 0 ? p->region : TEXT("us-east-1"));
        buf_str(out, "secrets = { access_key_id = env ");
        lua_text_string(out, variable_of(p->access_key_id, "AWS_ACCESS_KEY_ID"));
        buf_str(out, ", secret_access_key = env ");
        lua_text_string(out, variable_of(p->secret_access_key, "AWS_SECRET_ACCESS_KEY"));
        buf_str(out, " }, ");
    } else if (p->secret.len > 0) {
        buf_str(out, "secret = env ");
        lua_text_string(out, p->secret);
        buf_str(out, ", ");
    }
    buf_str(out, "}\n");
}

/* USD a token to USD a million tokens, without the noise of binary fractions. */
static void put_cost(struct buf *out, const char *name, const struct json *cost, bool *first)
{
    double usd = json_real(cost, -1) * 1e6;
    if (cost == NULL || usd < 0)
        return;
    buf_printf(out, "%s%s = %.10g", *first ? ", price = { " : ", ", name, usd);
    *first = false;
}

static void write_target(const struct import_deployment *d, bool all_weighted, struct buf *out)
{
    bool first = true;
    buf_str(out, "{ ");
    lua_text_string(out, text_of(d->provider->name));
    buf_truncate(out, out->len - 1); /* the quote: provider and model are one text */
    struct buf model;
    buf_init(&model, 4096);
    lua_text_string(&model, d->model);
    buf_printf(out, "/%.*s", (int)(model.len - 1), model.ptr + 1);
    buf_free(&model);
    if (all_weighted)
        buf_printf(out, ", weight = %lld", (long long)(d->weight > 1000000 ? 1000000 : d->weight));
    if (d->max_in_flight > 0)
        buf_printf(out, ", max_in_flight = %lld", (long long)d->max_in_flight);
    if (d->region.len > 0) {
        buf_str(out, ", region = ");
        lua_text_string(out, d->region);
    }
    put_cost(out, "input_usd_per_mtok", d->input_cost, &first);
    put_cost(out, "output_usd_per_mtok", d->output_cost, &first);
    put_cost(out, "cache_read_usd_per_mtok", d->cache_read_cost, &first);
    buf_str(out, first ? " }" : " } }");
}

static size_t write_targets(const struct import *m, struct text group, struct buf *out)
{
    size_t count = 0, weighted = 0;
    for (size_t i = 0; i < m->deployment_count; i++) {
        count += text_eq(m->deployments[i]->group, group);
        weighted += text_eq(m->deployments[i]->group, group) && m->deployments[i]->weight > 0;
    }
    size_t written = 0;
    for (size_t i = 0; i < m->deployment_count; i++) {
        if (!text_eq(m->deployments[i]->group, group))
            continue;
        buf_str(out, written++ > 0 ? ", " : "");
        write_target(m->deployments[i], count > 1 && weighted == count, out);
    }
    return count;
}

/* The groups that a setting such as `fallbacks: [{ a: [b, c] }]` has for `group`, as one list of targets. */
static void write_list(struct import *m, const char *setting, const char *word, struct text group, struct buf *out)
{
    const struct json *to = NULL;
    for (size_t s = 0; s < sizeof sections / sizeof sections[0] && to == NULL; s++) {
        const struct json *list = json_get(json_get(m->root, text_of(sections[s])), text_of(setting));
        for (size_t i = 0; i < json_count(list) && to == NULL; i++)
            to = json_get(json_at(list, i), group);
        for (size_t i = 0; i < json_count(list) && to == NULL; i++)
            to = json_get(json_at(list, i), TEXT("*"));
    }
    if (to == NULL && strcmp(setting, "fallbacks") == 0)
        to = import_write_setting(m, "default_fallbacks");
    struct buf targets;
    buf_init(&targets, 1 << 20);
    for (size_t i = 0; i < json_count(to); i++) {
        struct text name = json_str(json_at(to, i));
        size_t before = targets.len;
        if (text_eq(name, group))
            continue;
        buf_str(&targets, before > 0 ? ", " : "");
        if (write_targets(m, name, &targets) == 0) {
            buf_truncate(&targets, before);
            import_litellm_note(m, "model \"%.*s\": %s names \"%.*s\", which is not carried", TEXT_ARG(group), setting,
                                TEXT_ARG(name));
        }
    }
    if (targets.len > 0)
        buf_printf(out, ",\n    %s = { %.*s }", word, (int)targets.len, targets.ptr);
    buf_free(&targets);
}

static const char *strategy(struct import *m)
{
    static const struct {
        const char *theirs, *ours;
    } words[] = { { "simple-shuffle", "weighted" },
                  { "least-busy", "least_busy" },
                  { "latency-based-routing", "lowest_latency" },
                  { "cost-based-routing", "lowest_cost" },
                  { "usage-based-routing", "weighted" },
                  { "usage-based-routing-v2", "weighted" } };
    struct text said = json_str(import_write_setting(m, "routing_strategy"));
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (text_is(said, words[i].theirs))
            return words[i].ours;
    return "weighted"; /* LiteLLM's own */
}

static void write_times(const struct import *m, struct text group, struct buf *out)
{
    double total = json_real(import_write_setting(m, "request_timeout"), 0), first = 0;
    if (total <= 0)
        total = json_real(import_write_setting(m, "timeout"), 0);
    for (size_t i = 0; i < m->deployment_count; i++) {
        const struct import_deployment *d = m->deployments[i];
        if (!text_eq(d->group, group))
            continue;
        total = d->timeout_s > 0 ? fmax(d->timeout_s, 0.05) : total;
        first = d->stream_timeout_s > 0 ? fmax(d->stream_timeout_s, 0.05) : first;
    }
    if (total > 0 && first > 0)
        buf_printf(out, ",\n    timeout = { total_s = %.10g, first_token_s = %.10g }", total, first);
    else if (total > 0)
        buf_printf(out, ",\n    timeout = { total_s = %.10g }", total);
    else if (first > 0)
        buf_printf(out, ",\n    timeout = { first_token_s = %.10g }", first);
}

static void write_model(struct import *m, struct text name, struct text group, struct buf *out)
{
    int64_t retries = json_int(import_write_setting(m, "num_retries"), -1);
    buf_str(out, "model ");
    lua_text_string(out, name);
    buf_str(out, " { ");
    if (write_targets(m, group, out) > 1)
        buf_printf(out, ",\n    strategy = \"%s\"", strategy(m));
    write_list(m, "fallbacks", "fallback", group, out);
    write_list(m, "context_window_fallbacks", "on_context_overflow", group, out);
    write_list(m, "content_policy_fallbacks", "on_content_filter", group, out);
    write_times(m, group, out);
    if (retries >= 0)
        buf_printf(out, ",\n    retry = { attempts = %lld }", (long long)(retries < 9 ? retries + 1 : 10));
    buf_str(out, " }\n");
}

static bool was_before(const struct import *m, size_t place)
{
    for (size_t i = 0; i < place; i++)
        if (text_eq(m->deployments[i]->group, m->deployments[place]->group))
            return true;
    return false;
}

static void write_models(struct import *m, struct buf *out)
{
    const struct json *aliases = import_write_setting(m, "model_group_alias");
    for (size_t i = 0; i < m->deployment_count; i++)
        if (!was_before(m, i))
            write_model(m, m->deployments[i]->group, m->deployments[i]->group, out);
    for (size_t i = 0; i < json_count(aliases); i++) {
        const struct json *value = json_at(aliases, i);
        struct text name = json_key_at(aliases, i);
        struct text to = json_type(value) == JSON_T_OBJECT ? json_str(json_member(value, "model")) : json_str(value);
        bool found = false;
        for (size_t d = 0; d < m->deployment_count && !found; d++)
            found = text_eq(m->deployments[d]->group, to);
        for (size_t d = 0; d < m->deployment_count && found; d++)
            found = !text_eq(m->deployments[d]->group, name);
        if (found && import_litellm_is_name(name))
            write_model(m, name, to, out);
        else
            import_litellm_note(
                m, "model_group_alias: \"%.*s\" names a model that is not carried, or is no name of its own",
                TEXT_ARG(name));
    }
}

/* Clients go on with the key that they have: its digest is enough for that. */
static void write_key(struct import *m, struct buf *out)
{
    struct text key = json_str(import_write_setting(m, "master_key"));
    uint8_t bytes[CRYPTO_SHA256_LEN];
    char digest[2 * CRYPTO_SHA256_LEN + 1];
    if (key.len == 0 && import_write_setting(m, "master_key") != NULL)
        import_litellm_note(m, "master_key is no text: llm-gateway keys create makes keys");
    if (key.len == 0)
        return;
    if (text_starts(key, TEXT("os.environ/"))) {
        const char *name = arena_str(m->arena, (struct text){ key.ptr + 11, key.len - 11 });
        key = text_of(getenv(name));
        if (key.len == 0) {
            import_litellm_note(m, "master_key: %s is not set: llm-gateway keys create makes keys", name);
            return;
        }
    }
    crypto_sha256(key, bytes);
    crypto_hex(bytes, sizeof bytes, digest);
    buf_printf(out, "\nkey { sha256 = \"%s\", name = \"master\" } -- the digest of master_key\n", digest);
}

void import_write(struct import *m, struct buf *out)
{
    struct buf body;
    buf_init(&body, 16 << 20);
    for (size_t i = 0; i < m->provider_count; i++)
        write_provider(m->providers[i], &body);
    buf_str(&body, "\n");
    write_models(m, &body);
    write_key(m, &body);
    note_unknown(m);
    buf_str(out, "-- From LiteLLM's config.yaml, by llm-gateway import litellm.\n");
    struct text rest = buf_view(&m->notes);
    if (rest.len > 0)
        buf_str(out, "-- Not carried, or to be done by hand:\n");
    while (rest.len > 0) {
        struct text line = text_cut(&rest, '\n');
        buf_printf(out, "--   %.*s\n", TEXT_ARG(line));
    }
    buf_str(out, "\nledger { path = \"ledger\" } -- what is used and spent: llm-gateway usage\n");
    if (json_bool(import_write_setting(m, "cache"), false))
        buf_str(out, "cache {}\n");
    buf_str(out, "\n");
    buf_text(out, buf_view(&body));
    buf_free(&body);
}
