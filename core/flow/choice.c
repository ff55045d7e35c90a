/* choice.c - why an attempt went where it went, with the numbers of that moment. */
#include "flow/choice.h"

#include <stdio.h>

#include "base/clock.h"
#include "flow/strategy_figures.h"
#include "flow/way.h"
#include "money/nano.h"
#include "script/script.h"

enum { TARGETS_MOST = 8, CHOICES_MOST = 4 };

/* A target as it was. */
struct seen {
    const struct config_provider *provider;
    struct text model;
    const char *state; /* static */
    int64_t left_ns;   /* until it or one of its secrets may be used; 0: now, or not known */
    int64_t cost;      /* nano-dollars; -1: not known */
    double first_token_ms;
    float share;
    unsigned weight, in_flight;
};

/* One choice; arena. */
struct choice {
    struct choice *next;
    unsigned attempt; /* from 1 */
    const char *rule; /* static; NULL: the target was decided before */
    int64_t queued_ns;
    struct seen *seen; /* the chosen one first */
    size_t count;
    int64_t least_tokens;
};

static void look(struct request *req, size_t index, bool chosen, int64_t now_ns, struct seen *out)
{
    struct route_target *t = &req->targets[index];
    struct script_target figures = { .index = 0 };
    choose_look(req, index, &figures);
    *out = (struct seen){ .provider = t->provider,
                          .model = t->model,
                          .state = "chosen",
                          .cost = -1,
                          .first_token_ms = figures.first_token_ms,
                          .share = 1,
                          .weight = t->weight,
                          .in_flight = (unsigned)figures.in_flight };
    if (!chosen)
        out->state = choose_state(req, index, now_ns, &out->left_ns);
    if (t->health != NULL)
        out->share = (float)ejection_share(t->health, now_ns);
    if (req->model != NULL && req->model->strategy == STRATEGY_LOWEST_COST)
        strategy_costs(req, &index, 1, now_ns, &out->cost);
}

static unsigned noted(const struct request *req)
{
    unsigned n = 0;
    for (const struct choice *c = req->choices; c != NULL; c = c->next)
        n++;
    return n;
}

void choice_note(struct request *req, size_t index)
{
    size_t left = req->target_count - req->target_next;
    if (req->worker->gateway->ledger == NULL || (left < 2 && req->attempts_made == 0) || noted(req) >= CHOICES_MOST)
        return;
    int64_t now_ns = clock_ns();
    struct choice *c = arena_new(&req->arena, struct choice), **last = &req->choices;
    *c = (struct choice){ .attempt = req->attempts_made + 1,
                          .rule = req->targets[index].chosen,
                          .queued_ns = req->queued_ns,
                          .least_tokens = req->least_tokens,
                          .seen = arena_array(&req->arena, struct seen, left < TARGETS_MOST ? left : TARGETS_MOST) };
    look(req, index, true, now_ns, &c->seen[c->count++]);
    for (size_t i = req->target_next; i < req->target_count && c->count < TARGETS_MOST; i++)
        if (i != index)
            look(req, i, false, now_ns, &c->seen[c->count++]);
    while (*last != NULL)
        last = &(*last)->next;
    *last = c;
}

bool choice_is_noted(const struct request *req)
{
    return req->choices != NULL;
}

static void put_ms(struct json_writer *w, const char *member, int64_t ns)
{
    if (ns <= 0)
        return;
    json_key_plain(w, text_of(member));
    json_put_int(w, (ns + CLOCK_MS - 1) / CLOCK_MS);
}

static void write_seen(const struct request *req, const struct seen *s, struct json_writer *w)
{
    char name[200], usd[NANO_TEXT];
    int len = snprintf(name, sizeof name, "%.*s/%.*s", TEXT_ARG(s->provider->name), TEXT_ARG(s->model));
    json_object(w);
    json_name(w, "target");
    json_put_str(w, (struct text){ name, (size_t)len < sizeof name ? (size_t)len : sizeof name - 1 });
    json_name(w, "state");
    json_put_str(w, text_of(s->state));
    put_ms(w, "left_ms", s->left_ns);
    if (req->model != NULL && req->model->strategy != STRATEGY_ORDER) {
        json_name(w, "weight");
        json_put_int(w, s->weight);
    }
    if (s->share < 1) {
        json_name(w, "share_percent");
        json_put_int(w, (int64_t)(100 * s->share));
    }
    json_name(w, "in_flight");
    json_put_int(w, s->in_flight);
    put_ms(w, "first_token_ms", (int64_t)(s->first_token_ms * CLOCK_MS));
    if (s->cost >= 0) {
        json_name(w, "expected_usd");
        json_put_str(w, text_of(nano_write(s->cost, 0, usd)));
    }
    json_close(w);
}

void choice_write(const struct request *req, struct json_writer *w)
{
    for (const struct choice *c = req->choices; c != NULL; c = c->next) {
        json_object(w);
        json_name(w, "route");
        json_put_int(w, c->attempt);
        if (c->rule != NULL) {
            json_name(w, "rule");
            json_put_str(w, text_of(c->rule));
        }
        put_ms(w, "queued_ms", c->queued_ns);
        if (c->least_tokens > 0) {
            json_name(w, "least_tokens");
            json_put_int(w, c->least_tokens);
        }
        json_name(w, "targets");
        json_array(w);
        for (size_t i = 0; i < c->count; i++)
            write_seen(req, &c->seen[i], w);
        json_close(w);
        json_close(w);
    }
}
