/* purge.h - what of the cache is given no more. */
#ifndef BOOT_PURGE_H
#define BOOT_PURGE_H

#include "cache/answers.h"
#include "config/config.h"

/* Where purges are kept that outlive the process: those of a cache that does. NULL: they need not, or there is no ledger's folder. */
const char *purge_file(const struct cache_answers *answers, const struct config *config, struct arena *arena);
/* What was kept of a team and a model (absent: of all), or one entry (absent: by the others). -1 with `fail`: the cache is not there, or a
 * name is nobody's. Any thread. */
int purge_run(struct cache_answers *answers, const struct config *config, struct text team, struct text model,
              struct text entry, struct fail *fail);

#endif
