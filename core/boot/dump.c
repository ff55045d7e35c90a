/* dump.c - the effective configuration as text of gateway.lua. */
#include "boot/dump.h"

#include "base/clock.h"
#include "boot/dump_budget.h"
#include "boot/endpoint.h"
#include "boot/lua_text.h"
#include "money/nano.h"
#include "money/tariff.h"
#include "plugin/plugin.h"

static void dump_listen(const struct config *config, struct buf *out)
{
    const struct config_listen *listen = &config->listen;
    buf_str(out, "listen { address = \"");
    endpoint_write(listen->address, listen->port, false, out);
    buf_printf(out, "\", workers = %u", listen->workers);
    if (listen->cert_from != NULL)
        buf_printf(out, ", tls = { cert = %s, key = %s }", listen->cert_from, listen->key_from);
    for (size_t i = 0; i < listen->proxy_count; i++) {
        buf_str(out, i == 0 ? ", trusted_proxies = { " : ", ");
        lua_text_string(out, listen->proxy_names[i]);
    }
    if (listen->proxy_count > 0)
        buf_str(out, " }");
    buf_str(out, " }\n");
}

static void dump_plugins(const struct config *config, struct buf *out)
{
    buf_str(out, "plugins { path = {");
    for (size_t i = 0; config->plugin_directories[i] != NULL; i++) {
        buf_str(out, i == 0 ? " " : ", ");
        lua_text_string(out, text_of(config->plugin_directories[i]));
    }
    buf_str(out, " }");
    for (size_t i = 0; i < config->plugin_count; i++) {
        buf_str(out, ", ");
        lua_text_string(out, text_of(config->plugins[i]->name));
    }
    buf_str(out, " }\n");
}

static void dump_size(struct buf *out, const char *name, size_t bytes, size_t unit)
{
    buf_printf(out, "    %s = %.12g,\n", name, (double)bytes / (double)unit);
}

static void dump_seconds(struct buf *out, const char *name, int64_t ns)
{
    buf_printf(out, "    %s = ", name);
    lua_text_seconds(out, ns);
    buf_str(out, ",\n");
}

static void dump_limits(const struct config_limits *limits, struct buf *out)
{
    enum { KB = 1 << 10, MB = 1 << 20 };
    buf_str(out, "limits {\n");
    dump_size(out, "body_mb", limits->body_bytes, MB);
    dump_size(out, "answer_mb", limits->answer_bytes, MB);
    dump_size(out, "event_mb", limits->event_bytes, MB);
    dump_size(out, "memory_mb", limits->memory_bytes, MB);
    dump_size(out, "bodies_mb", limits->bodies_bytes, MB);
    dump_size(out, "header_kb", limits->header_bytes, KB);
    dump_size(out, "headers", limits->header_count, 1);
    dump_size(out, "connections", limits->connections, 1);
    dump_size(out, "in_flight", limits->in_flight, 1);
    dump_seconds(out, "header_s", limits->header_ns);
    dump_seconds(out, "body_s", limits->body_ns);
    dump_seconds(out, "write_s", limits->write_ns);
    dump_seconds(out, "keep_alive_s", limits->keep_alive_ns);
    dump_seconds(out, "drain_s", limits->drain_ns);
    dump_seconds(out, "ping_s", limits->ping_ns);
    dump_seconds(out, "dns_max_age_s", limits->dns_max_age_ns);
    buf_str(out, "}\n");
}

static void dump_web(const struct config *config, struct buf *out)
{
    for (size_t i = 0; i < config->cors_count; i++) {
        buf_str(out, i == 0 ? "cors { origins = { " : ", ");
        lua_text_string(out, config->cors[i]);
    }
    if (config->cors_count > 0)
        buf_str(out, " } }\n");
    if (config->admin.address.ptr != NULL) {
        bool v6 = text_find(config->admin.address, TEXT(":")) >= 0;
        buf_printf(out, "admin { address = \"%s%.*s%s:%u\" }\n", v6 ? "[" : "", TEXT_ARG(config->admin.address),
                   v6 ? "]" : "", (unsigned)config->admin.port);
    }
    if (config->metrics_from != NULL)
        buf_printf(out, "metrics { token = %s }\n", config->metrics_from);
}

static void dump_ledger(const struct config_ledger *ledger, struct buf *out)
{
    if (ledger->path == NULL)
        return;
    buf_str(out, "ledger { path = ");
    lua_text_string(out, text_of(ledger->path));
    buf_printf(
        out,
        ", sync_ms = %.12g, budget_wait_s = %.12g, budget_wait_stream_s = %.12g, doubt_ttl_s = %.12g, keep_days = %u }\n",
        (double)ledger->sync_ns / (double)CLOCK_MS, (double)ledger->wait_ns / (double)CLOCK_S,
        (double)ledger->wait_stream_ns / (double)CLOCK_S, (double)ledger->doubt_ttl_ns / (double)CLOCK_S,
        ledger->keep_days);
}

static void dump_store(const struct config_store *store, struct buf *out)
{
    if (store->plugin == NULL)
        return;
    buf_str(out, "store { plugin = ");
    lua_text_string(out, text_of(store->plugin->name));
    buf_str(out, store->url != NULL ? ", url = " : ", path = ");
    lua_text_string(out, text_of(store->url != NULL ? store->url : store->path));
    if (store->password_from != NULL)
        buf_printf(out, ", password = %s", store->password_from);
    if (store->rows_days > 0)
        buf_printf(out, ", rows_days = %u", store->rows_days);
    buf_str(out, " }\n");
}

static void dump_capture(const struct config_capture *capture, struct buf *out)
{
    if (capture->team_count == 0)
        return;
    buf_str(out, "capture { teams = {");
    for (size_t i = 0; i < capture->team_count; i++) {
        buf_str(out, i > 0 ? ", " : " ");
        lua_text_string(out, capture->teams[i]);
    }
    buf_printf(out, " }, share = %g, days = %u, mb = %u }\n", capture->share, capture->days, capture->mb);
}

static void dump_servers(const struct text *servers, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        buf_str(out, i == 0 ? ", servers = { " : ", ");
        lua_text_string(out, servers[i]);
    }
    buf_str(out, count > 0 ? " }" : "");
}

static void dump_counters(const struct config_counters *counters, struct buf *out)
{
    if (counters->plugin == NULL)
        return;
    buf_str(out, "counters { plugin = ");
    lua_text_string(out, text_of(counters->plugin->name));
    dump_servers(counters->servers, counters->server_count, out);
    buf_printf(out, ", gateways = %u }\n", counters->gateways);
}

static void dump_cache(const struct config_cache *cache, struct buf *out)
{
    if (cache->plugin == NULL)
        return;
    buf_str(out, "cache { plugin = ");
    lua_text_string(out, text_of(cache->plugin->name));
    dump_servers(cache->servers, cache->server_count, out);
    if (cache->seal_from != NULL)
        buf_printf(out, ", seal = %s", cache->seal_from);
    buf_printf(out, ", mb = %u, ttl_s = %u, per = \"%s\", tools = %s, any_target = %s }\n", cache->mb, cache->ttl_s,
               cache->per == CACHE_PER_KEY    ? "key"
               : cache->per == CACHE_PER_USER ? "user"
                                              : "team",
               cache->tools ? "true" : "false", cache->any_target ? "true" : "false");
}

/* Those that are set. */
static void dump_timeouts(const struct config_timeouts *t, struct buf *out)
{
    const struct {
        const char *name;
        int64_t ns;
    } all[] = { { "connect_s", t->connect_ns },
                { "first_token_s", t->first_token_ns },
                { "idle_s", t->idle_ns },
                { "total_s", t->total_ns } };
    const char *before = "    timeout = { ";
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].ns == 0)
            continue;
        buf_printf(out, "%s%s = ", before, all[i].name);
        lua_text_seconds(out, all[i].ns);
        before = ", ";
    }
    buf_str(out, *before == ',' ? " },\n" : "");
}

static void dump_provider(const struct config_provider *provider, struct buf *out)
{
    buf_str(out, "\n");
    if (provider->off != NULL)
        buf_printf(out, "-- off: %s\n", provider->off);
    buf_str(out, "provider ");
    lua_text_string(out, provider->name);
    buf_str(out, " {\n    plugin = ");
    lua_text_string(out, text_of(provider->plugin->name));
    buf_str(out, ",\n");
    if (provider->base_url.ptr != NULL) {
        buf_str(out, "    base_url = ");
        lua_text_string(out, provider->base_url);
        buf_str(out, ",\n");
    }
    buf_str(out, "    secrets = {");
    for (size_t i = 0; i < provider->wanted_count; i++)
        buf_printf(out, "%s%s%s%s", i == 0 ? " " : ", ",
                   provider->wanted_names != NULL ? provider->wanted_names[i] : "",
                   provider->wanted_names != NULL ? " = " : "", provider->wanted[i]);
    buf_str(out, provider->wanted_count > 0 ? " },\n" : "},\n");
    if (provider->header_count > 0) {
        buf_str(out, "    headers = {");
        for (size_t i = 0; i < provider->header_count; i++) {
            const struct config_header *header = &provider->headers[i];
            buf_str(out, i == 0 ? " [" : ", [");
            lua_text_string(out, header->name);
            buf_str(out, "] = ");
            if (header->secret)
                buf_str(out, header->from);
            else
                lua_text_string(out, header->value);
        }
        buf_str(out, " },\n");
    }
    if (provider->price != NULL) {
        buf_str(out, "    price = ");
        tariff_write(provider->price, out);
        buf_str(out, ",\n");
    }
    dump_budgets(&provider->budgets, "    budget = ", out);
    if (provider->budgets.count > 0)
        buf_str(out, ",\n");
    dump_timeouts(&provider->timeouts, out);
    if (provider->settings != NULL)
        buf_printf(out, "    %s,\n", provider->settings);
    buf_str(out, "}\n");
}

static void dump_word(const char *before, struct text word, struct buf *out)
{
    if (word.ptr == NULL)
        return;
    buf_str(out, before);
    lua_text_string(out, word);
}

static void dump_target(const struct config_target *target, struct buf *out)
{
    bool more = target->price != NULL || target->region.ptr != NULL || target->retention.ptr != NULL ||
                target->weight != 1 || target->max_in_flight > 0 || target->context_tokens > 0;
    if (more && target->list != LIST_FIRST) /* the others stand in braces already */
        buf_str(out, "{ ");
    buf_printf(out, "\"%.*s/", TEXT_ARG(target->provider->name));
    struct buf name;
    buf_init(&name, 4 << 10);
    lua_text_string(&name, target->model);
    struct text quoted = buf_view(&name);
    buf_append(out, quoted.ptr + 1, quoted.len - 1); /* one quotation mark is there */
    buf_free(&name);
    if (target->price != NULL) {
        buf_str(out, ", price = ");
        tariff_write(target->price, out);
    }
    if (target->weight != 1)
        buf_printf(out, ", weight = %u", target->weight);
    if (target->max_in_flight == CONFIG_ADAPTIVE)
        buf_str(out, ", max_in_flight = \"adaptive\"");
    else if (target->max_in_flight > 0)
        buf_printf(out, ", max_in_flight = %u", target->max_in_flight);
    if (target->context_tokens > 0)
        buf_printf(out, ", context_tokens = %lld", (long long)target->context_tokens);
    dump_word(", region = ", target->region, out);
    dump_word(", retention = ", target->retention, out);
    buf_str(out, more && target->list != LIST_FIRST ? " }" : "");
}

static void dump_targets(const struct config_model *model, enum config_list list, struct buf *out)
{
    bool named = list != LIST_FIRST, first = true;
    for (size_t i = 0; i < model->target_count; i++) {
        if (model->targets[i].list != list)
            continue;
        if (named && first)
            buf_printf(out, "    %s = { ", config_list_name(list));
        else
            buf_str(out, named ? ", " : "    { ");
        dump_target(&model->targets[i], out);
        buf_str(out, named ? "" : " },\n");
        first = false;
    }
    if (named && !first)
        buf_str(out, " },\n");
}

static void dump_model(const struct config_model *model, struct buf *out)
{
    buf_str(out, "\nmodel ");
    lua_text_string(out, model->name);
    buf_str(out, " {\n");
    for (unsigned i = 0; i < LISTS; i++)
        dump_targets(model, (enum config_list)i, out);
    buf_printf(out, "    strategy = \"%s\",\n", config_strategy_name(model->strategy));
    if (model->sticky)
        buf_str(out, "    sticky = \"conversation\",\n");
    dump_timeouts(&model->timeouts, out);
    buf_printf(out, "    retry = { attempts = %u },\n    lossy = \"%s\",\n", model->attempts,
               model->lossy_refuse ? "refuse" : "drop");
    if (model->slow_tokens > 0)
        buf_printf(out, "    slow = { tokens_per_s = %u },\n", model->slow_tokens);
    if (model->shadow != NULL) /* what it may cost a day stands with its tag */
        buf_printf(out, "    shadow = { \"%.*s\", sample = %.12g },\n", TEXT_ARG(model->shadow->target),
                   model->shadow->sample);
    if (model->no_cache)
        buf_str(out, "    cache = false,\n");
    if (model->min_output > 0)
        buf_printf(out, "    min_output_tokens = %lld,\n", (long long)model->min_output);
    if (model->most_nano > 0)
        buf_printf(out, "    most_usd = \"%s\",\n", nano_write(model->most_nano, 0, (char[NANO_TEXT]){ 0 }));
    dump_budgets(&model->budgets, "    budget = ", out);
    buf_str(out, model->budgets.count > 0 ? ",\n}\n" : "}\n");
}

static bool dump_rates(const struct config_rates *r, const char *before, struct buf *out)
{
    if (r->rpm == 0 && r->tpm == 0 && r->in_flight == 0)
        return false;
    buf_printf(out, "%slimits = { rpm = %u, tpm = %u, in_flight = %u }", before, r->rpm, r->tpm, r->in_flight);
    return true;
}

static void dump_words(const char *before, const struct text *words, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++)
        dump_word(i == 0 ? before : ", ", words[i], out);
    buf_str(out, count > 0 ? " }" : "");
}

static void dump_team(const struct config_team *team, struct buf *out)
{
    buf_str(out, "\nteam ");
    lua_text_string(out, team->name);
    buf_str(out, team->models != NULL ? " { models = {" : " {");
    for (size_t i = 0; team->models != NULL && i < team->model_count; i++) {
        buf_str(out, i == 0 ? " " : ", ");
        lua_text_string(out, team->models[i]);
    }
    if (team->models != NULL)
        buf_str(out, " }");
    bool more = team->models != NULL;
    const struct {
        const struct config_budgets *budgets;
        const char *name;
    } all[] = { { &team->budgets, "budget" },
                { &team->of_session, "session_budget" },
                { &team->of_user, "user_budget" } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].budgets->count == 0)
            continue;
        buf_printf(out, "%s %s = ", more ? "," : "", all[i].name);
        dump_budgets(all[i].budgets, "", out);
        more = true;
    }
    if (team->no_cache)
        buf_str(out, more ? ", cache = false" : " cache = false");
    more = more || team->no_cache;
    more = dump_rates(&team->rates, more ? ", " : " ", out) || more;
    if (team->priority != PRIORITY_UNSET) {
        buf_printf(out, "%s priority = \"%s\"", more ? "," : "", config_priority_name(team->priority));
        more = true;
    }
    if (team->region_count > 0 || team->retention_count > 0) {
        buf_printf(out, "%srequire = {", more ? ", " : " ");
        dump_words(" region = { ", team->regions, team->region_count, out);
        dump_words(team->region_count > 0 ? ", retention = { " : " retention = { ", team->retentions,
                   team->retention_count, out);
        buf_str(out, " }");
        more = true;
    }
    buf_str(out, more ? " }\n" : "}\n");
}

static void dump_list(const char *word, const struct config_label *labels, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "\n%s ", word);
        lua_text_string(out, labels[i].name);
        dump_budgets(&labels[i].budgets, " { budget = ", out);
        buf_str(out, " }\n");
    }
}

static void dump_labels(const struct config_key *key, struct buf *out)
{
    struct text rest = key->tags;
    if (key->project.ptr != NULL) {
        buf_str(out, ", project = ");
        lua_text_string(out, key->project);
    }
    for (bool first = true; rest.len > 0; first = false) {
        struct text value = text_cut(&rest, ','), name = text_cut(&value, '=');
        buf_printf(out, "%s[\"%.*s\"] = ", first ? ", tags = { " : ", ", TEXT_ARG(name));
        lua_text_string(out, value);
    }
    if (key->tags.len > 0)
        buf_str(out, " }");
}

static void dump_key(const struct config_key *key, struct buf *out)
{
    char digest[2 * CRYPTO_SHA256_LEN + 1], expires[25];
    crypto_hex(key->digest, CRYPTO_SHA256_LEN, digest);
    buf_printf(out, "key { sha256 = \"%s\", team = ", digest);
    lua_text_string(out, key->team->name);
    buf_str(out, ", name = ");
    lua_text_string(out, key->name);
    buf_printf(out, ", enabled = %s", key->enabled ? "true" : "false");
    if (key->expires_unix_ms > 0) {
        clock_rfc3339(key->expires_unix_ms, expires);
        buf_printf(out, ", expires = \"%s\"", expires);
    }
    for (size_t i = 0; i < key->model_count; i++) {
        buf_str(out, i == 0 ? ", models = { " : ", ");
        lua_text_string(out, key->models[i]);
    }
    buf_str(out, key->model_count > 0 ? " }" : key->models != NULL ? ", models = {}" : "");
    dump_labels(key, out);
    dump_budgets(&key->budgets, ", budget = ", out);
    dump_budgets(&key->of_session, ", session_budget = ", out);
    if (key->priority != PRIORITY_UNSET)
        buf_printf(out, ", priority = \"%s\"", config_priority_name(key->priority));
    dump_rates(&key->rates, ", ", out);
    if (key->previous_until_unix_ms > 0) {
        crypto_hex(key->previous_digest, CRYPTO_SHA256_LEN, digest);
        clock_rfc3339(key->previous_until_unix_ms, expires);
        buf_printf(out, ", previous = { sha256 = \"%s\", ends = \"%s\" }", digest, expires);
    }
    buf_str(out, " }\n");
}

void dump_config(const struct config *config, struct buf *out)
{
    buf_printf(out, "-- %s, with every default\n", config->file != NULL ? config->file : "the built-in configuration");
    if (config->ca_file != NULL)
        buf_printf(out, "-- upstreams are checked against SSL_CERT_FILE, %s\n", config->ca_file);
    dump_listen(config, out);
    dump_plugins(config, out);
    dump_limits(&config->limits, out);
    dump_web(config, out);
    dump_ledger(&config->ledger, out);
    dump_store(&config->store, out);
    dump_cache(&config->cache, out);
    dump_capture(&config->capture, out);
    dump_counters(&config->counters, out);
    dump_budgets(&config->budgets, "budget ", out);
    buf_str(out, config->budgets.count > 0 ? "\n" : "");
    for (size_t i = 0; i < config->provider_count; i++)
        dump_provider(&config->providers[i], out);
    for (size_t i = 0; i < config->model_count; i++)
        dump_model(&config->models[i], out);
    for (size_t i = 0; i < config->team_count; i++)
        dump_team(&config->teams[i], out);
    dump_list("project", config->projects, config->project_count, out);
    dump_list("tag", config->tags, config->tag_count, out);
    if (config->key_count > 0)
        buf_str(out, "\n");
    for (size_t i = 0; i < config->key_count; i++)
        dump_key(&config->keys[i], out);
}
