/* usage.c - sorts a usage object into buckets that do not overlap. Anthropic counts cached tokens beside the input
 * and thinking inside the output. In a stream the counts are cumulative: a count in a later object replaces that of an
 * earlier one, and a count that is missing in it stands (the end of a stream has no lives of cache entries). */
#include "anthropic.h"

static int64_t count_of(const struct reader *r, const gw_json *object, const char *name)
{
    int64_t n = r->h->json->integer(get(r->h, object, name), -1);
    return n < 0 ? -1 : n;
}

static void replace(int64_t *count, int64_t told)
{
    if (told >= 0)
        *count = told;
}

/* Searches of the web are charged by the request; other tools that Anthropic runs (web_fetch) are not. */
static int64_t count_searches(const struct reader *r, const gw_json *usage)
{
    int64_t n = count_of(r, get(r->h, usage, "server_tool_use"), "web_search_requests");
    return n < INT32_MAX ? n : INT32_MAX;
}

static void take_counts(const struct reader *r, const gw_json *usage, struct counts *c)
{
    const gw_json *creation = get(r->h, usage, "cache_creation");

    replace(&c->input, count_of(r, usage, "input_tokens"));
    replace(&c->read, count_of(r, usage, "cache_read_input_tokens"));
    replace(&c->write, count_of(r, usage, "cache_creation_input_tokens"));
    replace(&c->write_5m, count_of(r, creation, "ephemeral_5m_input_tokens"));
    replace(&c->write_1h, count_of(r, creation, "ephemeral_1h_input_tokens"));
    replace(&c->output, count_of(r, usage, "output_tokens"));
    replace(&c->thinking, count_of(r, get(r->h, usage, "output_tokens_details"), "thinking_tokens"));
    replace(&c->server_tools, count_searches(r, usage));
}

/* What was written into the cache, by its life. The sum decides; of unknown life is the short one. */
static void sort_written(const struct counts *c, gw_tokens *t)
{
    int64_t hour = c->write_1h;

    if (c->write < 0) {
        t->cache_write_5m = c->write_5m;
        t->cache_write_1h = c->write_1h;
        return;
    }
    if (hour > c->write)
        hour = c->write;
    t->cache_write_1h = hour;
    t->cache_write_5m = c->write - (hour > 0 ? hour : 0);
}

static void sort(const struct counts *c, bool first, gw_tokens *t)
{
    t->input = c->input;
    t->cache_read = c->read;
    sort_written(c, t);
    t->server_tool_calls = c->server_tools;
    t->output = first ? -1 : c->output; /* at the start it is a guess of Anthropic's */
    t->reasoning = -1;
    if (t->output >= 0 && c->thinking >= 0) {
        t->reasoning = c->thinking < t->output ? c->thinking : t->output;
        t->output -= t->reasoning;
    }
}

static void add(int64_t *bucket, int64_t more)
{
    if (more > 0 && more < INT64_MAX / 4)
        *bucket = (*bucket > 0 && *bucket < INT64_MAX / 4 ? *bucket : 0) + more;
}

/* Where Anthropic has shortened a long conversation on its own, that call of the model is charged and is not in the
 * counts beside it: its page on compaction documents it ("aggregate across usage.iterations"), and in the recorded
 * answer input_tokens is 682, as in the iteration "message", beside a "compaction" of 60385. Those of an adviser are
 * another model's and have another price: they stay out. */
static void add_compactions(const struct reader *r, const gw_json *usage, gw_tokens *t)
{
    const gw_json *iterations = get(r->h, usage, "iterations");

    for (size_t i = 0; i < length(r->h, iterations); i++) {
        const gw_json *one = r->h->json->at(iterations, i);
        struct counts counts = { -1, -1, -1, -1, -1, -1, -1, -1 };
        gw_tokens more;
        if (!anthropic_is(get_str(r->h, one, "type"), "compaction"))
            continue;
        take_counts(r, one, &counts);
        sort(&counts, false, &more);
        add(&t->input, more.input);
        add(&t->cache_read, more.cache_read);
        add(&t->cache_write_5m, more.cache_write_5m);
        add(&t->cache_write_1h, more.cache_write_1h);
        add(&t->output, more.output);
        add(&t->reasoning, more.reasoning);
    }
}

void anthropic_usage(struct reader *r, const gw_json *usage, bool first)
{
    struct counts *c = &r->state->counts;
    gw_tokens tokens = { .size = sizeof tokens,
                         .audio_in = -1,
                         .audio_out = -1,
                         .image_in = -1,
                         .image_out = -1,
                         .total = -1, /* Anthropic reports none */
                         .raw = r->h->json->text(usage) };

    if (!r->state->counted)
        *c = (struct counts){ -1, -1, -1, -1, -1, -1, -1, -1 };
    r->state->counted = true;
    take_counts(r, usage, c);
    if (c->input < 0 && c->output < 0)
        return;
    sort(c, first, &tokens);
    add_compactions(r, usage, &tokens);
    r->emit(r->call, &(gw_event){ .size = sizeof(gw_event), .type = GW_EVENT_USAGE, .tokens = &tokens });
}
