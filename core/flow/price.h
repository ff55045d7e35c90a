/* price.h - what a request costs: the price book's entry for each attempt that used tokens, times its usage. */
#ifndef FLOW_PRICE_H
#define FLOW_PRICE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/text.h"
#include "money/cost.h"

struct attempt;
struct book;
struct book_found; /* money/book.h */
struct config_provider;
struct route_target;
struct request;

/* What one attempt cost. */
struct price {
    bool known;              /* false: the upstream may charge for it, and nobody knows how much */
    bool free;               /* the upstream surely charges nothing: it did not have the request, or refused it */
    bool done;               /* price_attempt() has run */
    int64_t nano;            /* nano-dollars; 0 where it is not known */
    struct text entry;       /* which price counted: "openai/gpt-4o" of the price book, "gateway.lua", or both;
                        * absent where none did */
    const struct cost *cost; /* the lines of `nano`, arena; NULL where there are none */
};

/* The prices that hold for an attempt. */
struct price_choice {
    struct price_list list;
    struct text entry;       /* as in struct price; absent: nobody knows a price */
    struct text tier, speed; /* for which they were chosen */
};

/* What the price book knows of the models of one worker, so that a name is looked for once. Zeroed. Its worker's thread, and the
 * job threads that have a request of it: they meet at the mutex. */
struct price_cache {
    pthread_mutex_t mutex;
    const struct book *book; /* of the worker's snapshot; a request that has another one does without */
    struct map names;        /* "provider/model" -> struct book_found and that text */
};

/* From now on it is about this book; what it knew of another one is forgotten. */
void price_cache_use(struct price_cache *cache, const struct book *book);
void price_cache_fini(struct price_cache *cache);
/* Remembers what the request asks for that prices depend on: its body is gone when it is priced. Before its first attempt. */
void price_ask(struct request *req);
/* Under which name the price book knows a provider: its service's, or its plugin's. */
struct text price_seller(const struct config_provider *provider);
/* Can the attempt cost anything? What a provider answers by itself costs nothing, unless gateway.lua names a price of the target. */
bool price_is_charged(const struct attempt *a);
/* The book's entry of a target. False: there is none. */
bool price_find(struct request *req, const struct route_target *target, struct book_found *found);
/* The prices that hold for an attempt: the book's, and those of gateway.lua in their place. They are looked for again only where
 * the answer names another tier or speed than was asked for. Arena; NULL: there are none. */
const struct price_choice *price_choose(struct attempt *a);
/* The prices of one that is served as if it asked for no tier and no speed: nobody can be sure to get what was asked for. Arena; NULL:
 * the same as price_choose(). */
const struct price_choice *price_standard(struct attempt *a);
/* The prices in each service tier that the model is sold in, one at a call: *next is 0 before the first one. Arena; NULL: that was the
 * last. */
const struct price_choice *price_in_tier(struct attempt *a, size_t *next);
/* The limit of output tokens that the client sent, 0: none; and how many answers it asks for. */
int64_t price_output_limit(struct request *req);
int64_t price_choices(struct request *req);
/* Fills a->price, when the attempt is over and its usage is final. The second time it does nothing. */
void price_attempt(struct attempt *a);
/* Fills the price of each attempt, and req->cost. Once, when each attempt's usage is final. */
void price_request(struct request *req);
/* The value of x-gw-cost: exact US dollars, arena. NULL where the cost is not known, or no upstream was asked. */
const char *price_header(struct request *req);

#endif
