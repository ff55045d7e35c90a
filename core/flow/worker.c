/* worker.c - sets up what one worker thread owns. */
#include "flow/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/fail.h"
#include "base/log.h"
#include "flow/request.h"
#include "script/script.h"

#define IDLE_PER_ORIGIN 8192 /* thousands of long waits end and begin at once: each would dial anew otherwise */

int worker_init(struct worker *w, unsigned index, struct gateway *gateway, struct config *config)
{
    memset(w, 0, sizeof *w);
    w->magic = WORKER_MAGIC;
    w->index = index;
    w->gateway = gateway;
    crypto_random(&w->chance, sizeof w->chance);
    w->chance |= 1;
    if (loop_init(&w->loop) < 0)
        return -1;
    w->pool = pool_new(&w->loop, gateway->dialer,
                       &(struct pool_settings){ .idle_per_origin = IDLE_PER_ORIGIN,
                                                .ca_file = config->ca_file,
                                                .dns_max_age_ns = config->limits.dns_max_age_ns });
    w->config = config_ref(config);
    price_cache_use(&w->prices, config->book);
    struct fail fail;
    if (config->policy_count > 0) { /* each was loaded before: only memory can be missing */
        w->scripts = script_open(config, gateway->scripts, &fail);
        if (w->scripts == NULL) {
            log_line(LOG_ERROR, "%s", fail.text);
            errno = ENOMEM;
            return -1;
        }
    }
    w->scratch_first = malloc(SCRATCH_FIRST);
    BUG_IF(w->scratch_first == NULL);
    arena_init(&w->scratch, w->scratch_first, SCRATCH_FIRST, SCRATCH_MAX);
    return 0;
}

void worker_use(struct worker *w, struct config *config, struct script_worker *scripts)
{
    CHECK(w, WORKER);
    price_cache_use(&w->prices, config->book);
    script_unref(w->scripts);
    w->scripts = scripts;
    config_unref(w->config);
    w->config = config_ref(config);
    pool_set_age(w->pool, config->limits.dns_max_age_ns);
}

void worker_fini(struct worker *w)
{
    BUG_IF(w->magic != WORKER_MAGIC || w->requests != 0);
    request_free_spare(w);
    price_cache_fini(&w->prices);
    script_unref(w->scripts);
    arena_fini(&w->scratch);
    free(w->scratch_first);
    pool_free(w->pool);
    config_unref(w->config);
    loop_fini(&w->loop);
    w->magic = 0;
}
