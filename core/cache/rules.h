/* rules.h - which requests and answers a cache may keep, and what of a request its key is made of: tables. Pure functions, any thread. */
#ifndef CACHE_RULES_H
#define CACHE_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/scan.h"
#include "base/text.h"

/* What a request is, as far as the rules go. All lent. */
struct cache_ask {
    uint32_t operation; /* GW_OP_* */
    struct text model;  /* as the upstream names it */
    const struct scan *scan;
    bool tools; /* requests that offer tools may be kept */
};

/* Does the member, at the top level of a request, change what is answered? Those that do are in the key; those that the table does not
 * name do. */
bool rules_counts(struct text name);
/* Why nothing may be kept for this request, in a word: static; NULL: something may. */
const char *rules_bar_ask(struct arena *scratch, const struct cache_ask *ask);
/* Why this answer (a body, or events, as its upstream sent it) may not be kept: static; NULL: it may. `one_secret`: there is one account
 * alone that can read what is encrypted in it. */
const char *rules_bar_answer(struct text bytes, bool tools, bool one_secret);

#endif
