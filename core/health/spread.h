/* spread.h - the same conversation goes to the same place, as long as that is usable and not overloaded: prompt caches are there.
 *
 * Rendezvous hashing: each place has a score for each conversation, and the highest one counts. Nothing is kept, every gateway comes to
 * the same place, and a place that goes away moves its own conversations alone. Pure; any thread. */
#ifndef HEALTH_SPREAD_H
#define HEALTH_SPREAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/text.h"

/* Where a place has more than so many times its share of what is in flight, others take what would come ... */
#define SPREAD_LOAD 2.0
/* ... once so many are in flight for each place. */
#define SPREAD_LOAD_FROM 4u

/* One place, for one conversation. */
struct spread_place {
    double score;  /* spread_score() */
    double weight; /* its share of all, in any unit; not below 0 */
    unsigned in_flight;
};

/* 0 < h < 1, evenly spread: of a conversation, by its digest, and a place, by one or two names. The same on every machine. */
double spread_hash(const uint8_t conversation[CRYPTO_SHA256_LEN], struct text a, struct text b);
/* With it the highest score of several places is each one's as often as its weight is part of all weights. */
double spread_score(double hash, double weight);
/* The index of the place with the highest score, of those that are not overloaded; of all where all are. `count` is not 0. */
size_t spread_pick(const struct spread_place *places, size_t count);

#endif
