/* spread.c - scores of conversations and places. */
#include "health/spread.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* The digest of three digests has a fixed length: no name can look like the end of another one. */
double spread_hash(const uint8_t conversation[CRYPTO_SHA256_LEN], struct text a, struct text b)
{
    uint8_t all[3 * CRYPTO_SHA256_LEN], out[CRYPTO_SHA256_LEN];
    uint64_t h = 0;
    memcpy(all, conversation, CRYPTO_SHA256_LEN);
    crypto_sha256(a, all + CRYPTO_SHA256_LEN);
    crypto_sha256(b, all + (size_t)2 * CRYPTO_SHA256_LEN);
    crypto_sha256((struct text){ (const char *)all, sizeof all }, out);
    for (unsigned i = 0; i < sizeof h; i++)
        h = h << 8 | out[i];
    return ((double)(h >> 11) + .5) * 0x1p-53;
}

double spread_score(double hash, double weight)
{
    return -weight / log(hash);
}

/* Has it more than its part? */
static bool is_overloaded(const struct spread_place *p, double in_flight, double weight)
{
    return (p->in_flight + 1.0) * weight > SPREAD_LOAD * (in_flight + 1) * p->weight;
}

size_t spread_pick(const struct spread_place *places, size_t count)
{
    size_t best = count, any = 0;
    double weight = 0, in_flight = 0;
    for (size_t i = 0; i < count; i++) {
        weight += places[i].weight;
        in_flight += places[i].in_flight;
    }
    bool bounded = in_flight >= (double)count * SPREAD_LOAD_FROM;
    for (size_t i = 0; i < count; i++) {
        if (places[i].score > places[any].score)
            any = i;
        if (bounded && is_overloaded(&places[i], in_flight, weight))
            continue;
        if (best == count || places[i].score > places[best].score)
            best = i;
    }
    return best < count ? best : any;
}
