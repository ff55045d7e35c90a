/* cached_key.c - what may be kept, and under which key. */
#include "base/buf.h"
#include "cache/answers.h"
#include "cache/rules.h"
#include "flow/attempt.h"
#include "flow/cached_inside.h"
#include "flow/policy.h"
#include "flow/way.h"

enum { BODY_MOST = 256 << 10 }; /* of a request: the digest of more would keep the loop for too long */

bool cached_is_relayed(const struct request *req, const struct config_provider *p)
{
    return (way_dialects(p) & req->face->dialect->bit) != 0;
}

const char *cached_bars_of(struct request *req, const struct route_target *t)
{
    const struct cache_ask ask = {
        .operation = req->operation, .model = t->model, .scan = &req->ask.scan, .tools = req->config->cache.tools
    };
    if (req->wish.no_store)
        return "no_store";
    if (req->team->no_cache || (req->model != NULL && req->model->no_cache))
        return "off";
    if ((t->provider->plugin->provider.flags & GW_PROVIDER_LOCAL) != 0)
        return "local";
    if (req->body.len > BODY_MOST)
        return "too_large";
    const char *why = rules_bar_ask(&req->worker->scratch, &ask);
    arena_reset(&req->worker->scratch);
    return why;
}

/* What is configured of a provider: with other settings it may answer otherwise. */
static void put_provider(struct buf *out, const struct config_provider *p)
{
    buf_printf(out, "%.*s%c%s%c%.*s%c%s%c", TEXT_ARG(p->name), 0, p->plugin->name, 0, TEXT_ARG(p->base_url), 0,
               p->settings != NULL ? p->settings : "", 0);
    for (size_t i = 0; i < p->header_count; i++)
        buf_printf(out, "%.*s%c%.*s%c", TEXT_ARG(p->headers[i].name), 0, TEXT_ARG(p->headers[i].value), 0);
}

/* As `cache purge --model` names it. */
static struct text model_of(const struct request *req, const struct route_target *t)
{
    return req->model != NULL ? req->model->name
                              : text_of(arena_printf(&req->worker->scratch, "%.*s/%.*s", TEXT_ARG(t->provider->name),
                                                     TEXT_ARG(t->model)));
}

/* Who shares answers, below the team. */
static struct text space_of(const struct request *req)
{
    switch (req->config->cache.per) {
    case CACHE_PER_KEY:
        return req->key != NULL ? req->key->name : TEXT("");
    case CACHE_PER_USER:
        return req->whose.user;
    case CACHE_PER_TEAM:
        break;
    }
    return TEXT("");
}

/* The policies, what was purged, and the block of the model with the providers of its targets, or the one provider that the client named. */
static void put_generation(const struct request *req, const struct route_target *t, struct buf *out)
{
    buf_append(out, req->config->policy_digest, sizeof req->config->policy_digest);
    if (req->model == NULL)
        put_provider(out, t->provider);
    for (size_t i = 0; req->model != NULL && i < req->model->target_count; i++) {
        put_provider(out, req->model->targets[i].provider);
        buf_printf(out, "%.*s%c", TEXT_ARG(req->model->targets[i].model), 0);
    }
    buf_printf(out, "%d%c", req->model != NULL && req->model->lossy_refuse, 0);
    purges_write(answers_purges(req->worker->gateway->answers), req->team->name, model_of(req, t), out);
}

/* Each target has entries of its own: weights stay true, and what one account has signed is not given to another. */
static void put_target(const struct request *req, const struct route_target *t, struct buf *out)
{
    const struct config_provider *p = t->provider;
    buf_printf(out, "%.*s%c%s%c%d%c%.*s%c", TEXT_ARG(p->name), 0, p->plugin->name, 0, cached_is_relayed(req, p), 0,
               TEXT_ARG(t->model), 0);
}

/* The headers that go on: the client's of this dialect, and what policies set. */
static struct cache_header *headers_of(struct request *req, size_t *count)
{
    struct arena *scratch = &req->worker->scratch;
    const struct script_put *sends = req->policy != NULL ? req->policy->sends : NULL;
    size_t most = req->dialect_header_count, n = 0;
    for (const struct script_put *put = sends; put != NULL; put = put->next)
        most++;
    struct cache_header *all = arena_array(scratch, struct cache_header, most);
    for (size_t i = 0; i < req->dialect_header_count; i++) {
        const struct door_header *h = &req->dialect_headers[i];
        if (!text_eq_nocase(text_of(h->name), TEXT("content-type")))
            all[n++] = (struct cache_header){ text_of(h->name), text_of(h->value) };
    }
    for (const struct script_put *put = sends; put != NULL; put = put->next)
        if (policy_sends(req, put->name) == put)
            all[n++] = (struct cache_header){ put->name, put->value };
    *count = n;
    return all;
}

bool cached_key_of(struct request *req, const struct route_target *t, char key[CACHE_KEY_LEN + 1])
{
    struct buf generation, target;
    size_t count;
    buf_init(&generation, 1u << 20);
    buf_init(&target, 1u << 20);
    put_generation(req, t, &generation);
    put_target(req, t, &target);
    struct cache_parts parts = { .team = req->team->name,
                                 .space = space_of(req),
                                 .face = text_of(req->face->name),
                                 .model = req->model != NULL ? req->model->name : TEXT(""),
                                 .target = buf_view(&target),
                                 .path = req->path,
                                 .query = req->query,
                                 .generation = buf_view(&generation),
                                 .scan = &req->ask.scan };
    parts.headers = headers_of(req, &count);
    parts.header_count = count;
    bool good = !generation.failed && !target.failed &&
                key_make(&req->worker->scratch, answers_seal(req->worker->gateway->answers), &parts, key);
    unsigned purged =
        purges_of_entry(answers_purges(req->worker->gateway->answers), (struct text){ key, PURGES_NAME_LEN });
    if (good && purged > 0)
        key_again(answers_seal(req->worker->gateway->answers), purged, key);
    arena_reset(&req->worker->scratch);
    buf_free(&generation);
    buf_free(&target);
    return good;
}
