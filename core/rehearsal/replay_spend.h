/* replay_spend.h - what was spent, and by whom, at the moment at which a request of the ledger was admitted. */
#ifndef REHEARSAL_REPLAY_SPEND_H
#define REHEARSAL_REPLAY_SPEND_H

#include "base/map.h"
#include "config/config.h"
#include "money/past.h"
#include "script/script.h"

/* Zeroed and given an arena by the caller. */
struct replay_spend {
    struct arena *arena;
    const struct config *config;
    struct map sums;
};

void replay_spend_init(struct replay_spend *s, const struct config *config, struct arena *arena);
void replay_spend_fini(struct replay_spend *s);
/* What the request cost; in the order of their admission. */
void replay_spend_add(struct replay_spend *s, const struct past_request *r);
/* As struct script_host has it; `r`: the request that asks. */
bool replay_spend_get(struct replay_spend *s, const struct past_request *r, enum script_whose whose, struct text name,
                      enum config_period per, struct script_spend *out);

#endif
