/* latency.c - means of how fast a target answers. */
#include "health/latency.h"

#include <math.h>

void latency_init(struct latency *l)
{
    *l = (struct latency){ .first = { 0 } };
    pthread_mutex_init(&l->lock, NULL);
}

void latency_fini(struct latency *l)
{
    pthread_mutex_destroy(&l->lock);
}

double latency_ref(double uncached_tokens)
{
    return .15 + .85 * uncached_tokens / 4000;
}

static double mean_of(const struct latency_mean *m)
{
    return m->weight > 0 ? m->sum / m->weight : -1;
}

static void add(struct latency_mean *m, double sample, int64_t now)
{
    double mean = mean_of(m), keep = now > m->at_ns ? exp(-(double)(now - m->at_ns) / (double)LATENCY_TAU_NS) : 1;
    if (mean > 0 && sample > LATENCY_CUT * mean)
        sample = LATENCY_CUT * mean;
    m->sum = m->sum * keep + sample;
    m->weight = m->weight * keep + 1;
    m->at_ns = now > m->at_ns ? now : m->at_ns;
}

void latency_add(struct latency *l, int64_t first_ns, double uncached_tokens, int64_t rest_ns, double output_tokens,
                 int64_t now_ns)
{
    double first = (double)first_ns / 1e9 / latency_ref(uncached_tokens);
    pthread_mutex_lock(&l->lock);
    add(&l->first, first, now_ns);
    if (rest_ns >= 0 && output_tokens > 1) {
        add(&l->token, (double)rest_ns / 1e9 / (output_tokens - 1), now_ns);
        add(&l->output, output_tokens, now_ns);
    }
    pthread_mutex_unlock(&l->lock);
}

void latency_view(struct latency *l, int64_t now_ns, struct latency_view *out)
{
    pthread_mutex_lock(&l->lock);
    int64_t idle = now_ns > l->first.at_ns ? now_ns - l->first.at_ns : 0;
    *out = (struct latency_view){ .first = mean_of(&l->first),
                                  .token = mean_of(&l->token),
                                  .output = mean_of(&l->output) };
    pthread_mutex_unlock(&l->lock);
    out->trust = out->first >= 0 ? exp(-(double)idle / (double)(3 * LATENCY_TAU_NS)) : 0;
}

/* The sum and the count of what is known, so that each one can be left out of its others' mean. */
struct known {
    double first, token, output;
    size_t firsts, tokens, outputs;
};

static struct known known_of(const struct latency_view *views, size_t count)
{
    struct known k = { 0 };
    for (size_t i = 0; i < count; i++) {
        if (views[i].first >= 0) {
            k.first += views[i].first;
            k.firsts++;
        }
        if (views[i].token >= 0) {
            k.token += views[i].token;
            k.tokens++;
        }
        if (views[i].output >= 0) {
            k.output += views[i].output;
            k.outputs++;
        }
    }
    return k;
}

double latency_output(const struct latency_view *views, size_t count, double otherwise)
{
    struct known k = known_of(views, count);
    return k.outputs > 0 ? k.output / (double)k.outputs : otherwise;
}

/* Its own, and the longer it is idle the more the others'. */
static double blended(double own, double trust, double sum, size_t count)
{
    if (own < 0)
        return count > 0 ? sum / (double)count : 0;
    return count > 1 ? trust * own + (1 - trust) * (sum - own) / (double)(count - 1) : own;
}

void latency_expect(const struct latency_view *views, size_t count, double uncached_tokens, double limit,
                    double *seconds)
{
    struct known k = known_of(views, count);
    double output = latency_output(views, count, 0);
    if (limit > 0 && limit < output)
        output = limit;
    for (size_t i = 0; i < count; i++) {
        double first = blended(views[i].first, views[i].trust, k.first, k.firsts);
        double token = blended(views[i].token, views[i].trust, k.token, k.tokens);
        seconds[i] = first * latency_ref(uncached_tokens) + output * token;
        if (seconds[i] < 1e-4) /* nothing is known, or it answers at once */
            seconds[i] = 1e-4;
    }
}

size_t latency_pick(const double *seconds, const double *shares, size_t count, double random)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += shares[i] / (seconds[i] * seconds[i]);
    double at = random * sum;
    for (size_t i = 0; i < count; i++) {
        double part = shares[i] / (seconds[i] * seconds[i]);
        if (at < part)
            return i;
        at -= part;
    }
    return 0;
}
