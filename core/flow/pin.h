/* pin.h - what lives in one account of a provider goes back to that account, and to no other. Only flow/ includes this. */
#ifndef FLOW_PIN_H
#define FLOW_PIN_H

#include <stdbool.h>

#include <stdint.h>

#include "base/crypto.h"
#include "face/owned.h"
#include "flow/wait.h"

#define PIN_UNAVAILABLE "pinned_target_unavailable"

struct attempt;
struct config_provider;
struct request;
struct route_target;

/* What a body names, as digests: the body may be replaced. */
struct pin_ids {
    const char *member; /* that names the first; static */
    unsigned count;
    uint8_t digests[OWNED_MOST][CRYPTO_SHA256_LEN];
};

/* Of a request. */
struct pin {
    enum {
        PIN_NONE,
        PIN_UNKNOWN, /* nobody knows whose it is: the first target's first secret is asked, and its answer is final */
        PIN_KNOWN,
    } state;
    const char *member;    /* that names it; static */
    uint64_t place;        /* whose it is */
    struct pin_ids *owned; /* what the body names; arena, NULL: nothing */
};

/* Looks into the body: when it has come, and when another stands in its place. May be a job. */
void pin_read(struct request *req);
/* Leaves only the targets of the account that has it. FAIL where there is none. */
enum next pin_apply(struct request *req);
/* May this secret of the target be used for it? */
bool pin_allows(struct request *req, const struct route_target *target, int secret);
/* Notes whose what an answer, or an event of it, keeps upstream is. The thread that has the attempt; `scratch` is its own. */
void pin_learn(const struct attempt *a, struct arena *scratch, bool is_event, struct text name, struct text data);

#endif
