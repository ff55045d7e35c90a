/* price.h - what a request costs: the price book's entry for each attempt that used tokens, times its usage. */
#ifndef FLOW_PRICE_H
#define FLOW_PRICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/text.h"

struct request;

/* What one attempt cost. */
struct price {
    bool known;        /* false: the upstream may charge for it, and nobody knows how much */
    int64_t nano;      /* nano-dollars; 0 where it is not known */
    struct text entry; /* which price counted: "openai/gpt-4o" of the price book, "gateway.lua", or both;
                        * absent where none did */
};

/* What the price book knows of the models of one worker, so that a name is looked for once. Zeroed; that worker's
 * thread. */
struct price_cache {
    struct map names; /* "provider/model" -> struct book_found and that text */
};

void price_cache_fini(struct price_cache *cache);
/* Fills the price of each attempt, and req->cost. Once, when each attempt's usage is final. */
void price_request(struct request *req);
/* The value of x-gw-cost: exact US dollars, arena. NULL where the cost is not known, or no upstream was asked. */
const char *price_header(struct request *req);

#endif
